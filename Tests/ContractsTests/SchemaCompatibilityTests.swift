import BuildEngine
import Testing

@testable import Contracts

/// Two documents of one kind, and what is found between them.
enum Compared {
    static func openAPI(
        _ mine: String, _ its: String, _ question: CompatibilityQuestion = .versions
    ) throws -> [Incompatibility] {
        try documents(mine, its, "openapi.json", question)
    }

    static func documents(
        _ mine: String, _ its: String, _ name: String, _ question: CompatibilityQuestion = .versions
    ) throws -> [Incompatibility] {
        let one = try InterfaceDocument.read(Array(mine.utf8), name: name)
        let other = try InterfaceDocument.read(Array(its.utf8), name: name)
        return one.incompatibilities(with: other, question)
    }

    /// `schema` as the body of requests, or of answers.
    static func api(request schema: String, components: String = "{}") -> String {
        """
        { "openapi": "3.0.3", "info": { "title": "x", "version": "1" }, "paths": { "/x": { "post": {
          "requestBody": { "content": { "application/json": { "schema": \(schema) } } },
          "responses": { "204": { "description": "done" } } } } }, "components": { "schemas": \(components) } }
        """
    }

    static func api(response schema: String, components: String = "{}") -> String {
        """
        { "openapi": "3.1.0", "info": { "title": "x", "version": "1" }, "paths": { "/x": { "get": {
          "responses": { "200": { "description": "it", "content": { "application/json": {
            "schema": \(schema) } } } } } } }, "components": { "schemas": \(components) } }
        """
    }

    /// A kind with `?` behind it could not be decided.
    static func kinds(_ findings: [Incompatibility]) -> [String] {
        findings.map { $0.kind + ($0.isCertain ? "" : "?") }.sorted()
    }
}

/// A schema before and after; what breaks requests, and what breaks answers.
struct SchemaCase: Sendable, CustomTestStringConvertible {
    let old: String
    let new: String
    let request: [String]
    let response: [String]
    var components = "{}"

    var testDescription: String { "\(old) -> \(new)" }

    init(_ old: String, _ new: String, request: [String] = [], response: [String] = [], components: String = "{}") {
        self.old = old
        self.new = new
        self.request = request
        self.response = response
        self.components = components
    }
}

@Suite struct SchemaCompatibilityTests {
    private static let object = #"{"type":"object","properties":{"a":{"type":"string"}}}"#
    private static let required = #"{"type":"object","required":["a"],"properties":{"a":{"type":"string"}}}"#
    private static let closed =
        #"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"string"}}}"#
    private static let two =
        #"{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}}}"#
    private static let twoRequired =
        #"{"type":"object","required":["b"],"properties":{"a":{"type":"string"},"b":{"type":"integer"}}}"#
    // swift-format-ignore
    private static let tree =
        ##"{"Tree":{"type":"object","properties":{"value":{"type":"integer"},"left":{"$ref":"#/components/schemas/Tree"}}}}"##

    // swift-format-ignore
    private static let twoClosed =
        #"{"type":"object","additionalProperties":false,"properties":{"a":{"type":"string"},"b":{"type":"integer"}}}"#

