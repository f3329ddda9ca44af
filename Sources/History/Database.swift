// One SQLite database: statements, their values and rows. Does not know what is in its tables.
import BuildGraph
import CSQLite

/// What SQLite refused.
package struct DatabaseError: Error, Sendable, Hashable {
    /// SQLite's result code, without its extension.
    package let code: Int32
    /// SQLite's own words.
    package let message: String

    /// The file is no database, or a damaged one.
    package var isDamage: Bool { code == SQLITE_CORRUPT || code == SQLITE_NOTADB }
    /// Another process holds it.
    package var isBusy: Bool { code == SQLITE_BUSY || code == SQLITE_LOCKED }
}

/// A value of a statement or a row.
enum SQLValue: Sendable, Hashable {
    case null
    case number(Int)
    case real(Double)
    case text(String)
    case bytes([UInt8])

    var number: Int? { if case .number(let value) = self { value } else { nil } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
    var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
    /// Of either kind of number.
    var real: Double? {
        switch self {
        case .number(let value): Double(value)
        case .real(let value): value
        default: nil
        }
    }

    init(_ text: String?) { self = text.map(SQLValue.text) ?? .null }
    init(_ number: Int?) { self = number.map(SQLValue.number) ?? .null }
}

/// A connection that one task uses at a time. Statements are made once and kept.
final class Database {
    private let handle: OpaquePointer
    private var statements: [String: OpaquePointer] = [:]
    /// Values are copied by SQLite before the call returns (`SQLITE_TRANSIENT`, which C writes as a cast of -1).
    private static var copied: sqlite3_destructor_type? { unsafeBitCast(-1, to: sqlite3_destructor_type?.self) }

    /// Opens the file at the absolute `path`, or makes it; nil for one in memory. Waits up to `patience` milliseconds for
    /// others.
    init(at path: BytePath?, patience: Int32) throws(DatabaseError) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW
        let code = (path ?? BytePath(":memory:")).withCString { sqlite3_open_v2($0, &opened, flags, nil) }
        guard code == SQLITE_OK, let opened else {
            let message = opened.map { String(cString: sqlite3_errmsg($0)) } ?? "it cannot be opened"
            sqlite3_close_v2(opened)
            throw DatabaseError(code: code & 0xFF, message: message)
        }
        handle = opened
        sqlite3_busy_timeout(handle, patience)
    }

    deinit {
        for statement in statements.values { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    private var error: DatabaseError {
        DatabaseError(code: sqlite3_errcode(handle) & 0xFF, message: String(cString: sqlite3_errmsg(handle)))
    }

    /// Runs statements that take no values and give no rows.
    func execute(_ sql: String) throws(DatabaseError) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw error }
    }

    /// Runs one statement and gives its rows.
    @discardableResult
    func rows(_ sql: String, _ values: [SQLValue] = []) throws(DatabaseError) -> [[SQLValue]] {
        let statement = try prepared(sql)
        defer {
            sqlite3_reset(statement)
            sqlite3_clear_bindings(statement)
        }
        for (index, value) in values.enumerated() { try bind(value, Int32(index + 1), statement) }
        var rows: [[SQLValue]] = []
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: rows.append((0..<sqlite3_column_count(statement)).map { Self.column($0, statement) })
            case SQLITE_DONE: return rows
            default: throw error
            }
        }
    }

    /// The rowid of the last row that was put in.
    var lastRow: Int { Int(sqlite3_last_insert_rowid(handle)) }

    /// Does all of `body` or nothing of it.
    func transaction<Result>(_ body: () throws(DatabaseError) -> Result) throws(DatabaseError) -> Result {
        try execute("BEGIN IMMEDIATE")
        do throws(DatabaseError) {
            let result = try body()
            try execute("COMMIT")
            return result
        } catch {
            // SQLite may have gone back by itself, as where the disk is full.
            try? execute("ROLLBACK")
            throw error
        }
    }

    private func prepared(_ sql: String) throws(DatabaseError) -> OpaquePointer {
        if let statement = statements[sql] { return statement }
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, nil) == SQLITE_OK, let statement else { throw error }
        statements[sql] = statement
        return statement
    }

    private func bind(_ value: SQLValue, _ index: Int32, _ statement: OpaquePointer) throws(DatabaseError) {
        let code =
            switch value {
            case .null: sqlite3_bind_null(statement, index)
            case .number(let number): sqlite3_bind_int64(statement, index, sqlite3_int64(number))
            case .real(let number): sqlite3_bind_double(statement, index, number)
            case .text(let text):
                sqlite3_bind_text(statement, index, text, Int32(clamping: text.utf8.count), Self.copied)
            case .bytes(let bytes):
                sqlite3_bind_blob(statement, index, bytes, Int32(clamping: bytes.count), Self.copied)
            }
        guard code == SQLITE_OK else { throw error }
    }

    private static func column(_ index: Int32, _ statement: OpaquePointer) -> SQLValue {
        let count = Int(sqlite3_column_bytes(statement, index))
        switch sqlite3_column_type(statement, index) {
        case SQLITE_INTEGER: return .number(Int(sqlite3_column_int64(statement, index)))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, index))
        case SQLITE_TEXT:
            guard let start = sqlite3_column_text(statement, index) else { return .null }
            return .text(String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_BLOB:
            guard let start = sqlite3_column_blob(statement, index) else { return .bytes([]) }
            return .bytes(Array(UnsafeRawBufferPointer(start: start, count: count)))
        default: return .null
        }
    }
}
