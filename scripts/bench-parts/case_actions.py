"""Cases about running: many small actions, and one in the sandbox."""
import os
import shutil

from layouts import Component, git, say
from measuring import Aim, Command, Group, Run, prepare
from rivals import says, says_times

RUN_ALL = ["run", "-B", "--sandbox", "off", "-j", "2"]


def spawn(trial):
    """1,000 trivial actions, two at once, no sandbox, beside ninja and make"""
    for count in trial.sizes("actions", [100], [100, 1_000, 10_000]):
        components = [Component(f"s{number}", f"s{number}/", [f"s{number}/input"]) for number in range(count)]
        files = [("Buildfile", "template t\n    unit: input\n        exit 0\n\nservices s* : t\n")]
        files += [(component.inputs[0], f"{component.name}\n") for component in components]
        repository = trial.workshop.of(f"actions-{count}", files, components)
        trial.forget(repository)
        subject = trial.command(repository, *RUN_ALL, check=says(f"^ran {count}, cached 0, failed 0, skipped 0 "))
        beside = [ninja(repository, count), make(repository, count), trial.raw.spawn(count, 2)]
        for command in [subject, *beside]:
            prepare(command)
        trial.compare(Group(
            f"{count:,} actions that do nothing", subject, beside, curve="actions that do nothing", size=count,
            unit="action"))


def ninja(repository, count):
    """Outputs that never come are missing in every run, so every run runs everything."""
    file = os.path.join(repository.rivals, "build.ninja")
    with open(file, "w") as out:
        out.write(f"builddir = {repository.rivals}\nrule nothing\n  command = exit 0\n")
        for component in repository.components:
            out.write(f"build {repository.rivals}/{component.name}: nothing {component.inputs[0]}\n")
    return Command(
        "ninja -j2", ["ninja", "-j2", "-f", file], repository.folder, check=says(rf"^\[{count}/{count}\]"), aim=Aim(1))


def make(repository, count):
    """'exit' is the shell's own, so make starts a shell, as ninja and lmsbuild do."""
    file = os.path.join(repository.rivals, "Makefile")
    names = [f"{repository.rivals}/{component.name}" for component in repository.components]
    with open(file, "w") as out:
        out.write(f"all: {' '.join(names)}\n")
        for name, component in zip(names, repository.components):
            out.write(f"{name}: {component.inputs[0]}\n\texit 0\n")
    return Command(
        "make -j2", ["make", "-r", "-R", "-j2", "-f", file], repository.folder, check=says_times("^exit 0$", count))


STAGES = 10


