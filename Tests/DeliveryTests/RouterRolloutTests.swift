import BuildEngine
import BuildGraph
import BuildTestSupport
import Glibc
import Synchronization
import Testing

@testable import Delivery

extension RealEngineTests {
    /// Blue-green and canary with a real HAProxy: nobody who comes through it is turned away, whatever comes of a deployment.
    @Suite(
        .enabled(
            if: isInstalled("docker") && isInstalled("dockerd") && isInstalled("haproxy") && geteuid() == 0),
        .serialized)
    struct RouterRolloutTests {
        @Test(.timeLimit(.minutes(8))) func nobodyIsTurnedAwayInASwarm() async throws {
            try await DockerEngine.during(swarm: true) { engine in
                try await check(RoutedEngine(docker: engine, place: try EnginePlace.swarm(engine)))
            }
        }

        @Test(.enabled(if: isInstalled("docker-compose")), .timeLimit(.minutes(8)))
        func nobodyIsTurnedAwayByCompose() async throws {
            try await DockerEngine.during(swarm: false) { engine in
                try await check(RoutedEngine(docker: engine, place: try EnginePlace.compose(engine)))
            }
        }

        private func check(_ routed: RoutedEngine) async throws {
            try await routed.fill(["one", "two", "three", "four", "five", "six"])
            #expect(try await routed.deploy("one", "r1", .blueGreen(.init())).end == .deployed)
            #expect(try await routed.answer() == "one")
            try await takesOver(routed)
            try await isSwitchedBack(routed)
            try await isAborted(routed)
            try await isKept(routed)
            try await isPromoted(routed)
        }

        /// Runs `body` while somebody asks all the time, and says what they were answered.
        private func asking(
            _ routed: RoutedEngine, _ body: () async throws -> Void
        ) async throws -> [String: Int] {
            let client = try await PersistentClient(port: routed.port)
            do {
                try await body()
            } catch {
                _ = try? await client.end()
                throw error
            }
            let (answers, bad) = try await client.end()
            #expect(bad == [])
            return answers
        }

        private func takesOver(_ routed: RoutedEngine) async throws {
            let seen = Mutex<[String]>([])
            var rollout = routed.rollout()
            rollout.askPreview = { _, header in
                let new = (try? await routed.answer(header: "\(header.name): \(header.value)")) ?? ""
                let old = (try? await routed.answer()) ?? ""
                seen.withLock { $0.append("\(new) before \(old)") }
                return new == "two" ? nil : "answered '\(new)'"
            }
            let careful = rollout
            let answers = try await asking(routed) {
                let entry = try await routed.deploy("two", "r2", .blueGreen(.init()), by: careful)
                #expect(entry.end == .deployed, "\(entry)")
            }
            #expect(Set(answers.keys) == ["one", "two"])
            // Checked, while users still came to the old one.
            #expect(seen.withLock { $0.last } == "two before one")
            #expect(try await routed.answer() == "two")
            #expect(
                try await routed.place.images() == ["router": "router:latest", "web-green": "two:latest"].named(routed))
            #expect(try await routed.place.drifts() == [])
        }

        private func isSwitchedBack(_ routed: RoutedEngine) async throws {
            let answers = try await asking(routed) {
                let entry = try await routed.deploy(
                    "three", "r3", .blueGreen(.init()), by: routed.rollout(bad: "three"))
                #expect(entry.end == .rolledBack, "\(entry)")
                #expect(entry.quarantined == ["three"])
            }
            // The switch may be over before anybody asks.
            #expect(answers["two"] != nil && Set(answers.keys).isSubset(of: ["two", "three"]), "\(answers)")
            #expect(try await routed.answer() == "two")
            #expect(try await routed.place.drifts() == [])
        }

