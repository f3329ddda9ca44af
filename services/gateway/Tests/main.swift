import Glibc

/// A test runner in a screenful: named closures, every failure printed, exit status 1 when there was one.
struct Failure: Error {
    let text: String
}

func expect(_ condition: Bool, _ text: String = "", line: Int = #line) throws {
    guard condition else { throw Failure(text: "line \(line): \(text)") }
}

func expectEqual<Value: Equatable>(_ actual: Value, _ expected: Value, line: Int = #line) throws {
    guard actual == expected else { throw Failure(text: "line \(line): \(actual) is not \(expected)") }
}

signal(SIGPIPE, SIG_IGN)
var failed = 0
let tests = jsonTests + messageTests + settingsTests + gatewayTests + serverTests
for test in tests {
    do {
        try test.run()
    } catch {
        failed += 1
        print("FAIL \(test.name)\n     \((error as? Failure)?.text ?? "\(error)")")
    }
}
print("\(tests.count - failed) passed, \(failed) failed")
exit(failed == 0 ? 0 : 1)
