// The first bytes of a zlib stream, as many as tell how large a delta's result is. Does not know deltas.
import CZlib
import Glibc

/// Inflates the beginnings of streams, one after the other, in the same memory.
struct StreamHead: ~Copyable {
    /// How many bytes of a stream are told at most: as many as git itself looks at.
    static let limit = 20
    /// As many bytes of a stream tell its first `limit` ones, unless it has blocks with nothing in them.
    static let longest = 800

    private let output = UnsafeMutablePointer<UInt8>.allocate(capacity: limit)
    /// zlib's state points back to it, so it stays where it is.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let isReady: Bool

    init() {
        stream.initialize(to: z_stream())
        isReady = inflateInit_(stream, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    }

    deinit {
        if isReady { inflateEnd(stream) }
        stream.deinitialize(count: 1)
        stream.deallocate()
        output.deallocate()
    }

    /// The first `limit` bytes of the stream that `input` begins with, or all where there are fewer; valid until the next
    /// call. Nil where the stream is damaged, or `input` ends before them.
    mutating func bytes(of input: UnsafeRawBufferPointer) -> UnsafeBufferPointer<UInt8>? {
        guard isReady, inflateReset(stream) == Z_OK, let start = input.bindMemory(to: UInt8.self).baseAddress else {
            return nil
        }
        // zlib does not write to what it reads.
        stream.pointee.next_in = UnsafeMutablePointer(mutating: start)
        stream.pointee.avail_in = UInt32(clamping: input.count)
        stream.pointee.next_out = output
        stream.pointee.avail_out = UInt32(Self.limit)
        let ending = inflate(stream, Z_SYNC_FLUSH)
        let count = Self.limit - Int(stream.pointee.avail_out)
        guard ending == Z_STREAM_END || count == Self.limit else { return nil }
        return UnsafeBufferPointer(start: output, count: count)
    }
}
