/// What the outside may ask for, and which service answers. Owns no state and no socket.
struct Gateway: Sendable {
    typealias Send = @Sendable (Request, _ service: String) throws(Unavailable) -> Response

    let version: String
    let send: Send

    /// The first part of a path below /api, and the service that has it.
    static let owners = [
        "books": "catalog", "copies": "catalog", "readers": "readers", "loans": "lending", "holds": "lending",
        "reminders": "lending", "notices": "notices",
    ]
    static let methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]

    func answer(_ request: Request, id: String) -> Response {
        do {
            var response = try route(request, id: id)
            response.headers.removeAll { $0.name.lowercased() == "x-request-id" }
            response.headers.append(Header(name: "X-Request-Id", value: id))
            return response
        } catch {
            Log.write(
                "warning", "upstream-unavailable",
                ["upstream": .string(error.service), "reason": .string(error.reason), "request_id": .string(id)])
            return .problem(503, "upstream-unavailable", "\(error.service) cannot be reached at the moment")
        }
    }

    private func route(_ request: Request, id: String) throws(Unavailable) -> Response {
        let parts = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        switch (request.method, parts) {
        case ("GET", ["health"]), ("HEAD", ["health"]):
            return Response(status: 200, health)
        case (_, ["health"]):
            return .problem(405, "method-not-allowed", "only GET is possible here")
        case ("GET", ["api", "health"]):
            return systemHealth(id: id)
        case ("POST", ["api", "checkout"]):
            return try checkOut(request, id: id)
        case (_, ["api", "checkout"]):
            return .problem(405, "method-not-allowed", "only POST is possible here")
        default:
            guard parts.count >= 2, parts[0] == "api", let owner = Gateway.owners[parts[1]],
                !parts.contains(".."), !parts.contains(".")
            else { return .problem(404, "no-such-resource", "there is nothing at \(request.path)") }
            guard Gateway.methods.contains(request.method) else {
                return .problem(405, "method-not-allowed", "\(request.method) is not possible here")
            }
            return try pass(request, to: owner, id: id)
        }
    }

    private var health: JSON {
        .object(["service": .string("gateway"), "version": .string(version), "status": .string("ok")])
    }

    /// Hands a request on, its path without /api; what comes back goes out, its Location below /api again.
    private func pass(_ request: Request, to service: String, id: String) throws(Unavailable) -> Response {
        var onward = Request(method: request.method, target: String(request.target.dropFirst("/api".count)))
        onward.headers = [Header(name: "X-Request-Id", value: id)]
        if let kind = request.header("Content-Type") {
            onward.headers.append(Header(name: "Content-Type", value: kind))
        }
        onward.body = request.body
        let response = try send(onward, service)
        var headers = [Header(name: "Content-Type", value: response.header("Content-Type") ?? "application/json")]
        if let location = response.header("Location") {
            headers.append(Header(name: "Location", value: "/api" + location))
        }
        if let allow = response.header("Allow") { headers.append(Header(name: "Allow", value: allow)) }
        return Response(status: response.status, headers: headers, body: response.body)
    }

    /// A loan from an address and an ISBN, as the desk's scanner sends it: finds the reader, makes the loan.
    private func checkOut(_ request: Request, id: String) throws(Unavailable) -> Response {
        guard let body = try? JSONParser.parse(request.body), case .object = body else {
            return .problem(400, "bad-json", "the body must be a JSON object")
        }
        guard let email = body["email"]?.text, !email.isEmpty, let isbn = body["isbn"]?.text, !isbn.isEmpty else {
            return .problem(422, "invalid", "email and isbn must be strings that are not empty")
        }
        let found = try json(
            Request(method: "GET", target: "/readers?email=\(percentEncoded(email))"), "readers", id: id)
        guard found.status == 200, let readers = found.body["readers"]?.items else {
            return Response(status: found.status, found.body)
        }
        guard let reader = readers.first, let number = reader["id"] else {
            return .problem(422, "no-such-reader", "nobody is registered with this address")
        }
        var order = Request(method: "POST", target: "/loans")
        order.headers = [Header(name: "Content-Type", value: "application/json")]
        order.body = Array(JSON.object(["reader_id": number, "isbn": .string(isbn)]).encoded.utf8)
        let loan = try json(order, "lending", id: id)
        guard loan.status == 201 else { return Response(status: loan.status, loan.body) }
        return Response(status: 201, .object(["loan": loan.body, "reader": reader]))
    }

    /// The health of every service behind us: 200 when all are well, 503 otherwise.
    private func systemHealth(id: String) -> Response {
        var services: [JSON.Member] = []
        var isWell = true
        for service in Settings.services {
            let answer = try? json(Request(method: "GET", target: "/health"), service, id: id)
            let status = answer?.body["status"]?.text ?? "unavailable"
            isWell = isWell && answer?.status == 200
            services.append(JSON.Member(name: service, value: .string(status)))
        }
        let body = JSON.object(["status": .string(isWell ? "ok" : "failing"), "services": .object(services)])
        return Response(status: isWell ? 200 : 503, body)
    }

    private func json(
        _ request: Request, _ service: String, id: String
    ) throws(Unavailable) -> (status: Int, body: JSON) {
        var request = request
        request.headers.append(Header(name: "X-Request-Id", value: id))
        let response = try send(request, service)
        guard let body = try? JSONParser.parse(response.body) else {
            throw Unavailable(service: service, reason: "the answer is not JSON")
        }
        return (response.status, body)
    }
}
