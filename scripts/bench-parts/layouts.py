"""Makes the repositories that are measured. Does not run lmsbuild, and does not know what is measured in them."""
import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import time
from dataclasses import dataclass, field

from measuring import ENVIRONMENT, Wrong

VERSION = 4  # Changed whenever what is generated changes: older repositories are then made anew.
FILES_OF_A_SERVICE = 100
NAMES = ["many", "few", "deep", "root"]
DESCRIPTIONS = {
    "many": "many services of 100 files",
    "few": "10 services, however many files",
    "deep": "services of 100 files, 14 folders deep",
    "root": "as 'many', with a tenth of the files in the root folder",
}
SOURCE_FOLDERS = ["api", "core", "store", "config", "jobs"]
LEVELS = ["a", "bundle", "c", "domain", "e", "feature", "g", "handlers", "i", "jobs", "k", "layer", "m", "nested"]


@dataclass
class Component:
    """A service: its name and folder, and the paths of what its rule takes in."""
    name: str
    folder: str
    inputs: list = field(default_factory=list)


@dataclass
class Repository:
    folder: str
    files: int
    components: list
    list_file: str  # All files, as rawpass reads them.
    rivals: str  # The folder for what rivals need and write.
    changed: str = ""  # The component that HEAD changes.


def say(text):
    print(text, file=sys.stderr, flush=True)


def read(path):
    """The text of a small file, or None where there is none."""
    try:
        with open(path) as file:
            return file.read()
    except FileNotFoundError:
        return None


def git(folder, *arguments, environment=None):
    subprocess.run(["git", *arguments], cwd=folder, env={**ENVIRONMENT, **(environment or {})}, check=True)


class Trash:
    """Where folders go that are in the way: a million files aren't deleted between two measurements, but at the end."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "trash")
        self.last = 0

    def put(self, path):
        if not os.path.lexists(path):
            return
        os.makedirs(self.folder, exist_ok=True)
        while os.path.lexists(os.path.join(self.folder, str(self.last))):
            self.last += 1
        os.rename(path, os.path.join(self.folder, str(self.last)))

    def empty(self):
        if os.path.isdir(self.folder):
            subprocess.run(["rm", "-rf", "--", self.folder], check=False)


# What files hold: some lines of Python, from 200 bytes to 1.5 kB, different in every file.
def _body(serial):
    functions = [
        f"def function_{serial}_{number}(value):\n    return value * {number} + {serial}\n"
        for number in range(serial % 23 + 3)]
    return "import os\n\n" + "\n".join(functions)


BODIES = [_body(serial) for serial in range(100)]


def source(path, serial):
    return f'"""{path}"""\n{BODIES[serial % 100]}'


# Where the files of a service lie in the layouts.
def _spread_paths(count):
    for serial in range(count):
        if serial < count * 7 // 10:
            yield f"src/{SOURCE_FOLDERS[serial % 5]}/part{serial}.py"
        else:
            yield f"src/tests/unit/test_part{serial}.py"


def _large_paths(count):
    for serial in range(count):
        yield f"src/area{serial // 2500}/group{serial // 50 % 50}/part{serial}.py"


def _deep_paths(count):
    for serial in range(count):
        yield f"src/{'/'.join(LEVELS[:serial % len(LEVELS) + 1])}/part{serial}.py"


def components_of(layout, count):
    """The components of a layout with about `count` files, with the paths of their inputs."""
    components = []
    in_root = count // 10 if layout == "root" else 0
    if in_root:
        components.append(Component("top", "", [f"note-{serial}.txt" for serial in range(in_root)]))
    services = 10 if layout == "few" else max(1, (count - in_root) // FILES_OF_A_SERVICE)
    paths = {"few": _large_paths, "deep": _deep_paths}.get(layout, _spread_paths)
    for number in range(services):
        folder = f"services/s{number}/"
        inputs = [folder + path for path in paths((count - in_root) // services - 1)]
        components.append(Component(f"s{number}", folder, inputs))
    return components


TRIVIAL = """\
# Made by scripts/bench.
template trivial
    build: src/** -> dist/done
        echo done > dist/done

"""
TOP = """\
service top
    dir .
    build: note-*.txt -> dist/done
        echo done > dist/done

"""


def trivial_files(components):
    """One build target for each component, each with a Buildfile of its own."""
    top = TOP if components[0].name == "top" else ""
    yield "Buildfile", f"{TRIVIAL}{top}include services/*/Buildfile\n"
    yield ".gitignore", "dist/\n.lmsbuild/\n"
    for component in components:
        if component.name != "top":
            yield f"{component.folder}Buildfile", f"service {component.name} : trivial\n"
        for serial, path in enumerate(component.inputs):
            yield path, source(path, serial)


