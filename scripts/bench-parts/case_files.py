"""Cases about reading files: nothing to do, everything to hash, and what memory that takes."""
import os

import rivals
from layouts import DESCRIPTIONS, NAMES
from measuring import Aim, Command, Group, Wrong, output_of, prepare
from rivals import says
from trial import MANY_FILES

MILLISECOND = 1e6


def title(layout, repository):
    return f"{DESCRIPTIONS[layout]}: {repository.files:,} files, {len(repository.components):,} components"


def with_start(factor, repository):
    """An aim that counts the start of the program where it is not lost in the rest."""
    return Aim(factor=factor, extra=0 if repository.files >= MANY_FILES else 10 * MILLISECOND)


def noop(trial):
    """lmsbuild run with everything cached, beside ninja, git status, make, Task, doit and the raw limit"""
    for layout, repository in trial.layouts():
        subject = trial.nothing_to_do(repository)
        beside = [
            trial.raw.stat(repository, aim=with_start(1.3, repository)),
            *([trial.raw.hash(repository)] if repository.files < MANY_FILES else []),
            rivals.ninja(repository, aim=with_start(0.28, repository)),
            rivals.git_status_untracked_cache(repository, aim=with_start(1, repository)),
            rivals.git_status(repository),
            rivals.find_newer(repository),
        ]
        if repository.files < rivals.MAKE_FILES:
            beside.append(rivals.make(repository))
        if repository.files < rivals.CONTENT_HASH_FILES:
            beside.append(rivals.task(repository, trial.tool("task")))
            beside.append(rivals.doit(repository, trial.tool("doit")))
        for rival in beside:
            prepare(rival)
        trial.compare(Group(
            f"nothing to do, {title(layout, repository)}", subject, beside, curve=f"nothing to do: {DESCRIPTIONS[layout]}",
            size=repository.files, unit="file"))


def layouts(trial):
    """nothing to do, a first hash, and affected by a change in one service, in every layout beside the raw pass and git"""
    trial.options.layout = trial.options.layout or NAMES
    trial.options.files = trial.options.files or [1_000 if trial.quick else 100_000]
    for layout, repository in trial.layouts():
        raw, status = trial.raw.stat(repository), rivals.git_status_untracked_cache(repository)
        difference = Command("git diff HEAD~1", ["git", "diff", "--name-only", "HEAD~1"], repository.folder, aim=Aim(3))
        affected = trial.command(repository, "affected", "--base", "HEAD~1", check=says(f"^{repository.changed}$"))
        common = {"size": repository.files, "unit": "file"}
        first_hash(trial, layout, repository, [trial.raw.hash(repository, aim=Aim(1.25, 10 * MILLISECOND))])
        for name, subject, beside in [
            ("nothing to do", trial.nothing_to_do(repository), [raw, status]),
            ("affected", affected, [difference, raw, status]),
        ]:
            for command in [subject, *beside]:
                prepare(command)
            trial.compare(Group(f"{name}, {title(layout, repository)}", subject, beside, **common))


def same_answer(wanted):
    def check(printed):
        if printed != wanted:
            raise Wrong(f"the answer is not that of the first run:\n{printed[:1000]}")
    return check


def cold(trial):
    """the first lmsbuild hash, beside reading and hashing everything; and one large file"""
    for layout, repository in trial.layouts():
        paths = [path for component in repository.components for path in component.inputs]
        raw = trial.raw.hash(repository, aim=Aim(1.25, 10 * MILLISECOND))
        beside = [raw]
        # A million files take these half a minute in each round, and are no aim.
        if repository.files < MANY_FILES:
            beside += [trial.raw.hash(repository, 1), rivals.xxhsum(repository, paths)]
        answer = first_hash(trial, layout, repository, beside)
        touched(trial, layout, repository, answer)
        # Reading a million files anew takes a quarter of a minute, and what follows has to read them once more.
        if trial.options.drop_caches and repository.files < MANY_FILES:
            from_disk(trial, layout, repository, answer)
    large_file(trial)


def first_hash(trial, layout, repository, beside):
    """Measures it beside others; returns what it printed."""
    trial.forget(repository)
    answer = output_of(trial.command(repository, "hash"))
    if len(answer.splitlines()) != len(repository.components):
        raise Wrong(f"lmsbuild hash printed {len(answer.splitlines()):,} lines")
    trial.compare(Group(
        f"everything to hash, file contents in memory, {title(layout, repository)}",
        trial.command(
            repository, "hash", name="lmsbuild hash, first run", before=lambda: trial.forget(repository),
            check=same_answer(answer)),
        beside, curve=f"everything to hash: {DESCRIPTIONS[layout]}", size=repository.files, unit="file"))
    return answer


