// Whether an engine or its registry has an image, and what names it for good. Does not fetch or build any.
import BuildEngine
import BuildGraph

/// An engine that is asked through the Engine API.
protocol APIDeployEngine: DeployEngine {
    var api: EngineAPI { get }
}

extension APIDeployEngine {
    package func hasImage(_ reference: String) async throws -> Bool {
        try await api.hasImage(reference)
    }

    package func pinned(_ reference: String, digest: String?) async throws -> String? {
        try await api.pinned(reference, digest: digest)
    }
}

extension EngineAPI {
    /// Whether the engine has the image, or its registry does.
    func hasImage(_ reference: String) async throws -> Bool {
        if try await hasOwn(reference) { return true }
        do {
            _ = try await get("/distribution/\(reference)/json")
            return true
        } catch let error as EngineError where error.kind == .missing || error.kind == .refused {
            let said = error.message.lowercased()
            if ["manifest unknown", "not found", "no such image", "name unknown"].contains(where: said.contains) {
                return false
            }
            throw EngineError(.registrySilent, "the registry of \(reference) cannot be asked: \(error.message)")
        }
    }

    private func hasOwn(_ reference: String) async throws -> Bool {
        do {
            _ = try await get("/images/\(reference)/json")
            return true
        } catch let error as EngineError where error.kind == .missing {
            return false
        }
    }

    /// See `DeployEngine.pinned`.
    func pinned(_ reference: String, digest: String?) async throws -> String? {
        var silence: EngineError?
        if let digest {
            let pinned = BuildahDriver.repository(of: reference) + "@" + digest
            do {
                if try await hasImage(pinned) { return pinned }
            } catch let error as EngineError where error.kind == .registrySilent {
                silence = error
            }
        }
        if try await hasOwn(reference) { return reference }
        // What another Docker engine built has a digest of its own only in the registry, under the hash tag.
        if let found = try await pushedDigest(of: reference) {
            return BuildahDriver.repository(of: reference) + "@" + found
        }
        if let silence { throw silence }
        return nil
    }

    /// The digest that the registry has under a tag; nil where it has none, or cannot be asked.
    private func pushedDigest(of reference: String) async throws -> String? {
        do {
            let answer = try await get("/distribution/\(reference)/json")
            return answer.member("Descriptor")?.member("digest")?.text.flatMap {
                ImageReference.isDigest($0) ? $0 : nil
            }
        } catch is EngineError {
            return nil
        }
    }
}
