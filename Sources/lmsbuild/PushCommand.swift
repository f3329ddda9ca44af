// `push`: images to the registry, by hash tag, those alone that it lacks. Does not know how an image gets there.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Delivery

struct PushCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "push", abstract: "Images to the registry, by hash tag, skipping those that are there.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var registry: RegistryOptions
    @Option(name: [.customShort("j", allowingJoined: true), .long], help: "How many images at once; by default 4.")
    var jobs = 4
    @Option(help: "The container engine: auto, buildah, docker or podman.") var driver = "auto"
    @Option(help: "text or json.") var format = "text"
    @Argument(help: "Services (every one with an image without any), and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        try checkFormat(format)
        guard let choice = DriverChoice(rawValue: driver), jobs > 0 else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine,
                    jobs > 0 ? "unknown value '\(driver)' for --driver" : "'-j \(jobs)' pushes nothing",
                    hint: "one of " + DriverChoice.allCases.map(\.rawValue).joined(separator: ", ")), .wrongInput)
        }
        let (names, overrides) = GlobalOptions.overrides(in: words)
        let opened = try await Workspace.open(global, overrides: overrides)
        let hashed = try opened.hashed(try await opened.workingTree())
        let chosen = try selecting(
            hashed.graph, names.map { $0.contains(":") ? $0 : $0 + ":image" }, everythingByDefault: true
        )
        .filter { hashed.graph.targets[$0].isImage }
        let clients = try registry.clients(opened)
        let push = ImagePush(
            registry: { clients.client($0) },
            drivers: DriverProvider(choice, runner: opened.commands, environment: opened.environment),
            runner: opened.commands, environment: opened.environment, staging: opened.state.appending("tmp"), jobs: jobs
        )
        let images = try await images(opened, hashed, chosen)
        let work = Task { try await push.push(images) }
        Interruption.shared.handle(
            first: { _ in work.cancel() }, second: { opened.commands.terminateAll(immediately: true) })
        do {
            show(try await Workspace.refusing { try await work.value })
        } catch let failure as PushFailure {
            throw refusal(failure)
        } catch let error as RegistryError {
            throw Refusal(error, kept: "what was built is kept: 'lmsbuild push' goes on where it stopped")
        } catch is CancellationError {
            return Interruption.shared.received.map { .signal($0) } ?? .unavailable
        }
        return .done
    }

    private func images(_ opened: Workspace, _ hashed: HashedGraph, _ chosen: [Int]) async throws -> [PushedImage] {
        let recorded = await hashed.imageDigests(of: Set(chosen), in: try opened.actionCache())
        return chosen.map { target in
            let bases = hashed.graph.targets[target].edges.map(\.target).filter { hashed.graph.targets[$0].isImage }
            return PushedImage(
                name: hashed.graph.targets.label(target).component, reference: hashed.reference(of: target),
                recorded: recorded[target],
                relatives: bases.compactMap { ImageReference(hashed.reference(of: $0))?.repository })
        }
    }

    private func show(_ outcomes: [PushOutcome]) {
        if format == "json" {
            let images = outcomes.map { outcome in
                (
                    outcome.name,
                    JSONValue.object([
                        ("image", .string(outcome.reference)), ("digest", .string(outcome.digest)),
                        ("state", .string(outcome.state.rawValue)),
                        (
                            "blobs",
                            .object([
                                ("uploaded", .number(outcome.uploaded)), ("mounted", .number(outcome.mounted)),
                                ("present", .number(outcome.present)),
                            ])
                        ),
                        ("bytes", .number(outcome.bytes)),
                    ])
                )
            }
            Terminal.out(
                JSONValue.object([("schema", .number(1)), ("images", .object(images))]).text(pretty: true) + "\n")
            return
        }
        Terminal.out(outcomes.map { "\($0.state.rawValue) \($0.reference) \($0.digest)\n" }.joined())
    }

    private func refusal(_ failure: PushFailure) -> Refusal {
        switch failure {
        case .unbuilt(let names, let engine):
            Refusal(
                Diagnostic(
                    .unbuiltImage,
                    "neither the registry nor \(engine) has the image of: \(names.sorted().joined(separator: ", "))",
                    hint: "'lmsbuild run \(names.sorted().map { $0 + ":image" }.joined(separator: " "))' builds it"),
                .wrongInput)
        case .taken(let taken):
            Refusal(
                taken.map { one in
                    Diagnostic(
                        .tagTaken, "'\(one.reference)' is another image in the registry than here",
                        notes: [.init("here: \(one.here)"), .init("in the registry: \(one.there)")],
                        hint:
                            "an input hash's tag is never moved: the build is not reproducible, or somebody pushed by hand"
                    )
                }, .unavailable)
        case .noRegistry(let reference):
            Refusal(
                Diagnostic(
                    .badCommandLine, "'\(reference)' names no registry",
                    hint: "set the variable 'registry' in the root Buildfile, or registry=HOST/PATH here"), .wrongInput)
        }
    }
}
