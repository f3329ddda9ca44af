"""Cases about reading files: nothing to do, everything to hash, and what memory that takes."""
import os

import rivals
from layouts import DESCRIPTIONS
from measuring import Aim, Command, Group, Wrong, output_of, prepare
from rivals import says
from session import MANY_FILES

MILLISECOND = 1e6


def title(layout, repository):
    return f"{DESCRIPTIONS[layout]}: {repository.files:,} files, {len(repository.components):,} components"


def with_start(factor, repository):
    """An aim that counts the start of the program where it is not lost in the rest."""
    return Aim(factor=factor, extra=0 if repository.files >= MANY_FILES else 10 * MILLISECOND)


def noop(session):
    """lmsbuild run with everything cached, beside ninja, git status, make, Task, doit and the raw limit"""
    for layout, repository in session.layouts():
        subject = session.nothing_to_do(repository)
        beside = [
            session.raw.stat(repository, aim=with_start(1.3, repository)),
            session.raw.hash(repository),
            rivals.ninja(repository, aim=with_start(0.28, repository)),
            rivals.git_status_untracked_cache(repository, aim=with_start(1, repository)),
            rivals.git_status(repository),
            rivals.find_newer(repository),
        ]
        if repository.files < rivals.MAKE_FILES:
            beside.append(rivals.make(repository))
        if repository.files < rivals.CONTENT_HASH_FILES:
            beside.append(rivals.task(repository, session.tool("task")))
            beside.append(rivals.doit(repository, session.tool("doit")))
        for rival in beside:
            prepare(rival)
        session.compare(Group(
            f"nothing to do, {title(layout, repository)}", subject, beside, curve=f"nothing to do: {DESCRIPTIONS[layout]}",
            size=repository.files, unit="file"))


def same_answer(wanted):
    def check(printed):
        if printed != wanted:
            raise Wrong(f"the answer is not that of the first run:\n{printed[:1000]}")
    return check


def cold(session):
    """the first lmsbuild hash, beside reading and hashing everything; and one large file"""
    for layout, repository in session.layouts():
        paths = [path for component in repository.components for path in component.inputs]
        session.forget(repository)
        answer = output_of(session.command(repository, "hash"))
        if len(answer.splitlines()) != len(repository.components):
            raise Wrong(f"lmsbuild hash printed {len(answer.splitlines()):,} lines")
        raw = session.raw.hash(repository, aim=Aim(1.25, 10 * MILLISECOND))
        beside = [raw, session.raw.hash(repository, 1), rivals.xxhsum(repository, paths)]
        session.compare(Group(
            f"everything to hash, file contents in memory, {title(layout, repository)}",
            session.command(
                repository, "hash", name="lmsbuild hash, first run", before=lambda: session.forget(repository),
                check=same_answer(answer)),
            beside, curve=f"everything to hash: {DESCRIPTIONS[layout]}", size=repository.files, unit="file"))
        touched(session, layout, repository, answer)
        if session.options.drop_caches:
            from_disk(session, layout, repository, answer)
    large_file(session)


def touched(session, layout, repository, answer):
    """Every file has a new time and the content that it had: XXH3 is enough to know it again."""
    moment = [1_500_000_000]

    def touch():
        moment[0] += 1
        output_of(session.raw.touch(repository, moment[0]))

    session.compare(Group(
        f"every file touched, contents as before, {title(layout, repository)}",
        session.command(
            repository, "hash", name="lmsbuild hash, files touched", before=touch, check=same_answer(answer)),
        [session.raw.hash(repository, 2, aim=with_start(1.3, repository))],
        curve=f"files touched: {DESCRIPTIONS[layout]}", size=repository.files, unit="file"))


def from_disk(session, layout, repository, answer):
    def drop(forget):
        if forget:
            session.forget(repository)
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as file:
            file.write("3\n")

    raw = session.raw.hash(repository, aim=Aim(1.25, 10 * MILLISECOND))
    raw.before = lambda: drop(False)
    session.compare(Group(
        f"everything to hash, file contents on disk, {title(layout, repository)}",
        session.command(
            repository, "hash", name="lmsbuild hash, first run, from disk", before=lambda: drop(True),
            check=same_answer(answer)),
        [raw], curve=f"everything to hash from disk: {DESCRIPTIONS[layout]}", size=repository.files, unit="file",
        runs=min(3, session.runs(repository.files))))


def large_file(session):
    mebibytes = 64 if session.quick else 1024
    files = [("Buildfile", "service large\n    build: data -> dist/done\n        echo done > dist/done\n")]
    repository = session.workshop.of(f"large-{mebibytes}", files)
    data = os.path.join(repository.folder, "data")
    if not os.path.exists(data):
        with open(data + ".new", "wb") as out:
            for _ in range(mebibytes):
                out.write(os.urandom(1 << 20))
        os.rename(data + ".new", data)
    session.forget(repository)
    command = session.command(repository, "hash")
    answer = output_of(command)
    rate = (mebibytes * 1.048576, "MB/s")
    sha, xxh = ["sha256sum", data], ["xxhsum", "-H2", data]
    session.compare(Group(
        f"one file of {mebibytes:,} MiB, never seen",
        session.command(
            repository, "hash", name="lmsbuild hash, first run", before=lambda: session.forget(repository),
            check=same_answer(answer)),
        [Command("openssl dgst -sha256", ["openssl", "dgst", "-sha256", data]), Command("sha256sum", sha)],
        rate=rate, runs=min(3, session.runs())))
    prepare(command)
    moment = [1_500_000_000]

    def touch():
        moment[0] += 1
        os.utime(data, (moment[0], moment[0]))

    session.compare(Group(
        f"one file of {mebibytes:,} MiB, touched, content as before",
        session.command(repository, "hash", name="lmsbuild hash, file touched", before=touch, check=same_answer(answer)),
        [Command("xxhsum -H2", xxh, aim=Aim(1.2, 10 * MILLISECOND))], rate=rate, runs=min(5, session.runs())))


def memory(session):
    """the peak of memory of a no-op, hash and affected, beside ninja and git"""
    for layout, repository in session.layouts():
        aim = Aim(most=200e6) if repository.files >= MANY_FILES else None
        subject = session.nothing_to_do(repository, aim=aim)
        ninja = rivals.ninja(repository)
        status = rivals.git_status(repository)
        difference = Command("git diff HEAD~1", ["git", "diff", "--name-only", "HEAD~1"], repository.folder)
        cases = [
            ("nothing to do", subject, [ninja, status]),
            ("hash", session.command(repository, "hash", aim=aim), [ninja]),
            ("affected", session.command(
                repository, "affected", "--base", "HEAD~1", check=says(f"^{repository.changed}$"), aim=aim),
             [difference]),
        ]
        for name, command, beside in cases:
            prepare(command)
            session.compare(Group(
                f"memory: {name}, {title(layout, repository)}", command, beside,
                curve=f"memory: {name}: {DESCRIPTIONS[layout]}", size=repository.files, unit="file", quantity="memory",
                runs=min(3, session.runs(repository.files))))
