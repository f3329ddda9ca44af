"""What telling of a run costs: the same actions with everything that is told of them, with parts of it, and with nothing."""
import contextlib
import http.server
import os
import re
import shutil
import subprocess
import threading
import urllib.request

from layouts import Component
from measuring import Aim, Command, Group, Wrong, environment, prepare

TEMPLATE = """\
notify webhook bench
    url BENCH_WEBHOOK

template t
    unit: input
        exit 0

services s* : t
"""


class Collector(http.server.BaseHTTPRequestHandler):
    """Takes whatever is sent to it, as collectors, gateways and webhooks do."""
    protocol_version = "HTTP/1.1"
    taken = 0

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        Collector.taken += 1
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_PUT = do_POST

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def collector():
    """The address of one that runs as long as it is needed."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@contextlib.contextmanager
def dashboard(trial, repository):
    """`lmsbuild serve`, and a browser that has its overview open."""
    command = trial.command(repository, "serve", "--port", "0")
    child = subprocess.Popen(
        command.arguments, cwd=command.folder, env=environment(command), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    page = None
    try:
        found = re.match(r"(http://[^/]+)/\?token=([0-9a-f]+)", child.stdout.readline())
        if not found:
            raise Wrong("lmsbuild serve prints no address")
        # The cookie is what a browser would have after the first request.
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        opener.open(found[0]).read()
        page = opener.open(found[1] + "/live")

        def follow():
            with contextlib.suppress(Exception):
                while page.read1(65536):
                    pass

        threading.Thread(target=follow, daemon=True).start()
        yield
    finally:
        child.terminate()
        child.wait()
        if page:
            with contextlib.suppress(Exception):
                page.close()


def reporting(trial):
    """1,000 trivial actions with all that is told of them, with what is told by default, and with nothing"""
    for count in trial.sizes("actions", [200], [1_000]):
        components = [Component(f"s{number}", f"s{number}/", [f"s{number}/input"]) for number in range(count)]
        files = [("Buildfile", TEMPLATE)]
        files += [(component.inputs[0], f"{component.name}\n") for component in components]
        repository = trial.workshop.of(f"reporting-{count}", files, components)
        trial.forget(repository)
        with collector() as address:
            compare(trial, repository, count, address)


def compare(trial, repository, count, address):
    told = os.path.join(repository.rivals, "told")
    state = os.path.join(repository.folder, ".lmsbuild")
    events = os.path.join(state, "events")

    def open_log():
        if os.path.isfile(events):
            os.remove(events)

    def close_log():
        # A file in the place of the folder: the log cannot be begun, which is one warning.
        shutil.rmtree(events, ignore_errors=True)
        os.makedirs(os.path.dirname(events), exist_ok=True)
        with open(events, "w"):
            pass

    run = ["run", "-B", "--sandbox", "off", "-j", "2"]
    ran = f"ran {count}, cached 0, failed 0, skipped 0 "

    def whole(printed):
        if f"\n{ran}" not in f"\n{printed}" or "warning" in printed:
            raise Wrong(f"not all {count} ran and were told of:\n{printed[-2000:]}")

    def silent(printed):
        if f"\n{ran}" not in f"\n{printed}" or printed.count("warning[") != 1:
            raise Wrong(f"not all {count} ran, or the log was written:\n{printed[-2000:]}")

    files = [
        "--trace", os.path.join(told, "trace.json"), "--summary", os.path.join(told, "summary.md"),
        "--report-dir", os.path.join(told, "reports")]
    sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": address, "LMSBUILD_PUSHGATEWAY": address, "BENCH_WEBHOOK": address}

    def command(name, *more, **settings):
        made = trial.command(repository, *run, *more, before=open_log, check=whole, name=f"lmsbuild run, {name}")
        made.environment = settings
        return made

    bare = trial.command(repository, *run, before=close_log, check=silent, name="lmsbuild run, nothing written")
    bare.aim = Aim(1.05)
    metrics = {"LMSBUILD_METRICS_FILE": os.path.join(told, "metrics.prom")}
    cases = [
        ("all of it", command("all of it", *files, **metrics, **sent)),
        ("the event log, as always", command("event log")),
        ("event log, trace, summary, reports and metrics as files", command("files", *files, **metrics)),
    ]
    for name, subject in cases:
        for each in [subject, bare]:
            prepare(each)
        if subject.environment.get("LMSBUILD_PUSHGATEWAY") and not Collector.taken:
            raise Wrong("nothing was sent")
        trial.compare(Group(
            f"{count:,} actions that do nothing, told: {name}", subject, [bare], curve=f"what telling costs: {name}",
            size=count, unit="action", runs=trial.options.runs or (5 if trial.quick else 11)))
    open_log()
    prepare(command("event log"))
    with dashboard(trial, repository):
        subject = command("all of it, while a dashboard follows", *files, **metrics, **sent)
        for each in [subject, bare]:
            prepare(each)
        trial.compare(Group(
            f"{count:,} actions that do nothing, all told and a dashboard's page open", subject, [bare],
            curve="what telling costs: with a dashboard", size=count, unit="action",
            runs=trial.options.runs or (5 if trial.quick else 11)))
    open_log()
