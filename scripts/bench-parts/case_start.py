"""Cases about what comes before any work: starting, and reading Buildfiles. And counts of instructions, which don't
depend on what else the machine does."""
import os
import re
import subprocess
import tempfile

import report
from case_changes import watcher
from layouts import Repository, components_of, git, trivial_files, write_files
from measuring import Aim, Command, Group, Wrong, environment, output_of, prepare
from rivals import says

MILLISECOND = 1e6


def start(trial):
    """--version and a no-op with five services, beside ninja, git and /bin/true"""
    beside = [
        Command("ninja --version", ["ninja", "--version"]), Command("git --version", ["git", "--version"]),
        Command("/bin/true", ["/bin/true"]),
    ]
    runs = trial.runs(quick=20, full=200)
    repository = trial.workshop.trivial("many", 500)
    version = trial.command(repository, "--version", check=says(r"^\d+\.\d+"), aim=Aim(most=4 * MILLISECOND))
    nothing = trial.nothing_to_do(repository, aim=Aim(most=10 * MILLISECOND))
    for title, subject in [("start", version), ("nothing to do in 5 services, 500 files", nothing)]:
        for command in [subject, *beside]:
            prepare(command)
        trial.compare(Group(title, subject, beside, runs=runs))


BUILDFILE = """\
# {name}: one of many, with what Buildfiles hold: comments, values, rules, attributes and recipes.
service {name}
    owners team-{team}
    port = {port}
    package = shop_{name}
    greeting = "service {name}, at your service"

    # Everything that is shipped.
    build: src/** -> dist/{name}.pyz
        python3 -X utf8 -B -m zipapp src -m "$package.main:main" \\
            -o "dist/{name}.pyz"

    [report junit reports/*.xml] [timeout 5m] [retries 1]
    unit: :build src/** -> reports/unit.xml
        # Verbatim: '$' is the shell's.
        for suite in api core store; do
            python3 -m testing --package "$package" --port "$port" --suite "$suite" --junit reports/unit.xml src
        done

    [report sarif reports/lint.sarif] [gate lint <= 0 reports/lint.sarif]
    lint: src/** -> reports/lint.sarif
        python3 -m linter --sarif reports/lint.sarif src

    # Slow, so it runs alone and only where the others have succeeded.
    [gate mutation >= 72.5 reports/mutation.json] [timeout 1h30m] [pool heavy]
    mutation: src/** | :unit :lint -> reports/mutation.json
        python3 -m mutate --name "{name}" --minimum 72.5 src reports/mutation.json
"""


def buildfiles(count):
    yield "Buildfile", "registry ?= localhost:5000/bench\ninclude services/*/Buildfile\n"
    for number in range(count):
        name = f"s{number}"
        yield f"services/{name}/Buildfile", BUILDFILE.format(name=name, team=number % 20, port=8000 + number % 1000)
        yield f"services/{name}/src/main.py", f"number = {number}\n"


def edited(repository, name):
    """Two functions: one gives the build recipe of a service another line, each time another, and one takes it back."""
    path = os.path.join(repository.folder, "services", name, "Buildfile")
    serial = [0]
    with open(path) as file:
        original = file.read()

    def write(text):
        with open(path, "w") as file:
            file.write(text)

    def edit():
        serial[0] += 1
        write(original.replace("        python3 -X", f"        true {serial[0]}; python3 -X"))

    return edit, lambda: write(original)


