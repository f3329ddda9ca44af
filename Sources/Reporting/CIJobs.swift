// What a CI server is to run, in the server's own form. Does not decide what is affected.
package import BuildEngine
package import BuildGraph

/// One job: what it is called and which labels it runs.
package struct CIJob: Sendable, Hashable {
    package let name: String
    package let components: [String]
    /// Labels for `lmsbuild run`.
    package let targets: [String]
    /// Where the job verifies one pair.
    package let pair: AffectedSet.Pair?
    /// What it is expected to cost, in milliseconds; only proportions matter.
    package let weight: Int

    package init(
        name: String, components: [String], targets: [String], pair: AffectedSet.Pair? = nil, weight: Int
    ) {
        self.name = name
        self.components = components
        self.targets = targets
        self.pair = pair
        self.weight = weight
    }

    /// `jobs`, put together where they are more than `limit`: balanced by weight, each job's targets in one of them.
    package static func merged(_ jobs: [CIJob], limit: Int) -> [CIJob] {
        guard jobs.count > limit, limit > 0 else { return jobs }
        return balancedShards(jobs.map { ($0.name, $0.weight) }, count: limit).filter { !$0.isEmpty }.map { shard in
            let parts = shard.map { jobs[$0] }
            let name = parts.count == 1 ? parts[0].name : "\(parts[0].name) and \(parts.count - 1) more"
            return CIJob(
                name: name, components: Set(parts.flatMap(\.components)).sorted(), targets: parts.flatMap(\.targets),
                pair: parts.count == 1 ? parts[0].pair : nil, weight: parts.reduce(0) { $0 + $1.weight })
        }
    }
}

/// GitHub's matrix: `{"any": …, "matrix": {"include": […]}}` on one line, for `fromJSON`.
///
/// A matrix without an entry is an error to GitHub: where nothing is affected there is one entry with no targets, whose
/// `any` is false, as that of the whole. GitHub allows 256 jobs of a matrix.
package enum GitHubMatrix {
    package static let jobLimit = 256
    /// GitHub cuts job outputs off at 1 MiB, counted as UTF-16.
    package static let sizeLimit = 1_000_000

    package static func value(_ jobs: [CIJob]) -> JSONValue {
        let entries = jobs.isEmpty ? [entry(nil)] : jobs.map { entry($0) }
        return .object([
            ("any", .bool(!jobs.isEmpty)), ("matrix", .object([("include", .array(entries))])),
        ])
    }

    private static func entry(_ job: CIJob?) -> JSONValue {
        var members: [(String, JSONValue)] = [
            ("name", .string(job?.name ?? "nothing is affected")),
            ("components", .string(job?.components.joined(separator: " ") ?? "")),
            ("targets", .string(job?.targets.joined(separator: " ") ?? "")),
            ("any", .bool(job != nil)),
        ]
        if let pair = job?.pair {
            members += [("consumer", .string(pair.consumer)), ("provider", .string(pair.provider))]
        }
        return .object(members)
    }
}

/// A child pipeline of GitLab's, as YAML.
///
/// GitLab refuses a pipeline without a job: where nothing is affected there is one that says so. Job names begin with
/// `run`, since GitLab gives names such as `image` and `cache` a meaning of their own.
package enum GitLabPipeline {
    /// `included` is a file of the repository that defines the hidden job `.lmsbuild`, which all jobs extend; without it
    /// the pipeline has one of its own, which runs what its `LMSBUILD_TARGETS` name.
    package static func text(_ jobs: [CIJob], including included: String?) -> String {
        var text = "# Written by 'lmsbuild affected --format gitlab'; not to be edited.\n"
        if let included { text += "include:\n  - local: \(quoted("/" + included.trimmingSlashes))\n" }
        text += "workflow:\n  rules:\n    - when: always\n"
        if included == nil {
            text += ".lmsbuild:\n  script:\n    - set -f\n    - lmsbuild run $LMSBUILD_TARGETS\n"
        }
        if jobs.isEmpty {
            text += "nothing is affected:\n  extends: .lmsbuild\n  script:\n    - echo nothing is affected\n"
        }
        for job in jobs {
            text += "\(quoted("run " + job.name)):\n  extends: .lmsbuild\n  variables:\n"
            text += "    LMSBUILD_TARGETS: \(quoted(job.targets.joined(separator: " ")))\n"
            text += "    LMSBUILD_COMPONENTS: \(quoted(job.components.joined(separator: " ")))\n"
            if let pair = job.pair {
                text += "    LMSBUILD_CONSUMER: \(quoted(pair.consumer))\n"
                text += "    LMSBUILD_PROVIDER: \(quoted(pair.provider))\n"
            }
        }
        return text
    }

    /// A string of JSON is one of YAML 1.2, too; names of components and stages have no control characters.
    private static func quoted(_ text: String) -> String { JSONValue.string(text).text(pretty: false) }
}

extension String {
    fileprivate var trimmingSlashes: Substring { drop { $0 == "/" } }
}