SERVICES = """\
# Made by scripts/bench.
registry ?= localhost:5000/bench
python_flags = -X utf8 -B

tool python3 3.11
    python3 --version

template python
    needs python3

    lint: src/**/*.py /lint.ini
        python3 -m pyflakes src

template service : python
    build: src/** -> dist/$name.pyz
        python3 $python_flags -m zipapp src -m "$name.main:main" -o "dist/$name.pyz"

    unit: :build tests/**/*.py
        python3 $python_flags -m unittest discover -s tests

    image: Dockerfile :build | :unit :lint

template library : python
    inputs src/**/*.py

services services/* : service
libraries lib/* : library
include services/*/Buildfile
"""
DOCKERFILE = "FROM scratch\nCOPY dist/ /app/\nCOPY src/config/ /etc/app/\n"


# Made by scripts/bench: what a consumer asks of a provider, as consumers' tests write it.
def pact(consumer, provider, name=""):
    """The text of a contract with three interactions. `name` changes one of them."""
    interactions = []
    for number in range(3):
        item = f"s{consumer}-{number}" + (f"-{name}" if name and number == 1 else "")
        interactions.append({
            "description": f"s{consumer} asks for item {number}",
            "providerStates": [{"name": "an item exists", "params": {"id": item}}],
            "request": {"method": "GET", "path": f"/items/{item}", "headers": {"Accept": "application/json"}},
            "response": {
                "status": 200, "headers": {"Content-Type": "application/json"},
                "body": {"id": item, "amount": number, "names": ["first", "second"]},
                "matchingRules": {"body": {
                    "$.id": {"match": "type"}, "$.amount": {"match": "integer"}, "$.names": {"match": "type", "min": 1}}},
            },
        })
    return json.dumps({
        "consumer": {"name": f"s{consumer}"}, "provider": {"name": f"s{provider}"}, "interactions": interactions,
        "metadata": {"pactSpecification": {"version": "3.0.0"}, "client": {"version": "1"}},
    }, indent=2) + "\n"


def contract_graph(shape, services):
    """The providers of each service: its three next neighbours, or any three."""
    if shape == "ring":
        return [[(number + step) % services for step in (1, 2, 3)] for number in range(services)]
    dice = random.Random(services)
    return [
        [(number + step) % services for step in dice.sample(range(1, services), 3)] for number in range(services)]


def contract_path(consumer, provider):
    return f"services/s{consumer}/contracts/s{provider}.json"


def contract_files(graph):
    """Services that are verified by a recipe which does nothing, so that nothing but lmsbuild is measured."""
    yield "Buildfile", "include services/*/Buildfile\n"
    yield ".gitignore", ".lmsbuild/\n"
    for number, providers in enumerate(graph):
        consumes = "".join(f"    consumes s{provider} by contracts/s{provider}.json\n" for provider in providers)
        yield f"services/s{number}/Buildfile", (
            f"service s{number}\n{consumes}    verify: src/**\n        test -s \"$contract\"\n")
        yield f"services/s{number}/src/part0.py", f"number = {number}\n"
        for provider in providers:
            yield contract_path(number, provider), pact(number, provider)


