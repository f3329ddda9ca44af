"""What a case is given: the options, the program under test, repositories, rivals, and a place for results."""
import hashlib
import os
import platform
import re
import subprocess
import sys

import report
from layouts import Workshop, say
from measuring import Command, Stopwatch, prepare, summary
from rivals import Raw, says

PARTS = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.dirname(PARTS)
ROOT = os.path.dirname(SCRIPTS)
TOOLS = os.path.join(ROOT, ".build-bench-tools", "bin")
MANY_FILES = 500_000  # From here on fewer runs are enough.


def compiled(folder):
    """The program rawpass, compiled when its source has changed."""
    source = os.path.join(PARTS, "rawpass.c")
    with open(source, "rb") as file:
        name = hashlib.sha256(file.read()).hexdigest()[:12]
    program = os.path.join(folder, f"rawpass-{name}")
    if not os.path.exists(program):
        subprocess.run(
            ["cc", "-O2", "-Wall", "-Wextra", "-o", program + ".new", source, "-lxxhash", "-pthread"], check=True)
        os.rename(program + ".new", program)
    return program


def program_under_test():
    if "LMSBUILD" in os.environ:
        return os.path.abspath(os.environ["LMSBUILD"])
    say("building lmsbuild (LMSBUILD=FILE takes another)")
    built = subprocess.run(
        [os.path.join(SCRIPTS, "build-release")], check=True, stdout=subprocess.PIPE, text=True)
    return built.stdout.strip()


class Trial:
    def __init__(self, options):
        self.options = options
        self.quick = options.quick
        subprocess.run([os.path.join(SCRIPTS, "install-packages"), "bench"], check=True, stdout=sys.stderr)
        self.workshop = Workshop(os.path.abspath(options.folder))
        self.lmsbuild = program_under_test()
        program = compiled(self.workshop.folder)
        self.raw = Raw(program)
        self.stopwatch = Stopwatch(program)
        self.groups = []
        self.counts = []
        self.verified = []
        self.seconds = None  # What the rounds of one group may take together, if there are three at least.

    def tool(self, name):
        """A program from PyPI."""
        subprocess.run([os.path.join(SCRIPTS, "install-python-tools"), "bench"], check=True, stdout=sys.stderr)
        return os.path.join(TOOLS, name)

    def sizes(self, option, quick, full):
        """The sizes that were asked for, or those that the case has for itself."""
        return getattr(self.options, option) or (quick if self.quick else full)

    def runs(self, files=0, quick=3, full=7):
        if self.options.runs:
            return self.options.runs
        return quick if self.quick else min(3, full) if files >= MANY_FILES else full

    def layouts(self):
        """Each repository that is asked for by --layout and --files, made when its turn comes."""
        for layout in self.options.layout or ["many"]:
            for count in self.sizes("files", [1_000], [1_000, 10_000, 100_000, 1_000_000]):
                yield layout, self.workshop.trivial(layout, count)

    def command(self, repository, *words, before=None, check=None, aim=None, name=None):
        return Command(
            name or " ".join(["lmsbuild", *words]), [self.lmsbuild, *words], repository.folder, before=before,
            check=check, aim=aim)

    def forget(self, repository):
        """As in a new clone: nothing hashed, nothing cached."""
        self.workshop.trash.put(os.path.join(repository.folder, ".lmsbuild"))

    def nothing_to_do(self, repository, aim=None):
        """`lmsbuild run` where everything is cached: made so, and checked in every run."""
        count = len(repository.components)
        self.forget(repository)
        words = ["run", "--sandbox", "off"]
        say(f"running {count:,} targets once")
        prepare(self.command(repository, *words, check=says(f"^ran {count}, cached 0, failed 0, skipped 0 ")))
        # Once more: files that were hashed in the moment they were written are hashed again.
        again = self.command(
            repository, *words, check=says(f"^nothing to do: {count} targets? up to date "), aim=aim)
        prepare(again)
        return again

    def compare(self, group):
        """Measures, prints and keeps a group; whatever must be warm has run before."""
        commands = [group.subject, *group.rivals]
        self.keep(group, self.stopwatch.rounds(commands, group.runs or self.runs(group.size), self.seconds))

    def keep(self, group, runs):
        """Prints and keeps what the runs of a group's commands have taken."""
        self.groups.append(summary(group, runs))
        report.show(self.groups[-1])
        sys.stdout.flush()

    def results(self):
        return {
            "schema": 2, "case": self.options.case, "quick": self.quick, "machine": machine(self.lmsbuild),
            "groups": self.groups, "counts": self.counts, "verified": self.verified,
        }


def first_line(*arguments):
    try:
        done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.split("\n")[0].strip()


def machine(lmsbuild):
    with open("/proc/cpuinfo") as file:
        models = re.findall(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    return {
        "processor": models[0] if models else platform.machine(), "processors": os.cpu_count(),
        "kernel": platform.release(), "git": first_line("git", "--version"), "ninja": first_line("ninja", "--version"),
        "make": first_line("make", "--version"), "lmsbuild": first_line(lmsbuild, "--version"),
    }
