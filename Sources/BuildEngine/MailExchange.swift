// Mail as its senders see it: a letter, what the server says of it, and why it did not take it. Does not know how it travels,
// nor what a letter holds.

/// One letter and the server that takes it.
package struct MailRequest: Sendable {
    /// `smtps://HOST[:PORT]` (TLS from the beginning) or `smtp://HOST[:PORT]` (STARTTLS, RFC 3207), without credentials.
    package let server: String
    /// The envelope's sender.
    package let sender: String
    /// The envelope's recipients.
    package let recipients: [String]
    /// Header and body as they go out (RFC 5322), lines ended by CR LF.
    package let letter: [UInt8]
    /// Who logs in, with which password; nil: nobody does. Only the server sees them.
    package let login: (user: String, password: String)?
    /// How long all of it may take.
    package let limit: Duration

    /// A letter to all of `recipients`.
    package init(
        server: String, from sender: String, to recipients: [String], letter: [UInt8],
        login: (user: String, password: String)? = nil, limit: Duration = .seconds(5)
    ) {
        self.server = server
        self.sender = sender
        self.recipients = recipients
        self.letter = letter
        self.login = login
        self.limit = limit
    }
}

/// Why a letter was not taken.
package struct MailFailure: Error, Sendable, Hashable {
    /// For people, after the server's name, on one line, without secrets.
    package let message: String
    /// False where the server refuses this very letter for good (a reply 5xx that is not about the login).
    package let mayPass: Bool

    /// A failure.
    package init(_ message: String, mayPass: Bool) {
        self.message = message
        self.mayPass = mayPass
    }
}

/// Sends mail.
package protocol MailExchange: Sendable {
    /// Gives the server's last reply, such as `250 2.0.0 Ok: queued as 4F2`. Throws `MailFailure` where the letter was not taken
    /// and `CancellationError` when cancelled.
    func send(_ request: MailRequest) async throws -> String
}