def library_count(services):
    return max(2, services // 20)


def libraries_of(service, services):
    """Two libraries; the first is used by many, as a library for logs would be."""
    count = library_count(services)
    return sorted({service % 7 % count, service * 31 % count})


def service_files(services):
    """Services with several stages, images and libraries."""
    yield "Buildfile", SERVICES
    yield ".gitignore", "dist/\n__pycache__/\n.lmsbuild/\n"
    yield "lint.ini", "[lint]\n"
    for number in range(library_count(services)):
        for serial in range(40):
            path = f"lib/l{number}/src/l{number}/part{serial}.py"
            yield path, source(path, serial)
    for number in range(services):
        name = f"services/s{number}"
        uses = " ".join(f"l{library}" for library in libraries_of(number, services))
        yield f"{name}/Buildfile", f"service s{number}\n    uses {uses}\n    port = {8000 + number % 1000}\n"
        yield f"{name}/Dockerfile", DOCKERFILE
        for serial in range(FILES_OF_A_SERVICE - 2):
            if serial < 70:
                path = f"{name}/src/{SOURCE_FOLDERS[serial % 5]}/part{serial}.py"
            else:
                path = f"{name}/tests/unit/test_part{serial}.py"
            yield path, source(path, serial)


def import_commits(folder, commits):
    """Makes a git repository; `commits` are (tag or "", changes) and changes are (path, text)."""
    os.makedirs(folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    importer = subprocess.Popen(
        ["git", "-c", "core.compression=1", "fast-import", "--quiet"], cwd=folder, env=ENVIRONMENT,
        stdin=subprocess.PIPE)
    stream = importer.stdin
    for number, (tag, changes) in enumerate(commits):
        stream.write(
            f"commit refs/heads/main\ncommitter b <b@example.com> {1700000000 + 600 * number} +0000\n"
            f"data {len(str(number)) + 7}\ncommit {number}\n".encode())
        for path, text in changes:
            encoded = text.encode()
            stream.write(b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(encoded), encoded))
        if tag:
            stream.write(f"reset refs/tags/{tag}\nfrom refs/heads/main\n\n".encode())
    stream.close()
    if importer.wait() != 0:
        raise Wrong("git fast-import failed")
    git(folder, "reset", "--hard", "--quiet")
    settle(folder)


def write_files(folder, files):
    """Writes files with no git repository around them."""
    for path, text in files:
        place = os.path.join(folder, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w") as file:
            file.write(text)


def settle(folder):
    """Lets git forget that files were written in the moment it looked: it would read them again and again."""
    written = int(time.time())
    while int(time.time()) <= written:
        time.sleep(0.05)
    git(folder, "update-index", "-q", "--refresh", "--force-write-index")


def write_list(file, paths):
    """The list that rawpass reads: folders sorted, names sorted in each."""
    folders = {}
    for path in paths:
        parent, _, name = path.rpartition("/")
        folders.setdefault(parent or ".", []).append(name)
    entries = [
        b"".join(part.encode() + b"\0" for part in [parent, *sorted(folders[parent])]) for parent in sorted(folders)]
    offset = 8 + 16 + 8 * (len(entries) + 1)
    offsets = [offset]
    for entry in entries:
        offset += len(entry)
        offsets.append(offset)
    with open(file, "wb") as out:
        out.write(b"LMSLIST1" + struct.pack(f"<2Q{len(offsets)}Q", len(entries), len(paths), *offsets))
        out.writelines(entries)


class Workshop:
    """Makes repositories below one folder, or finds them as an earlier run left them."""

    def __init__(self, folder):
        self.folder = folder
        self.trash = Trash(folder)
        os.makedirs(folder, exist_ok=True)

    def _made(self, name, make, paths, content=""):
        """Calls `make` for the folder `name`, unless it was made before by the same version with the same content."""
        folder = os.path.join(self.folder, name)
        marker = folder + ".made"
        wanted = f"{VERSION} {name} {content}\n"
        if os.path.isdir(folder) and read(marker) == wanted:
            return folder
        say(f"making {folder}: {len(paths):,} files")
        for path in (folder, marker, folder + ".list", folder + ".rivals"):
            self.trash.put(path)
        make(folder)
        write_list(folder + ".list", paths)
        os.makedirs(folder + ".rivals")
        with open(marker, "w") as file:
            file.write(wanted)
        return folder

    def _repository(self, folder, components, files):
        return Repository(folder, files, components, folder + ".list", folder + ".rivals")

    def trivial(self, layout, count):
        """A git repository with one build target for each component, and a second commit that changes one file."""
        components = components_of(layout, count)
        paths = [path for path, _ in trivial_files(components)]
        changed = components[len(components) // 2]

        def make(folder):
            import_commits(folder, [
                ("", trivial_files(components)), ("", [(changed.inputs[0], "changed = True\n")])])

        repository = self._repository(self._made(f"{layout}-{count}", make, paths), components, len(paths))
        repository.changed = changed.name
        return repository

    def services(self, services):
        """A git repository of services as they are: one commit changes one file of a service, one of a library."""
        paths = [path for path, _ in service_files(services)]
        changed_service = f"services/s{services // 2}/src/api/part0.py"

        def make(folder):
            import_commits(folder, [
                ("", service_files(services)), ("one-service", [(changed_service, "changed = True\n")]),
                ("one-library", [("lib/l1/src/l1/part3.py", "changed = True\n")])])

        return self._repository(self._made(f"services-{services}", make, paths), [], len(paths))

    def contracts(self, shape, graph):
        """A git repository of services with contracts between them."""
        paths = [path for path, _ in contract_files(graph)]
        made = self._made(
            f"contracts-{shape}-{len(graph)}", lambda folder: import_commits(folder, [("", contract_files(graph))]), paths)
        return self._repository(made, [], len(paths))

    def of(self, name, files, components=(), commits=(), unlisted=frozenset()):
        """A git repository of these files, and of further commits that are lists of (path, text) each. The list of files
        leaves out those that are `unlisted`."""
        paths = [path for path, _ in files if path not in unlisted]
        content = hashlib.sha256(repr((files, paths)).encode()).hexdigest()
        made = self._made(
            name, lambda folder: import_commits(folder, [("", files), *(("", changes) for changes in commits)]), paths,
            content)
        return self._repository(made, list(components), len(paths))
