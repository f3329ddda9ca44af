import BuildEngine
import BuildGraph
import BuildTestSupport
import Buildfile
import Glibc
import Testing

@Suite(.enabled("bubblewrap does not work here") { await RunnerFixture.sandboxWorks() })
struct SandboxTests {
    /// What a script prints in the sandbox.
    func output(
        _ script: String, inputs: [String: String] = [:], outputs: [String] = [],
        change: (inout ActionAttributes) -> Void = { _ in }
    ) async throws -> String {
        let fixture = try await RunnerFixture(.on)
        let action = try fixture.action(script, inputs: inputs, outputs: outputs, change: change)
        do {
            return try await fixture.log(fixture.runner.run(action))
        } catch let failure as ActionFailure {
            Issue.record("\(failure.diagnostic.message): \(String(decoding: failure.output, as: UTF8.self))")
            throw failure
        }
    }

    @Test func showsExactlyTheInputsAtAPlaceThatIsTheSameEverywhere() async throws {
        let inputs = ["shop/a.txt": "a", "shop/sub/b.txt": "b", "lib/c.py": "c", "shop/run": "#!/bin/sh\necho ran\n"]
        let text = try await output(
            "pwd; find /workspace | sort; stat -c '%Y %a' a.txt run . sub; ./run", inputs: inputs)
        #expect(
            text == """
                /workspace/shop
                /workspace
                /workspace/lib
                /workspace/lib/c.py
                /workspace/shop
                /workspace/shop/a.txt
                /workspace/shop/run
                /workspace/shop/sub
                /workspace/shop/sub/b.txt
                315532800 444
                315532800 555
                315532800 755
                315532800 755
                ran

                """)
    }

    @Test func hidesTheWorkspaceUsersAndTheState() async throws {
        let fixture = try await RunnerFixture(.on)
        let script = """
            test ! -e \(fixture.folder("repo").shown)
            test ! -e \(fixture.folder("store").shown)
            test ! -e undeclared.txt; test ! -e /workspace/undeclared.txt
            test -z "$(ls -A $HOME)"
            ls -A /home 2>/dev/null | wc -l; ls -A /tmp
            hostname
            """
        let action = try fixture.action(script)
        #expect(try fixture.log(await fixture.runner.run(action)) == "0\nhome\nlmsbuild\n")
    }

    @Test(arguments: [
        "echo x > a.txt", "rm -f a.txt", "echo x > new", "echo x > /etc/x", "echo x > /usr/x", "echo > /x",
    ])
    func refusesWritesElsewhere(script: String) async throws {
        let fixture = try await RunnerFixture(.on)
        let action = try fixture.action(script, inputs: ["shop/a.txt": "a"], outputs: ["shop/dist/x"])
        let failure = try await fixture.failure(action)
        #expect(failure.kind == .failed)
        #expect(String(decoding: failure.output, as: UTF8.self).contains("Read-only file system"))
        #expect(failure.diagnostic.hint?.contains("declare it") == true)
    }

    @Test func hintsAtAnUndeclaredInput() async throws {
        let fixture = try await RunnerFixture(.on)
        let failure = try await fixture.failure(fixture.action("cat ../undeclared.txt"))
        #expect(failure.diagnostic.hint == "the sandbox shows only declared inputs: is the file named before '->'?")
    }

    @Test func namesWhatIsWrittenButNotDeclared() async throws {
        let fixture = try await RunnerFixture(.on)
        let action = try fixture.action(
            "echo x > dist/out; echo y > dist/extra; echo z > dist/in.txt; mkdir -p dist/__pycache__; echo > dist/__pycache__/m.pyc",
            inputs: ["shop/dist/in.txt": "in", "shop/dist/same.txt": "same"], outputs: ["shop/dist/out"])
        let failure = try await fixture.failure(action)
        #expect(failure.kind == .undeclaredOutput)
        #expect(failure.diagnostic.code == .undeclaredOutput)
        #expect(
            failure.diagnostic.message
                == "'shop:build' wrote 'shop/dist/extra', 'shop/dist/in.txt', which it does not declare")
        #expect(failure.diagnostic.notes.map(\.message) == ["'shop/dist/in.txt' is an input and was changed"])
    }

    @Test func anOutputMayLieAtTheWorkspacesRootAndBesideInputs() async throws {
        let fixture = try await RunnerFixture(.on)
        let action = try fixture.action(
            "cat a.txt > ../out; cat a.txt > b.txt", inputs: ["shop/a.txt": "a"], outputs: ["out", "shop/b.txt"])
        #expect(try await fixture.runner.run(action).outputs.map(\.path.shown) == ["out", "shop/b.txt"])
        #expect(fixture.folder.files.contains("repo/out") == false)
    }

    @Test func theNetworkIsThereOnlyWhenAskedFor() async throws {
        let script = "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ' | sort"
        #expect(try await output(script) == "lo\n")
        let names = "/proc/net/dev"
        let outside = String(decoding: try readFile(names), as: UTF8.self).split(separator: "\n").count
        let inside = try await output("cat /proc/net/dev; cat /etc/resolv.conf > /dev/null") { $0.network = true }
        #expect(inside.split(separator: "\n").count == outside)
    }

    @Test func languagesWork() async throws {
        let text = try await output(
            """
            python3 -c 'import json; print(json.dumps(1 + 1))'
            command -v swiftc > /dev/null || { echo 42; echo > dist/answer; exit 0; }
            swiftc main.swift -o dist/answer
            dist/answer
            """, inputs: ["shop/main.swift": "print(40 + 2)\n"], outputs: ["shop/dist/answer"])
        #expect(text == "2\n42\n")
    }

    @Test func processesLeftBehindEndWithTheAction() async throws {
        let text = try await output("(setsid sleep 1000 &) ; ps -e -o comm= | grep -c sleep || true")
        #expect(text == "1\n" || text == "0\n")
    }

    @Test func modesThatCannotBeHadSayWhatToDo() async throws {
        let broken = RecordingCommandRunner { _ in
            CommandResult(ending: .exited(1), output: Array("bwrap: No permissions to create new namespace\n".utf8))
        }
        let path = RunnerFixture.path
        let failure = try #require(
            await #expect(throws: ActionFailure.self) {
                try await ResolvedSandbox.resolve(.on, commands: broken, path: path)
            })
        #expect(failure.kind == .machine)
        #expect(failure.diagnostic.code == .sandboxUnavailable)
        #expect(
            failure.diagnostic.message
                == "the sandbox can't be used: bwrap: No permissions to create new namespace")
        let auto = try await ResolvedSandbox.resolve(.auto, commands: broken, path: path)
        #expect(!auto.isActive)
        #expect(auto.notice?.severity == .notice)
        let missing = try await ResolvedSandbox.resolve(.auto, commands: broken, path: "/nowhere")
        #expect(missing.notice?.hint?.contains("apt-get install bubblewrap") == true)
        let off = try await ResolvedSandbox.resolve(.off, commands: broken, path: path)
        #expect(!off.isActive && off.notice == nil)
    }
}
