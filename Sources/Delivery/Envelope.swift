// Signed documents: DSSE envelopes (Dead Simple Signing Envelope 1.0) with Ed25519 signatures (RFC 8032). Does not know what a
// payload means, nor where keys come from; the arithmetic is openssl's.
package import BuildEngine
import BuildGraph
package import Buildfile

/// A payload with its type and signatures.
package struct Envelope: Sendable, Hashable {
    /// One signature: who, and the 64 bytes of Ed25519.
    package struct Signature: Sendable, Hashable {
        /// The SHA-256 of the public key, in hex; a hint, and checked only by verifying.
        package let key: String
        package let bytes: [UInt8]

        package init(key: String, bytes: [UInt8]) {
            self.key = key
            self.bytes = bytes
        }
    }

    /// What in-toto statements are called in envelopes.
    package static let statementType = "application/vnd.in-toto+json"

    package let type: String
    package let payload: [UInt8]
    package let signatures: [Signature]

    package init(type: String, payload: [UInt8], signatures: [Signature] = []) {
        self.type = type
        self.payload = payload
        self.signatures = signatures
    }

    /// What is signed: DSSE's pre-authentication encoding, in which the type cannot be taken for a part of the payload.
    package var signedBytes: [UInt8] {
        Array("DSSEv1 \(type.utf8.count) \(type) \(payload.count) ".utf8) + payload
    }

    package var json: JSONValue {
        .object([
            ("payload", .string(EnvelopeText.encode(payload))), ("payloadType", .string(type)),
            (
                "signatures",
                .array(
                    signatures.map {
                        .object([("keyid", .string($0.key)), ("sig", .string(EnvelopeText.encode($0.bytes)))])
                    })
            ),
        ])
    }

    /// The envelope as it lies in a registry: on one line, members sorted.
    package var document: [UInt8] { Array(json.sorted.text(pretty: false).utf8) }

    /// The same envelope with the signatures of `other`, which is of the same payload, of keys that have none here.
    package func adding(_ other: Envelope) -> Envelope {
        let own = Set(signatures.map(\.key))
        return Envelope(
            type: type, payload: payload, signatures: signatures + other.signatures.filter { !own.contains($0.key) })
    }

    /// Reads what `json` wrote. Throws LMS311 for anything else; `name` is what people call the document.
    package init(reading bytes: [UInt8], name: String) throws(Diagnostic) {
        guard let document = try? JSONValue.parse(bytes), let type = document.member("payloadType")?.text,
            let payload = document.member("payload")?.text.flatMap({ EnvelopeText.decode($0) }),
            let elements = document.member("signatures")?.elements
        else {
            throw Diagnostic(
                .badRecord, "'\(BytePath(name).shown)' is no signature", hint: "'lmsbuild release sign' writes one")
        }
        self.init(
            type: type, payload: payload,
            signatures: elements.compactMap { element in
                guard let bytes = element.member("sig")?.text.flatMap({ EnvelopeText.decode($0) }) else { return nil }
                return Signature(key: element.member("keyid")?.text ?? "", bytes: bytes)
            })
    }

    /// The same envelope with one more signature, or with another of that key.
    package func with(_ signature: Signature) -> Envelope {
        Envelope(
            type: type, payload: payload, signatures: signatures.filter { $0.key != signature.key } + [signature])
    }
}

/// Base64 (RFC 4648, section 4) exactly: no line ends, full padding, no bits left over.
enum EnvelopeText {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 4 / 3 + 4)
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                text.append(
                    place <= group.count ? alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)] : UInt8(ascii: "="))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Nil for anything that `encode` does not give.
    static func decode(_ text: String) -> [UInt8]? {
        var values: [UInt8?] = Array(repeating: nil, count: 256)
        for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        let digits = text.utf8.prefix { $0 != UInt8(ascii: "=") }
        var bytes: [UInt8] = []
        var (bits, count) = (UInt32(0), 0)
        for byte in digits {
            guard let value = values[Int(byte)] else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= (1 << UInt32(count)) - 1
            }
        }
        return encode(bytes) == text ? bytes : nil
    }
}
