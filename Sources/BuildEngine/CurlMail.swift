// Sends mail by the program `curl`, one process each. Does not know what a letter holds.
import BuildGraph
import Glibc

/// SMTP by `curl`. Who logs in with which password goes to it by a pipe, the letter by a file that nobody else can read.
///
/// Without TLS nothing is sent to another machine, and no password at all. `.curlrc` and `.netrc` are not read.
package struct CurlMail: MailExchange {
    private let commands: any CommandRunner
    private let program: String
    private let environment: [String: String]

    /// With the `curl` of the environment's `PATH`; nil where there is none.
    package init?(commands: any CommandRunner, environment: [String: String]) {
        guard let program = ProgramSearch(path: environment["PATH"] ?? "/usr/bin:/bin").file(named: "curl") else {
            return nil
        }
        self.commands = commands
        self.program = program
        self.environment = environment
    }

    package func send(_ request: MailRequest) async throws -> String {
        let folder = environment["TMPDIR"] ?? ""
        let letter: PrivateFile
        do throws(HTTPFailure) {
            letter = try PrivateFile(request.letter, in: folder.hasPrefix("/") ? folder : "/tmp")
        } catch {
            throw MailFailure(error.message, mayPass: true)
        }
        defer { letter.remove() }
        var command = Command(
            [program, "-q", "--config", "-"], environment: CurlSettings.passedOn(environment), folder: BytePath("/"))
        command.input = try Self.settings(request, letter.path)
        command.separateErrors = true
        command.outputLimit = 1 << 20
        command.timeout = request.limit + .seconds(1)
        do {
            return try Self.reply(try await commands.run(command), request)
        } catch let error as SpawnError {
            throw MailFailure(
                "'\(error.program)' cannot be started: \(String(cString: strerror(error.errno)))", mayPass: true)
        }
    }

    private static func settings(_ request: MailRequest, _ letter: BytePath) throws(MailFailure) -> [UInt8] {
        let isEncrypted = request.server.hasPrefix("smtps://")
        guard isEncrypted || request.server.hasPrefix("smtp://") else {
            throw MailFailure("it is no address of a mail server", mayPass: true)
        }
        let rest = request.server.drop { $0 != "/" }.dropFirst(2)
        let isLocal = HTTPAddress.isLoopback(
            String(rest.first == "[" ? rest.dropFirst().prefix { $0 != "]" } : rest.prefix { $0 != ":" }))
        var settings = CurlSettings()
        for flag in ["silent", "show-error", "globoff"] { settings.say(flag) }
        settings.say("url", request.server)
        settings.say("proto", "=smtp,smtps")
        settings.say("noproxy", "*")
        if !isEncrypted, !isLocal || request.login != nil { settings.say("ssl-reqd") }
        if let login = request.login {
            // curl takes what is before the first colon for the user.
            if login.user.utf8.contains(UInt8(ascii: ":")) {
                throw MailFailure("a user's name with a colon cannot be logged in with", mayPass: true)
            }
            settings.say("user", login.user + ":" + login.password)
        }
        settings.say("mail-from", request.sender)
        for recipient in request.recipients { settings.say("mail-rcpt", recipient) }
        settings.say("upload-file", letter)
        settings.say("dump-header", "-")
        settings.say("connect-timeout", CurlSettings.seconds(request.limit))
        settings.say("max-time", CurlSettings.seconds(request.limit))
        return settings.bytes
    }

    private static func reply(_ result: CommandResult, _ request: MailRequest) throws(MailFailure) -> String {
        // What the server says, a line each; a reply's last line has a blank behind its number (RFC 5321, 4.2).
        let lines = result.output.split(separator: UInt8(ascii: "\n")).map { HTTPText.line(Array($0)) }
        let last = lines.last { $0.utf8.count > 3 && $0.utf8.dropFirst(3).first == UInt8(ascii: " ") } ?? ""
        let said = CurlExchange.said(result.errors)
        switch result.ending {
        case .exited(0): return lines.last { $0.hasPrefix("250 ") } ?? last
        case .exited(7): throw MailFailure("it accepts no connections", mayPass: true)
        case .exited(28), .timedOut:
            throw MailFailure("it did not take the letter within \(request.limit.shownSeconds)", mayPass: true)
        case .exited(67):
            throw MailFailure(
                "it does not let '\(request.login?.user ?? "")' log in" + (last.isEmpty ? "" : ": \(last)"),
                mayPass: true)
        case .exited(64):
            throw MailFailure("it offers no TLS, and without nothing is sent to it", mayPass: true)
        case .exited(35), .exited(60), .exited(77), .exited(83), .exited(90), .exited(91):
            throw MailFailure("it cannot be trusted: \(said)", mayPass: true)
        case .exited: throw refusal(last, said)
        case .signalled(let number): throw MailFailure("curl was ended by signal \(number)", mayPass: true)
        }
    }

    private static func refusal(_ last: String, _ said: String) -> MailFailure {
        if last.hasPrefix("5") { return MailFailure("it refuses the letter: \(last)", mayPass: false) }
        if last.hasPrefix("4") { return MailFailure("it does not take the letter now: \(last)", mayPass: true) }
        return MailFailure(said, mayPass: true)
    }
}

extension Duration {
    fileprivate var shownSeconds: String { components.seconds == 1 ? "1 second" : "\(components.seconds) seconds" }
}
