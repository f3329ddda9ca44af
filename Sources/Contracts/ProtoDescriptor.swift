// Binary protobuf definitions (`FileDescriptorSet`) as what they define: file names, source positions, the order of
// declarations and the options that only speak to one language's generator do not count. A `.proto` file and its binary
// form have different digests.
import BuildGraph

enum ProtoDescriptor {
    /// What is in a message of descriptor.proto.
    private indirect enum Shape: Sendable {
        /// Fields that are messages themselves, and fields that do not count.
        case message([UInt64: Shape], ignored: Set<UInt64>)
        /// A message type, called later: they nest.
        case descriptor

        static func options(_ ignored: Set<UInt64>) -> Shape { .message([:], ignored: ignored) }
        static let field = message([8: options([3])], ignored: [])
        static let enumeration = message(
            [2: message([3: options([1])], ignored: []), 3: options([3]), 4: message([:], ignored: [])], ignored: [])
        static let service = message([2: message([4: options([33])], ignored: []), 3: options([33])], ignored: [])
        static let nested = message(
            [
                2: field, 3: descriptor, 4: enumeration, 5: message([:], ignored: []), 6: field, 7: options([3]),
                8: message([:], ignored: []), 9: message([:], ignored: []),
            ], ignored: [])
        /// Java, optimisation, Go, generic services, deprecated, arenas, Objective-C, C#, Swift, PHP, Ruby.
        static let fileOptions = options([1, 8, 9, 10, 11, 16, 17, 18, 20, 23, 27, 31, 36, 37, 39, 40, 41, 42, 44, 45])
        /// Without name, dependencies and source positions.
        static let file = message(
            [4: descriptor, 5: enumeration, 6: service, 7: field, 8: fileOptions], ignored: [1, 3, 9, 10, 11])
        static let set = message([1: file], ignored: [])
    }

    /// The digest, or an error where the bytes are no set of file descriptors.
    static func digest(of bytes: [UInt8]) throws(ContractReadError) -> Digest {
        guard !bytes.isEmpty else { throw ContractReadError("the file is empty", at: 0) }
        let set = try WireMessage(bytes[...])
        guard set.fields.allSatisfy({ $0.number == 1 && $0.isBytes }) else {
            throw ContractReadError("this is no FileDescriptorSet", at: 0)
        }
        for file in set.fields {
            let inner = try WireMessage(file.payload)
            let hasName = inner.fields.contains { $0.number == 1 && $0.isBytes && !$0.payload.isEmpty }
            guard hasName, inner.fields.allSatisfy({ $0.number < 1000 }) else {
                throw ContractReadError("this is no FileDescriptorSet", at: file.payload.startIndex)
            }
        }
        return ContractHasher.digest(domain: ContractHasher.protobuf, try encoded(bytes[...], .set, depth: 0))
    }

    private static func encoded(
        _ bytes: ArraySlice<UInt8>, _ shape: Shape, depth: Int
    ) throws(ContractReadError) -> [UInt8] {
        if depth > 100 { throw ContractReadError("this is nested more than 100 deep", at: bytes.startIndex) }
        let shapes: [UInt64: Shape]
        let ignored: Set<UInt64>
        switch shape {
        case .message(let inner, let left): (shapes, ignored) = (inner, left)
        case .descriptor: return try encoded(bytes, .nested, depth: depth)
        }
        var parts: [[UInt8]] = []
        for field in try WireMessage(bytes).fields where !ignored.contains(field.number) {
            var part = CanonicalBytes()
            part.count(Int(field.number))
            if field.isBytes, let inner = shapes[field.number] {
                let bytes = try encoded(field.payload, inner, depth: depth + 1)
                // Options that all do not count are none.
                if bytes == CanonicalBytes.emptyList { continue }
                part.field(bytes)
            } else {
                part.field(Array(field.payload))
            }
            parts.append(part.bytes)
        }
        var all = CanonicalBytes()
        all.list(parts.sorted { $0.lexicographicallyPrecedes($1) }) { $1.field($0) }
        return all.bytes
    }
}

/// The fields of a protobuf message, not knowing its type.
struct WireMessage {
    struct Field {
        let number: UInt64
        /// False for numbers.
        let isBytes: Bool
        let payload: ArraySlice<UInt8>
    }

    var fields: [Field] = []

    init(_ bytes: ArraySlice<UInt8>) throws(ContractReadError) {
        var rest = bytes
        while !rest.isEmpty {
            let start = rest.startIndex
            let tag = try Self.varint(&rest)
            guard tag >> 3 > 0, tag >> 3 < 1 << 29 else { throw Self.error(start) }
            let before = rest
            var payload: ArraySlice<UInt8>
            switch tag & 7 {
            case 0:
                _ = try Self.varint(&rest)
                payload = before[before.startIndex..<rest.startIndex]
            case 1: payload = try Self.take(8, &rest)
            case 2:
                let length = try Self.varint(&rest)
                guard length <= UInt64(rest.count) else { throw Self.error(start) }
                payload = try Self.take(Int(length), &rest)
            case 5: payload = try Self.take(4, &rest)
            default: throw Self.error(start)
            }
            fields.append(Field(number: tag >> 3, isBytes: tag & 7 == 2, payload: payload))
        }
    }

    private static func error(_ offset: Int) -> ContractReadError {
        ContractReadError("this is no protobuf message", at: offset)
    }

    private static func take(
        _ count: Int, _ rest: inout ArraySlice<UInt8>
    ) throws(ContractReadError) -> ArraySlice<UInt8> {
        guard rest.count >= count else { throw error(rest.startIndex) }
        let taken = rest.prefix(count)
        rest = rest.dropFirst(count)
        return taken
    }

    private static func varint(_ rest: inout ArraySlice<UInt8>) throws(ContractReadError) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = rest.popFirst() else { throw error(rest.startIndex) }
            if shift < 64 { value |= UInt64(byte & 127) << shift }
            if byte < 128 { return value }
        }
        throw error(rest.startIndex)
    }
}
