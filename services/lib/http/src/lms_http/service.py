"""A service's life: settings, start, health, signals, drain, end."""

import os
import signal
import sqlite3
import sys
import threading

from lms_http.client import JsonClient
from lms_http.logs import LEVELS, Log
from lms_http.routing import Answer, Problem
from lms_http.server import JsonServer
from lms_http.settings import Settings, SettingsError

EX_CONFIG = 78


def run(name, version, build, argv=None, environ=None):
    """Runs a service until TERM or INT and returns its exit status.

    `build(settings)` reads the service's own settings and returns a function that, given the log,
    opens the service: an object with `router`, `check()`, `start()` and `close()`.
    `--health-check` asks a running instance instead and says so with its exit status.
    """
    argv = sys.argv[1:] if argv is None else argv
    environ = os.environ if environ is None else environ
    if argv == ["--version"]:
        print(version)
        return 0
    settings = Settings(environ)
    port = settings.port()
    if argv == ["--health-check"]:
        return health_check(name, port)
    if argv:
        print(f"usage: {name} [--health-check | --version]; settings come from the environment",
              file=sys.stderr)
        return 64
    host = settings.text("HOST", "127.0.0.1")
    level = settings.text("LOG_LEVEL", "info", LEVELS)
    opener = build(settings)
    log = Log(name, level=level or "info")
    try:
        settings.check()
    except SettingsError as error:
        log.error("bad-settings", problems=error.problems)
        print(f"{name}: cannot start: {error}", file=sys.stderr)
        return EX_CONFIG
    try:
        service = opener(log)
        add_health(service, name, version, log)
        server = JsonServer((host, port), service.router, log)
    except (OSError, sqlite3.Error, ValueError) as error:
        log.error("cannot-start", error=str(error))
        print(f"{name}: cannot start: {error}", file=sys.stderr)
        return 1
    return _serve(service, server, log, version)


def _serve(service, server, log, version):
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    service.start()
    log.info("started", port=server.port, version=version)
    stop.wait()
    log.info("stopping")
    server.shutdown()
    thread.join()
    server.server_close()
    service.close()
    log.info("stopped")
    return 0


def add_health(service, name, version, log):
    """Adds GET /health: 200 when the service can use its store, 503 when it cannot."""

    def health(request):
        body = {"service": name, "version": version, "status": "ok"}
        try:
            service.check()
        except (OSError, sqlite3.Error) as error:
            log.error("unhealthy", error=str(error))
            return Answer(503, {**body, "status": "failing", "reason": "store"})
        return Answer(200, body)

    service.router.add("GET", "/health", health)


def health_check(name, port):
    if not port:
        print(f"{name}: PORT is not set", file=sys.stderr)
        return EX_CONFIG
    try:
        status, _ = JsonClient(name, f"http://127.0.0.1:{port}").call("GET", "/health")
    except Problem as problem:
        print(f"{name}: {problem.message}", file=sys.stderr)
        return 1
    return 0 if status == 200 else 1
