// Where traces and metrics go, as the variables that OpenTelemetry's users know say. Does not send them.

/// What the environment says of OTLP (opentelemetry.io: environment variable specification, OTLP exporter).
package struct TelemetrySettings: Sendable {
    /// One of the two signals.
    package enum Signal: String, Sendable {
        case traces, metrics
    }

    /// Where a run's span belongs: the caller's, as TRACEPARENT (W3C Trace Context) names it.
    package struct Parent: Sendable, Equatable {
        /// 32 hex digits.
        package let trace: String
        /// 16 hex digits.
        package let span: String
        package let isSampled: Bool
    }

    private let environment: [String: String]

    package init(_ environment: [String: String]) {
        self.environment = environment.filter { !$0.value.isEmpty }
    }

    /// The address that `signal` is posted to; nil where nobody wants it.
    package func address(of signal: Signal) -> String? {
        let upper = signal.rawValue.uppercased()
        if environment["OTEL_SDK_DISABLED"]?.lowercased() == "true" { return nil }
        if environment["OTEL_\(upper)_EXPORTER"] == "none" { return nil }
        if let own = environment["OTEL_EXPORTER_OTLP_\(upper)_ENDPOINT"] { return own }
        guard let base = environment["OTEL_EXPORTER_OTLP_ENDPOINT"] else { return nil }
        return base + (base.hasSuffix("/") ? "" : "/") + "v1/" + signal.rawValue
    }

    /// Further headers, which may be secret.
    package func headers(of signal: Signal) -> [(name: String, value: String)] {
        let own = environment["OTEL_EXPORTER_OTLP_\(signal.rawValue.uppercased())_HEADERS"]
        return Self.pairs(own ?? environment["OTEL_EXPORTER_OTLP_HEADERS"] ?? "")
    }

    /// The word for a protocol that lmsbuild does not speak; nil where JSON over HTTP is, or may be, what is wanted.
    package var foreignProtocol: String? {
        let word = environment["OTEL_EXPORTER_OTLP_PROTOCOL"] ?? ""
        return word == "grpc" ? word : nil
    }

    /// What is said of whoever sends, `service.name` first.
    package func resource(version: String) -> [(name: String, value: String)] {
        var attributes = Self.pairs(environment["OTEL_RESOURCE_ATTRIBUTES"] ?? "")
        let name =
            environment["OTEL_SERVICE_NAME"] ?? attributes.first { $0.name == "service.name" }?.value ?? "lmsbuild"
        attributes.removeAll { ["service.name", "service.version"].contains($0.name) }
        return [("service.name", name), ("service.version", version)] + attributes
    }

    /// Nil where there is none, or none that is valid.
    package var parent: Parent? {
        let parts = (environment["TRACEPARENT"] ?? "").split(separator: "-", omittingEmptySubsequences: false)
        func isHex(_ text: Substring, _ count: Int) -> Bool {
            text.utf8.count == count && text.utf8.allSatisfy { "0123456789abcdef".utf8.contains($0) }
        }
        guard parts.count >= 4, isHex(parts[0], 2), parts[0] != "ff", parts[0] != "00" || parts.count == 4,
            isHex(parts[1], 32), isHex(parts[2], 16), isHex(parts[3], 2), parts[1].contains(where: { $0 != "0" }),
            parts[2].contains(where: { $0 != "0" }), let flags = UInt8(parts[3], radix: 16)
        else { return nil }
        return Parent(trace: String(parts[1]), span: String(parts[2]), isSampled: flags & 1 == 1)
    }

    /// `name=value,name=value`, values percent-encoded (W3C Baggage); what has no name is left out.
    package static func pairs(_ text: String) -> [(name: String, value: String)] {
        text.split(separator: ",").compactMap { part in
            guard let equals = part.firstIndex(of: "=") else { return nil }
            let name = part[..<equals].trimmingBlanks, value = part[part.index(after: equals)...].trimmingBlanks
            return name.isEmpty ? nil : (name, decoded(value))
        }
    }

    private static func decoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        var text = self
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}
