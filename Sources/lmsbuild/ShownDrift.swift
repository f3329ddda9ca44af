// Drift in words. Does not know how it was found.
import BuildGraph
import Delivery

extension Drift {
    /// One line for people.
    var shown: String {
        let name = service.map { "\($0): " } ?? ""
        let place = path.map { "\($0): " } ?? ""
        let change =
            switch kind {
            case .missing: "it is not there"
            case .orphan: "it is no service of the release"
            case .unknown where found != nil: "left by a deployment that stopped half-way: \(found ?? "")"
            case .unknown: "nobody deployed it from here"
            case .unfinished where found != nil: "\(found ?? ""): \(wanted ?? "")"
            case .unfinished: "ended midway: \(wanted ?? "")"
            case .secret: "the secret is gone"
            case .config where found == nil: "the config is gone"
            case .changed, .config, .notRunning: "\(found ?? "nothing") in place of \(wanted ?? "nothing")"
            }
        return BytePath(name + place + change).shown
    }
}
