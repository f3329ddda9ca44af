"""play SETTING=CONTRACT... -- PROGRAM...: runs a program that finds the services it calls played from contracts.

Each SETTING holds the address of the service that CONTRACT plays. TERM goes on to the program, and its
exit status is that of play; what it calls is there until it has ended.
"""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack

from contract.document import BadContract
from contract.stub import Stub


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    split = argv.index("--") if "--" in argv else len(argv)
    settings = [word.partition("=") for word in argv[:split]]
    program = argv[split + 1:]
    if not program or not all(name and path for name, _, path in settings):
        print("usage: play SETTING=CONTRACT... -- PROGRAM...", file=sys.stderr)
        return 64
    try:
        with ExitStack() as stack:
            urls = {name: stack.enter_context(Stub(path)).url for name, _, path in settings}
            return _run(program, {**os.environ, **urls})
    except (BadContract, OSError) as error:
        print(f"play: {error}", file=sys.stderr)
        return 2


def _run(program, environment):
    asked, processes = [], []

    def stop(number, _):
        asked.append(number)
        for process in processes:
            process.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    processes.append(subprocess.Popen(program, env=environment))
    for number in asked:  # before there was somebody to tell
        processes[0].send_signal(number)
    status = processes[0].wait()
    return status if status >= 0 else 128 - status
