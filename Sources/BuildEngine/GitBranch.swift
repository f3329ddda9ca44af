// Which branch is checked out. Does not know what CI servers say of it.

extension GitRepository {
    /// The branch that is checked out, such as `main`; nil where a commit is, or nothing can be asked.
    package func branch() async -> String? {
        guard let result = try? await asker.run(["symbolic-ref", "--quiet", "--short", "HEAD"]), result.succeeded else {
            return nil
        }
        let name = String(decoding: result.output.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        return name.isEmpty ? nil : name
    }
}
