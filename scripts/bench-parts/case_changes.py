"""Cases about what a change means: affected, replay, watch."""
import contextlib
import os
import re
import select
import subprocess
import time

import rivals
from layouts import FILES_OF_A_SERVICE, components_of, git, libraries_of, settle, trivial_files
from measuring import Aim, Command, Group, Run, Wrong, environment, output_of, prepare
from rivals import says

MILLISECOND = 1e6

WORKING_TREE = ["git", "diff", "--name-only", "HEAD~1"]
COMMITS = ["git", "diff", "--name-only", "HEAD~1", "HEAD"]


def expected(change, services):
    if change == "one-service":
        return [f"s{services // 2}"]
    return sorted(["l1"] + [f"s{number}" for number in range(services) if 1 in libraries_of(number, services)])


def affected(trial):
    """affected --base HEAD~1 beside git diff and git status"""
    for services in trial.sizes("services", [10], [100, 1_000, 10_000]):
        repository = trial.workshop.services(services)
        for change in ["one-service", "one-library"]:
            git(repository.folder, "checkout", "--quiet", change)
            settle(repository.folder)
            affected_by(trial, repository, services, change)


def affected_by(trial, repository, services, change):
    names = expected(change, services)

    def right(printed):
        if printed.split() != names:
            raise Wrong(f"affected names {printed.split()[:10]} and not {names[:10]}")

    def rival(words, aim=None):
        command = Command(" ".join(words), words, repository.folder, aim=aim)
        prepare(command)
        return command

    what = f"{services:,} services, {repository.files:,} files, {change.replace('-', ' ')} changed"
    working_tree = trial.command(repository, "affected", "--base", "HEAD~1", check=right)
    commits = trial.command(repository, "affected", "--base", "HEAD~1", "--head", "HEAD", check=right)

    def in_clone(command):
        """The first run in a new clone, in CI: nothing is remembered, and nothing will be."""
        words = command.arguments[1:]
        first = trial.command(
            repository, *words, name=" ".join(["lmsbuild", *words]) + ", first run in a clone", check=right,
            before=lambda: trial.forget(repository))
        first.environment = {"CI": "true"}
        return first

    curve = f"one {change.split('-')[1]} changed"
    common = {"size": repository.files, "unit": "file"}
    trial.compare(Group(
        f"first run: {what}", in_clone(working_tree), [rival(WORKING_TREE, Aim(3))],
        curve=f"affected, first run: {curve}", **common))
    trial.compare(Group(
        f"first run, commit to commit: {what}", in_clone(commits), [rival(COMMITS), rival(["git", "ls-tree", "-r", "HEAD"])],
        curve=f"affected, commits, first run: {curve}", **common))
    prepare(working_tree)
    trial.compare(Group(
        f"working tree: {what}", working_tree, [rival(WORKING_TREE, Aim(3)), rival(["git", "status", "--porcelain"])],
        curve=f"affected, working tree: {curve}", **common))
    trial.compare(Group(
        f"commit to commit: {what}", commits, [rival(COMMITS, Aim(3))], curve=f"affected, commits: {curve}", **common))
    if change == "one-service":
        with_attributes(trial, repository, [
            Group(
                f"working tree where git may convert every file: {what}", working_tree, [rival(WORKING_TREE, Aim(3))],
                curve=f"affected, text=auto: {curve}", **common),
            Group(
                f"first run where git may convert every file: {what}", in_clone(working_tree),
                [rival(WORKING_TREE, Aim(3))], curve=f"affected, text=auto, first run: {curve}", **common),
        ])


def with_attributes(trial, repository, groups):
    """What is the same file for git may then have other bytes."""
    path = os.path.join(repository.folder, ".git", "info", "attributes")
    with open(path, "w") as file:
        file.write("* text=auto\n")
    try:
        time.sleep(0.1)  # What was written this moment is not believed.
        for group in groups:
            for command in [group.subject, group.subject, *group.rivals]:
                prepare(command)
            trial.compare(group)
    finally:
        os.remove(path)


def history_of(count):
    """What each commit changes: a file of a service, and in every fifth a file comes."""
    for number in range(count):
        service = number * 7 % 10
        changes = [(f"services/s{service}/src/api/part{number % 10 * 5}.py", f"changed = {number}\n")]
        if number % 5 == 4:
            changes.append((f"services/s{service}/src/core/new{number}.py", f"new = {number}\n"))
        yield changes


def replay(trial):
    """replay of a generated history, in commits a second"""
    for count in trial.sizes("commits", [50], [100, 1_000, 5_000]):
        components = components_of("many", 10 * FILES_OF_A_SERVICE)
        repository = trial.workshop.of(
            f"history-{count}", list(trivial_files(components)), commits=history_of(count))
        log = Command(
            "git log --raw", ["git", "log", "--first-parent", "--raw", "--no-renames", "-n", str(count)],
            repository.folder)
        # Each commit changes one service, so this is how many targets are affected in all.
        subject = trial.command(
            repository, "replay", "--last", str(count), check=says(rf"^affected: +{count} runs?\b"))
        prepare(subject)
        prepare(log)
        trial.compare(Group(
            f"{count:,} commits, 10 services, {repository.files:,} files at first", subject, [log], curve="replay",
            size=count, unit="commit", rate=(count, "commits/s")))


