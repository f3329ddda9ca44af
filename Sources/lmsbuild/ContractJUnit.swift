// Pairs of contracts as JUnit XML, for CI: each pair a suite, each term a case. Does not know where states come from.
import BuildGraph
import Contracts
import Reporting

enum ContractJUnit {
    static func text(_ states: [PairState]) -> String {
        var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"contracts\">\n"
        for state in states {
            let terms = state.terms ?? []
            let failed = terms.count { $0.shown == .failed }
            let skipped = terms.count { ![.failed, .verified].contains($0.shown) }
            let name = escaped("\(state.consumer) asks \(state.provider)")
            text += "  <testsuite name=\"\(name)\" tests=\"\(terms.count)\" failures=\"\(failed)\" errors=\"0\""
            text += " skipped=\"\(skipped)\">\n"
            for term in terms { text += testCase(term, state) }
            text += "  </testsuite>\n"
        }
        return text + "</testsuites>\n"
    }

    private static func testCase(_ term: PairState.Term, _ state: PairState) -> String {
        let start =
            "    <testcase classname=\"\(escaped(state.label.description))\" name=\"\(escaped(BytePath(term.term.name).shown))\""
        switch term.shown {
        case .verified: return start + "/>\n"
        case .failed:
            let message = escaped("'\(state.provider)' does not do what '\(state.consumer)' asks")
            return start + "><failure message=\"\(message)\"/></testcase>\n"
        case .pending:
            let since = term.pendingSince.map { " since \(ContractAnswer.day($0))" } ?? ""
            return start + "><skipped message=\"pending\(since): the provider has never done it\"/></testcase>\n"
        case .toDo: return start + "><skipped message=\"not verified yet\"/></testcase>\n"
        case .undeclared: return start + "><skipped message=\"the provider has no verify rule\"/></testcase>\n"
        }
    }

    private static func escaped(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": shown += "&amp;"
            case "<": shown += "&lt;"
            case ">": shown += "&gt;"
            case "\"": shown += "&quot;"
            case _ where scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF: shown += " "
            default: shown.unicodeScalars.append(scalar)
            }
        }
        return shown
    }
}
