import BuildEngine
import BuildGraph
import Synchronization

@testable import Delivery

/// The process that deploys was killed here.
struct Killed: Error {}

/// A clock on which time passes only while somebody sleeps.
final class SleepingClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration
        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (left: Instant, right: Instant) -> Bool { left.offset < right.offset }
    }

    private let time = Mutex(Duration.zero)
    var now: Instant { Instant(offset: time.withLock { $0 }) }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        try Task.checkCancellation()
        time.withLock { $0 = max($0, deadline.offset) }
        await Task.yield()
    }
}

/// An engine in memory that behaves by the images it is given, and fails or is the end of its caller on the n-th call.
final class ScriptedEngine: DeployEngine {
    /// What a service with an image comes to.
    enum Behaviour: Sendable {
        case good
        /// Attempts end again and again.
        case ends(String)
        /// It starts and is never healthy, without an attempt ending.
        case neverReady
        /// It is up for so many looks, then ends.
        case crashesAfter(Int)
        /// The engine takes it back by itself, as Swarm does on an update.
        case takenBack
        /// The engine stops half-way.
        case paused
    }

    struct Running: Sendable {
        var stack: RenderedService
        var release: String
        var version: Int
        var looks = 0
        var update: ObservedService.Update?
        var previous: RenderedService?
    }

    struct State: Sendable {
        var services: [String: Running] = [:]
        var behaviours: [String: Behaviour] = [:]
        var images: Set<String> = []
        var calls = 0
        /// By number of the call, from 1.
        var faults: [Int: any Error] = [:]
        /// From this call on so many fail as unreachable.
        var absence: Range<Int> = 0..<0
        /// How many services of one submission are taken before the engine fails.
        var taken: Int?
        /// So many submissions more, and none after them.
        var room: Int?
        /// The caller is killed right after that.
        var isLastSubmission = false
        var documents: [ShelfKind: [String: [UInt8]]] = [:]
        var log: [String] = []
    }

    let state: Mutex<State>
    let name = "scripted"
    let undoesUpdates = true

    init(_ behaviours: [String: Behaviour]) {
        var state = State()
        state.behaviours = behaviours
        state.images = Set(behaviours.keys)
        self.state = Mutex(state)
    }

    var shelf: any Shelf { ScriptedShelf(engine: self) }

    /// Counts a call, and fails where that is due.
    func call(_ name: String) throws {
        try state.withLock { state in
            state.calls += 1
            state.log.append(name)
            if let fault = state.faults[state.calls] { throw fault }
            if state.absence.contains(state.calls) { throw EngineError(.unreachable, "connection refused") }
        }
    }

    func observe(_ project: String) async throws -> ObservedStack {
        try call("observe")
        return state.withLock { state in
            for name in state.services.keys { state.services[name]?.looks += 1 }
            let services = state.services.map { name, running in Self.observed(name, running, &state) }
            return ObservedStack(services: services)
        }
    }

    private static func observed(_ name: String, _ running: Running, _ state: inout State) -> ObservedService {
        var tasks: [ObservedTask] = []
        let (image, looks) = (running.stack.image, running.looks)
        func task(_ number: Int, up: Bool, failure: String? = nil) -> ObservedTask {
            ObservedTask(
                id: "\(name)-\(running.version)-\(number)", image: image, isWanted: failure == nil, isUp: up,
                failure: failure)
        }
        let starts = looks < 2
        switch state.behaviours[image] ?? .good {
        case .good, .takenBack, .paused: tasks = [task(0, up: !starts)]
        case .neverReady: tasks = [task(0, up: false)]
        case .ends(let why):
            tasks = (0..<looks).map { task($0, up: false, failure: why) } + [task(looks, up: false)]
        case .crashesAfter(let count):
            tasks =
                looks < 2 + count
                ? [task(0, up: !starts)] : [task(0, up: false, failure: "exit 1"), task(1, up: false)]
        }
        var labels = [DeployLabel.spec: running.stack.specHash.hex, DeployLabel.release: running.release]
        labels[DataVersion.label] = running.stack.dataVersion.map { "\($0)" }
        return ObservedService(
            name: name, version: running.version, image: image, labels: labels,
            update: running.update, tasks: tasks, description: JSONTree(.string(image)))
    }

    func hasImage(_ reference: String) async throws -> Bool {
        try call("hasImage")
        return state.withLock { $0.images.contains(reference) }
    }

    func pinned(_ reference: String, digest: String?) async throws -> String? { reference }

    func prepare(_ stack: RenderedStack) async throws { try call("prepare") }

    func submit(_ stack: RenderedStack, release: String) async throws {
        try call("submit")
        try state.withLock { state in
            if let room = state.room {
                if room == 0 { throw EngineError(.refused, "no room") }
                state.room = room - 1
            }
            for (place, service) in stack.services.enumerated() {
                if let taken = state.taken, place == taken {
                    state.taken = nil
                    if state.isLastSubmission { state.faults[state.calls + 1] = Killed() }
                    throw EngineError(.unreachable, "connection reset")
                }
                let old = state.services[service.name]
                let isSame = old?.stack.specHash == service.specHash
                var new = Running(
                    stack: service, release: release, version: (old?.version ?? 0) + 1, looks: isSame ? 9 : 0)
                if !isSame, let before = old?.stack {
                    switch state.behaviours[service.image] ?? .good {
                    case .takenBack where service.entry.isRolledBackByTheEngine:
                        new.stack = before
                        new.update = .rollbackCompleted
                    case .takenBack: new.update = .paused
                    case .paused: new.update = .paused
                    default: break
                    }
                }
                state.services[service.name] = new
            }
            state.services = state.services.filter { name, _ in stack.services.contains { $0.name == name } }
        }
    }

    func remove(_ project: String) async throws {
        try call("remove")
        state.withLock { $0.services = [:] }
    }

    func collectGarbage(_ project: String, keeping kept: Set<String>) async throws { try call("collectGarbage") }

    func lastLines(of task: ObservedTask) async -> [String] { ["its last words"] }

    /// What runs, by service.
    var images: [String: String] { state.withLock { $0.services.mapValues(\.stack.image) } }
}

extension JSONTree {
    /// Whether a failed update of this service is undone by the engine.
    fileprivate var isRolledBackByTheEngine: Bool {
        at("deploy", "update_config", "failure_action")?.text == "rollback"
    }
}

/// The engine's shelf, whose calls count as the engine's.
private struct ScriptedShelf: Shelf {
    let engine: ScriptedEngine

    func list(_ kind: ShelfKind) async throws -> [String: [UInt8]] {
        try engine.call("list \(kind)")
        return engine.state.withLock { $0.documents[kind] ?? [:] }
    }

    func create(_ kind: ShelfKind, _ name: String, _ bytes: [UInt8]) async throws {
        try engine.call("create \(kind)")
        try engine.state.withLock { state in
            if state.documents[kind]?[name] != nil { throw EngineError(.conflict, "\(name) is there") }
            state.documents[kind, default: [:]][name] = bytes
        }
    }

    func remove(_ kind: ShelfKind, _ name: String, ofBytes bytes: [UInt8]) async throws {
        try engine.call("remove \(kind)")
        engine.state.withLock { state in
            if state.documents[kind]?[name] == bytes { state.documents[kind]?[name] = nil }
        }
    }
}
