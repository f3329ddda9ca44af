// What a container engine says of the images it has, layer by layer. Builds nothing.
package import BuildEngine
package import BuildGraph
import Buildfile

/// The images in an engine's own store.
package struct EngineImages: Sendable {
    /// An image as the engine has it.
    package struct Image: Sendable, Hashable {
        /// As `ContainerDriver.digest(of:)` gives it: `sha256:…`.
        package let digest: String
        /// `sha256:…` of each layer's bytes as they are unpacked, lowest first.
        package let layers: [String]
    }

    /// `buildah`, `podman` or `docker`.
    package let engine: String
    private let program: EngineProgram

    /// `engine` is a driver's name; `environment` says where it keeps its images.
    package init(engine: String, runner: any CommandRunner, environment: [String: String]) {
        self.engine = engine
        program = EngineProgram(engine, runner: runner, environment: environment)
    }

    /// The engine's name and version, as `buildah 1.28.2`; nil where it does not say.
    package func version() async throws -> String? {
        let result = try await program.run([engine, "--version"], timeout: .seconds(20))
        guard result.succeeded else { return nil }
        // "buildah version 1.28.2 (…)", "Docker version 20.10.24+dfsg1, build 297e128".
        let words = EngineProgram.text(result.output).split { $0 == " " || $0 == "," || $0 == "\n" }
        guard let place = words.firstIndex(of: "version"), place + 1 < words.count else { return nil }
        return "\(engine) \(words[place + 1])"
    }

    /// Nil where the store has no such image. Throws `ActionFailure` of kind `.unavailable` where the engine cannot be asked.
    package func image(_ reference: String) async throws -> Image? {
        let arguments =
            engine == "buildah"
            ? [engine, "inspect", "--type", "image", reference] : [engine, "image", "inspect", reference]
        let result = try await program.run(arguments, timeout: .seconds(60))
        guard result.succeeded else {
            let text = String(decoding: result.errors, as: UTF8.self).lowercased()
            let isMissing = [
                "image not known", "no such image", "unable to find", "not found in local", "failed to find image",
            ].contains(where: text.contains)
            if isMissing { return nil }
            throw ActionFailure.engineUnavailable(
                "\(engine) can't be asked for '\(reference)': \(EngineProgram.lastLine(result.errors) ?? "no answer")",
                hint: "try '\(engine) info', or choose another engine with --driver", output: result.errors)
        }
        guard let answer = ImageJSON(result.output), let json = engine == "buildah" ? answer : answer[0] else {
            return nil
        }
        let digest = engine == "docker" ? json["Id"] : json["FromImageDigest"] ?? json["Digest"]
        let layers = engine == "buildah" ? json["OCIv1"]?["rootfs"]?["diff_ids"] : json["RootFS"]?["Layers"]
        guard let digest = digest?.text, case .array(let ids) = layers else { return nil }
        return Image(digest: digest, layers: ids.compactMap(\.text))
    }

    /// Writes the image below the absolute `folder`, made new: `manifest.json`, its configuration and its layers, each in
    /// a file named by the hex digits of its SHA-256. Throws `ActionFailure` where that is not possible.
    package func unpack(_ reference: String, into folder: BytePath) async throws {
        let source = (engine == "docker" ? "docker-daemon:" : "containers-storage:") + reference
        let result = try await program.run(
            ["skopeo", "copy", "--quiet", "--preserve-digests", source, "dir:\(folder.shown)"], separateErrors: false)
        guard result.succeeded else {
            throw ActionFailure.engineUnavailable(
                "the image '\(reference)' can't be written out: \(EngineProgram.lastLine(result.output) ?? "no answer")",
                hint: "skopeo reads it out of the engine's store", output: result.output)
        }
    }

    /// Where the engine keeps its images, and how: for a store beside it. Nil for an engine that has no such folder.
    package func storage() async throws -> (folder: BytePath, driver: String)? {
        if engine == "docker" { return nil }
        let arguments = engine == "podman" ? [engine, "info", "--format", "json"] : [engine, "info"]
        let result = try await program.run(arguments, timeout: .seconds(60))
        guard result.succeeded, let store = ImageJSON(result.output)?["store"],
            let folder = store["GraphRoot"]?.text, let driver = store["GraphDriverName"]?.text
        else { return nil }
        return (BytePath(folder), driver)
    }
}
