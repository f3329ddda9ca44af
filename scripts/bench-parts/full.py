"""Everything that docs/performance.md shows, in one command: each case with sizes of its own, and what comes of it in files.
Does not measure: the cases do."""
import datetime
import json
import os
import subprocess
import time

import chart
import markdown
from case_contracts import GRAPHS
from layouts import NAMES, contract_graph, say
from measuring import Wrong

EACH = [1_000, 10_000, 100_000, 1_000_000]
# The cases in turn, with their sizes. What takes longest to make comes last, so that a run that is ended has most.
PARTS = [
    ("start", {}),
    ("spawn", {"actions": [1_000]}),
    ("sandbox", {"inputs": [20, 500, 5_000]}),
    ("parse", {"buildfiles": [100, 1_000, 10_000]}),
    ("plan", {"actions": [100_000]}),
    ("reporting", {"actions": [1_000]}),
    ("replay", {"commits": [5_000]}),
    ("noop", {"files": EACH}),
    ("cold", {"files": EACH}),
    ("memory", {"files": EACH}),
    ("watch", {"files": [10_000, 1_000_000]}),
    ("affected", {"services": [10, 100, 1_000, 10_000]}),
    ("contracts", {"services": [10, 100, 1_000]}),
    ("layouts", {"files": [100_000]}),
]
PARTS_OF = dict(PARTS)
# Those that --quick takes: the same code on small repositories, to see that all of it works.
QUICK = {
    "start": {}, "spawn": {"actions": [100]}, "sandbox": {"inputs": [20]}, "parse": {"buildfiles": [10, 100]},
    "plan": {"actions": [1_000]}, "replay": {"commits": [50]}, "reporting": {"actions": [50]}, "noop": {"files": [500, 1_000]},
    "cold": {"files": [500, 1_000]}, "memory": {"files": [500, 1_000]}, "watch": {"files": [1_000]},
    "affected": {"services": [5, 10]}, "contracts": {"services": [10]}, "layouts": {"files": [1_000]},
}
# Groups that are measured, roughly; what is left of the time is for making what they look at.
GROUPS = 120
SHARE = 0.3
# Their aims are nearer than three rounds lie to one another: they get so many times the time of others.
CLOSE = ["spawn", "sandbox", "reporting"]
MORE = 5
# When so much of the time is over, the largest size of what is left is left out, and said to be.
LATE = 0.85


class Results:
    """The files that hold what was measured so far: written after each part, so that a run that ends early is not lost."""

    def __init__(self, trial):
        self.trial = trial
        self.folder = os.path.abspath(
            trial.options.out or os.path.join(trial.options.folder, "full" + ("-quick" if trial.quick else "")))
        os.makedirs(self.folder, exist_ok=True)
        self.parts = []
        self.started = datetime.datetime.now().astimezone()
        self.start = time.monotonic()

    def minutes(self):
        """Since the beginning."""
        return (time.monotonic() - self.start) / 60

    def write(self):
        results = self.trial.results()
        results["started"] = self.started.isoformat(timespec="seconds")
        results["load"] = list(os.getloadavg())
        results["parts"] = self.parts
        self._file("results.json", json.dumps(results, indent=2) + "\n")
        self._file("tables.md", markdown.document(results))
        nothing = [group for group in self.trial.groups if group["curve"].startswith("nothing to do: many")]
        for name, picture in [("noop.svg", chart.draw(nothing)), ("curves.svg", chart.overview(self.trial.groups))]:
            if picture is not None:
                self._file(name, picture)

    def _file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)


def make(trial):
    """Makes the repositories that take longest to make, and measures nothing."""
    sizes = QUICK if trial.quick else dict(PARTS)
    workshop = trial.workshop
    for layout in NAMES:
        for count in sizes["layouts"]["files"]:
            workshop.trivial(layout, count)
    for shape in GRAPHS:
        for services in sizes["contracts"]["services"]:
            workshop.contracts(shape, contract_graph(shape, services))
    for services in sizes["affected"]["services"]:
        workshop.services(services)
    for count in sorted({count for part in ["noop", "watch"] for count in sizes[part]["files"]}):
        workshop.trivial("many", count)


def shorten(name, options):
    for option, values in PARTS_OF[name].items():
        if len(values) > 1:
            say(f"--- {name}: late, without {values[-1]:,}")
            options[option] = values[:-1]


def full(trial, cases, counts):
    """all of docs/performance.md in one go, with tables and charts in files (--minutes, --out; --files: of layouts)"""
    if trial.options.make:
        return make(trial)
    options = vars(trial.options)
    given = options.copy()
    results = Results(trial)
    for name, sizes in PARTS:
        trial.seconds = 60 * given["minutes"] * SHARE / GROUPS * (MORE if name in CLOSE else 1)
        options.update(given)
        options.update({"files": None, "layout": None})
        options.update(QUICK[name] if trial.quick else sizes)
        if name == "layouts" and given["files"]:
            options["files"] = given["files"]
        if results.minutes() > LATE * given["minutes"] and not trial.quick:
            shorten(name, options)
        part(trial, results, name, lambda: cases[name](trial))
    options.update(given)
    part(trial, results, "counts", lambda: counts(trial))
    failed = [part["name"] for part in results.parts if part["failure"]]
    say(f"--- {results.folder}: results.json, tables.md, noop.svg, curves.svg")
    say(f"--- scripts/bench --publish {results.folder}: puts them into docs/performance*")
    if failed:
        raise Wrong(f"not all was measured: {', '.join(failed)}")


def part(trial, results, name, measure):
    """One case; what is wrong with it does not keep the others from being measured."""
    say(f"--- {name}")
    start, failure = time.monotonic(), None
    try:
        measure()
    except Wrong as wrong:
        failure = str(wrong)
    except subprocess.CalledProcessError as failed:
        failure = f"{' '.join(map(str, failed.cmd))} ended with {failed.returncode}"
    seconds = time.monotonic() - start
    results.parts.append({"name": name, "seconds": round(seconds, 1), "failure": failure})
    say(f"--- {name}: {seconds:.0f} s" + (f", WRONG: {failure}" if failure else ""))
    results.write()
