import BuildEngine
import Testing

@testable import Contracts

struct OperationCase: Sendable, CustomTestStringConvertible {
    let name: String
    let old: String
    let new: String
    let found: [String]
    var question = CompatibilityQuestion.versions

    var testDescription: String { name }

    /// `old` and `new` are what stands in `paths`.
    init(
        _ name: String, _ old: String, _ new: String, _ found: [String], _ question: CompatibilityQuestion = .versions
    ) {
        self.name = name
        self.old = old
        self.new = new
        self.found = found
        self.question = question
    }
}

@Suite struct OpenAPICompatibilityTests {
    private static let done = #""responses":{"200":{"description":"ok"}}"#

    private static func get(_ words: String) -> String { #"{"/a/{id}":{"get":{"# + words + "}}}" }

    private static func parameters(_ list: String) -> String { get(#""parameters":["# + list + "]," + done) }

    private static func responses(_ list: String) -> String { get(#""responses":{"# + list + "}") }

    private static func answer(_ status: String, _ schema: String) -> String { "\"\(status)\":{\(json(schema))}" }

    private static func json(_ schema: String) -> String {
        #""description":"x","content":{"application/json":{"schema":"# + schema + "}}"
    }

    private static let query = #"{"name":"q","in":"query","schema":{"type":"string"}}"#
    private static let requiredQuery = #"{"name":"q","in":"query","required":true,"schema":{"type":"string"}}"#

    // swift-format-ignore
    static let cases: [OperationCase] = [
        .init("nothing", get(done), get(done), []),
        .init("the path is gone", get(done), "{}", ["path-removed"]),
        .init("the operation is gone", get(done), #"{"/a/{id}":{"put":{\#(done)}}}"#, ["operation-removed"]),
        .init("more operations", get(done), #"{"/a/{id}":{"put":{\#(done)},"get":{\#(done)}}}"#, []),
        .init("another name in the path", get(done), #"{"/a/{number}":{"get":{\#(done)}}}"#, []),
        .init("the path's variable has a type", parameters(#"{"name":"id","in":"path","required":true,"schema":{"type":"string"}}"#),
            #"{"/a/{n}":{"get":{"parameters":[{"name":"n","in":"path","required":true,"schema":{"type":"integer"}}],\#(done)}}}"#,
            ["request-type-changed"]),
        .init("a new optional parameter", get(done), parameters(query), []),
        .init("a new required parameter", get(done), parameters(requiredQuery), ["request-required-parameter-added"]),
        .init("a required parameter of the path item", get(done),
            #"{"/a/{id}":{"parameters":[\#(requiredQuery)],"get":{\#(done)}}}"#,
            ["request-required-parameter-added"]),
        .init("a parameter becomes required", parameters(query), parameters(requiredQuery), ["request-parameter-became-required"]),
        .init("a parameter becomes optional", parameters(requiredQuery), parameters(query), []),
        .init("a parameter is gone", parameters(query), get(done), ["request-parameter-removed"]),
        .init("a parameter moves", parameters(query), parameters(#"{"name":"q","in":"header","schema":{"type":"string"}}"#), ["request-parameter-removed"]),
        .init("headers have no case", parameters(#"{"name":"X-A","in":"header","schema":{"type":"string"}}"#), parameters(#"{"name":"x-a","in":"header","schema":{"type":"string"}}"#), []),
        .init("a list is written otherwise", parameters(#"{"name":"q","in":"query","schema":{"type":"array","items":{"type":"string"}}}"#), parameters(#"{"name":"q","in":"query","explode":false,"schema":{"type":"array","items":{"type":"string"}}}"#), ["request-parameter-style-changed"]),
        .init("a parameter with another type", parameters(query), parameters(#"{"name":"q","in":"query","schema":{"type":"boolean"}}"#), ["request-type-changed"]),
        .init("a body is asked for", get(done), get(#""requestBody":{"required":true,"content":{"text/plain":{}}},\#(done)"#), ["request-body-added"]),
        .init("a body may be sent", get(done), get(#""requestBody":{"content":{"text/plain":{}}},\#(done)"#), []),
        .init("no body any more", get(#""requestBody":{"content":{"text/plain":{}}},\#(done)"#), get(done), ["request-body-removed"]),
        .init("the body becomes required", get(#""requestBody":{"content":{"text/plain":{}}},\#(done)"#), get(#""requestBody":{"required":true,"content":{"text/plain":{}}},\#(done)"#), ["request-body-became-required"]),
        .init("a media type is gone", get(#""requestBody":{"content":{"text/plain":{},"text/csv":{}}},\#(done)"#), get(#""requestBody":{"content":{"text/plain":{}}},\#(done)"#), ["request-media-type-removed"]),
        .init("all of a kind are taken", get(#""requestBody":{"content":{"text/plain":{},"text/csv":{}}},\#(done)"#), get(#""requestBody":{"content":{"text/*":{}}},\#(done)"#), []),
        .init("parameters of media types", responses(#""200":{"description":"x","content":{"application/json; charset=utf-8":{}}}"#), responses(#""200":{"description":"x","content":{"application/json":{}}}"#), []),
        .init("an answer's media type is gone", responses(#""200":{"description":"x","content":{"text/csv":{}}}"#), responses(#""200":{"description":"x","content":{"text/html":{}}}"#), ["response-media-type-removed"]),
        .init("a status is gone", responses(#""200":{"description":"x"},"404":{"description":"x"}"#), responses(#""200":{"description":"x"}"#), ["response-status-removed"]),
        .init("a status is covered", responses(#""200":{"description":"x"},"404":{"description":"x"}"#), responses(#""200":{"description":"x"},"default":{"description":"x"}"#), []),
        .init("a range is covered", responses(#""2XX":{"description":"x"}"#), responses(#""201":{"description":"x"}"#), []),
        .init("another success", responses(#""200":{"description":"x"}"#), responses(#""200":{"description":"x"},"202":{"description":"x"}"#), ["response-status-added"]),
        .init("another failure", responses(#""200":{"description":"x"}"#), responses(#""200":{"description":"x"},"500":{"description":"x"}"#), []),
        .init("the default changes", responses(answer("default", #"{"type":"string"}"#)), responses(answer("default", #"{"type":"integer"}"#)), ["response-type-changed"]),
        .init("a header is gone", responses(#""200":{"description":"x","headers":{"ETag":{"schema":{"type":"string"}}}}"#), responses(#""200":{"description":"x"}"#), ["response-header-removed"]),
        .init("a header becomes optional", responses(#""200":{"description":"x","headers":{"ETag":{"required":true,"schema":{"type":"string"}}}}"#), responses(#""200":{"description":"x","headers":{"etag":{"schema":{"type":"string"}}}}"#), ["response-header-became-optional"]),
        .init("callbacks", get(#""callbacks":{"a":{"x":{}}},\#(done)"#), get(#""callbacks":{"b":{"x":{}}},\#(done)"#), ["callbacks-changed?"]),
        .init("a consumer knows less", responses(answer("200", #"{"type":"object","properties":{"a":{"type":"string"}}}"#)),
            "{\"/b\":{\"get\":{\(done)}},\"/a/{x}\":{\"get\":{\"responses\":{\(answer("200", #"{"type":"object","properties":{"a":{"type":"string"},"b":{}}}"#))}}}}", [], .consumer),
        .init("a consumer reads what is not there", responses(answer("200", #"{"type":"object","properties":{"c":{"type":"string"}}}"#)),
            responses(answer("200", #"{"type":"object","properties":{"a":{"type":"string"}}}"#)), ["response-property-removed"], .consumer),
        .init("a consumer calls what is not there", get(done), "{}", ["path-removed"], .consumer),
    ]

    static func document(_ paths: String, more: String = "") -> String {
        #"{"openapi":"3.0.1","info":{"title":"x","version":"1"},"paths":"# + paths + more + "}"
    }

    @Test(arguments: cases)
    func findsWhatBreaks(_ test: OperationCase) throws {
        let found = try Compared.openAPI(Self.document(test.old), Self.document(test.new), test.question)
        #expect(Compared.kinds(found) == test.found, "\(found.map(\.message))")
        for text in [test.old, test.new] {
            #expect(try Compared.openAPI(Self.document(text), Self.document(text)).isEmpty)
        }
    }

    @Test func security() throws {
        func document(_ security: String?, schemes: String = #"{"key":{"type":"apiKey","in":"header","name":"K"}}"#)
            -> String
        {
            Self.document(
                Self.get(Self.done),
                more: security.map { #","security":"# + $0 + #","components":{"securitySchemes":"# + schemes + "}" }
                    ?? "")
        }
        let open = document(nil)
        let key = document(#"[{"key":[]}]"#)
        let renamed = document(#"[{"k":[]}]"#, schemes: #"{"k":{"type":"apiKey","in":"header","name":"K"}}"#)
        let oauth = document(#"[{"o":["read"]}]"#, schemes: #"{"o":{"type":"oauth2","flows":{}}}"#)
        let more = document(#"[{"o":["read","write"]}]"#, schemes: #"{"o":{"type":"oauth2","flows":{}}}"#)
        #expect(Compared.kinds(try Compared.openAPI(open, key)) == ["request-security-added"])
        #expect(Compared.kinds(try Compared.openAPI(open, key, .consumer)) == [])
        #expect(Compared.kinds(try Compared.openAPI(key, open)) == [])
        #expect(Compared.kinds(try Compared.openAPI(key, renamed)) == [])
        #expect(Compared.kinds(try Compared.openAPI(key, oauth)) == ["request-security-changed"])
        #expect(Compared.kinds(try Compared.openAPI(oauth, more)) == ["request-scopes-added"])
        #expect(Compared.kinds(try Compared.openAPI(more, oauth)) == [])
        #expect(Compared.kinds(try Compared.openAPI(key, document(#"[{"key":[]},{}]"#))) == [])
    }

    @Test func webhooks() throws {
        func document(_ schema: String) -> String {
            #"{"openapi":"3.1.0","info":{"title":"x","version":"1"},"webhooks":{"lent":{"post":{"requestBody":{"content":{"application/json":{"schema":"#
                + schema + #"}}},"responses":{"200":{"description":"ok"}}}}}}"#
        }
        let old = document(#"{"type":"object","required":["id"],"properties":{"id":{"type":"integer"}}}"#)
        let new = document(#"{"type":"object","properties":{"id":{"type":"integer"}}}"#)
        #expect(Compared.kinds(try Compared.openAPI(old, new)) == ["response-property-became-optional"])
        #expect(Compared.kinds(try Compared.openAPI(new, old)) == [])
        let none = #"{"openapi":"3.1.0","info":{"title":"x","version":"1"},"webhooks":{}}"#
        #expect(Compared.kinds(try Compared.openAPI(old, none)) == ["webhook-removed"])
    }

    @Test(arguments: [
        (#"{"/a":{"get":{"responses":{"20":{}}}}}"#, "'20' is no status"),
        (#"{"a":{}}"#, "does not begin with /"),
        (#"{"/a":{"get":{"parameters":[{"name":"x"}],"responses":{}}}}"#, "lacks its name or place"),
        (#"{"/a":{"get":{"parameters":{},"responses":{}}}}"#, "'parameters' is no list"),
        (#"{"/a":{"get":[]}}"#, "an operation is no object"),
        (##"{"/a":{"get":{"responses":{"200":{"$ref":"#/components/responses/x"}}}}}"##, "leads nowhere"),
        (
            #"{"/a":{"get":{"requestBody":{"content":{"a/b":{"schema":{"type":"text"}}}},"responses":{}}}}"#,
            "'text' is no type"
        ),
        (
            #"{"/a":{"get":{"requestBody":{"content":{"a/b":{"schema":{"enum":1}}}},"responses":{}}}}"#,
            "'enum' is no list"
        ),
        (
            #"{"/a":{"get":{"requestBody":{"content":{"a/b":{"schema":{"required":[1]}}}},"responses":{}}}}"#,
            "no list of names"
        ),
        (
            #"{"/a":{"get":{"requestBody":{"content":{"a/b":{"schema":{"allOf":[]}}}},"responses":{}}}}"#,
            "no list of schemas"
        ),
        (#"{"/a":{"get":{"requestBody":{"content":{"a/b":{"schema":{"minimum":"1"}}}},"responses":{}}}}"#, "no number"),
    ])
    func refusesWhatIsBroken(paths: String, message: String) throws {
        let bytes = Array(Self.document(paths).utf8)
        do throws(ContractReadError) {
            _ = try InterfaceDocument.read(bytes, name: "a.json")
            Issue.record("it was read")
        } catch {
            #expect(error.message.holds(message), "\(error.message)")
            #expect(error.offset > 0 && error.offset < bytes.count)
        }
    }

    @Test func refusesWhatIsNoInterface() {
        for text in [
            "", "hello", #"{"openapi":"2.0"}"#, #"{"consumer":{"name":"a"},"provider":{"name":"b"},"interactions":[]}"#,
        ] {
            #expect(throws: ContractReadError.self) { try InterfaceDocument.read(Array(text.utf8), name: "x") }
        }
    }
}
