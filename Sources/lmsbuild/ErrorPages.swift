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
    "LMS501": ##"""
# LMS501: the command failed

The recipe of a target ended with a status other than 0, or a signal ended it (status 128 + its number). Its output is
shown with the error and kept in the run's log. Nothing of what it wrote is kept or put in place: outputs of the last
good run stay as they are.

## Example

    error[LMS501]: 'catalog:build' failed: exit status 2
      hint: the sandbox shows only declared inputs: is the file named before '->'?

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
      note: there are 'services/catalog/dist/catalog.zip'

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
    "LMS506": ##"""
# LMS506: a tool is missing

A program without which the action cannot start is not on this machine: the interpreter that `shell` names, or a tool
that `needs` names and whose version could not be asked for. It was looked up in the `PATH` that lmsbuild itself was
started with. Nothing was run, and nothing was stored.

## Example

    error[LMS506]: 'bash', the shell of 'catalog:build', can't be found
      hint: install it, or name another with 'shell'; PATH is /usr/local/bin:/usr/bin:/bin

## What to do

1. Install the tool, or extend `PATH` before lmsbuild is started. Relative folders in `PATH` are not searched.
2. `lmsbuild doctor` lists what this machine lacks, and how to get it.
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
    "LMS601": ##"""
# LMS601: the store cannot be used

A system call on the folder that keeps blobs and results failed; the error names the call, the path and the cause. The
folder must belong to the user who runs lmsbuild, and nobody else may write to it, for whoever can write there decides
what is built. Blobs are written aside, synced and renamed: what was stored before is whole.

## Example

    error[LMS601]: 'catalog:build' can't be prepared: write '/var/cache/lms/tmp/812-3': ENOSPC: No space left on device

## What to do

1. `ENOSPC`, `EDQUOT`: `lmsbuild cache gc` frees what no recent run has used.
2. `EACCES`, `EROFS`: see who owns the folder, and whether its file system is mounted read-only.
3. `EPERM` on `open`: the folder belongs to somebody else or is writable by others: `chown` it, `chmod 700` it.
4. `EMFILE`: allow more open files (`ulimit -n`) or fewer jobs (`-j`).

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
3. `lmsbuild cache verify` looks at all blobs; `lmsbuild cache verify --repair` removes what is damaged.

"""##,
]
