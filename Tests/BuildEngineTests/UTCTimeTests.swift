import BuildEngine
import Glibc
import Testing

struct UTCTimeTests {
    @Test(arguments: [0, -1, 951_782_400, 1_795_291_408, -62_135_596_800, 253_402_300_799, 4_107_542_399])
    func asTheSystemHasIt(_ seconds: Int) throws {
        var (value, parts) = (time_t(seconds), tm())
        gmtime_r(&value, &parts)
        let moment = UTCTime(seconds: seconds)
        #expect(
            [moment.day.year, moment.day.month, moment.day.day, moment.day.weekday % 7, moment.day.dayOfYear - 1]
                == [parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_wday, parts.tm_yday].map(Int.init))
        #expect(moment.secondOfDay == Int(parts.tm_hour * 3600 + parts.tm_min * 60 + parts.tm_sec))
        #expect(moment.seconds == seconds)
    }

    @Test func writtenAndRead() {
        let moment = UTCTime(seconds: 1_795_291_408)
        #expect(moment.text == "2026-11-21T20:03:28Z")
        #expect(moment.shown == "2026-11-21 20:03:28 UTC")
        #expect(moment.digits == "20261121-200328")
        #expect(moment.ofLetter == "Sat, 21 Nov 2026 20:03:28 +0000")
        #expect(UTCTime(moment.text) == moment)
        #expect(UTCTime("2024-02-29T23:59:59Z")?.seconds == 1_709_251_199)
    }

    @Test(arguments: [
        "", "2026-11-21", "2026-11-21T20:03:28", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
        "2026-11-21T24:00:00Z", "2026-11-21 20:03:28Z", "99999999999999999999-11-21T20:03:28Z",
    ])
    func whatIsNoMoment(_ text: String) { #expect(UTCTime(text) == nil) }
}
