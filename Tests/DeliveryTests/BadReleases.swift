// Releases that cannot become healthy, each for a reason of its own. Does not know engines.
import BuildGraph

@testable import Delivery

/// Three services on the host's network: `fixed` has one port and is replaced stop-first; `moving` takes the next port where
/// its own is taken, so it can be replaced start-first; `steady` is in every release the same.
struct BadReleases {
    let project: String
    /// The first of ten ports.
    let port: Int
    /// On this machine. Where it holds a file `crash`, what is to crash does.
    let signals: BytePath

    static let serve = "exec /bin/busybox httpd -f -p 127.0.0.1:$PORT -h /www"
    /// Two containers can be there at once; a third waits until one has gone.
    private static let move =
        "while :; do for p in $PORT $((PORT+1)); do echo $p >/at; "
        + "/bin/busybox httpd -f -p 127.0.0.1:$p -h /www && exit 0; done; /bin/busybox sleep 0.1; done"

    enum Fault: String, CaseIterable {
        case wrongCommand, endsWithZero, missingImage, neverHealthy, crashWhileTheEngineWatches
        case crashAfterTheEngineWatched, portTaken, secretMissing, secretBad, secondReplica, oneOfThree
    }

    private static func shell(_ text: String) -> [String] { ["/bin/busybox", "sh", "-c", text] }

    private static func secured(_ name: String, _ text: String) -> [String] {
        shell("[ $(/bin/busybox cat /run/secrets/key-\(name)) = good ] || exit 1; \(text)")
    }

    /// What is good.
    var base: StackFixture {
        var fixed = StackFixture.Service(image: "one", port: port, secrets: ["key-fixed"], configs: ["conf-fixed"])
        fixed.command = Self.secured("fixed", Self.serve)
        var moving = StackFixture.Service(
            image: "one", port: port + 2, secrets: ["key-moving"], order: "start-first", configs: ["conf-moving"])
        moving.command = Self.secured("moving", Self.move)
        moving.check = Self.shell("/bin/busybox wget -q -O /dev/null http://127.0.0.1:$(/bin/busybox cat /at)/health")
        var stack = StackFixture(
            project: project,
            services: [
                "fixed": fixed, "moving": moving, "steady": .init(image: "one", port: port + 5, interval: 4),
            ])
        stack.configs = ["conf-fixed": "good", "conf-moving": "good"]
        stack.secrets = ["key-fixed": "good", "key-moving": "good"]
        return stack
    }

    /// `base` with a newer image and one thing wrong about `name`. `nowhere` is an image that no registry has.
    func release(_ fault: Fault, of name: String, nowhere: String) -> StackFixture {
        var stack = base
        guard var service = stack.services[name] else { return stack }
        service.image = "two"
        stack.configs["conf-\(name)"] = "of \(fault)"
        switch fault {
        case .wrongCommand: service.command = ["/bin/nothing"]
        case .endsWithZero: service.command = ["/bin/busybox", "true"]
        case .missingImage: service.image = nowhere
        case .neverHealthy: makeSick(&service)
        case .crashWhileTheEngineWatches, .crashAfterTheEngineWatched: crash(&service)
        case .portTaken:
            service.command = ["/bin/busybox", "httpd", "-f", "-p", "127.0.0.1:\(port + 5)", "-h", "/www"]
        case .secretMissing:
            stack.secrets["key-\(name)"] = "another"
            stack.valueless = ["key-\(name)"]
        case .secretBad: stack.secrets["key-\(name)"] = "bad"
        case .secondReplica:
            service.replicas = 2
            service.environment["SLOT"] = "{{.Task.Slot}}"
            service.command = Self.shell(
                "[ $SLOT = 1 ] || exit 1; \(name == "fixed" ? Self.serve : Self.move)")
        case .oneOfThree:
            makeSick(&service)
            let other = name == "fixed" ? "moving" : "fixed"
            stack.services[other]?.image = "two"
        }
        stack.services[name] = service
        return stack
    }

    private func makeSick(_ service: inout StackFixture.Service) {
        service.image = "sick"
        service.startPeriod = 500
    }

    /// Healthy until there is a signal, then gone.
    private func crash(_ service: inout StackFixture.Service) {
        let own = port + 7
        service.volumes = ["\(signals.shown):/signals:ro"]
        service.command = Self.shell(
            "/bin/busybox httpd -p 127.0.0.1:\(own) -h /www; "
                + "until [ -e /signals/crash ]; do /bin/busybox sleep 0.1; done; exit 1")
        service.check = Self.shell("/bin/busybox wget -q -O /dev/null http://127.0.0.1:\(own)/health")
    }
}

extension BadReleases.Fault {
    /// Whether what is seen now is the moment in which it crashes.
    func isItsMoment(_ event: RolloutEvent) -> Bool {
        switch (self, event) {
        case (.crashWhileTheEngineWatches, .standing(_, .coming("watched by the engine"))): true
        // Also where the engine's watch was too short to be seen.
        case (.crashWhileTheEngineWatches, .watching), (.crashAfterTheEngineWatched, .watching): true
        default: false
        }
    }
}
