// A mail server on 127.0.0.1, aiosmtpd with TLS and a login. Does not know what letters say.
import BuildEngine
import BuildGraph
import BuildTestSupport

/// Takes letters, and keeps what it took.
final class MailServer {
    /// `smtp://127.0.0.1:PORT` with STARTTLS, or `smtps://127.0.0.1:PORT`.
    let url: String
    /// The file of the certificate that it shows.
    let certificate: String
    private let pipe: any CommandPipe
    private let folder: TemporaryFolder

    struct NoCertificate: Error {}

    enum Security: String {
        case plain, starttls, tls
    }

    /// Lets in `ada` with the password `pass word "1"`, where it does not let in everybody.
    init(_ security: Security, needsLogin: Bool = true, source: String = #filePath) async throws {
        folder = try TemporaryFolder()
        let root = BytePath(source).parent.parent.parent
        try folder.write("server.py", Self.program)
        if security != .plain { try await Self.makeCertificate(folder.path) }
        pipe = try ProcessRunner.ofTests.open(
            Command(
                [
                    root.appending(".build-tools/bin/python").shown, folder("server.py").shown, folder.path.shown,
                    security.rawValue, needsLogin ? "login" : "open",
                ], environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"], folder: folder.path))
        let port = String(decoding: try pipe.readLine() ?? [], as: UTF8.self)
        // The certificate is for this name.
        url = (security == .tls ? "smtps" : "smtp") + "://localhost:" + port
        certificate = folder("cert.pem").shown
    }

    deinit { pipe.close() }

    /// Ends it.
    func end() { pipe.close() }

    /// What it took, a line of JSON each: `from`, `to`, `user`, `tls`, `subject`, `text`, `html`, `headers`.
    var letters: [JSONValue] {
        let text = (try? readFile(folder("letters").shown)) ?? []
        return text.split(separator: 10).compactMap { try? JSONValue.parse(Array($0)) }
    }

    private static func makeCertificate(_ folder: BytePath) async throws {
        let result = try await ProcessRunner.ofTests.run(
            Command(
                [
                    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout",
                    "key.pem", "-out", "cert.pem",
                ], environment: ["PATH": "/usr/bin:/bin"], folder: folder))
        guard result.succeeded else { throw NoCertificate() }
    }

    private static let program = #"""
        import email, email.policy, json, os, ssl, sys
        # Its warnings are about what is tested.
        os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
        from aiosmtpd.controller import Controller
        from aiosmtpd.smtp import AuthResult

        folder, security, login = sys.argv[1:4]


        class Handler:
            async def handle_DATA(self, server, session, envelope):
                letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
                with open(folder + "/letters", "a") as file:
                    print(json.dumps({
                        "from": envelope.mail_from, "to": envelope.rcpt_tos, "tls": security == "tls" or session.ssl is not None,
                        "user": session.auth_data, "subject": letter["Subject"],
                        "headers": [name for name in letter.keys()],
                        "text": letter.get_body(("plain",)).get_content(),
                        "html": letter.get_body(("html",)).get_content(),
                    }), file=file)
                return "250 2.0.0 kept"


        def authenticate(server, session, envelope, mechanism, data):
            good = (data.login, data.password) == (b"ada", b'pass word "1"')
            return AuthResult(success=good, handled=good, auth_data=data.login.decode() if good else None)


        context = None
        if security != "plain":
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(folder + "/cert.pem", folder + "/key.pem")
        class FreePort(Controller):
            def _trigger_server(self):
                # It connects to itself, and 0 is nobody's port to connect to.
                self.port = self.server.sockets[0].getsockname()[1]
                super()._trigger_server()


        controller = FreePort(
            Handler(), hostname="127.0.0.1", port=0, authenticator=authenticate, auth_required=login == "login",
            auth_require_tls=security == "starttls", ssl_context=context if security == "tls" else None,
            tls_context=context if security == "starttls" else None, require_starttls=security == "starttls")
        controller.start()
        print(controller.port, flush=True)
        sys.stdin.read()
        controller.stop()
        """#
}
