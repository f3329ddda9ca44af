// A small registry in Python that a test can make fail. Does not check what it is given.

/// What a `ScriptedServer` answers as a registry that keeps everything in memory.
package enum RegistryScript {
    /// `faults` is Python that runs before each answer with `self`, `body` and `n` (how many requests there have been), and
    /// returns true where it has answered itself. `self.say(status, headers, body)` answers.
    package static func answering(faults: String = "return False") -> String {
        program + "\ndef fault(self, body, n):\n"
            + faults.split(separator: "\n", omittingEmptySubsequences: false).map { "    " + $0 + "\n" }.joined()
    }

    private static let program = #"""
        import base64, hashlib, json, socket, struct
        from urllib.parse import parse_qs, urlsplit


        def say(self, status, headers={}, body=b""):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            return True


        def reset(self):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return True


        def sha(body):
            return "sha256:" + hashlib.sha256(body).hexdigest()


        def answer(self, body):
            type(self).say, type(self).reset = say, reset
            if fault(self, body, len(self.seen)):
                return
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            blobs = self.state.setdefault("blobs", {})
            manifests = self.state.setdefault("manifests", {})
            head, _, version = url.path.rpartition("/")
            if head.endswith("/manifests"):
                name = head[4:-10]
                if self.command == "PUT":
                    manifests[name, version] = manifests[name, sha(body)] = (self.headers["Content-Type"], body)
                    return self.say(201, {"Docker-Content-Digest": sha(body)})
                if (name, version) not in manifests:
                    return self.say(404)
                kind, found = manifests[name, version]
                return self.say(200, {"Content-Type": kind, "Docker-Content-Digest": sha(found)}, found)
            if url.path.endswith("/blobs/uploads/"):
                name = url.path[4:-15]
                if "mount" in query and (query["from"], query["mount"]) in blobs:
                    blobs[name, query["mount"]] = blobs[query["from"], query["mount"]]
                    return self.say(201)
                return self.say(202, {"Location": f"/v2/{name}/blobs/uploads/1?state=x"})
            if "/blobs/uploads/" in url.path:
                if sha(body) != query["digest"]:
                    return self.say(400, {}, b'{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}')
                blobs[url.path[4:].split("/blobs/")[0], query["digest"]] = body
                return self.say(201, {"Docker-Content-Digest": query["digest"]})
            if head.endswith("/blobs"):
                found = blobs.get((head[4:-6], version))
                return self.say(404) if found is None else self.say(200, {}, found)
            self.say(404)
        """#
}
