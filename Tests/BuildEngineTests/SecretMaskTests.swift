import BuildEngine
import Testing

@Suite struct SecretMaskTests {
    func mask(_ secret: String, _ text: String) -> String {
        String(decoding: SecretMask(values: [secret]).masked(Array(text.utf8)), as: UTF8.self)
    }

    @Test(arguments: [
        ("s3cret!x", "a s3cret!x b", "a *** b"),
        ("s3cret!x", "s3cret%21x", "***"),
        ("line one\nline two", "got line two", "got ***"),
        ("a\"b\"c", #"{"k": "a\"b\"c"}"#, #"{"k": "***"}"#),
        ("abc", "abc is too short", "abc is too short"),
        ("", "nothing", "nothing"),
    ]) func hides(secret: String, text: String, shown: String) {
        #expect(mask(secret, text) == shown)
    }

    /// `password` alone, and behind one and two other bytes: "password", "xpassword", "xxpassword".
    @Test(arguments: ["cGFzc3dvcmQ=", "eHBhc3N3b3Jk", "eHhwYXNzd29yZA=="])
    func hidesBase64WhereverItStarts(text: String) {
        #expect(mask("password", text).contains("***"))
    }

    @Test func theLongerOfTwoValuesWins() {
        let masked = SecretMask(values: ["secret", "secret-longer"]).masked(Array("x secret-longer y".utf8))
        #expect(String(decoding: masked, as: UTF8.self) == "x *** y")
    }
}
