// `contracts publish` and `contracts fetch`: the workspace's pacts and a Pact Broker's. Does not know the broker's interface.
import ArgumentParser
import BuildEngine
import BuildGraph
import Buildfile
import Contracts
import Glibc

/// What both commands say of the broker.
struct BrokerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The broker. Credentials come from PACT_BROKER_TOKEN, or PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD.",
            valueName: "url"))
    var broker: String

    func client() throws -> BrokerClient {
        let environment = Workspace.currentEnvironment()
        guard let exchange = CurlExchange(commands: ProcessRunner(), environment: environment) else {
            throw Refusal(
                Diagnostic(
                    .toolMissing, "'curl', by which a broker is asked, can't be found", hint: "apt-get install curl"),
                .machine)
        }
        guard
            let client = BrokerClient(
                url: broker, credentials: .init(environment: environment), exchange: exchange)
        else {
            throw Refusal(
                Diagnostic(
                    .badCommandLine, "'--broker' is no URL of a broker",
                    hint: "http://… or https://…; credentials belong in the environment, where nobody sees them"),
                .wrongInput)
        }
        return client
    }
}

extension Refusal {
    fileprivate init(_ error: BrokerError) {
        switch error.kind {
        case .unavailable, .misunderstood, .missing:
            self.init(Diagnostic(.brokerFailed, error.message), .unavailable)
        case .unauthorized:
            self.init(
                Diagnostic(
                    .brokerFailed, error.message,
                    hint: "set PACT_BROKER_TOKEN, or PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD"), .wrongInput)
        case .conflict:
            self.init(
                Diagnostic(
                    .brokerFailed, error.message, hint: "a version's pact stays what it is: publish as another version"),
                .checkFailed)
        case .refused: self.init(Diagnostic(.brokerFailed, error.message), .checkFailed)
        }
    }
}

struct PublishCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Put the workspace's pacts into a Pact Broker.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: BrokerOptions
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("The version under which they stand there, such as a commit.", valueName: "version"))
    var version: String
    @Flag(help: "Put down what is known of verifying them, too.") var results = false
    @Argument(help: "Consumers and providers (all without any), and NAME=VALUE.") var words: [String] = []

    func perform() async throws -> BuildEngine.ExitCode {
        let (names, overrides) = GlobalOptions.overrides(in: words)
        let opened = try await Workspace.open(global, overrides: overrides)
        let client = try options.client()
        let release = try await opened.release(commit: nil)
        let states = opened.verdictLog.states(of: release).filter {
            names.isEmpty || names.contains($0.consumer) || names.contains($0.provider)
        }
        do {
            var count = 0
            for state in states { count += try await publish(state, opened, client) }
            Terminal.say(count == 1 ? "1 pact published" : "\(count) pacts published")
        } catch let error as BrokerError {
            throw Refusal(error)
        }
        return .done
    }

    private func publish(_ state: PairState, _ opened: Workspace, _ client: BrokerClient) async throws -> Int {
        var count = 0
        for path in state.files {
            guard let bytes = fileContents(opened.workspace.appending(path)) else {
                Terminal.say("'\(path.shown)' is not there yet: a rule puts it out")
                continue
            }
            guard let pact = try? ContractDocument.read(bytes, name: path.shown), pact.kind == .pact else { continue }
            let isNew = try await client.publish(
                bytes, consumer: state.consumer, provider: state.provider, version: version)
            Terminal.out("\(isNew ? "new" : "there")  \(state.consumer) asks \(state.provider), \(path.shown)\n")
            count += 1
            guard results, state.standing == .verified || state.standing == .failed else { continue }
            let isSaid = try await client.publishResult(
                state.standing == .verified, of: pact, consumer: state.consumer, provider: state.provider,
                version: version)
            if !isSaid { Terminal.say("the broker's latest pact of '\(state.consumer)' is another one: no result") }
        }
        return count
    }
}

struct FetchCommand: AsyncParsableCommand, ExitingCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Write the pacts that a Pact Broker holds for a provider, one file for each consumer.")

    @OptionGroup var global: GlobalOptions
    @OptionGroup var options: BrokerOptions
    @Option(help: "The provider, as the broker calls it.") var provider: String
    @Option(name: .shortAndLong, help: ArgumentHelp("The folder to write to.", valueName: "folder")) var output: String

    func perform() async throws -> BuildEngine.ExitCode {
        let client = try options.client()
        do {
            let pacts = try await client.pacts(of: provider)
            for (consumer, bytes) in pacts {
                let file = BytePath(output).appending(BrokerClient.escaped(consumer) + ".json").shown
                try writeFile(file, bytes)
                Terminal.out(file + "\n")
            }
            Terminal.say(pacts.count == 1 ? "1 pact fetched" : "\(pacts.count) pacts fetched")
        } catch let error as BrokerError {
            throw Refusal(error)
        }
        return .done
    }
}
