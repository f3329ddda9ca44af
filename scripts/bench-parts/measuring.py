"""Runs commands interleaved and holds what they took. Does not know what the commands are about."""
import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import Callable, Optional

# Rounds that are made however long they take.
FEWEST = 3
# As a new user has it: nobody's settings, no CI.
ENVIRONMENT = {
    "PATH": os.environ["PATH"], "HOME": "/nonexistent", "LC_ALL": "C", "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}


class Wrong(Exception):
    """A command failed, or its answer is not the right one: nothing that was measured counts."""


@dataclass
class Run:
    """What one run took."""
    nanoseconds: int
    peak: int  # bytes
    busy: int = 0  # Nanoseconds of processors, of the process and all it waited for; 0 where that is not known.


@dataclass
class Aim:
    """What the measured command may take: `factor` of what the rival takes and `extra` nanoseconds, or `most` of its own."""
    factor: Optional[float] = None
    extra: float = 0
    most: Optional[float] = None  # nanoseconds, or bytes where memory is compared

    def holds(self, subject, rival):
        """Whether it does in most rounds, of which these are the amounts."""
        if self.factor is None:
            return statistics.median(subject) <= self.most
        # Round by round, as ratios are: what else the machine did slowed both.
        return statistics.median((mine - self.extra) / max(theirs, 1) for mine, theirs in zip(subject, rival)) <= self.factor


@dataclass
class Command:
    """What is run, and what must have come out of it."""
    name: str
    arguments: list
    folder: str = "/"
    environment: dict = field(default_factory=dict)
    before: Optional[Callable[[], None]] = None  # Done before each run, not measured.
    check: Optional[Callable[[str], None]] = None  # Takes what each run printed on both streams; raises Wrong.
    aim: Optional[Aim] = None
    timed: Optional[Callable[[], Run]] = None  # Runs it by itself, for what isn't one process from start to end.


@dataclass
class Group:
    """One command beside its rivals."""
    title: str
    subject: Command
    rivals: list
    curve: str = ""  # Groups with the same curve and different sizes make one chart.
    size: int = 0
    unit: str = ""  # What the size counts.
    rate: Optional[tuple] = None  # (amount, "MB/s"): shown instead of the time for each unit.
    quantity: str = "time"  # or "memory": what is compared.
    runs: Optional[int] = None


def environment(command):
    return {**ENVIRONMENT, **command.environment}


def output_of(command):
    """What it prints, in one run that isn't measured and must succeed."""
    done = subprocess.run(
        command.arguments, cwd=command.folder, env=environment(command), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    printed = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise Wrong(f"{' '.join(command.arguments)} in {command.folder} ended with {done.returncode}:\n{printed[-2000:]}")
    return printed


def prepare(command):
    """One run that isn't measured: what comes later finds everything warm, or says what is wrong."""
    if command.before:
        command.before()
    if command.timed:
        command.timed()
        return
    printed = output_of(command)
    if command.check:
        command.check(printed)


class Stopwatch:
    """Starts commands through the small program at `raw`, which takes the time."""

    def __init__(self, raw):
        self.raw = raw

    def measure(self, command):
        if command.before:
            command.before()
        if command.timed:
            return command.timed()
        reader, writer = os.pipe()
        try:
            with tempfile.TemporaryFile() if command.check else open(os.devnull, "w+b") as printed:
                done = subprocess.run(
                    [self.raw, "measure", str(writer), *command.arguments], cwd=command.folder,
                    env=environment(command), stdin=subprocess.DEVNULL, stdout=printed, stderr=printed,
                    pass_fds=(writer,))
                report = os.read(reader, 100).split() if done.returncode == 0 else [b"0", b"0", b"-1", b"0"]
                said = ""
                if command.check:
                    printed.seek(0)
                    said = printed.read().decode(errors="replace")
                if report[2] != b"0":
                    raise Wrong(f"{' '.join(command.arguments)} failed in {command.folder}:\n{said[-2000:]}")
                if command.check:
                    command.check(said)
        finally:
            os.close(reader)
            os.close(writer)
        return Run(int(report[0]), int(report[1]) * 1024, int(report[3]))

    def rounds(self, commands, count, seconds=None):
        """The runs of each command. Each round begins with another, so that none always follows the same. After `seconds`
        there are no more of them than three."""
        runs = [[] for _ in commands]
        start = time.monotonic()
        for number in range(count):
            if seconds is not None and number >= FEWEST and time.monotonic() - start > seconds:
                break
            for step in range(len(commands)):
                index = (number + step) % len(commands)
                runs[index].append(self.measure(commands[index]))
        return runs


def spread(values, digits=None):
    values = [round(value, digits) if digits else value for value in values]
    return {"median": statistics.median(values), "least": min(values), "most": max(values)}


def summary(group, runs):
    """What a group's runs say, as it is printed and written to files; `runs` are the subject's, then each rival's."""
    def amounts(of):
        return [run.nanoseconds if group.quantity == "time" else run.peak for run in of]

    subject = amounts(runs[0])
    rows = []
    for command, of in zip([group.subject, *group.rivals], runs):
        row = {
            "command": command.name, "nanoseconds": spread([run.nanoseconds for run in of]),
            "processor_nanoseconds": spread([run.busy for run in of]), "peak_bytes": max(run.peak for run in of),
        }
        if command is not group.subject:
            # Round by round: what else the machine did slowed both.
            ratios = [mine / max(theirs, 1) for mine, theirs in zip(subject, amounts(of))]
            row["ratio"] = spread(ratios, 3)
        if command.aim:
            row["aim"] = {
                "factor": command.aim.factor, "extra": command.aim.extra, "most": command.aim.most,
                "reached": command.aim.holds(subject, amounts(of)),
            }
        rows.append(row)
    return {
        "title": group.title, "curve": group.curve, "size": group.size, "unit": group.unit, "quantity": group.quantity,
        "rate": list(group.rate) if group.rate else None, "runs": len(runs[0]), "rows": rows,
    }
