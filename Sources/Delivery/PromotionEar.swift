// Listens to what others say to a deployment, on the shelf where it is written down. Does not go on or back.
import BuildEngine
import BuildGraph

/// What is listened for while a stage is waited for.
struct PromotionEar {
    let shelf: any Shelf
    let record: DeployRecord
    /// Tells people that it waits.
    let announce: @Sendable (PromotionWait) async -> Void
    let tell: @Sendable (RolloutEvent) -> Void

    /// Said to the deployment as a whole, whether it waits or not. An engine that gives no answer has said nothing.
    func abort() async throws -> PromotionWord? {
        guard let word = try await said(record.id), word.kind == .abort else { return nil }
        return word
    }

    /// Writes down that it waits; false where the engine does not take it now.
    func begin(_ wait: PromotionWait) async throws -> Bool {
        do {
            try await shelf.create(.waiting, wait.name, Array(wait.json.text(pretty: false).utf8))
        } catch let error as EngineError {
            // There from before: it was written, and the answer did not come.
            guard error.kind == .conflict else { return false }
        }
        tell(.waiting(wait))
        await announce(wait)
        return true
    }

    /// What was said to `wait`; nil where nothing was yet. `isOver`: nobody has any more time to say something, and from now
    /// on whoever tries is told so.
    func answer(_ wait: PromotionWait, isOver: Bool) async throws -> PromotionWord? {
        if let word = try await said(wait.name) { return try await taken(word, wait) }
        guard isOver else { return nil }
        let word = PromotionWord(.tooLate, by: DeployOrigin(who: wait.who, why: "", time: unixTime()))
        do {
            try await shelf.create(.word, wait.name, word.bytes)
        } catch let error as EngineError {
            // In the very last moment; or the engine does not answer, and is asked again.
            guard error.kind == .conflict, let other = try await said(wait.name) else { return nil }
            return try await taken(other, wait)
        }
        return try await taken(word, wait)
    }

    /// Whoever spoke sees by it that it was heard.
    private func taken(_ word: PromotionWord, _ wait: PromotionWait) async throws -> PromotionWord {
        do {
            for (name, bytes) in try await shelf.list(.waiting) where name == wait.name {
                try await shelf.remove(.waiting, name, ofBytes: bytes)
            }
        } catch is EngineError {}
        if word.kind == .promote { tell(.said(word)) }
        return word
    }

    private func said(_ name: String) async throws -> PromotionWord? {
        do {
            return try await shelf.word(name)
        } catch is EngineError {
            return nil
        }
    }

    /// From now on nobody can abort it. Gives the abort that was said before. Throws `EngineError`.
    func close() async throws -> PromotionWord? {
        let word = PromotionWord(.switched, by: record.origin)
        do {
            try await shelf.create(.word, record.id, word.bytes)
            return nil
        } catch let error as EngineError where error.kind == .conflict {
            return try await shelf.word(record.id).flatMap { $0.kind == .abort ? $0 : nil }
        }
    }
}

extension Arrival {
    /// What `word` makes of a deployment that is up.
    init(_ word: PromotionWord) {
        self.init()
        if word.kind == .promote { return }
        failed = ["promotion": word.shown]
        // Where nobody has said anything, nobody has said that they are bad.
        speaksAgainstImages = word.kind == .abort
    }

    func held(for duration: Duration) -> Arrival {
        var result = self
        result.held = duration
        return result
    }
}

extension ArrivalWait {
    /// All is up and has been watched: nil while somebody's word is waited for. `asking` runs since it was asked for.
    func promotion(_ stage: RolloutStage, _ asking: inout Stopwatch?) async throws -> Arrival? {
        guard let limit = stage.promotion, let ear = stage.ear, let wait = stage.wait else {
            return Arrival()
        }
        guard let asked = asking else {
            let wait = wait.lasting(limit)
            if try await ear.begin(wait) { asking = Stopwatch(clock) }
            return nil
        }
        return try await ear.answer(wait, isOver: asked.elapsed >= limit).map { Arrival($0) }
    }
}

extension PromotionWait {
    /// From now on.
    fileprivate func lasting(_ limit: Duration) -> PromotionWait {
        var result = self
        result.since = unixTime()
        result.until = result.since + Int(limit.components.seconds)
        return result
    }
}
