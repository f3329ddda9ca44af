// Brings one message on its way, and says what the other side answered. Does not know where secrets come from, nor what happens
// to a message that is not taken.
package import BuildEngine
package import BuildGraph
import Buildfile

/// A notification with the secrets that it needs.
package struct NotificationRoute: Sendable, CustomStringConvertible, CustomReflectable {
    /// What the Buildfile says of it.
    package let notification: DeclaredNotification
    /// By the names of their variables.
    private let secrets: [String: String]
    private let mask: SecretMask

    /// A route; secrets that are not needed are not kept.
    package init(_ notification: DeclaredNotification, secrets: [String: String]) {
        self.notification = notification
        self.secrets = secrets.filter { notification.secrets.contains($0.key) }
        // What a server answers may hold the path that it was asked for, or a part.
        let address = notification.url.flatMap { secrets[$0] } ?? ""
        let path = address.split(separator: "/", maxSplits: 3).dropFirst(2).last.map(String.init) ?? ""
        let parts = path.split(separator: "/").map(String.init).filter { $0.utf8.count >= 8 }
        mask = SecretMask(values: self.secrets.values + (path.utf8.count >= 8 ? [path] : []) + parts)
    }

    /// Its name alone.
    package var description: String { notification.name }
    /// Shows nothing.
    package var customMirror: Mirror { Mirror(self, children: []) }

    fileprivate var address: String { notification.url.flatMap { secrets[$0] } ?? "" }
    fileprivate var key: String? { notification.key.flatMap { secrets[$0] } }
    fileprivate var password: String? { notification.password.flatMap { secrets[$0] } }

    fileprivate func masked(_ text: String) -> String { String(decoding: mask.masked(Array(text.utf8)), as: UTF8.self) }
}

/// What the other side made of a message. Texts are for people, on one line and without secrets.
package enum DeliveryAnswer: Sendable, Equatable {
    case taken(String)
    /// It may be taken later; after so many seconds where the other side said so.
    case later(String, after: Int?)
    /// It never will be.
    case refused(String)
}

/// Sends messages by HTTP and SMTP.
package struct NotificationSender: Sendable {
    private let http: any HTTPExchange
    private let mail: any MailExchange
    /// What it calls itself, such as `lmsbuild/0.1.0`.
    private let agent: String

    package init(http: any HTTPExchange, mail: any MailExchange, agent: String) {
        self.http = http
        self.mail = mail
        self.agent = agent
    }

    /// Sends `change` along `route` within `limit`; `now` is in seconds since 1970.
    package func send(
        _ change: StateChange, along route: NotificationRoute, limit: Duration, now: Int
    ) async -> DeliveryAnswer {
        let answer: DeliveryAnswer
        switch route.notification.kind {
        case .slack, .webhook: answer = await post(change, route, limit, now)
        case .email: answer = await write(change, route, limit)
        }
        switch answer {
        case .taken(let text): return .taken(route.masked(text))
        case .later(let text, let after): return .later(route.masked(text), after: after)
        case .refused(let text): return .refused(route.masked(text))
        }
    }

    // MARK: What is sent

    /// The payload for `notification`, as it goes out.
    package static func payload(_ change: StateChange, _ notification: DeclaredNotification) -> [UInt8] {
        switch notification.kind {
        case .slack: Array(SlackMessage(change).json.text(pretty: false).utf8)
        case .webhook: Array(change.json.text(pretty: false).utf8)
        case .email: LetterText(change, notification).bytes
        }
    }

    /// `t=SECONDS,v1=HEX`: HMAC-SHA256 of `SECONDS.` and the body.
    package static func signature(_ body: [UInt8], key: String, now: Int) -> String {
        "t=\(now),v1=\(KeyedHash.sha256(Array("\(now).".utf8) + body, key: Array(key.utf8)).hex)"
    }

    // MARK: HTTP

    private func post(
        _ change: StateChange, _ route: NotificationRoute, _ limit: Duration, _ now: Int
    ) async -> DeliveryAnswer {
        let body = Self.payload(change, route.notification)
        var headers = [("Content-Type", "application/json; charset=utf-8"), ("User-Agent", agent)]
        if route.notification.kind == .webhook {
            headers += [("X-Lmsbuild-Event", change.event.rawValue), ("X-Lmsbuild-Delivery", change.id)]
            if let key = route.key {
                headers.append(("X-Lmsbuild-Signature", Self.signature(body, key: key, now: now)))
            }
        }
        do {
            let address = try HTTPAddress(route.address)
            if !address.isEncrypted, !address.isLoopback {
                return .later(
                    "its address is not https, and nothing is sent in the clear to another machine", after: nil)
            }
            var request = HTTPRequest("POST", route.address, headers: headers, body: .bytes(body), limit: limit)
            request.bodyLimit = 64 << 10
            return Self.judged(try await http.send(request))
        } catch let failure as HTTPFailure {
            return .later(failure.message, after: nil)
        } catch {
            return .later("there was no time left", after: nil)
        }
    }

    private static func judged(_ answer: HTTPAnswer) -> DeliveryAnswer {
        let said = "it answers \(answer.shown)"
        switch answer.status {
        case 200..<300: return .taken(said)
        case 429, 503:
            return .later(said, after: answer.header("Retry-After").flatMap { Int($0) }.map { min(max($0, 1), 86400) })
        // What is wrong with the message itself stays wrong.
        case 400, 413, 415, 422: return .refused(said)
        default: return .later(said, after: nil)
        }
    }

    // MARK: SMTP

    private func write(
        _ change: StateChange, _ route: NotificationRoute, _ limit: Duration
    ) async -> DeliveryAnswer {
        let notification = route.notification
        let login = notification.user.flatMap { user in route.password.map { (user: user, password: $0) } }
        do {
            return .taken(
                "it answers "
                    + (try await mail.send(
                        MailRequest(
                            server: notification.server, from: notification.sender, to: notification.recipients,
                            letter: Self.payload(change, notification), login: login, limit: limit))))
        } catch let failure as MailFailure {
            return failure.mayPass ? .later(failure.message, after: nil) : .refused(failure.message)
        } catch {
            return .later("there was no time left", after: nil)
        }
    }
}
