import BuildGraph
import Contracts
import Testing

/// Contracts that are definitions: what they are taken for, and what counts in them.
@Suite struct DefinitionTests {
    private func read(_ text: String, _ name: String = "a") throws -> ContractDocument {
        try ContractDocument.read(Array(text.utf8), name: name)
    }

    private static let json = """
        {"openapi": "3.0.3", "info": {"title": "Shop", "version": "1"},
         "paths": {"/orders/{id}": {"get": {
           "summary": "one order", "parameters": [
             {"name": "id", "in": "path", "required": true, "schema": {"type": "integer", "minimum": 1}},
             {"name": "q", "in": "query", "schema": {"type": "string", "enum": ["b", "a"]}}],
           "responses": {"200": {"description": "found", "content": {"application/json": {
             "schema": {"$ref": "#/components/schemas/Order"}}}}}}}},
         "components": {"schemas": {"Order": {"type": "object", "required": ["id", "total"],
           "properties": {"id": {"type": "integer"}, "total": {"type": "number", "default": 1.5},
             "description": {"type": "string"}}}}}}
        """

    private static let yaml = """
        # The same, for people.
        openapi: "3.0.1"
        info:
          title: A shop
          version: 2.0.0
          description: |
            Several lines
              of text: with a colon

            and a gap
        paths:
          /orders/{id}:
            get:
              description: >-
                folded
                text
              responses:
                200:
                  description: 'it''s there'
                  content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}
              parameters:
              - name: q
                in: query
                schema: {type: string, enum: [a, b]}
              - in: path
                name: id
                required: true
                schema:
                  type: integer
                  minimum: 1
        components:
          schemas:
            Order:
              required: [total, id]   # in any order
              type: object
              properties:
                description: {type: string}
                total: {type: number, default: 1.5}
                id:
                  type: integer
                  description: a plain text
                    over two lines
        """

    @Test func anAPIDescriptionInYAMLIsTheOneInJSON() throws {
        let left = try read(Self.json, "a.json")
        let right = try read(Self.yaml, "a.yaml")
        #expect(left.kind == .openAPI)
        #expect(right.kind == .openAPI)
        #expect(left.digest == right.digest)
        #expect(try read(Self.yaml, "anything").digest == left.digest)
        #expect(left.interactions.isEmpty)
        #expect(left.narrowed(to: []) == left.bytes)
    }

    @Test(arguments: [
        ("integer", "string"), ("\"total\"]", "\"totals\"]"), ("\"enum\": [\"b\", \"a\"]", "\"enum\": [\"b\"]"),
        ("/orders/{id}", "/order/{id}"), ("\"200\"", "\"201\""), ("\"default\": 1.5", "\"default\": 1.25"),
        ("\"description\": {\"type\": \"string\"}", "\"desc\": {\"type\": \"string\"}"), ("3.0.3", "3.1.0"),
        ("\"minimum\": 1", "\"minimum\": 2"),
    ])
    func whatCountsInAnAPIDescription(_ text: String, _ other: String) throws {
        let changed = Self.json.replacing(text, with: other, maxReplacements: 1)
        #expect(changed != Self.json)
        #expect(try read(changed).digest != read(Self.json).digest)
    }

    @Test func jsonSchemas() throws {
        let schema = #"{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "title": "A"}"#
        let same = #"{"type": "object", "description": "B", "$schema": "https://json-schema.org/draft/2020-12/schema"}"#
        #expect(try read(schema).kind == .jsonSchema)
        #expect(try read(schema).digest == read(same).digest)
        #expect(try read(schema).digest != read(schema.replacing("object", with: "array")).digest)
    }

    private static let proto = """
        syntax = "proto3";
        package shop;
        option go_package = "x/y";
        // An order.
        message Order {
          int64 id = 1;
          repeated string tags = 2 [packed = false, deprecated = true];
          oneof kind { string a = 3; int32 b = 4; }
          map<string, int32> counts = 5;
        }
        enum State { NONE = 0; PAID = 1; }
        service Orders { rpc Get (Order) returns (stream Order) {} }
        """

    @Test func protobufDefinitions() throws {
        let same = """
            syntax = 'proto3'; /* other order */ package shop;
            service Orders { rpc Get(Order) returns(stream Order); }
            enum State { PAID = 0x1; NONE = 0; };
            message Order {
              map < string , int32 > counts = 5; oneof kind { int32 b = 4; string a = 3; }
              repeated string tags = 2 [ packed = false ];
              int64 id = 1;
            }
            option java_package = "z";
            """
        #expect(try read(Self.proto).kind == .protobuf)
        #expect(try read(Self.proto).digest == read(same, "b.proto").digest)
        for (text, other) in [
            ("id = 1", "id = 7"), ("int64 id", "int32 id"), ("Order)", "Other)"), ("stream ", ""), ("PAID", "DONE"),
            ("packed = false", "packed = true"), ("string a", "string aa"), ("package shop", "package shops"),
        ] {
            let changed = Self.proto.replacing(text, with: other, maxReplacements: 1)
            #expect(try read(Self.proto).digest != read(changed).digest, "\(text) to \(other)")
        }
    }

    @Test func descriptorSets() throws {
        func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] { [number << 3 | 2, UInt8(bytes.count)] + bytes }
        func message(_ name: String, _ fields: [[UInt8]]) -> [UInt8] {
            field(4, field(1, Array(name.utf8)) + fields.flatMap { field(2, $0) })
        }
        let a = field(1, Array("a".utf8)) + [0x18, 1, 0x28, 5]
        let b = field(1, Array("b".utf8)) + [0x18, 2, 0x28, 9]
        func set(_ name: String, _ messages: [[UInt8]], _ more: [UInt8] = []) -> [UInt8] {
            field(1, field(1, Array(name.utf8)) + messages.flatMap { $0 } + more)
        }
        func digest(_ bytes: [UInt8]) throws -> Digest {
            let document = try ContractDocument.read(bytes, name: "a.binpb")
            #expect(document.kind == .protobuf)
            return document.digest
        }
        let left = try digest(set("x.proto", [message("M", [a, b]), message("N", [])]))
        let goPackage = field(8, [0x5A, 1, 0x78])
        #expect(try digest(set("y.proto", [message("N", []), message("M", [b, a])], goPackage)) == left)
        #expect(try digest(set("x.proto", [message("M", [a]), message("N", [])])) != left)
        #expect(throws: ContractReadError.self) { try ContractDocument.read([0x0A, 0x50, 1], name: "a.binpb") }
    }
}