        private func isAborted(_ routed: RoutedEngine) async throws {
            let canary = RolloutStrategy.canary(
                .init(steps: [.init(percent: 30, duration: 2000)], judge: ["judge"]))
            let shares = Mutex<[String: Int]>([:])
            let rollout = routed.rollout { _, facts in
                #expect(facts["LMSBUILD_PERCENT"] == "30")
                let found = try await routed.answers(of: 200)
                shares.withLock { $0 = found }
                return "too slow"
            }
            let answers = try await asking(routed) {
                let entry = try await routed.deploy("four", "r4", canary, by: rollout)
                #expect(entry.end == .rolledBack, "\(entry)")
                #expect(entry.failed["judge"] == "judge: too slow")
                #expect(entry.quarantined == ["four"])
            }
            // 30 of 100, and nothing that chance brings.
            let share = shares.withLock { $0["four"] ?? 0 }
            #expect((20...110).contains(share), "\(share) of 200")
            #expect((answers["two"] ?? 0) > (answers["four"] ?? 0))
            #expect(try await routed.answer() == "two")
            #expect(try await routed.place.drifts() == [])
        }

        private func isKept(_ routed: RoutedEngine) async throws {
            let strategy = RolloutStrategy.blueGreen(.init(keep: 3_600_000))
            let before = try await routed.containers()
            _ = try await asking(routed) {
                let entry = try await routed.deploy("five", "r5", strategy)
                #expect(entry.end == .deployed, "\(entry)")
            }
            let both = try await routed.containers()
            // What an aborted set left may still have been ending before.
            #expect(!both.isDisjoint(with: before) && both.count == 2)
            let status = try await EnvironmentStatus(of: routed.place.engine, project: routed.place.project)
            #expect(status.drifts == [])
            #expect(status.shares == [.blue: 100])
            #expect(status.layout?.kept?.running.release == "r2")
            // Back to what still runs: no container of it is started.
            _ = try await asking(routed) {
                let entry = try await routed.deploy("two", "r2", strategy, action: "rollback")
                #expect(entry.end == .deployed, "\(entry)")
            }
            #expect(try await routed.answer() == "two")
            #expect(try await routed.containers() == both)
            #expect(try await routed.place.drifts() == [])
        }

        /// Somebody else looks at what waits, and then lets it go on.
        private func isPromoted(_ routed: RoutedEngine) async throws {
            let canary = RolloutStrategy.canary(
                .init(steps: [.init(percent: 30, duration: 120_000, isUntilPromoted: true)]))
            let seen = Mutex<[String]>([])
            let shelf = routed.place.engine.shelf
            let own = LockHolder.own(who: "t", now: Int(time(nil)), bound: .seconds(600))
            let lock = try await DeployLock.take(shelf, as: own).get()
            var rollout = routed.rollout()
            rollout.announce = { wait in
                await #expect(throws: Never.self) {
                    let open = try #require(try await OpenDeployment(on: shelf))
                    #expect(open.wait == wait)
                    let status = try await EnvironmentStatus(of: routed.place.engine, project: routed.place.project)
                    #expect(status.drifts == [])
                    #expect(status.shares?.values.sorted() == [30, 70])
                    let preview = try await routed.answer(header: "\(PromotionWait.previewHeader): \(wait.preview)")
                    seen.withLock { $0.append(preview) }
                    let ada = DeployOrigin(who: "ada", why: "seen", time: 1)
                    #expect(try await open.say(PromotionWord(.promote, by: ada), on: shelf) == nil)
                }
            }
            let waiting = rollout
            let answers = try await asking(routed) {
                let entry = try await routed.deploy("six", "r6", canary, by: waiting)
                #expect(entry.end == .deployed, "\(entry)")
                #expect(entry.promoted.map(\.who) == ["ada"])
            }
            #expect(seen.withLock { $0 } == ["six"])
            #expect(Set(answers.keys) == ["two", "six"])
            #expect(try await routed.answer() == "six")
            #expect(try await routed.place.drifts() == [])
            for kind in [ShelfKind.waiting, .word] { #expect(try await shelf.list(kind).isEmpty) }
            await lock.release()
        }
    }
}

extension [String: String] {
    /// Compose calls images as it was told.
    fileprivate func named(_ routed: RoutedEngine) -> [String: String] {
        routed.place.engine.name == "swarm" ? self : mapValues { $0.replacing(":latest", with: "") }
    }
}