def parse(trial):
    """check and hash of many Buildfiles, first and second run, in MB/s of Buildfile text, and check after one has changed"""
    for count in trial.sizes("buildfiles", [100], [100, 1_000, 10_000]):
        files = list(buildfiles(count))
        amount = sum(len(text.encode()) for path, text in files if path.endswith("Buildfile"))
        others = {path for path, _ in files if not path.endswith("Buildfile")}
        repository = trial.workshop.of(f"buildfiles-{count}", files, unlisted=others)
        read = trial.raw.hash(repository, 2)
        common = {"size": amount, "unit": "byte", "rate": (amount / 1e6, "MB/s"), "runs": trial.runs(count)}
        what = f"{count + 1:,} Buildfiles, {amount / 1e6:.1f} MB"
        prepare(read)
        trial.forget(repository)
        for words, check in [("check", says(f"^{count:,} components, |^{count} components, ")), ("hash", None)]:
            command = trial.command(repository, words, check=check)
            if not check:
                answer = output_of(command)
                if len(answer.splitlines()) != 4 * count:
                    raise Wrong(f"lmsbuild hash printed {len(answer.splitlines()):,} lines and not {4 * count:,}")
            first = trial.command(
                repository, words, name=f"lmsbuild {words}, first run", before=lambda: trial.forget(repository),
                check=check, aim=Aim(most=amount / 100e6 * 1e9 + 10 * MILLISECOND) if words == "check" else None)
            trial.compare(Group(
                f"{words} for the first time, {what}", first, [read], curve=f"{words}, first run", **common))
            command.name += ", again"
            prepare(command)
            prepare(command)
            trial.compare(Group(f"{words} again, {what}", command, [read], curve=f"{words}, again", **common))
        # What is left where no file has to be looked at: the start of the program, the graph, and one label of it.
        one = trial.command(
            repository, "hash", f"s{count // 2}:build", name="lmsbuild hash of one label, with a watcher",
            check=says(f"^s{count // 2}:build "), aim=Aim(most=10 * MILLISECOND))
        with watcher(trial, repository):
            prepare(one)
            trial.compare(Group(f"loading the graph of {what}", one, [read], curve="loading the graph", **common))
        check = says(f"^{count:,} components, |^{count} components, ")
        edit, restore = edited(repository, f"s{count // 2}")
        same = trial.command(
            repository, "check", name="lmsbuild check, nothing changed", check=check, before=restore, aim=Aim(1.5))
        changed = trial.command(
            repository, "check", name="lmsbuild check, one Buildfile changed", check=check, before=edit)
        trial.compare(Group(
            f"one Buildfile changed, {what}", changed, [same], curve="one Buildfile changed", size=count,
            unit="Buildfile"))
        git(repository.folder, "checkout", "--quiet", "--", ".")


COLLECTED = re.compile(r"Collected : (\d+)")


def counts(trial):
    """Instructions that callgrind counts, with a row for each command. Outside of git repositories: valgrind doesn't know
    pidfd_open, with which lmsbuild starts git."""
    with tempfile.TemporaryDirectory(prefix="lmsbuild-bench-") as folder:
        components = components_of("many", 1_000 if trial.quick else 10_000)
        files = list(trivial_files(components))
        many = Repository(os.path.join(folder, "files"), len(files), components, "", "")
        write_files(many.folder, files)
        texts = list(buildfiles(100 if trial.quick else 1_000))
        parsed = Repository(os.path.join(folder, "buildfiles"), len(texts), [], "", "")
        write_files(parsed.folder, texts)
        nothing = trial.nothing_to_do(many)
        for command, name in [
            (trial.command(many, "--version"), "lmsbuild --version"),
            (trial.command(many, "check"), f"lmsbuild check, {len(components):,} components"),
            (trial.command(parsed, "check"), f"lmsbuild check, {len(texts) // 2:,} Buildfiles of 1 kB"),
            (nothing, f"lmsbuild run, nothing to do, {many.files:,} files"),
        ]:
            trial.counts.append({"command": name, "instructions": instructions(command)})
        report.show_counts(trial.counts)


def instructions(command):
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command.arguments], cwd=command.folder,
        env=environment(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = COLLECTED.search(done.stdout)
    if done.returncode != 0 or not found:
        raise Wrong(f"callgrind with {' '.join(command.arguments)}:\n{done.stdout[-2000:]}")
    if command.check:
        command.check(done.stdout)
    return int(found.group(1))
