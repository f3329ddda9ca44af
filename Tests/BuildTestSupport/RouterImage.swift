// The sample system's router as an image, with this machine's HAProxy. Does not know what it leads to.
import BuildEngine
import BuildGraph

/// The router's image could not be made.
package struct RouterImageFailed: Error {
    package let text: String
}

extension DockerEngine {
    /// Builds the image `router`.
    package func routerImage() async throws {
        let sample = BytePath(#filePath).parent.parent.parent.appending("services/router/haproxy.cfg")
        try folder.write("context-router/haproxy.cfg", bytes: try readFile(sample.shown))
        try folder.write(
            "context-router/Dockerfile",
            """
            FROM scratch
            COPY root/ /
            COPY haproxy.cfg /etc/haproxy/haproxy.cfg
            STOPSIGNAL SIGUSR1
            ENTRYPOINT ["/usr/sbin/haproxy", "-W", "-db", "-p", "/tmp/haproxy.pid", "-f", "/etc/haproxy/haproxy.cfg", "-f", "/etc/haproxy/lmsbuild"]

            """)
        let script = """
            set -e
            mkdir -p root/usr/sbin root/bin root/data root/tmp
            cp /usr/sbin/haproxy root/usr/sbin/
            cp /bin/busybox root/bin/
            ldd /usr/sbin/haproxy | grep -o '/[^ ]*' | while read f; do mkdir -p "root$(dirname "$f")"; cp -L "$f" "root$f"; done
            DOCKER_BUILDKIT=0 docker build -q -t router .
            """
        var command = Command(["/bin/sh", "-c", script], environment: environment, folder: folder("context-router"))
        command.separateErrors = true
        let result = try await ProcessRunner.ofTests.run(command)
        if !result.succeeded { throw RouterImageFailed(text: String(decoding: result.errors, as: UTF8.self)) }
    }
}
