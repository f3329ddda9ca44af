// How a section file of some kind is told from all others, and its writing in one go. Does not know what a section holds.

/// What kind of section file it is.
struct SectionFormat: Sendable {
    let magic: UInt64
    /// Another where a section means another thing.
    let version: UInt32
}

extension SectionFile {
    /// Replaces the absolute `file` by one with `sections`, whole at any moment; the file's folder is made where there is
    /// none. With `isSynced` false a crash of the machine may leave a part, which opening it shows.
    static func write(
        _ file: BytePath, _ format: SectionFormat, generation: Fingerprint = Fingerprint(high: 0, low: 0),
        isSynced: Bool = true, _ sections: [[UInt8]]
    ) throws(FileSystemError) {
        try FileReplacement.write(file, isSynced: isSynced) { descriptor, new throws(FileSystemError) in
            var writer = SectionWriter(
                descriptor, new, magic: format.magic, version: format.version, generation: generation,
                sections: sections.count)
            for section in sections { try writer.add(section) }
            try writer.finish()
        }
    }
}
