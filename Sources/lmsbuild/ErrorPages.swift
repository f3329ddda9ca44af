// Made by scripts/generate-error-pages from docs/errors; do not edit.

// swift-format-ignore-file
let errorPages: [String: String] = [
    "LMS001": ##"""
# LMS001: a byte that is not UTF-8

A Buildfile is text in UTF-8, with or without a byte order mark. A byte that belongs to no character, or a NUL byte, means
that the file was saved in another encoding (Latin-1, UTF-16) or is no text at all. The first such byte of each line is
reported; nothing else is said of that line, since it cannot be read.

Wrong:

```make
# the file was saved as Latin-1: the last letter is the byte E9
title = caf\xE9
```

Save the file as UTF-8. `iconv -f LATIN1 -t UTF-8 Buildfile` converts it where the encoding is known.

Right:

```make
title = café
```

"""##,
    "LMS002": ##"""
# LMS002: bad indentation

What stands in a block is indented below the line that opens it, and all lines of a block begin with exactly the same
blanks: those of its first line. A tab equals no number of spaces. The lines of a recipe are indented deeper than its rule;
each begins with the blanks of the recipe's first line and may go on deeper.

Wrong:

```make
service catalog
    uses http
  inputs src/**
```

Indent the line as the message says. Where tabs and spaces are mixed, use one of them throughout the block.

Right:

```make
service catalog
    uses http
    inputs src/**
```

"""##,
    "LMS003": ##"""
# LMS003: a line that cannot be read

The line has one of the three forms of a Buildfile (a directive, a variable, a rule), but not its parts: a quote or bracket
that is not closed, a second `|` or `->`, gates after the outputs, a directive with too few or too many words, an
assignment of Make's such as `:=`.

Wrong:

```make
flags := -O2
service catalog
    dir services catalog
    image: Dockerfile -> image.tar | :unit
```

The help names the form that is wanted. A word with blanks is quoted; `\` continues a line only as its last character.

Right:

```make
flags = -O2

service catalog
    dir "services catalog"
    image: Dockerfile | :unit -> image.tar
```

"""##,
    "LMS004": ##"""
# LMS004: unknown directive

A line that is neither a variable nor a rule begins with a directive's keyword. The keyword of this line is none of those
that are known where it stands. The nearest known one is named, or all of them where none is near. What stands below a
misspelt `service` or `template` is read all the same, so that its mistakes are reported too.

Wrong:

```make
service catalog
    usse http
```

Correct the keyword. A rule is a stage and a colon: `unit: tests/**`, not `unit tests/**`.

Right:

```make
service catalog
    uses http
```

"""##,
    "LMS005": ##"""
# LMS005: unknown attribute

An attribute in brackets above a rule has a name that is not known. Known are `timeout`, `retries`, `pool`, `network`,
`uncached`, `keep`, `report` and `gate`, and for images `platform`, `dockerfile`, `context`, `target` and `arg`.

Wrong:

```make
service catalog
    [timout 10m]
    unit: tests/**
        ./run-tests
```

Correct the name; the nearest known one is named in the help.

Right:

```make
service catalog
    [timeout 10m]
    unit: tests/**
        ./run-tests
```

"""##,
    "LMS006": ##"""
# LMS006: an attribute with the wrong words

The attribute is known, but its words have not the form that it takes, or it stands twice above one rule. Only `keep`,
`report`, `gate` and `arg` may be given several times. A word that holds a `$name` is checked when the variable's value is
known.

Wrong:

```make
service catalog
    [timeout soon]
    unit: tests/**
        ./run-tests
```

The help shows the form. A duration is written `90s`, `10m`, `1h` or `1h30m`; a kept folder ends in `/`.

Right:

```make
service catalog
    [timeout 90s]
    unit: tests/**
        ./run-tests
```

"""##,
    "LMS007": ##"""
# LMS007: a bad name

Names of components, templates, tools, environments and stages are made of `a-z`, `0-9`, `.`, `_` and `-`, begin with a
letter or a digit, and have at most 128 characters: they become parts of image names, folders and labels. Names of
variables are made of letters, digits and `_`, and do not begin with a digit: recipes see them as environment variables.

Wrong:

```make
service Catalog
    http-port = 8080
```

Choose a name of that form. A component's folder keeps its own name: say it with `dir`.

Right:

```make
service catalog
    http_port = 8080
```

"""##,
    "LMS008": ##"""
# LMS008: something in the wrong place

The directive, rule or attribute is known, but not where it stands: rules and `uses`, `dir`, `needs` … belong in the block
of a service, library or template, `stack`, `engine`, `check` … in an environment's block, all others at the top level. An
attribute belongs on the lines above a rule, with no other line between them.

Wrong:

```make
uses http
service catalog
    include services/*/Buildfile
```

Move the line to where the message says that it belongs. The indentation decides what block a line is in: check it too.

Right:

```make
include services/*/Buildfile

service catalog
    uses http
```

"""##,
    "LMS009": ##"""
# LMS009: a Buildfile that is too large

A Buildfile of more than 1 MiB (1048576 bytes) is not read, and a file is given up after 1000 mistakes. Neither happens to
text that people wrote: the file is probably something else, caught by an `include` glob that is too wide.

Wrong:

```make
# matches archives and dumps as well as Buildfiles
include services/**
```

Narrow the glob. A Buildfile that was generated can be split; `services GLOB : TEMPLATE` declares any number of components
in one line.

Right:

```make
include services/*/Buildfile
```

"""##,
    "LMS101": ##"""
# LMS101: unknown component

A line names a component that no `service`, `library`, `services` or `libraries` declares. Names of components are
looked for in the whole repository, so the order of the files does not matter; spelling and case do.

```make
service lending
    uses catalg

library catalog
    inputs *.py
```

```text
error[LMS101]: unknown component 'catalg'
  --> Buildfile:2:10
   |
 2 |     uses catalg
   |          ^^^^^^
   = help: did you mean 'catalog'?
```

## What to do

Write the name as it is declared, or declare the component. A component made by `services GLOB` is named after what
the wildcards matched: `services src/*/Dockerfile` makes `src/cart/Dockerfile` the component `cart`. A folder in
which git ignores every file makes no component. If the file that declares it is not the root Buildfile, check that
an `include` reaches it.

"""##,
    "LMS102": ##"""
# LMS102: unknown stage

A label names a stage that its component has no rule for. Stages come from the component's own block and from its
templates; a component without a `build` rule has no `build` stage, even if others can use its `inputs`.

```make
service catalog
    build: src/** -> dist/catalog.pyz
        python3 -m zipapp src -o dist/catalog.pyz

    unit: :biuld tests/**
        python3 -m unittest discover -s tests
```

```text
error[LMS102]: unknown stage 'biuld'
  --> Buildfile:5:11
   |
 5 |     unit: :biuld tests/**
   |           ^^^^^^
   = help: did you mean 'build'?
```

## What to do

Correct the stage, or add the rule to the component or to a template it takes. Any word with a colon is a label: a
file whose name holds a colon cannot be written as an input word, but a glob (`tests/a?b`) can match it.

"""##,
    "LMS103": ##"""
# LMS103: unknown tool

`needs` names a tool that no `tool` line declares. A tool is declared with its version because the version is part
of the hash: a target must not get the same hash on two machines whose compilers differ.

```make
tool python3 3.11
    python3 --version

service catalog
    needs python

    build: src/** -> dist/catalog.pyz
        python3 -m zipapp src -o dist/catalog.pyz
```

```text
error[LMS103]: unknown tool 'python'
  --> Buildfile:5:11
   |
 5 |     needs python
   |           ^^^^^^
   = help: did you mean 'python3'?
```

## What to do

Declare the tool at the top level, with the command that prints its version below it, or correct the name in
`needs`. Every program a recipe starts may stay undeclared, but then an update of that program does not run anything
again. Whether the machine has the declared version is checked only when a recipe that needs it runs.

"""##,
    "LMS104": ##"""
# LMS104: unknown template

A component takes a template after the colon of its header, and no `template` block has that name.

```make
template python-service
    build: src/** -> dist/app.pyz
        python3 -m zipapp src -o dist/app.pyz

service catalog : python-servce
```

```text
error[LMS104]: unknown template 'python-servce'
  --> Buildfile:5:19
   |
 5 | service catalog : python-servce
   |                   ^^^^^^^^^^^^^
   = help: did you mean 'python-service'?
```

## What to do

Correct the name or declare the template. Templates may be declared in any Buildfile that the root one includes,
before or after the components that take them. A service or a library is no template: move what two of them share
into a `template` block and let both take it.

"""##,
    "LMS105": ##"""
# LMS105: unknown variable

A directive or the header of a rule holds `$name` or `${name}`, and nothing defines that name: no Buildfile
variable, no variable of the component or its templates, and it is none of the built-in `$name`, `$stage`,
`$registry`, `$tag`, `$consumer`, `$provider` and `$contract`. Recipes are not looked at: there `$x` is the shell's
own.

```make
service catalog
    module = catalog_app

    build: src/** -> dist/$modul.pyz
        python3 -m zipapp src -o "dist/$module.pyz"
```

```text
error[LMS105]: unknown variable 'modul'
  --> Buildfile:4:22
   |
 4 |     build: src/** -> dist/$modul.pyz
   |                      ^^^^^^^^^^^^^^^
   = help: did you mean 'module'?
```

## What to do

Define the variable (`modul = …` or, to let the command line and the environment win, `modul ?= …`), or correct the
name. The environment alone defines nothing: a header has to mean the same on every machine. `${name}` ends a name
where letters follow it.

"""##,
    "LMS106": ##"""
# LMS106: duplicate name

Two declarations give the same name to two things of one kind: two components, two templates, two tools, two
environments, or two rules for one stage in one block. Services and libraries share their names. A `service` block
for a component that `services GLOB` already declares is no duplicate: it adds to it.

```make
service catalog
    dir services/catalog

library catalog
    dir lib/catalog
```

```text
error[LMS106]: component 'catalog' is declared twice
  --> Buildfile:4:9
   |
 4 | library catalog
   |         ^^^^^^^
   = note: first declared here: Buildfile:1:9
   = help: rename or remove one of them
```

## What to do

Rename one of them or join the two blocks. If one comes from an `include`, the note shows its file. Within one block
a stage has one rule; to change a template's rule for one component, write the rule in the component's block, where
it takes the place of the template's.

"""##,
    "LMS107": ##"""
# LMS107: cycle

Targets need one another in a ring, so none of them can be first. The message walks the ring once; a note for
each step names the place that makes one target need the next. Order-only prerequisites (after `|`) and `uses` count
like any other.

```make
service catalog
    build: :gen src/** -> dist/app
        make-app

    gen: :build -> gen/
        make-gen
```

```text
error[LMS107]: targets need each other in a circle: catalog:build -> catalog:gen -> catalog:build
  --> Buildfile:5:10
   |
 5 |     gen: :build -> gen/
   |          ^^^^^^
   = note: 'catalog:build' needs 'catalog:gen' here: Buildfile:2:12
   = note: 'catalog:gen' needs 'catalog:build' here: Buildfile:5:10
   = help: remove one of these edges; a gate after '|' counts as one
```

## What to do

Take one edge out. Often two components that use each other share a part: make that part a library of its own that
both use. A service that calls another at run time does not need its build: say `consumes` instead of `uses`, which
tests the contract and makes no edge between the builds.

"""##,
    "LMS108": ##"""
# LMS108: overlapping outputs

Two rules say that they put out the same file, or one puts out a folder in which the other puts out a file. Which of
the two results would remain would depend on which ran last, so neither could be cached.

```make
service catalog
    build: src/** -> dist/
        make-app

    docs: docs/** -> dist/docs.html
        make-docs
```

```text
error[LMS108]: 'catalog:docs' puts out 'dist/docs.html' inside 'dist', which 'catalog:build' puts out
  --> Buildfile:5:22
   |
 5 |     docs: docs/** -> dist/docs.html
   |                      ^^^^^^^^^^^^^^
   = note: the other output: Buildfile:2:22
   = help: give each rule an output of its own
```

## What to do

Give each rule a place of its own (`dist/app/` and `dist/docs.html`), or make it one rule that puts out both. A
folder as output, written with a `/` at its end, means everything below it. Two components in one `dir` need
different outputs as well: `dist/$name.pyz` does that in a template.

"""##,
    "LMS109": ##"""
# LMS109: missing input

An input without wildcards names one file, and that file is not in the tree. A file that git ignores counts as
missing, and so does a file that only another rule puts out: it is reached by that rule's label. (A glob that
matches nothing is only a warning, LMS112.)

```make
service catalog
    lint: src/main.py pyproject.tml
        python3 -m pyflakes src
```

```text
error[LMS109]: there is no file 'services/catalog/pyproject.tml'
  --> services/catalog/Buildfile:2:23
   |
 2 |     lint: src/main.py pyproject.tml
   |                       ^^^^^^^^^^^^^
   = help: did you mean 'pyproject.toml' in that folder?
```

## What to do

Correct the path: it is relative to the component's `dir`, or to the workspace's root when it begins with `/`. For a
file that another rule makes, write the label (`:build`). For a file that may be missing, write a glob that matches
only it, such as `pyproject.tom[l]`. If the file is there, ask `git check-ignore -v FILE` why it is ignored.

"""##,
    "LMS110": ##"""
# LMS110: path leaves the workspace

A path climbs out of the repository with `..`. Nothing outside it can be an input or an output: it is in no commit,
so a hash that depended on it would be different on another machine. Paths are judged by their spelling; what a
symbolic link points to plays no part.

```make
service catalog
    dir services/catalog

    build: src/** ../../../shared/*.py -> dist/app
        make-app
```

```text
error[LMS110]: '../../../shared/*.py' leaves the workspace
  --> Buildfile:4:19
   |
 4 |     build: src/** ../../../shared/*.py -> dist/app
   |                   ^^^^^^^^^^^^^^^^^^^^
   = help: the workspace is the folder of the root Buildfile; '/…' names a path from there
```

## What to do

Bring the files into the repository (a copy, a submodule), or count the `..` again: they start at the component's
`dir`. `/shared/*.py` names the folder `shared` at the root of the workspace from anywhere. A program that is
installed on the machine is declared with `tool` and `needs`; a cache that a recipe wants between runs is `[keep
~/.m2/]`.

"""##,
    "LMS111": ##"""
# LMS111: include matches nothing

An `include` names no file at all. It is an error and no warning, because everything the missing files would declare
is missing too, and "nothing to do" would look like success.

```make
registry ?= localhost:5000/lms
include service/*/Buildfile
```

```text
error[LMS111]: 'service/*/Buildfile' matches no file
  --> Buildfile:2:9
   |
 2 | include service/*/Buildfile
   |         ^^^^^^^^^^^^^^^^^^^
   = help: paths are relative to the folder of this Buildfile; files that git ignores don't count
```

## What to do

Correct the glob: it is relative to the folder of the Buildfile that holds the line, and files that git ignores are
never matched. If there is no such file yet, leave the line out until there is one. In a sparse checkout, fetch the
folders that the glob names.

"""##,
    "LMS112": ##"""
# LMS112: glob matches nothing

A glob among the inputs matches no file. This is a warning: the target still runs, and its hash changes as soon as a
file appears that the glob matches. It is most often a misspelt folder, and then the target misses the very files it
is for.

```make
service catalog
    unit: src/** test/**/*.py
        python3 -m unittest discover -s tests
```

```text
warning[LMS112]: 'test/**/*.py' matches no file
  --> services/catalog/Buildfile:2:18
   |
 2 |     unit: src/** test/**/*.py
   |                  ^^^^^^^^^^^^
   = help: files that git ignores and outputs of rules are never matched
```

## What to do

Correct the glob, or take it out. Globs follow gitignore's rules: `*` does not cross a `/`, `**` does, and a leading
`/` starts at the workspace's root. Files that git ignores, `.lmsbuild/` and what rules put out are never matched;
take the output of a rule in by its label. `lmsbuild inputs LABEL` lists what a target covers.

"""##,
    "LMS113": ##"""
# LMS113: missing image prerequisite

An image takes what another target makes, and its rule does not name that target: a `COPY` takes a path that a rule puts
out, or `FROM ${python_base}` starts from the image of the component `python-base`. Without the name the image would be
built from whatever happened to be there, and would not be built again when that changes.

Wrong:

```make
include images/*/Buildfile

service catalog
    build: src/** -> dist/catalog.pyz
        python3 -m zipapp src -o dist/catalog.pyz

    image: Dockerfile             # which says: FROM ${python_base} / COPY dist/catalog.pyz /app
```

```text
notice[LMS202]: '${python_base}' has no value here: the image is not known
  --> Dockerfile:2:6
   |
 2 | FROM ${python_base}
   |      ^^^^^^^^^^^^^^
   = help: give the ARG a default, or add an [arg] or an image prerequisite

error[LMS113]: 'FROM $python_base' is the image of 'python-base', which 'catalog:image' does not name
  --> Dockerfile:2:6
   |
 2 | FROM ${python_base}
   |      ^^^^^^^^^^^^^^
   = note: the rule: Buildfile:7:5
   = help: add 'python-base:image' to the rule's inputs

error[LMS113]: 'dist/catalog.pyz' takes 'dist/catalog.pyz', which 'catalog:build' puts out, but 'catalog:image' does not name it
  --> Dockerfile:3:6
   |
 3 | COPY dist/catalog.pyz /app
   |      ^^^^^^^^^^^^^^^^
   = note: the image's rule: Buildfile:7:5
   = help: add ':build' to the rule's inputs, or exclude the path in .dockerignore
```

So is `FROM` (or `COPY --from=`) with the image's name in the registry, such as `FROM localhost:5000/lms/python-base:latest`
where `registry` is `localhost:5000/lms`: that is whatever the name stands for on the day, and not what this checkout
makes. Take it as a build argument: `ARG python_base` and `FROM ${python_base}`.

Name the targets before the `|`. A path that the image should not have belongs in `.dockerignore`.

Right:

```make
service catalog
    build: src/** -> dist/catalog.pyz
        python3 -m zipapp src -o dist/catalog.pyz

    image: Dockerfile :build python-base:image
```

"""##,
    "LMS114": ##"""
# LMS114: missing tag

Where a tag is needed, there is none. A tag is the input hash of an image target, so it exists only for components with
an `image` rule. This version does not report it under this code: what happens depends on where `$tag` stands. In a
header or a directive it is an unknown variable, LMS105. In the recipe of a component that has no image it is no variable of
ours: the shell says that the parameter is not set and ends the recipe (LMS501 or LMS510).

```make
library http
    build: src/** -> dist/
        make-lib --stamp "$tag"
```

## What to do

Take `$tag` out of the rule, or give the component an `image` rule. A build that wants to know its own version
cannot take it from the image's tag, for the tag depends on what was built: use a variable, or let the deployment
hand the tag to the service through its environment. For scripts there is `lmsbuild tag SERVICE`.

"""##,
    "LMS115": ##"""
# LMS115: bad environment

An `environment` block says what cannot be: `after` names an environment that is not declared, `strategy` or `policy` has a word
that is not known, a directive that may stand once stands twice, a command names an environment that is not there.
[Environments](../environments.md) has all words.

```make
environment staging
    stack deploy/compose.yml
    engine swarm

environment prod
    stack deploy/compose.yml
    after stagin
```

```text
error[LMS115]: unknown environment 'stagin'
  --> Buildfile:7:11
   |
 7 |     after stagin
   |           ^^^^^^
   = help: did you mean 'staging'?
```

## What to do

Correct the word under the caret, or declare the environment. The order of the blocks does not matter. Environments play
no part in hashes, so mending one never rebuilds a target.

"""##,
    "LMS116": ##"""
# LMS116: bad notification

A `notify` block says what cannot be: a line that its kind does not take, a line twice, an environment that is not declared, an
address that is none, or it lacks a line without which nothing can be sent. [Notifications](../notifications.md) has all lines.

```make
notify email ops
    to ops@shop.example
    from lmsbuild@shop.example
    on failure recovery
```

```text
error[LMS116]: 'notify email' lacks 'server'
  --> Buildfile:1:1
   |
 1 | notify email ops
   | ^^^^^^
   = help: add a line: server smtps://HOST or smtp://HOST
```

## What to do

Add, correct or remove the line:

```make
notify email ops
    to ops@shop.example
    from lmsbuild@shop.example
    server smtps://mail.shop.example
    on failure recovery

notify slack               # its address is in the variable SLACK_WEBHOOK_URL
    on failure recovery gate

notify webhook audit
    url AUDIT_URL          # the name of the variable that holds it, never the address itself
    key AUDIT_KEY
    on deploy rollback drift
```

`lmsbuild notify` lists who is told of what, and `lmsbuild notify test` sends a message to each. Notifications play no part in
hashes.

"""##,
    "LMS120": ##"""
# LMS120: bad env file

An env file of an environment, or of a service in a stack, cannot be read. Env files follow the rules of the newest Compose
(compose-go): `NAME=value` or `NAME: value`, values in `'…'` as they are, in `"…"` with escapes, `${NAME:-default}` in all but
`'…'`, and a name alone on its line for a value from outside.

```text
error[LMS120]: this quoted value is not closed
  --> deploy/prod.env:2:10
   |
 2 | GREETING="hello
   |          ^^^^^^
   = help: end it with "; \ before a quote makes it a character
```

## What to do

Correct the place under the caret. [Environments](../environments.md) has all rules. Env files are no inputs of targets: mending
one never rebuilds anything.

"""##,
    "LMS121": ##"""
# LMS121: bad stack

A stack file of an environment cannot be used: it is no YAML, has a key that Compose does not know, names a service, network,
volume, config or secret that is not there, has an invalid `${…}`, or cannot be merged onto the file before it.

```text
error[LMS121]: unknown key 'enviroment' in 'services.catalog'
  --> deploy/compose.yml:4:5
   |
 4 |     enviroment:
   |     ^^^^^^^^^^
   = help: did you mean 'environment'?
```

## What to do

Correct the place under the caret. `profiles`, `include`, `!reset` and `!override` are not supported: an environment names its stack
files one after the other, and each is merged onto those before it.

"""##,
    "LMS122": ##"""
# LMS122: bad environment variable

A `variable` line of a Buildfile is wrong, or `lmsbuild env check` found that an environment and the schema differ: a variable
that nothing sets, one that the schema does not know, one that no stack mentions, a value of the wrong type, a secret in an env
file or in plain sight, two names that seem to be one thing.

```make
variable DB_URL: urll required

environment dev
    stack compose.yml
```

```text
error[LMS122]: unknown type 'urll'
  --> Buildfile:1:18
   |
 1 | variable DB_URL: urll required
   |                  ^^^^
   = help: did you mean 'url'?
```

## What to do

Correct the line, the env file or the stack that the message names. `lmsbuild env docs` lists every variable with its rules, its
readers and its value in each environment.

"""##,
    "LMS201": ##"""
# LMS201: bad Dockerfile

The Dockerfile of an image says something that no builder would accept: an unknown instruction, `COPY` or `ADD` without a
destination, an instruction other than `ARG` before the first `FROM`, no `FROM` at all, a heredoc that never ends, a
`HEALTHCHECK` whose times are no durations, or a target stage (`[target …]`) that it does not have. The same code is used
for an `[arg NAME=…]` whose name no `ARG` declares. Nothing has been run.

Wrong:

```dockerfile
FROM scratch
CPOY app /app
```

Right:

```dockerfile
FROM scratch
COPY app /app
```

"""##,
    "LMS202": ##"""
# LMS202: part of a Dockerfile cannot be resolved

A notice, not an error. The checkout alone does not tell what a word of the Dockerfile comes to: a variable without a value
in `COPY`, a name that the engine sets (`TARGETARCH`), a name that the base image may set, an `ARG` that is declared twice
with different values, a flag or a mount that is not known. So that no change is missed, every file of the build context
that `.dockerignore` leaves in counts as an input of the image. The image is right, only built more often than it needs.

Where the word stands in `FROM` or `--from=`, the context is not affected: every stage above counts as reached.

Resolved too late:

```dockerfile
FROM scratch
ARG VERSION
COPY app-${VERSION} /app
```

Give the `ARG` a default, or the rule a value: `[arg VERSION=2]` on the line above `image:`.

```dockerfile
FROM scratch
ARG VERSION=2
COPY app-${VERSION} /app
```

"""##,
    "LMS203": ##"""
# LMS203: an image that the checkout does not determine

A warning. The Dockerfile fetches something from elsewhere when the image is built: `ADD` of a URL or of a git repository.
What is fetched is no part of the input hash, so the same tag may come to hold other content tomorrow, and a change of it is
seen by nobody.

May change without notice:

```dockerfile
FROM scratch
ADD https://example.com/tool.tar.gz /opt/
```

Say what it must be: builders refuse anything else then. For a git repository name a commit in full:
`ADD https://example.com/tool.git#9fceb02d0ae598e95dc970b74767f19372d61af8 /opt/`.

```dockerfile
FROM scratch
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d https://example.com/tool.tar.gz /opt/
```

"""##,
    "LMS204": ##"""
# LMS204: a base image is not pinned

`FROM debian:12` starts from whatever that name stands for in its registry when the image is built. The name is in the image's
hash, what it stands for is not: the same tag of yours may come to hold other content on another day or another machine.
`lmsbuild lock` asks the registry once and writes the answer into `Buildfile.lock`, beside the root Buildfile. From then on the digest
counts in the hash and the build takes exactly that image. `check` and `run` warn of bases that are not pinned; with `--locked`
they are mistakes. `scratch`, images of the workspace's own components, and bases that are named by a digest already need no pin.

## Example

    warning[LMS204]: 'catalog:image' starts from whatever 'debian:12' stands for when it is built
     --> services/catalog/Dockerfile:1:6
      |
    1 | FROM debian:12
      |      ^^^^^^^^^
      |
      = help: 'lmsbuild lock' pins it in Buildfile.lock

`lmsbuild lock --check` also says so of a pin that no image needs any more.

## What to do

1. `lmsbuild lock`, and commit `Buildfile.lock`.
2. When the base is to be a newer one: `lmsbuild lock --update`, or `lmsbuild lock --update debian:12`.

"""##,
    "LMS205": ##"""
# LMS205: a secret is mounted that nobody names

A Dockerfile mounts a secret by `RUN --mount=type=secret`, and the component that the image is of does not name it. Builders would
leave the mount out without a word, and the RUN would work without the secret or fail far from the cause.

## Example

    error[LMS205]: the secret 'TOKEN' is mounted here, and 'web' does not name it
     --> web/Dockerfile:3:30
      |
    3 | RUN --mount=type=secret,id=TOKEN pip install -r requirements.txt
      |                            ^^^^^
      |
      = help: add 'secret TOKEN' to the block of 'web'

## What to do

Add `secret TOKEN` to the block of the component or of its template. Where its value is says a line of the root Buildfile, such as
`variable TOKEN: text secret from file secrets/token`, or `from env NAME`, or `from command pass show token`; without such a line it is
the variable `TOKEN` of lmsbuild's own environment. Only what the component names can reach its builds.

"""##,
    "LMS301": ##"""
# LMS301: bad command line

The command line cannot be understood: an option that the command does not have, a value that does not fit, two
options that contradict each other, or a `NAME=VALUE` that sets what no `NAME ?= …` in a Buildfile allows to be set.
Nothing has been run.

```make
registry ?= localhost:5000/lms
```

```text
$ lmsbuild hash regsitry=localhost:6000/lms
error[LMS301]: there is no variable 'regsitry'
   = help: did you mean 'registry'?
lmsbuild: exit 2: the command line, the Buildfile, a revision or a secret is wrong: nothing was run
```

## What to do

Correct the word; `lmsbuild COMMAND --help` lists what a command takes. Only variables assigned with `?=` can be set
from outside; those assigned with `=` are the same for everybody. A label that looks like an option is written after
`--`.

"""##,
    "LMS302": ##"""
# LMS302: no Buildfile

There is no `Buildfile` in the folder that was asked about, nor in any folder above it up to the repository's root.
With `--head` or another revision, the commit that was named has none.

```text
$ lmsbuild run
error[LMS302]: there is no Buildfile in '/src/shop' or above it
   = help: write one (Buildfile.example shows the language), or name one with '-f FILE'
lmsbuild: exit 2: the command line, the Buildfile, a revision or a secret is wrong: nothing was run
```

## What to do

Go into the repository or name it: `lmsbuild -C DIR run`. A file of another name is named with `-f`; with `-f` that
file is taken for every commit as well, so a repository that had no Buildfile yet can be asked about its past. The
name is spelt with a capital `B`. For a repository with a Dockerfile in every service's folder, this is a first one:

```make
services services/*/Dockerfile : docker

template docker
    image: Dockerfile
```

"""##,
    "LMS303": ##"""
# LMS303: nothing matches

The labels on the command line name no target: no component has that name, it has no such stage, or the glob matches
none. The exit status is 4. A question like `affected` that finds no change is an answer, not this error.

```make
service catalog
    unit: src/** tests/**
        python3 -m unittest discover -s tests
```

```text
$ lmsbuild run catalog:units
error[LMS303]: 'catalog:units' names no target
   = help: did you mean 'catalog:unit'?
lmsbuild: exit 4: the selection names no target
```

## What to do

Correct the label. Its forms are `component:stage`, `component` (all its stages), `:stage` (that stage everywhere),
`component:verify[consumer]`, and globs over those such as `'pay*:unit'`; quote globs and brackets for the shell.
`lmsbuild hash` lists every target there is.

"""##,
    "LMS304": ##"""
# LMS304: the revision cannot be used

A revision given to `--base` or `--head` names no commit of this repository. It is an error, never an empty answer: a
base that cannot be found must not look like "nothing changed". What begins with `-` is never taken for a revision.

## Example

    error[LMS304]: unknown revision 'develop'
       = help: did you mean 'origin/develop'?

## What to do

1. `git branch --all` and `git tag` list the names there are. A branch that exists on the server only is
   `origin/NAME`.
2. In a shallow clone, as continuous integration makes them, fetch the history: `git fetch --unshallow`, or
   `fetch-depth: 0` in the checkout step.

"""##,
    "LMS305": ##"""
# LMS305: git cannot be used

The workspace is in a git repository, but the program `git` is missing from `PATH`, or it refuses to work there. Without
its answer it is not known which files are tracked and which are ignored, so nothing is run. A workspace without any
repository needs no git.

## Example

    error[LMS305]: git cannot be started: No such file or directory
       = help: install git, or see that it is in PATH

    error[LMS305]: git rev-parse failed in '/src/shop': fatal: detected dubious ownership in repository at '/src/shop'
       = help: see what 'git status' says there

## What to do

1. Install git (2.31 or newer).
2. *Dubious ownership*: the folder belongs to another user. Run as that user, give the folder to the right one, or
   allow this one folder: `git config --global --add safe.directory /src/shop`.
3. *Not a git repository* for a `.git` file: it points to a folder that is gone, such as a removed main working tree.
4. For anything else, `git status` and `git fsck` in the named folder tell more.

"""##,
    "LMS306": ##"""
# LMS306: not built yet

The command, directive or option is part of the language, so that a Buildfile which uses it can be read and checked,
but this version cannot carry it out. Nothing else is wrong with the line.

```make
environment prod
    engine plan
```

```text
$ lmsbuild cache
error[LMS306]: 'cache' is not built yet
   = help: 'lmsbuild --help' lists what is
lmsbuild: exit 2: the command line, the Buildfile, a revision or a secret is wrong: nothing was run
```

## What to do

Use a newer version if there is one: `lmsbuild --version` says which this is and the changelog says what each
brought. The lines in the Buildfile may stay: they change no hash and stop no other command.

"""##,
    "LMS307": ##"""
# LMS307: missing secret

A recipe mentions a name declared with `secret`, and the environment that lmsbuild was started in does not have it.
It is looked for before anything runs, so that a long run does not fail at its last step. Secrets are given to
recipes and are never hashed, stored or logged.

```make
service catalog
    secret INDEX_TOKEN

    publish: src/**
        scripts/publish --token "$INDEX_TOKEN"
```

```text
$ lmsbuild run catalog:publish
error[LMS307]: 'catalog:publish' needs the secret 'INDEX_TOKEN', which is not set
  --> services/catalog/Buildfile:4:5
   |
 4 |     publish: src/**
   |     ^^^^^^^
   = help: set INDEX_TOKEN in the environment of lmsbuild
lmsbuild: exit 2: the command line, the Buildfile, a revision or a secret is wrong: nothing was run
```

## What to do

Set the variable where lmsbuild is started; in CI, hand the stored secret to the job's step. On pull requests from
forks most CI systems hand out no secrets: leave such targets out of that job's labels. Do not write the value on
the command line, where other users of the machine can see it.

"""##,
    "LMS310": ##"""
# LMS310: the base cannot be known

`affected` and `run --affected` compare with a base. Here it is not known which commit that is, or the clone has not the
history that would tell: a shallow clone, a single branch, a history that was pushed over, a CI job that is about no
change. It is an error with exit status 2, never an empty answer: "unknown" does not mean "nothing has changed".

## Example

    error[LMS310]: the target's commit 3f0c8d21aa52 (GitHub Actions, pull request) is not in this clone
       = help: run 'git fetch --depth=1 origin 3f0c8d21aa5213bb0f7a4d8a1a0c94f2a7be9a35', or let '--deepen' do it

    error[LMS310]: the base is not known (GitHub Actions, schedule): a 'schedule' event is about no change
       = help: name it with '--base REF', or let '--if-unknown all' take everything as affected

## What to do

1. Run the command that the help names: it fetches what is missing and no more. `--deepen` runs it for you.
2. Or check out the whole history: `fetch-depth: 0` (GitHub), `GIT_DEPTH: 0` (GitLab).
3. `--if-unknown all` makes everything affected instead of failing, with a notice.
4. Where there is no change to speak of (a nightly run), name the base, or use `--since cache`.

"""##,
    "LMS311": ##"""
# LMS311: no recorded state

`--since release:FILE` compares with a state that was recorded before. The file cannot be read, or is not what
`lmsbuild hash --format json` writes: cut off, edited, or another document. Nothing is compared, since half a record would
make targets look new or gone.

## Example

    error[LMS311]: 'released.json' is no recorded state: it has no "targets"
       = help: 'lmsbuild hash --format json > FILE' writes one

## What to do

1. Write it anew at the commit that was released: `lmsbuild hash --format json --inputs > released.json`.
2. `docs/schema/hash.schema.json` is the form a record has.

"""##,
    "LMS401": ##"""
# LMS401: a file cannot be read

A file or folder of the workspace could not be looked at. What cannot be read cannot be hashed, and is never treated
as missing or empty: that would hide changes to it. The message names the operation, the path and the system's reason.

## Example

    error[LMS401]: cannot open 'services/catalog/data': EACCES: Permission denied

## What to do

1. *Permission denied*: give yourself the right to read (`chmod u+r FILE`, `chmod u+rx FOLDER`). Files that a container
   left behind often belong to root.
2. If it is no source file, let git ignore it: ignored files and folders are not looked at.
3. *Input/output error*: the disk or the network file system has a problem; see the kernel's log.
4. *Too many open files*: raise the limit (`ulimit -n`).
5. *File name too long*: the path has more than 4095 bytes.

"""##,
    "LMS402": ##"""
# LMS402: not a file that can be an input

A glob or a file name of a rule matches a FIFO, a socket or a device. Git cannot store one, so a commit would not have
it, and reading it could wait for ever. They are never opened. Symbolic links are fine: the text of the link is what
counts, never what it points to.

## Example

    error[LMS402]: 'services/catalog/run/control.sock' is a socket, which cannot be an input

## What to do

1. Let git ignore the folder in which programs keep their sockets and FIFOs; ignored files match no glob.
2. Or take it out of the rule's inputs with `!run/**`.
3. If it was left behind by a program that has ended, remove it.

"""##,
    "LMS403": ##"""
# LMS403: a file changed while it was read

A file got other bytes, another size or another kind between two looks at it, and did so again on a second try. A hash
over two states of a file would name a state that never was, so none is used.

## Example

    error[LMS403]: 'services/catalog/src/version.py' changed while it was hashed

## What to do

1. Run again when the editor, the generator or the `git checkout` that writes the file has ended.
2. If a program writes it all the time (a log, a database), it is no source: let git ignore it, or take it out of the
   rule's inputs with `!GLOB`.
3. If a rule of the Buildfile writes it, declare it as that rule's output: outputs are never matched by globs.

"""##,
    "LMS404": ##"""
# LMS404: the file index cannot be used

`.lmsbuild/index` remembers what each file hashed to, so that unchanged files need not be read. It carries a checksum.
An index that is cut off, damaged, unreadable or of another version is left aside as if there were none. This is a
notice: every hash is right, the run only takes longer, and it writes a new index at its end.

## Example

    notice[LMS404]: the file index '/src/shop/.lmsbuild/index' is damaged
       = help: all files are hashed again

## What to do

1. Nothing, when it is said once: after a power cut, a full disk, or an update of lmsbuild.
2. If it comes back with every run, see whether the folder can be written (`ls -ld .lmsbuild`) and has room
   (`df .lmsbuild`).
3. If two versions of lmsbuild share a checkout, each sets the other's index aside. Use one.
4. `.lmsbuild/index` can be removed at any time when nothing runs.

"""##,
    "LMS405": ##"""
# LMS405: a git-lfs pointer instead of the content

A file that Git Large File Storage keeps is a small text in this checkout, beginning with
`version https://git-lfs.github.com/spec/v1`. Its real content was never fetched. A build from the pointer would be a
build from the wrong bytes, so `run` refuses where a target that has to run takes in such a file. Hashes do not depend on
it: what counts for a file of Git LFS is its pointer, fetched or not, so `affected`, `hash` and `tag` answer alike in both
checkouts.

## Example

    error[LMS405]: 'catalog:build' takes in 'services/catalog/model.bin', whose content is not here: it is a Git LFS pointer
       = help: run 'git lfs pull'

## What to do

1. Fetch the contents: `git lfs install` once, then `git lfs pull`.
2. In continuous integration, tell the checkout step to fetch them (`lfs: true`).
3. A file that is meant to be a pointer, in a test of LFS itself for instance, is better made by the test.

"""##,
    "LMS406": ##"""
# LMS406: a repository inside the workspace is left out

A folder of the workspace is a git repository of its own, and the outer repository does not track it as a submodule.
Git shows such a folder as one untracked name and looks no further; so does lmsbuild. Its files match no glob. This is
a notice.

## Example

    notice[LMS406]: 'vendor/parser' is a repository of its own: its files are not in the workspace, as for git
       = help: track it as a submodule, or ignore it

## What to do

1. If its files are needed, make it a submodule (`git submodule add URL vendor/parser`): then the commit that is checked
   out counts, as one input.
2. Or make its files part of the outer repository: remove `vendor/parser/.git`, and `git add` them.
3. If it is only kept there, let git ignore it: the notice goes away.

"""##,
    "LMS501": ##"""
# LMS501: the command failed

The recipe of a target ended with a status other than 0, or a signal ended it (status 128 + its number). Its output is
shown with the error and kept in the run's log. Nothing of what it wrote is kept or put in place: outputs of the last
good run stay as they are.

## Example

    error[LMS501]: 'catalog:build' failed: exit status 2
       = help: the sandbox shows only declared inputs: is the file named before '->'?

## What to do

1. Read the end of the output. The shell names the line of the recipe in messages such as `/lmsbuild/recipe: 3: …`.
2. *No such file or directory* for a file that is in the repository: the rule does not name it. Add it before `->`.
3. *Read-only file system*: the recipe writes where it has declared no output. Add it after `->`, or write below
   `$TMPDIR`.
4. Status 127 means that a command was not found in `PATH`.
5. `lmsbuild run --sandbox off LABEL` tells whether only the sandbox makes the difference.

"""##,
    "LMS502": ##"""
# LMS502: the command took too long

The recipe ran longer than its rule's `[timeout …]`. All its processes were sent TERM and, 5 s later, KILL. What it had
printed until then is shown. Its outputs are not kept. Time is counted while the machine is awake; a change of the
clock does not matter.

## Example

    error[LMS502]: 'catalog:mutation' was stopped after 20m, the limit of [timeout 20m]

## What to do

1. See in the output what it was waiting for: a prompt (standard input is empty), a port, the network (there is none
   without `[network]`).
2. If it is only slow, give the rule a longer `[timeout …]`, in `s`, `m` or `h`.
3. `[retries N]` tries again where the cause comes and goes.

"""##,
    "LMS503": ##"""
# LMS503: a declared output is missing

The recipe ended with status 0, but a file that its rule declares after `->` is not there, or a declared folder is
empty. A result without its outputs would break whoever uses them, so it is not kept. The error lists what the recipe
did write in those folders.

## Example

    error[LMS503]: 'catalog:build' ended well but did not make 'services/catalog/dist/catalog.pyz'
       = note: there are 'services/catalog/dist/catalog.zip'

## What to do

1. Compare the names: paths after `->` are relative to the component's folder, with a trailing `/` for a folder.
2. A recipe whose last command succeeds hides earlier failures if `shell` names an interpreter without `-e`.
3. A file that is only sometimes there is no output. Put it into a declared folder, or name it with `[report …]`.

"""##,
    "LMS504": ##"""
# LMS504: something was written that is not declared

After the recipe had ended well, the folders it may write to held a file that is neither an output nor a report, or an
input that it had changed. Such a file would be missing whenever the result comes from the cache, so the result is
refused. Only the sandbox can see this; with `--sandbox off` it goes unnoticed. Python's own caches (`__pycache__`,
`*.pyc`) are dropped silently.

## Example

    error[LMS504]: 'catalog:build' wrote 'services/catalog/dist/build.log', which it does not declare

## What to do

1. If others need it, declare it after `->`.
2. If it is the recipe's own scratch, write it below `$TMPDIR`.
3. If it should survive until the next run of the same target, keep its folder with `[keep DIR/]`.
4. A recipe that formats or rewrites its inputs has no place in a build: run such a tool by hand.

"""##,
    "LMS505": ##"""
# LMS505: gate failed

The command of a target succeeded, but a number in its report is not what a `[gate …]` above the rule asks for, or
the report cannot be read. The result is not kept, targets that wait for this one are skipped, and the exit status
is 3.

```make
service catalog
    [gate mutation >= 80 reports/mutation.json]
    mutation: src/** tests/** -> reports/mutation.json
        ../../scripts/mutate src tests reports/mutation.json
```

```text
error[LMS505]: 'catalog:mutation': mutation is 72.5 in services/catalog/reports/mutation.json, the gate wants >= 80
  --> services/catalog/Buildfile:2:25
   |
 2 |     [gate mutation >= 80 reports/mutation.json]
   |                          ^^^^^^^^^^^^^^^^^^^^^
```

## What to do

Mend what the report names, or change the number and say why in the commit. Numbers are cut to two digits when
shown, never rounded, so 79.99 is not 80. Which forms can be read, and what is counted, says `docs/gates.md`. A report that
is damaged is named with line and column; one that is empty, cut short, or of a run that did not finish never passes.

"""##,
    "LMS506": ##"""
# LMS506: a tool is missing

A program without which the action cannot start is not on this machine: the interpreter that `shell` names, or a tool
that `needs` names and whose version could not be asked for, or `curl`, by which a rule with `[pact]` asks a provider. It
was looked up in the `PATH` that lmsbuild itself was started with. Nothing was run, and nothing was stored.

## Example

    error[LMS506]: 'bash', the shell of 'catalog:build', can't be found
       = help: install it, or name another with 'shell'; PATH is /usr/local/bin:/usr/bin:/bin

## What to do

1. Install the tool, or extend `PATH` before lmsbuild is started. Relative folders in `PATH` are not searched.
2. Run again: what needed no missing tool is taken from the cache.
3. A tool in a home folder is visible in the sandbox only if its folder is in `PATH` (see `docs/sandbox.md`).

"""##,
    "LMS507": ##"""
# LMS507: the sandbox cannot be used

Actions run in a sandbox made by bubblewrap (`bwrap`), which needs user namespaces or root. It is not installed, or the
kernel or an outer container forbids it. With `--sandbox on` nothing is run (exit status 36); with `--sandbox auto` this
is a notice, and actions run in the workspace itself, where undeclared inputs and outputs go unnoticed.

## Example

    error[LMS507]: the sandbox can't be used: bwrap: No permissions to create new namespace

## What to do

1. Not installed: `apt-get install bubblewrap`.
2. Forbidden by the kernel: `sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000`; on machines with
   AppArmor also `sysctl kernel.apparmor_restrict_unprivileged_userns=0`.
3. In a container: start it with rights to make namespaces (`--security-opt seccomp=unconfined --cap-add SYS_ADMIN`,
   `--security-opt systempaths=unconfined` for a new `/proc`).
4. `--sandbox off` does without, knowingly.

"""##,
    "LMS508": ##"""
# LMS508: an input changed while the action ran

A file that a target's hash covers had another content after the run than when it was hashed. The result belongs to
neither content for certain, so it is not kept under the key that was computed: the next run makes it again. Sandboxed
actions read their inputs from the store and cannot see half of an edit; this is met when a file changes between
hashing and storing, or without the sandbox.

## Example

    warning[LMS508]: 'services/catalog/src/main.py' changed while 'catalog:build' ran

## What to do

1. Run again. If you were editing, that is all.
2. If nobody was: a recipe or a tool changes its own inputs (a formatter, a lock file that is written anew). Declare that
   file as an output of a rule, or let the tool write below `$TMPDIR`.

"""##,
    "LMS509": ##"""
# LMS509: an output cannot be stored

What lies where an output is declared is not something that can be kept: a FIFO, a socket, a device, a folder where a
file is declared (or the reverse), something reached through a link that the action made, a file that still changed
while it was stored, or a folder whose name is not UTF-8.

## Example

    error[LMS509]: the output 'services/catalog/run' of 'catalog:build' is a FIFO

## What to do

1. Declare folders with a trailing `/`, files without.
2. Write regular files, links and folders of those. A link is stored as its text, whatever it points to; owners, times
   and set-user-id bits are not kept, of the mode only whether the owner may execute it.
3. A folder on the way to an output must be a folder: let the recipe write into it rather than replace it by a link.
4. Let the recipe wait for what it starts in the background.

"""##,
    "LMS510": ##"""
# LMS510: a check said no

A target that checks something (tests, a linter, a contract) ran as it should and its command ended with a status other
than 0. It counts as an answer, not as a broken build: lmsbuild ends with status 3 unless something worse happened. The
answer is not kept as a success, so the target runs again next time.

## Example

    error[LMS510]: 'catalog:unit' failed: exit status 1

## What to do

1. Read the output: it is the tool's own, and names the test or the line.
2. `lmsbuild explain LABEL` tells which change made the target run.
3. A test that fails only in the sandbox usually needs a file its rule does not name, or the network (`[network]`).
4. A test that fails now and then may be given `[retries N]`; better is to mend it.

"""##,
    "LMS511": ##"""
# LMS511: a report cannot be read

A file that `[report junit …]` or `[report sarif …]` names is damaged, empty or of another form. The target's result
stands; its tests or findings are not counted. Where a `[gate …]` reads the file, that gate fails instead (LMS505).

## Example

    warning[LMS511]: a report of 'catalog:unit' cannot be read: 'services/catalog/reports/unit.xml:3:1': <testcase> is not closed (expected </testcase>)

## What to do

1. Look at the file at the place that is named. A tool that was ended early leaves half a report.
2. A recipe that writes with `>>` into an old report makes two in one: write with `>`.
3. See that the attribute names the right form: `junit` is XML, `sarif` is JSON.

"""##,
    "LMS512": ##"""
# LMS512: the base of a gate is not known

`[gate … new …]` and `[gate … drop …]` compare a report with what the same target measured at the base. Nothing is kept of
that, or nothing says what the base is, so the gate was not judged. It passes, and says so; with `if-unknown=fail` it
fails instead.

## Example

    notice[LMS512]: 'catalog:lint': 'lint new' cannot be told: no result of 'catalog:lint' at the base 3f0c12ab34cd is kept here; it passes unjudged

## What to do

1. Name the base where nothing does: `lmsbuild run --base main`.
2. Check the base out in the same folder, run the target there once, and come back. The result is kept in `.lmsbuild/store`.
3. In CI keep `.lmsbuild/store` of the default branch's runs, and restore it in the change's.
4. A rule that is new at the change has no base; the next change will have one.

"""##,
    "LMS513": ##"""
# LMS513: what a rule with `[changed-only]` measured

A recipe with `[changed-only]` measures the files that changed since the base, and the report's results of the others are the
base's. This notice says how many files that were. Where that cannot be done everything is measured, and the notice says why: nothing
is kept of the base, or something differs that is no file with mutants (a test, a tool, a setting, the recipe, a new file).

## Example

    notice[LMS513]: 'lending:mutation' measures everything: 'lending/tests/unit/test_policy.py' is not as at the base 3f0c12ab34cd, and the report there has no mutants of it

## What to do

Nothing, where that is what you expect. Otherwise:

1. Where nothing is kept of the base: keep `.lmsbuild/store` of the default branch's runs in CI, and restore it in the change's.
2. Where the base is another than you meant: name it with `--base`.
3. `lmsbuild run -B` measures everything, whatever is known.

"""##,
    "LMS514": ##"""
# LMS514: an image holds a secret

After each build of a run that knows secrets the image is looked through: its own layers, its configuration and its history. One of the
values was found, as it is, in base64 (also as part of a longer text), percent-encoded or escaped as in JSON. The image has been removed
from the engine's store. The value itself is never shown.

## Example

    error[LMS514]: the image of 'web:image' holds the secret 'TOKEN': layer 1 of 1, 'root/.npmrc'
      = help: RUN --mount=type=secret shows it to one RUN; write it nowhere, and give it to no ARG or ENV

## What to do

Have the RUN use the secret without writing it: a configuration file that a tool leaves behind (`.npmrc`, `.netrc`, `pip.conf`) is to be
removed in the same RUN, or better, the tool is to read the mounted file. `ARG` and `ENV` show in the image's history. Where a value is
so plain that files hold it by chance, choose a better one; values of less than 8 bytes are not looked for.

"""##,
    "LMS601": ##"""
# LMS601: the store cannot be used

A system call on the folder that keeps blobs and results failed; the error names the call, the path and the cause. The
folder must belong to the user who runs lmsbuild, and nobody else may write to it, for whoever can write there decides
what is built. Blobs are written aside and renamed: what was stored before is whole.

## Example

    error[LMS601]: there is no room for what 'catalog:build' needs or has made: write '/repo/.lmsbuild/store/tmp/812-3': ENOSPC: No space left on device
       = note: that file system has room for 12 KiB and 80411 new files
       = note: what was stored before is whole; nothing of this action is kept
       = help: free space on that disk, then run the command again; when nothing runs, '.lmsbuild/store' may be removed: everything in it is made anew

## What to do

1. `ENOSPC`, `EDQUOT`: free space on the disk. When nothing runs, `.lmsbuild/store` may be removed:
   everything in it is then made anew. Room for few new files means that the disk has no inodes left: remove files, whatever their size.
   The action may have run: what it made was not stored, so it runs again. Other actions go on with `-k`.
2. `EACCES`, `EROFS`: see who owns the folder, and whether its file system is mounted read-only.
3. `EPERM` on `open`: the folder belongs to somebody else or is writable by others: `chown` it, `chmod 700` it.
4. `EMFILE`: allow more open files (`ulimit -n`) or fewer jobs (`-j`).

"""##,
    "LMS602": ##"""
# LMS602: no container engine can be used

An image has to be built or looked for, and the engine that would do it is not installed, does not answer, or cannot fetch
a base image. With `--driver auto` buildah, podman and docker were asked in this order; the notes say what each answered.
The exit status is 34: the same command may succeed later.

What to do:

- Install buildah: it needs no daemon and makes reproducible images. On Debian and Ubuntu: `apt-get install buildah skopeo`.
- Name another engine: `--driver podman` or `--driver docker`.
- For docker, start its engine or correct `DOCKER_HOST`; `docker version` must show a server.
- For a base image that cannot be fetched, try `buildah pull REFERENCE` and read what its registry says.

Everything that is not an image can be built without an engine.

"""##,
    "LMS603": ##"""
# LMS603: locked

Another run of lmsbuild works in the same workspace. Two runs must not put outputs in place at the same time, so the
second one waits; with `--no-wait` it ends at once with exit status 9. The message names the process that holds the
lock.

```text
$ lmsbuild run --no-wait
error[LMS603]: another run (process 4711) holds this workspace
   = help: run again when it has ended, or without '--no-wait'
lmsbuild: exit 9: locked by another run
```

## What to do

Wait for the other run, or end it. Nothing has to be deleted after a crash: the kernel drops the lock together with
the process that held it, and the lock's file stays behind without any meaning. A second checkout (`git worktree
add`) has a lock of its own. Commands that only ask, like `hash` and `affected`, take no lock. What a run puts out,
and so what the lock protects, is named in the rules:

```make
service catalog
    build: src/** -> dist/
        make-app
```

"""##,
    "LMS604": ##"""
# LMS604: machine failure

What the machine refuses is reported under the code of the part that met it: LMS401 for files, LMS601 for the store,
LMS602 for engines, LMS507 for the sandbox. This page is for what is left, as `run --watch` or `watch` that may watch no more folders.

The machine refused something that lmsbuild needs: the disk is full, a permission is missing, a system call failed,
a program cannot be started. It says nothing about your code: the exit status is 36, unless something of yours
failed in the same run. The message names the operation, the path and the kernel's own word for the error.

```make
service catalog
    build: src/** -> dist/
        make-app
```

## What to do

Mend what the message names. ENOSPC: make room (`.lmsbuild/store` may be removed when nothing runs); if `df` shows room, `df -i` shows
whether the inodes ran out. EACCES, EPERM: the owner of the path is not you, often after a run as root. EROFS: the
disk is mounted read-only. EMFILE: raise `ulimit -n`. Where inotify's watches are used up, raise `fs.inotify.max_user_watches`
with `sysctl`: each folder takes one, of about a kilobyte. Then run again: everything that had finished is taken from the
cache.

"""##,
    "LMS605": ##"""
# LMS605: a stored blob is missing or damaged

A blob's bytes no longer are what its name (their SHA-256) says, or it is gone although a result names it: a disk error,
a power cut on a disk that lies about syncing, or somebody who edited or removed files in the store. Every blob is
looked at before it is used, so nothing was built from it. A damaged blob is removed at once.

## Example

    error[LMS605]: a stored input of 'catalog:image' was damaged (sha256 3f0c1a2b4d5e)

## What to do

1. Run the command again: what is missing is made anew, and stored.
2. If it comes back, look at the disk (`dmesg`, `smartctl -a`).
3. If it still does not end, remove `.lmsbuild/store` when nothing runs: everything in it is then made anew.

"""##,
    "LMS606": ##"""
# LMS606: a registry cannot be used

An image registry gives no answer, wants credentials that it was not shown, or answers what no registry answers. The message
names the registry and what it said. What was built stays where it is: `lmsbuild push` goes on where it stopped, and the exit
status is 34, because the same command may succeed later.

## Example

    error[LMS606]: the registry 127.0.0.1:5000: it accepts no connections
       = help: what was built is kept: 'lmsbuild push' goes on where it stopped

## What to do

1. "it accepts no connections": start the registry, or correct the variable `registry` in the root Buildfile.
2. "it wants credentials": log in with `docker login`, `podman login` or `buildah login`. Where credentials are looked for is told in
   [registry.md](../registry.md).
3. "it cannot be trusted": its certificate is not signed by an authority that this machine knows. Add that to the machine's
   certificates. A registry without any is named by `--insecure-registry HOST:PORT`; this machine's own are asked so anyhow.
4. "it fails": the registry's own log tells more. Requests that it asked to send later (429, 503) have been sent again, up to 30 seconds.

"""##,
    "LMS607": ##"""
# LMS607: a hash tag holds another image

An image's tag is the hash of all its inputs, so there is one image for it, and a tag that is in the registry is never moved: what
runs under it somewhere would be replaced by something else of the same name. The registry holds another image under the tag
than the one that was built here. Nothing was pushed. The exit status is 34.

## Example

    error[LMS607]: '127.0.0.1:5000/lms/catalog:3f0c…' is another image in the registry than here
       = note: here: sha256:8d41…
       = note: in the registry: sha256:0a77…
       = help: an input hash's tag is never moved: the build is not reproducible, or somebody pushed by hand

## What to do

1. Built by docker: its images differ from machine to machine, since they name the time of the build. Use `--driver buildah`.
2. A `RUN` whose result depends on the time, the network or chance: pin what it fetches, and set times to a constant. Compare the two
   images' layers with `skopeo inspect`.
3. The registry's is the one to use: `lmsbuild run -B catalog:image` is not needed; remove the local image, and the registry's
   counts.
4. The registry's is wrong: delete it there by hand. lmsbuild never does.

"""##,
    "LMS620": ##"""
# LMS620: somebody was not told

A warning: something changed, a [notification](../notifications.md) was to tell of it, and the other side did not take the message.
How the command ends does not depend on it.

```text
warning[LMS620]: 'ops' was not told: it answers 503: try later
   = help: the message is kept, and a later run tries again
```

## What to do

- Nothing, where the other side is away for a while: the message waits in `.lmsbuild/notified`, at most 7 days, and goes out once
  with a later `run`, `deploy`, `rollback` or `status`.
- `lmsbuild notify test NAME` sends a test message at once and prints what the other side answers: a wrong address, password
  or certificate shows there.
- `the variable … is not set` comes on CI servers alone (`CI` is set): give the job the secret, or narrow the block with `branches`.
  On other machines nobody is told where the secret is not set.
- `what people were told cannot be kept`: `.lmsbuild` cannot be written. Then the same may be told again. Of a full disk
  [LMS604](LMS604.md) tells, once for all that had no room.
- `the message could not be kept either`: there was no room for the outbox. A later run finds what is still so then, and tells it.

"""##,
    "LMS621": ##"""
# LMS621: measures were not taken

A warning: the trace or the metrics of a run could not be written, or a collector or Pushgateway did not take them. How the
command ends does not depend on it, and they are not kept for later.

```text
warning[LMS621]: the collector did not take the trace: it accepts no connections
   = help: OTEL_EXPORTER_OTLP_ENDPOINT names it; unset it to send nothing
```

## What to do

Correct the address, the file's folder or the other side; or unset the variable that asks for it: `OTEL_EXPORTER_OTLP_ENDPOINT`,
`LMSBUILD_METRICS_FILE`, `LMSBUILD_PUSHGATEWAY`. [Monitoring](../monitoring/README.md) has all of them. A side that does not answer is
left alone for a while, so that it does not hold up each run.

"""##,
    "LMS701": ##"""
# LMS701: broken contract

A contract file that a `consumes` line names cannot be read: it is JSON that is none, or a pact that lacks what a pact must
have. The message shows the place. Nothing was verified and nothing is kept; the exit status is 3.

## Example

    error[LMS701]: this is not a contract: interaction 1 has no request (expected a member 'request')
      --> services/lending/contracts/catalog.json:5:5
       |
     5 |     { "description": "a book that is there", "response": { "status": 200 } }
       |     ^

## What to do

Have the consumer's tests write the file anew; a pact is seldom edited by hand. [contracts.md](../contracts.md) tells what
kinds of contracts are known.

"""##,
    "LMS702": ##"""
# LMS702: contract failed

A provider does not do what a consumer's contract asks of it, or could not be asked. The report above the message names each
interaction that failed, with each place where the answer is not what was agreed: its path, what was expected, and what came.
What was verified before that stays known, and the next run verifies the rest. The exit status is 3.

## Example

    error[LMS702]: 'catalog:verify[lending]': 'catalog' does not do what 'lending' asks in 1 of 3 interactions
      --> services/catalog/Buildfile:9:5
       |
     9 |     verify: src/**
       |     ^^^^^^
       = note: "a book that is there": $.title: expected "Emma", but there is 7
       = help: restore what the contract says, or agree with front-desk@library.example, who own 'lending', on a new one

## What to do

1. The provider's change was a mistake: mend it.
2. It was meant: agree with the consumer's owners. They change what they rely on, and their contract, first.
3. A note that the provider did not start or gave no answer is about the recipe: its own last words stand in the report.
4. A consumer asks for something that the provider is still to learn: `[pending]` above the rule lets that fail until the
   provider does it for the first time. [contracts.md](../contracts.md) tells more.

"""##,
    "LMS703": ##"""
# LMS703: pending interaction

A notice. A consumer's contract asks for something that the provider has never done, and the rule `verify` is `[pending]`:
the failure is told and does not fail the run. It is verified again in every run. Once the provider has done it, it is binding,
and a later failure is [LMS702](LMS702.md).

## Example

    notice[LMS703]: 'catalog:verify[lending]': "a book by its ISBN" is pending since 2026-11-21: 'catalog' has never done what 'lending' asks
       = help: it is verified again in each run; the first success makes it binding

## What to do

Teach the provider, or agree with the consumer that it does without. Nothing has to be done about the notice itself.

"""##,
    "LMS704": ##"""
# LMS704: contract of another kind

A consumer's contract is of a kind that its provider's rule `verify` does not verify: a pact, where the rule compares OpenAPI
documents alone, or the other way round. Nothing runs; the exit status is 2, and 3 of `check`.

## Example

    error[LMS704]: 'lending' asks 'catalog' by a pact, 'services/lending/contracts/catalog.json', which its rule does not verify
      --> services/lending/Buildfile:3:14
       |
     3 |     consumes catalog by contracts/catalog.json
       |              ^^^^^^^
       = note: the rule that verifies
      --> services/catalog/Buildfile:5:5
       = help: '[pact]' above the rule, with a recipe that starts the provider, verifies pacts as well

## What to do

1. Add what is missing to the provider's rule: one rule may have `[pact]` with a recipe and `[openapi FILE]`, `[proto FILE]` or
   `[schema FILE]` beside it; each contract is verified by what fits it.
2. Or give a contract of the kind that the provider verifies. [contracts.md](../contracts.md) tells more.

"""##,
    "LMS705": ##"""
# LMS705: Pact Broker

`lmsbuild contracts publish` or `fetch` could not do its work at the broker. The exit status is 34 where it gives no answer that can
be used, 2 where it does not take the credentials, and 3 where it says no: with 409, because it holds another pact under the
same version.

## Example

    error[LMS705]: the broker at https://broker.library.example wants credentials (401)
       = help: set PACT_BROKER_TOKEN, or PACT_BROKER_USERNAME and PACT_BROKER_PASSWORD

## What to do

1. No answer: look whether the URL is right and the broker runs. Nothing was changed here; what was published before stays.
2. Credentials come from the environment alone: `PACT_BROKER_TOKEN`, or else `PACT_BROKER_USERNAME` and
   `PACT_BROKER_PASSWORD`. They are never shown and never part of a command line.
3. A conflict: publish as another version. A version's pact stays what it is.

"""##,
    "LMS710": ##"""
# LMS710: a released image has not been built here

`lmsbuild release` names each service's image by its tag, which follows from its inputs, and by the digest of what was
built. No result for the tag is in this workspace's store, so the digest is not known and is `null` in the lock. Such a
lock still tells which contracts hold and what has changed, but nothing can be deployed by it.

## Example

    warning[LMS710]: no image has been built here for what is released of: catalog, lending
       = help: 'lmsbuild run :image' builds them; their digests are null until then

## What to do

Build the images and write the lock again: `lmsbuild run :image && lmsbuild release -o release.json`.

"""##,
    "LMS801": ##"""
# LMS801: a release may not go there

An environment has conditions, and the release does not meet them: `after NAME`, `policy clean`, `policy signed`,
`policy verified`, a pair of services whose contract is known to be broken there, or an image that did not come up in that
environment before. Nothing was changed; the exit status is 3. All conditions that are not met are named.

```
error[LMS801]: 'prod' comes after 'staging': 3f0c9d2a81be runs there, not 77c1d02b9a54
  --> Buildfile:61:13
   |
61 | environment prod
   |             ^^^^
   = hint: 'lmsbuild deploy --to staging 77c1d02b9a54' first
```

- `after`: deploy the same release to the other environment, and see that `lmsbuild status --env NAME` is quiet there.
- `policy clean`: commit, and make the release again.
- `policy signed`: `lmsbuild release sign`, and `--keys FILE` with the keys that count.
- What runs could not be gone back to, for the images that are named are gone, or nobody can tell: build or push them again, or
  `--no-way-back`.
- An image that failed before is tried again with `--retry`.
- Data that cannot be taken back: [deploying](../deploy.md#data-that-cannot-be-taken-back) says what that means; `--allow-irreversible` does it.
- `deploy --promote` and `--abort` are a word to [a deployment that waits](../strategies.md#until-promoted): `lmsbuild status --env NAME` says
  whether one does, and for which release.

"""##,
    "LMS802": ##"""
# LMS802: a deployment could not be brought to its end

Something about a deployment that you should see: it did not come up, or what is not needed any more could not be taken
away. What did not come up is named service by service with the engine's reason and the last lines that it wrote.

The exit status tells what runs now: 50 what ran before, 51 neither, 52 some of both. `lmsbuild status --env NAME` shows it,
`lmsbuild history --env NAME` keeps it.

"""##,
    "LMS803": ##"""
# LMS803: there is no deployment to go back to

`rollback` and `status --fix` bring back what has come up before, exactly as it was deployed then. Nothing else has come up
in this environment, or how it was deployed is not kept any more: of each environment the latest ten are. `rollback --to` then takes
the release itself, which is kept here or in the registry, with the stack of the files at hand. Where it is nowhere, nothing is changed:
exit status 3 if it had come up there, else 2.

`lmsbuild history --env NAME` lists what was tried; `lmsbuild deploy --to NAME RELEASE` deploys any release anew.

"""##,
    "LMS900": ##"""
# LMS900: bug in lmsbuild

lmsbuild found itself in a state that its own rules exclude and stopped (exit status 37). Your files are as they
were or whole, and the cache holds only finished results: an entry is renamed into place as the last step.

```text
error[LMS900]: 'catalog:build' has no interpreter
```

## What to do

File a report with the whole message, `lmsbuild --version` and the Buildfiles. To go on in the meantime: run the same command again; if it ends the same
way, run it with `-j1`, then with `-B` for the target that is named, which ignores what the cache has for it. If a
Buildfile brings it about, the smallest one that still does is worth more than any description:

```make
service catalog
    build: src/** -> dist/
        make-app
```

"""##,
]
