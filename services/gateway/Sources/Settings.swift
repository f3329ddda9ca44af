/// What the environment says, checked before anything is opened.
struct Settings: Equatable, Sendable {
    var host = "127.0.0.1"
    var port = 0
    var upstreams: [String: Upstream] = [:]

    static let services = ["catalog", "readers", "lending", "notices"]

    struct Invalid: Error, Equatable {
        /// All that is wrong, not the first alone.
        let problems: [String]
    }

    init(_ value: (String) -> String?) throws(Invalid) {
        var problems: [String] = []
        func get(_ name: String) -> String? { value(name)?.trimmed.isEmpty == false ? value(name)?.trimmed : nil }
        host = get("HOST") ?? host
        switch get("PORT") {
        case nil: problems.append("PORT is not set")
        case let text?:
            if let number = Int(text), (0...65535).contains(number) {
                port = number
            } else {
                problems.append("PORT is '\(text)', expected a number from 0 to 65535")
            }
        }
        for service in Settings.services {
            let name = service.uppercased() + "_URL"
            guard let text = get(name) else {
                problems.append("\(name) is not set")
                continue
            }
            guard let upstream = Upstream(name: service, url: text) else {
                problems.append("\(name) is '\(text)', expected http://host:port")
                continue
            }
            upstreams[service] = upstream
        }
        guard problems.isEmpty else { throw Invalid(problems: problems) }
    }
}