def plan(trial):
    """run -n of 100,000 targets, beside ninja: nothing to do, one target to run, and what needs it"""
    for count in trial.sizes("actions", [1_000], [1_000, 10_000, 100_000]):
        names = [f"s{number}" for number in range(count // STAGES)]
        # Each stage but the first takes in the one before, which puts nothing out.
        stages = "".join(
            f"    t{stage}: {f':t{stage - 1} ' if stage else ''}input\n        exit 0\n\n" for stage in range(STAGES))
        files = [("Buildfile", f"template t\n{stages}services s* : t\n"), (".gitignore", ".lmsbuild/\n")]
        files += [(f"{name}/input", f"{name}\n") for name in names]
        repository = trial.workshop.of(f"plan-{count}", files, [Component(name, name, []) for name in names])
        say(f"running {len(names) * STAGES:,} targets, unless they have run")
        everything = trial.command(repository, "run", "--sandbox", "off", "-j", "2")
        prepare(everything)
        prepare(everything)
        rival = ninja_stages(repository)
        serial = [0]

        def edit():
            serial[0] += 1
            with open(os.path.join(repository.folder, names[len(names) // 2], "input"), "w") as file:
                file.write(f"{os.getpid()} {serial[0]}\n")

        # 100,000 targets in a second, and others in proportion.
        aim = Aim(most=max(10e6, count * 1e4))
        nothing = trial.command(repository, "run", "-n", check=says_times(r"^\S+:t\d+\b", 0), aim=aim)
        some = trial.command(
            repository, "run", "-n", before=edit, check=says_times(r"^\S+:t\d+\b", STAGES),
            name="lmsbuild run -n, ten targets to run", aim=aim)
        for title, subject in [("nothing to do", nothing), ("ten to run", some)]:
            prepare(subject)
            trial.compare(Group(
                f"planning {len(names) * STAGES:,} targets: {title}", subject, [rival], curve=f"run -n: {title}",
                size=len(names) * STAGES, unit="target", runs=trial.options.runs or (3 if trial.quick else 5)))
        git(repository.folder, "checkout", "--quiet", "--", ".")


def ninja_stages(repository):
    """`ninja -n` of the same targets, all of which are up to date."""
    folder = os.path.join(repository.rivals, "ninja")
    file = os.path.join(repository.rivals, "build.ninja")
    with open(file, "w") as out:
        out.write(f"builddir = {folder}\nrule done\n  command = : > $out\n")
        for component in repository.components:
            last = ""
            for stage in range(STAGES):
                output = f"{folder}/{component.name}-{stage}"
                out.write(f"build {output}: done {component.name}/input {last}\n")
                last = output
    prepare(Command("ninja", ["ninja", "-f", file], repository.folder))
    return Command("ninja -n", ["ninja", "-n", "-f", file], repository.folder)


ACTIONS = 10  # In one run, so that its start and what else the machine does weigh less.


def sandbox(trial):
    """actions in the sandbox with 20, 500 and 5,000 inputs, beside bwrap alone with a tree of hard links"""
    for count in trial.sizes("inputs", [20], [20, 500, 5_000]):
        rules = "\n".join(f"    unit{number}: src/**\n        exit 0\n" for number in range(ACTIONS))
        files = [("Buildfile", f"service s\n{rules}")]
        files += [(f"src/part{number // 50}/input{number}", f"{number}\n") for number in range(count)]
        # The Buildfile is no input, so it isn't on the list of what the rival links.
        repository = trial.workshop.of(f"inputs-{count}", files, unlisted={"Buildfile"})
        trial.forget(repository)
        done = says(f"^ran {ACTIONS}, cached 0, failed 0, skipped 0 ")
        inside, outside = (
            trial.command(repository, "run", "-B", "-j", "1", "--sandbox", switch, check=done) for switch in ["on", "off"])
        bare = linked(trial, repository)
        for command in [inside, outside, bare]:
            prepare(command)
        size = {"size": count, "unit": "input"}
        runs = trial.stopwatch.rounds([inside, outside, bare], trial.runs())
        trial.keep(
            Group(f"{ACTIONS} actions with {count:,} inputs each, the whole run", inside, [outside]), runs[:2])
        # What the sandbox alone adds to an action, round by round, is what can be compared with bubblewrap alone.
        added = [Run(max((a.nanoseconds - b.nanoseconds) // ACTIONS, 1), 0) for a, b in zip(runs[0], runs[1])]
        bare.aim = Aim(1.3)
        trial.keep(
            Group(
                f"one action with {count:,} inputs, what the sandbox adds",
                Command(f"lmsbuild, sandbox on less off, a {ACTIONS}th", []), [bare],
                curve="one action, what the sandbox adds", **size),
            [added, runs[2]])


def linked(trial, repository):
    """bubblewrap as lmsbuild starts it, everything unshared, with the inputs as a tree of hard links."""
    tree = os.path.join(repository.rivals, "tree")
    shutil.rmtree(tree, ignore_errors=True)
    arguments = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session"]
    for folder in ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"]:
        arguments += ["--ro-bind-try", folder, folder]
    arguments += [
        "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--ro-bind", tree, "/workspace", "--chdir", "/workspace",
        "/bin/sh", "-c", "exit 0"]
    return Command(
        "hard links + bwrap", [trial.raw.program, "linked", repository.list_file, tree, *arguments],
        repository.folder)
