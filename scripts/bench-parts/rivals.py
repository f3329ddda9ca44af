"""What people would otherwise run on the same files. Does not know what lmsbuild is asked beside it."""
import json
import os
import re
import shutil

from layouts import git
from measuring import Command, Wrong, prepare

# Where a rival makes no sense: reading its own file takes it longer than anybody waits.
MAKE_FILES = 200_000
CONTENT_HASH_FILES = 20_000
PRUNED = ["(", "-name", ".git", "-o", "-name", ".lmsbuild", "-o", "-name", "dist", ")", "-prune", "-o"]


def says(pattern):
    """A check that what was printed has a place that matches."""
    expression = re.compile(pattern, re.MULTILINE)

    def check(printed):
        if not expression.search(printed):
            raise Wrong(f"expected /{pattern}/, but this was printed:\n{printed[-2000:]}")
    return check


def says_times(pattern, count):
    expression = re.compile(pattern, re.MULTILINE)

    def check(printed):
        found = len(expression.findall(printed))
        if found != count:
            raise Wrong(f"expected {count:,} times /{pattern}/, found {found:,}:\n{printed[-2000:]}")
    return check


class Raw:
    """Passes over all files by the program rawpass."""

    def __init__(self, program):
        self.program = program

    def stat(self, repository, threads=2, aim=None):
        return Command(
            f"raw fstatat pass, {threads} threads", [self.program, "stat", repository.list_file, str(threads)],
            repository.folder, check=says(f"^{repository.files} files "), aim=aim)

    def hash(self, repository, threads=8, aim=None):
        return Command(
            f"raw read + XXH3, {threads} thread{'s' if threads > 1 else ''}", [self.program, "hash", repository.list_file, str(threads)],
            repository.folder, check=says(f"^{repository.files} files "), aim=aim)

    def touch(self, repository, seconds):
        return Command(
            "touch", [self.program, "touch", repository.list_file, str(seconds)], repository.folder)

    def spawn(self, count, jobs):
        return Command(f"raw posix_spawn of sh, {jobs} at once", [self.program, "spawn", str(count), str(jobs)])


def ninja(repository, aim=None):
    """One edge for each component, with the same inputs; prepared, so that nothing is left to do."""
    folder = os.path.join(repository.rivals, "ninja")
    file = os.path.join(repository.rivals, "build.ninja")
    with open(file, "w") as out:
        out.write(f"builddir = {folder}\nrule done\n  command = echo done > $out\n")
        for component in repository.components:
            out.write(f"build {folder}/{component.name}: done {' '.join(component.inputs)}\n")
    shutil.rmtree(folder, ignore_errors=True)
    arguments = ["ninja", "-f", file]
    prepare(Command("", arguments, repository.folder))
    return Command("ninja", arguments, repository.folder, check=says("^ninja: no work to do"), aim=aim)


def make(repository):
    folder = os.path.join(repository.rivals, "make")
    file = os.path.join(repository.rivals, "Makefile")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    outputs = [f"{folder}/{component.name}" for component in repository.components]
    with open(file, "w") as out:
        out.write(f"all: {' '.join(outputs)}\n")
        for component, output in zip(repository.components, outputs):
            out.write(f"{output}: {' '.join(component.inputs)}\n\t@echo done > $@\n")
    arguments = ["make", "-r", "-R", "-f", file]
    prepare(Command("", arguments, repository.folder))
    return Command("make", arguments, repository.folder, check=says("^make: Nothing to be done for 'all'"))


def task(repository, program):
    """Task compares checksums of contents."""
    folder = os.path.join(repository.rivals, "task")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    tasks = {}
    for component in repository.components:
        output = f"{folder}/{component.name}"
        sources = "note-*.txt" if component.name == "top" else "src/**/*"
        tasks[component.name] = {
            "dir": os.path.join(repository.folder, component.folder), "sources": [sources], "generates": [output],
            "method": "checksum", "cmds": [f"echo done > {output}"],
        }
    tasks["default"] = {"deps": list(tasks)}
    file = os.path.join(folder, "Taskfile.yml")
    with open(file, "w") as out:
        json.dump({"version": "3", "tasks": tasks}, out)  # JSON is YAML.
    command = Command(
        "Task (checksums)", [program, "-t", file], repository.folder, {"TASK_TEMP_DIR": os.path.join(folder, "state")})
    prepare(command)
    command.check = says_times(" is up to date", len(repository.components))
    return command


DODO = """\
import json
DOIT_CONFIG = {{"dep_file": {state!r}, "verbosity": 0}}

def task_component():
    with open({components!r}) as file:
        for name, inputs in json.load(file).items():
            output = {folder!r} + "/" + name
            yield {{
                "name": name, "file_dep": inputs, "targets": [output], "actions": ["echo done > " + output],
            }}
"""


def doit(repository, program):
    folder = os.path.join(repository.rivals, "doit")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    components = os.path.join(folder, "components.json")
    with open(components, "w") as out:
        json.dump({component.name: component.inputs for component in repository.components}, out)
    file = os.path.join(folder, "dodo.py")
    with open(file, "w") as out:
        out.write(DODO.format(state=os.path.join(folder, "state"), components=components, folder=folder))
    command = Command(
        "doit (MD5 where a time differs)", [program, "-f", file, "-d", repository.folder], repository.folder)
    prepare(command)
    command.check = says_times("^-- ", len(repository.components))
    return command


def git_status(repository):
    return Command("git status", ["git", "status", "--porcelain"], repository.folder)


def git_status_untracked_cache(repository, aim=None):
    """With an index of its own, as git would otherwise add the cache and take it away again in turns."""
    index = os.path.join(repository.folder, ".git", "index-untracked-cache")
    shutil.copyfile(os.path.join(repository.folder, ".git", "index"), index)
    environment = {"GIT_INDEX_FILE": index}
    command = Command(
        "git status (untracked cache)", ["git", "-c", "core.untrackedCache=true", "status", "--porcelain"],
        repository.folder, environment, aim=aim)
    git(repository.folder, "update-index", "--untracked-cache", environment=environment)
    prepare(command)
    return command


def find_newer(repository):
    """What a script would do: is anything newer than what was made last?"""
    mark = os.path.join(repository.rivals, "mark")
    with open(mark, "w"):
        pass

    def nothing(printed):
        if printed:
            raise Wrong(f"find names files that are newer than the last run: {printed[:500]}")
    return Command(
        "find -newer", ["find", ".", *PRUNED, "-type", "f", "-newer", mark, "-print"], repository.folder, check=nothing)


def xxhsum(repository, files):
    """One process for each processor, each for 1,000 files."""
    listed = os.path.join(repository.rivals, "files")
    with open(listed, "wb") as out:
        out.write(b"".join(path.encode() + b"\0" for path in files))
    return Command(
        "xxhsum -H2, 2 processes", ["xargs", "-0", "-a", listed, "-P", "2", "-n", "1000", "xxhsum", "-H2"],
        repository.folder)
