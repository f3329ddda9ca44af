// A release as it would be put to work in an environment, with the stack of the files at hand. Does not deploy.
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Delivery

extension DeployPlace {
    /// What brings `release` here. Refuses with exit 2 where an image is nowhere, and where a label cannot be read that is
    /// meant to keep data safe.
    func plan(_ release: Release, _ origin: DeployOrigin, limit: Duration?) async throws
        -> RolloutPlan
    {
        let stack = try await system.rendered(environment, images: try await pinned(release))
            .following(environment.definition.strategy)
        try checkData(stack)
        var plan = RolloutPlan(
            stack: stack, release: release.name.hex, commit: release.commit, origin: origin)
        plan.apply(environment.definition, limit: limit)
        return plan
    }

    /// What is meant to keep data safe is never passed over because it cannot be read.
    private func checkData(_ stack: RenderedStack) throws {
        for service in stack.services where service.dataVersion == nil {
            guard let text = service.dataLabel else { continue }
            throw Refusal(
                Diagnostic(
                    .badEnvironment,
                    "the label '\(DataVersion.label)' of '\(service.name)' is no version: '\(BytePath(text).shown)'",
                    at: environment.definition.span,
                    hint: "a whole number that goes up with each migration that cannot be undone"),
                .wrongInput)
        }
    }

    /// Component → image by digest, or by its hash tag where the engine has it under that name alone.
    private func pinned(_ release: Release) async throws -> [String: String] {
        let used = Set((environment.reading.project?.services ?? []).compactMap(\.component))
        var images: [String: String] = [:]
        var missing: [String] = []
        for name in used.sorted() {
            guard let service = release.services[name], let image = service.image else {
                missing.append(name)
                continue
            }
            let pinned = try await Self.refusing {
                try await engine.pinned(image, digest: service.digest)
            }
            if let pinned { images[name] = pinned } else { missing.append(name) }
        }
        if !missing.isEmpty {
            throw Refusal(
                Diagnostic(
                    .unbuiltImage,
                    "neither the engine nor its registry has an image of: \(missing.joined(separator: ", "))",
                    hint:
                        "'lmsbuild run :image' builds them, 'lmsbuild push' brings them where the engine finds them"
                ),
                .wrongInput)
        }
        return images
    }
}
