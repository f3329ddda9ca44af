import Reporting
import Testing

@Suite struct ShownDurationTests {
    @Test(arguments: [
        (0.0, "0ms"), (0.0004, "0ms"), (0.031, "31ms"), (0.9996, "999ms"), (1.25, "1.2s"), (9.99, "9.9s"),
        (14.2, "14s"),
        (59.9, "59s"), (63, "1m03s"), (3599.9, "59m59s"), (3720, "1h02m"), (93_900, "26h05m"), (-1, "0ms"),
    ])
    func exact(seconds: Double, text: String) {
        #expect(Duration.seconds(seconds).shown == text)
    }

    @Test(arguments: [
        (0.2, "1s"), (12.9, "12s"), (89, "89s"), (100, "2m"), (130, "2m"), (5000, "83m"), (5400, "1h30m"),
    ])
    func rough(seconds: Double, text: String) {
        #expect(Duration.seconds(seconds).shownRoughly == text)
    }
}