class Refused(Exception):
    """The program says that it doesn't have this yet."""


class Watch:
    """A running `lmsbuild run --watch`, and what it says."""

    END = re.compile(rb"^(ran \d+, cached|nothing to do)", re.MULTILINE)

    def __init__(self, command):
        self.child = subprocess.Popen(
            command.arguments, cwd=command.folder, env=environment(command), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = b""

    def end_of_run(self, seconds=60):
        """Waits until the summary of a run has been printed, and returns all since the one before."""
        until = time.monotonic() + seconds
        while True:
            match = self.END.search(self.said)
            end = self.said.find(b"\n", match.start()) if match else -1
            if end >= 0:
                run, self.said = self.said[:end], self.said[end + 1:]
                return run.decode(errors="replace")
            ready, _, _ = select.select([self.child.stdout], [], [], max(0, until - time.monotonic()))
            more = os.read(self.child.stdout.fileno(), 65536) if ready else b""
            if not more:
                said = self.said.decode(errors="replace")[-2000:]
                if "LMS306" in said:
                    raise Refused(said)
                raise Wrong(f"lmsbuild run --watch did not say that a run has ended: {said}")
            self.said += more

    def end(self):
        self.child.terminate()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()


def watch(trial):
    """from a save to the end of the run that follows, beside starting lmsbuild run by hand; a no-op with a watcher"""
    for count in trial.sizes("files", [1_000], [1_000, 10_000, 100_000, 1_000_000]):
        repository = trial.workshop.trivial("many", count)
        trial.nothing_to_do(repository)
        background(trial, repository)
        try:
            watched(trial, repository)
        except Refused as refused:
            print(f"watch: nothing was measured, as 'lmsbuild run --watch' is refused:\n{refused}")
            return


@contextlib.contextmanager
def watcher(trial, repository):
    """A watcher in the background that is believed."""
    output_of(trial.command(repository, "watch", "--background"))
    try:
        told = trial.command(repository, "run", "-n", "-v", "--sandbox", "off")
        until = time.monotonic() + 60
        while "the watcher knows of no others" not in output_of(told):
            if time.monotonic() > until:
                raise Wrong(f"the watcher is not believed: {output_of(told)[:500]}")
        yield
    finally:
        output_of(trial.command(repository, "watch", "--stop"))


def background(trial, repository):
    """A run with nothing to do that asks `lmsbuild watch --background`, beside those that look at everything."""
    subject = trial.nothing_to_do(repository)
    with watcher(trial, repository):
        subject.name += ", with a watcher"
        without = trial.command(
            repository, "run", "--sandbox", "off", name="lmsbuild run, without", check=subject.check)
        without.environment = {"LMSBUILD_SLOW": "watch"}
        subject.aim = Aim(most=50 * MILLISECOND)
        raw = trial.raw.stat(repository)
        prepare(raw)
        trial.compare(Group(
            f"nothing to do with a watcher, {repository.files:,} files", subject,
            [without, raw, rivals.git_status_untracked_cache(repository)],
            curve="nothing to do with a watcher", size=repository.files, unit="file"))


def watched(trial, repository):
    changed = os.path.join(repository.folder, repository.components[-1].inputs[0])
    serial = [0]

    def save():
        serial[0] += 1
        with open(changed, "w") as file:
            file.write(f"changed = {serial[0]}\n")

    def ran_one(printed):
        if not re.search(r"^ran 1, ", printed, re.MULTILINE):
            raise Wrong(f"after a change one target should have run:\n{printed[-2000:]}")

    by_hand = trial.command(repository, "run", "--sandbox", "off", before=save, check=ran_one)
    watcher = Watch(trial.command(repository, "run", "--watch", "--sandbox", "off"))
    try:
        watcher.end_of_run()

        def one():
            time.sleep(0.3)  # What came before is over, as between two saves of a person.
            start = time.perf_counter_ns()
            save()
            printed = watcher.end_of_run()
            taken = time.perf_counter_ns() - start
            ran_one(printed)
            return Run(taken, 0)

        runs = [one() for _ in range(trial.runs(repository.files))]
    finally:
        watcher.end()
    hand = trial.stopwatch.rounds([by_hand], len(runs))
    git(repository.folder, "checkout", "--quiet", "--", ".")
    trial.keep(
        Group(
            f"one file saved, {repository.files:,} files", Command("lmsbuild run --watch", []), [by_hand], curve="watch",
            size=repository.files, unit="file"),
        [runs, *hand])