def touched(trial, layout, repository, answer):
    """Every file has a new time and the content that it had: XXH3 is enough to know it again."""
    moment = [1_500_000_000]

    def touch():
        moment[0] += 1
        output_of(trial.raw.touch(repository, moment[0]))

    trial.compare(Group(
        f"every file touched, contents as before, {title(layout, repository)}",
        trial.command(
            repository, "hash", name="lmsbuild hash, files touched", before=touch, check=same_answer(answer)),
        [trial.raw.hash(repository, 2, aim=with_start(1.3, repository))],
        curve=f"files touched: {DESCRIPTIONS[layout]}", size=repository.files, unit="file"))


def from_disk(trial, layout, repository, answer):
    def drop(forget):
        if forget:
            trial.forget(repository)
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3\n")

    raw = trial.raw.hash(repository, aim=Aim(1.25, 10 * MILLISECOND))
    raw.before = lambda: drop(False)
    trial.compare(Group(
        f"everything to hash, file contents on disk, {title(layout, repository)}",
        trial.command(
            repository, "hash", name="lmsbuild hash, first run, from disk", before=lambda: drop(True),
            check=same_answer(answer)),
        [raw], curve=f"everything to hash from disk: {DESCRIPTIONS[layout]}", size=repository.files, unit="file",
        runs=min(3, trial.runs(repository.files))))


def large_file(trial):
    mebibytes = 64 if trial.quick else 1024
    files = [("Buildfile", "service large\n    build: data -> dist/done\n        echo done > dist/done\n")]
    repository = trial.workshop.of(f"large-{mebibytes}", files)
    data = os.path.join(repository.folder, "data")
    if not os.path.exists(data):
        with open(data + ".new", "wb") as out:
            for _ in range(mebibytes):
                out.write(os.urandom(1 << 20))
        os.rename(data + ".new", data)
    trial.forget(repository)
    command = trial.command(repository, "hash")
    answer = output_of(command)
    rate = (mebibytes * 1.048576, "MB/s")
    sha, xxh = ["sha256sum", data], ["xxhsum", "-H2", data]
    trial.compare(Group(
        f"one file of {mebibytes:,} MiB, never seen",
        trial.command(
            repository, "hash", name="lmsbuild hash, first run", before=lambda: trial.forget(repository),
            check=same_answer(answer)),
        [Command("openssl dgst -sha256", ["openssl", "dgst", "-sha256", data]), Command("sha256sum", sha)],
        rate=rate, runs=min(3, trial.runs())))
    prepare(command)
    moment = [1_500_000_000]

    def touch():
        moment[0] += 1
        os.utime(data, (moment[0], moment[0]))

    trial.compare(Group(
        f"one file of {mebibytes:,} MiB, touched, content as before",
        trial.command(repository, "hash", name="lmsbuild hash, file touched", before=touch, check=same_answer(answer)),
        [Command("xxhsum -H2", xxh, aim=Aim(1.2, 10 * MILLISECOND))], rate=rate, runs=min(5, trial.runs())))


def memory(trial):
    """the peak of memory of a no-op, hash and affected, beside ninja and git"""
    for layout, repository in trial.layouts():
        aim = Aim(most=200e6) if repository.files >= MANY_FILES else None
        subject = trial.nothing_to_do(repository, aim=aim)
        ninja = rivals.ninja(repository)
        status = rivals.git_status(repository)
        difference = Command("git diff HEAD~1", ["git", "diff", "--name-only", "HEAD~1"], repository.folder)
        cases = [
            ("nothing to do", subject, [ninja, status]),
            ("hash", trial.command(repository, "hash", aim=aim), [ninja]),
            ("affected", trial.command(
                repository, "affected", "--base", "HEAD~1", check=says(f"^{repository.changed}$"), aim=aim),
             [difference]),
        ]
        for name, command, beside in cases:
            prepare(command)
            trial.compare(Group(
                f"memory: {name}, {title(layout, repository)}", command, beside,
                curve=f"memory: {name}: {DESCRIPTIONS[layout]}", size=repository.files, unit="file", quantity="memory",
                runs=min(3, trial.runs(repository.files))))
