import BuildEngine
import BuildTestSupport
import Glibc
import Testing

/// A store that has no room for what an action has made. Only root may mount the disk for it.
@Suite struct FullStoreTests {
    private let program = Program()

    @Test(.enabled(if: geteuid() == 0)) func aFullStoreIsTheMachinesFaultAndNamesAWayOut() async throws {
        let folder = try TemporaryFolder()
        let buildfile = """
            service app
                dir app
                build: size -> out
                    head -c $(cat size) /dev/zero > out
                unit: size
                    exit 0
            """
        try folder.write("Buildfile", buildfile + "\n")
        try folder.write("app/size", "1000")
        try folder.write(".lmsbuild/.gitignore", "*\n")
        let script = """
            mount -t tmpfs -o size=700k tmpfs .lmsbuild
            "$@" 2> /dev/null
            echo 2000000 > app/size
            status=0
            "$@" || status=$?
            echo "left over: $(ls .lmsbuild/store/tmp)"
            echo 1000 > app/size
            "$@" 2> /dev/null
            exit $status
            """
        let outcome = try await program.run(
            ["run", "--sandbox", "off", "-k"], in: folder.path, before: ["unshare", "-m", "sh", "-ec", script, "sh"])
        #expect(outcome.status == 36, "\(outcome.output) \(outcome.errors)")
        // The run after it needed no cleaning up; what was stored before was there.
        #expect(outcome.output == "left over: \n")
        let errors = outcome.errors
        #expect(errors.contains("error[LMS601]: there is no room for what 'app:build' needs or has made: write '"))
        #expect(errors.contains("ENOSPC: No space left on device\n"), "\(errors)")
        #expect(errors.contains(" KiB and "), "\(errors)")
        #expect(errors.contains("free space on that disk, then run the command again"), "\(errors)")
        // Whatever else there is to run has run.
        #expect(errors.contains("ok      app:unit"), "\(errors)")
    }
}