    // swift-format-ignore
    static let cases: [SchemaCase] = [
        // Nothing changed, or only what people read.
        .init(object, object),
        .init(object, #"{"title":"A","description":"an a","type":"object","properties":{"a":{"type":"string","example":"x"}}}"#),
        .init("true", "true"),
        .init("{}", "{}"),
        // Types.
        .init(#"{"type":"string"}"#, #"{"type":"integer"}"#, request: ["request-type-changed"], response: ["response-type-changed"]),
        .init(#"{"type":"integer"}"#, #"{"type":"number"}"#, response: ["response-type-widened"]),
        .init(#"{"type":"number"}"#, #"{"type":"integer"}"#, request: ["request-type-narrowed"]),
        .init(#"{"type":"string"}"#, #"{"type":["string","null"]}"#, response: ["response-became-nullable"]),
        .init(#"{"type":"string"}"#, #"{"type":"string","nullable":true}"#, response: ["response-became-nullable"]),
        .init(#"{"type":["string","null"]}"#, #"{"type":"string"}"#, request: ["request-null-refused"]),
        .init(#"{"type":"string","nullable":true}"#, #"{"type":["null","string"]}"#),
        .init(#"{"type":["string","integer"]}"#, #"{"type":"string"}"#, request: ["request-type-narrowed"]),
        .init("{}", #"{"type":"string"}"#, request: ["request-type-narrowed"]),
        .init(#"{"type":"string"}"#, "{}", response: ["response-type-widened"]),
        .init(#"{"type":"string"}"#, "false", request: ["request-type-changed"]),
        // Enumerations.
        .init(#"{"enum":["a","b"]}"#, #"{"enum":["b","a"]}"#),
        .init(#"{"enum":["a","b"]}"#, #"{"enum":["a"]}"#, request: ["request-enum-value-removed"]),
        .init(#"{"enum":["a"]}"#, #"{"enum":["a","b"]}"#, response: ["response-enum-value-added"]),
        .init(#"{"type":"string"}"#, #"{"type":"string","enum":["a"]}"#, request: ["request-enum-added"]),
        .init(#"{"type":"string","enum":["a"]}"#, #"{"type":"string"}"#, response: ["response-enum-dropped"]),
        .init(#"{"const":"a"}"#, #"{"enum":["a"]}"#),
        .init(#"{"const":1}"#, #"{"const":2}"#, request: ["request-enum-value-removed"], response: ["response-enum-value-added"]),
        .init(#"{"type":"boolean"}"#, #"{"type":"boolean","enum":[true]}"#, request: ["request-enum-value-removed"]),
        .init(#"{"type":"boolean"}"#, #"{"enum":[true,false]}"#),
        // Limits.
        .init(#"{"type":"integer","minimum":1}"#, #"{"type":"integer","minimum":2}"#, request: ["request-range-narrowed"]),
        .init(#"{"type":"integer","minimum":2}"#, #"{"type":"integer","minimum":1}"#, response: ["response-range-widened"]),
        .init(#"{"type":"integer","minimum":1,"exclusiveMinimum":true}"#, #"{"type":"integer","exclusiveMinimum":1}"#),
        .init(#"{"type":"integer","maximum":9223372036854775807}"#, #"{"type":"integer","maximum":9223372036854775806}"#, request: ["request-range-narrowed"]),
        .init(#"{"type":"string"}"#, #"{"type":"string","maxLength":5}"#, request: ["request-range-narrowed"]),
        .init(#"{"type":"string"}"#, #"{"type":"string","minLength":0}"#),
        .init(#"{"enum":["abc"]}"#, #"{"type":"string","enum":["abc"],"maxLength":5}"#),
        .init(#"{"type":"array","items":{}}"#, #"{"type":"array","items":{},"maxItems":3}"#, request: ["request-range-narrowed"]),
        .init(#"{"type":"array","items":{}}"#, #"{"type":"array","items":{},"uniqueItems":true}"#, request: ["request-range-narrowed"]),
        .init(#"{"type":"integer","multipleOf":10}"#, #"{"type":"integer","multipleOf":5}"#, response: ["response-range-widened"]),
        // Formats and patterns.
        .init(#"{"type":"integer","format":"int32"}"#, #"{"type":"integer","format":"int64"}"#, response: ["response-format-changed"]),
        .init(#"{"type":"integer","format":"int64"}"#, #"{"type":"integer","format":"int32"}"#, request: ["request-format-changed"]),
        .init(#"{"type":"string"}"#, #"{"type":"string","format":"date"}"#, request: ["request-format-changed?"]),
        .init(#"{"type":"string"}"#, #"{"type":"string","pattern":"^a"}"#, request: ["request-pattern-changed"]),
        .init(#"{"type":"string","pattern":"^a"}"#, #"{"type":"string","pattern":"^[a]"}"#, request: ["request-pattern-changed?"], response: ["response-pattern-changed?"]),
        // Properties.
        .init(object, two),
        .init(two, object, request: ["request-property-removed"], response: ["response-property-removed"]),
        .init(object, twoRequired, request: ["request-required-property-added"]),
        .init(twoRequired, object, request: ["request-property-removed"], response: ["response-property-removed"]),
        .init(object, required, request: ["request-property-became-required"]),
        .init(required, object, response: ["response-property-became-optional"]),
        .init(closed, twoClosed, response: ["response-property-added"]),
        .init(#"{"type":"object","additionalProperties":true}"#, #"{"type":"object","additionalProperties":false}"#, request: ["request-additional-properties-refused"]),
        .init(#"{"type":"object","additionalProperties":{"type":"integer"}}"#, #"{"type":"object","additionalProperties":{"type":"string"}}"#, request: ["request-type-changed"], response: ["response-type-changed"]),
        .init(#"{"type":"object","required":["id"],"properties":{"id":{"type":"integer","readOnly":true}}}"#, #"{"type":"object","properties":{}}"#, response: ["response-property-removed"]),
        .init(#"{"type":"object","properties":{}}"#, #"{"type":"object","required":["id"],"properties":{"id":{"type":"integer","readOnly":true}}}"#),
        // Items.
        .init(#"{"type":"array","items":{"type":"string"}}"#, #"{"type":"array","items":{"type":"integer"}}"#, request: ["request-type-changed"], response: ["response-type-changed"]),
        .init(#"{"type":"array","prefixItems":[{"type":"string"}]}"#, #"{"type":"array","prefixItems":[{"type":"integer"}]}"#, request: ["request-type-changed"], response: ["response-type-changed"]),
        // allOf, references, recursion.
        .init(#"{"allOf":[{"type":"object","properties":{"a":{"type":"string"}}}]}"#, object),
        .init(object, #"{"allOf":[{"type":"object","properties":{"a":{"type":"string"}}},{"required":["a"]}]}"#, request: ["request-property-became-required"]),
        .init(##"{"$ref":"#/components/schemas/Tree"}"##, ##"{"$ref":"#/components/schemas/Tree"}"##, components: tree),
        .init(##"{"$ref":"#/components/schemas/Tree"}"##, ##"{"type":"object","properties":{"value":{"type":"string"},"left":{"$ref":"#/components/schemas/Tree"}}}"##, request: ["request-type-changed"], response: ["response-type-changed"], components: tree),
        .init(#"{"$ref":"other.json#/A"}"#, #"{"$ref":"other.json#/A"}"#),
        .init(#"{"type":"string"}"#, #"{"$ref":"other.json#/A"}"#, request: ["request-reference-outside?"], response: ["response-reference-outside?"]),
        // Alternatives.
        .init(#"{"oneOf":[{"type":"string"},{"type":"integer"}]}"#, #"{"oneOf":[{"type":"integer"},{"type":"string"}]}"#),
        .init(#"{"oneOf":[{"type":"string"},{"type":"integer"}]}"#, #"{"type":["string","integer"]}"#),
        .init(#"{"type":["string","integer"]}"#, #"{"oneOf":[{"type":"string"},{"type":"integer"}]}"#),
        .init(#"{"anyOf":[{"type":"string"},{"type":"integer"}]}"#, #"{"type":"string"}"#, request: ["request-type-changed"]),
        .init(#"{"type":"string"}"#, #"{"anyOf":[{"type":"string"},{"type":"integer"}]}"#, response: ["response-type-changed"]),
        .init(#"{"type":"string"}"#, #"{"anyOf":[{"type":"string"},{"type":"null"}]}"#, response: ["response-type-changed"]),
        .init(#"{"enum":["a","b"]}"#, #"{"anyOf":[{"const":"a"},{"const":"b"}]}"#),
        .init(#"{"oneOf":[{"type":"string"},{"type":"integer"}]}"#, #"{"oneOf":[{"type":"string"},{"type":"number"}]}"#, response: ["response-type-widened"]),
        .init(#"{"type":"integer"}"#, #"{"oneOf":[{"type":"integer"},{"type":"number"}]}"#, request: ["request-one-of-overlap?"], response: ["response-type-widened"]),
        // What comparing does not understand.
        .init(#"{"not":{"type":"string"}}"#, #"{"not":{"type":"string"}}"#),
        .init("{}", #"{"not":{"type":"string"}}"#, request: ["request-undecided?"]),
        .init(#"{"type":"object","patternProperties":{"^a":{"type":"string"}}}"#, #"{"type":"object","patternProperties":{"^a":{"type":"integer"}}}"#, request: ["request-undecided?"], response: ["response-undecided?"]),
    ]

    @Test(arguments: cases)
    func findsWhatBreaks(_ test: SchemaCase) throws {
        let requests = try Compared.openAPI(
            Compared.api(request: test.old, components: test.components),
            Compared.api(request: test.new, components: test.components))
        #expect(Compared.kinds(requests) == test.request, "\(requests.map(\.message))")
        let responses = try Compared.openAPI(
            Compared.api(response: test.old, components: test.components),
            Compared.api(response: test.new, components: test.components))
        #expect(Compared.kinds(responses) == test.response, "\(responses.map(\.message))")
    }

    /// Whatever is said, nothing breaks by being left as it is.
    @Test(arguments: cases)
    func findsNothingInWhatStays(_ test: SchemaCase) throws {
        for schema in [test.old, test.new] {
            for document in [
                Compared.api(request: schema, components: test.components),
                Compared.api(response: schema, components: test.components),
            ] {
                #expect(Compared.kinds(try Compared.openAPI(document, document)) == [])
            }
        }
    }

    @Test func saysWhere() throws {
        let old = """
            openapi: 3.0.0
            info: {title: x, version: "1"}
            paths:
              /books/{id}:
                get:
                  responses:
                    "200":
                      description: a book
                      content:
                        application/json:
                          schema:
                            type: object
                            properties:
                              title:
                                type: string

            """
        let new = old.replacing("type: string", with: "type: integer").replacing("{id}", with: "{number}")
        let found = try Compared.documents(old, new, "openapi.yaml")
        #expect(found.count == 1)
        #expect(found.first?.place == "GET /books/{id}, response 200, application/json, .title")
        let schema = "/get/responses/200/content/application~1json/schema/properties/title"
        #expect(found.first?.expected.pointer == "/paths/~1books~1{id}" + schema)
        #expect(found.first?.actual.pointer == "/paths/~1books~1{number}" + schema)
        #expect(found.first?.expected.line == 14)
        #expect(found.first?.expected.text == "string")
        #expect(found.first?.actual.text == "integer")
    }

    @Test func schemasOfMessages() throws {
        func schema(_ text: String) -> String {
            #"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":"# + text + "}"
        }
        let narrow = schema(#"{"id":{"type":"integer"}}"#)
        let wide = schema(#"{"id":{"type":"integer"},"title":{"type":"string"}}"#)
        #expect(Compared.kinds(try Compared.documents(narrow, wide, "a.json", .consumer)) == [])
        #expect(
            Compared.kinds(try Compared.documents(wide, narrow, "a.json", .consumer)) == ["response-property-removed"])
        #expect(
            Compared.kinds(try Compared.documents(wide, narrow, "a.json"))
                == ["request-property-removed", "response-property-removed"])
    }
}
