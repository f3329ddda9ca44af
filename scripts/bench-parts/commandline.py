"""The command line of scripts/bench."""
import argparse
import json
import os
import subprocess
import sys

import case_actions
import case_changes
import case_contracts
import case_files
import case_reporting
import case_start
import chart
import full
import page
from layouts import DESCRIPTIONS, NAMES, Trash, say
from measuring import Wrong
from trial import ROOT, Trial

CASES = {
    "noop": case_files.noop, "cold": case_files.cold, "affected": case_changes.affected, "parse": case_start.parse,
    "spawn": case_actions.spawn, "sandbox": case_actions.sandbox, "start": case_start.start, "memory": case_files.memory,
    "watch": case_changes.watch, "replay": case_changes.replay,
    "contracts": case_contracts.contracts, "layouts": case_files.layouts, "plan": case_actions.plan,
    "reporting": case_reporting.reporting,
}


def everything(trial):
    """each of the others in turn; with --quick in less than three minutes"""
    sizes = vars(trial.options).copy()
    for name, case in CASES.items():
        if case not in (everything, tables):
            say(f"--- {name}")
            # A case may choose sizes for itself, and not for the next one.
            vars(trial.options).update(sizes)
            case(trial)


def tables(trial):
    full.full(trial, CASES, case_start.counts)


tables.__doc__ = full.full.__doc__
CASES["all"] = everything
CASES["full"] = tables


def numbers(text):
    values = [int(float(part)) for part in text.split(",")]
    if not values or min(values) < 1:
        raise argparse.ArgumentTypeError("numbers above zero, such as 1000,1e5")
    return values


def layouts(text):
    wanted = NAMES if text == "all" else text.split(",")
    for name in wanted:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"'{name}' is none of {', '.join(NAMES)}")
    return wanted


def options_of(arguments):
    parser = argparse.ArgumentParser(
        prog="scripts/bench", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Measures lmsbuild beside its rivals, interleaved, with warm caches. A rival's ratio is how many times\n"
        "as long lmsbuild took, round by round: median, least, most. Times depend on the machine, ratios less so.",
        epilog="cases:\n" + "\n".join(f"  {name:10}{case.__doc__}" for name, case in CASES.items())
        + "\n\nlayouts:\n" + "\n".join(f"  {name:10}{text}" for name, text in DESCRIPTIONS.items())
        + "\n\nLMSBUILD=FILE measures that program; otherwise scripts/build-release builds it.")
    parser.add_argument("case", nargs="?", choices=CASES, metavar="CASE")
    parser.add_argument("--quick", action="store_true", help="small sizes, few runs")
    sizes = parser.add_argument_group("sizes (lists such as 1000,1e5)")
    sizes.add_argument("--files", type=numbers, metavar="LIST", help="files: noop, cold, memory, watch, layouts")
    sizes.add_argument("--layout", type=layouts, metavar="LIST", help="layouts, or 'all': noop, cold, memory, layouts")
    sizes.add_argument("--services", type=numbers, metavar="LIST", help="services: affected, contracts")
    sizes.add_argument("--buildfiles", type=numbers, metavar="LIST", help="Buildfiles: parse")
    sizes.add_argument("--actions", type=numbers, metavar="LIST", help="actions: spawn, plan, reporting")
    sizes.add_argument("--inputs", type=numbers, metavar="LIST", help="inputs of the action: sandbox")
    sizes.add_argument("--commits", type=numbers, metavar="LIST", help="commits: replay")
    parser.add_argument("--runs", type=int, metavar="N", help="runs of each command")
    parser.add_argument(
        "--drop-caches", action="store_true",
        help="cold: measure with the kernel's caches emptied, too; needs root, and slows everything else on the machine")
    parser.add_argument("--counts", action="store_true", help="count instructions with callgrind; with or without a case")
    parser.add_argument(
        "--folder", default=os.environ.get("LMSBUILD_BENCH_DIR") or os.path.join(ROOT, ".build-bench"), metavar="DIR",
        help="where repositories are made and kept for the next run (LMSBUILD_BENCH_DIR, else .build-bench)")
    parser.add_argument(
        "--minutes", type=float, default=25, metavar="N", help="full: about what all of it may take (%(default)s)")
    parser.add_argument(
        "--make", action="store_true", help="full: only make the large repositories, so that measuring finds them made")
    parser.add_argument("--out", metavar="DIR", help="full: where its files are written ('full' in --folder)")
    parser.add_argument("--json", metavar="FILE", help="write the results there, too")
    parser.add_argument("--svg", metavar="FILE", help="draw the cost for each file (Buildfile, action …) at each size")
    parser.add_argument(
        "--read", nargs="+", metavar="JSON",
        help="measure nothing: draw lmsbuild's own curves of all that earlier runs wrote with --json")
    parser.add_argument(
        "--publish", metavar="DIR", help="measure nothing: put what 'full' wrote to that folder into docs/performance*")
    options = parser.parse_args(arguments)
    if options.read and (options.case or options.counts or not options.svg):
        parser.error("--read wants --svg, and no case")
    if not options.case and not options.counts and not options.read and not options.publish:
        parser.print_help()
        sys.exit(0)
    if options.runs is not None and options.runs < 1:
        parser.error("--runs wants a number above zero")
    return options


def write(trial, options):
    if options.json:
        with open(options.json, "w") as file:
            json.dump(trial.results(), file, indent=2)
            file.write("\n")
    if options.svg:
        picture = chart.draw(trial.groups)
        if picture is None:
            say(f"--svg: {options.case or 'counts'} has no sizes to draw, {options.svg} is not written")
            return
        with open(options.svg, "w") as file:
            file.write(picture)


def overview(options):
    """One picture of what earlier runs measured."""
    groups = []
    for path in options.read:
        with open(path) as file:
            groups += json.load(file)["groups"]
    picture = chart.overview(groups)
    if picture is None:
        say("--read: nothing that was measured has sizes")
        return 1
    with open(options.svg, "w") as file:
        file.write(picture)
    return 0


def main(arguments):
    options = options_of(arguments)
    if options.read:
        return overview(options)
    if options.publish:
        for path in page.publish(options.publish, os.path.join(ROOT, "docs")):
            print(path)
        return 0
    try:
        trial = Trial(options)
        if options.case:
            CASES[options.case](trial)
        if options.counts and options.case != "full":
            case_start.counts(trial)
        write(trial, options)
    except Wrong as wrong:
        say(f"scripts/bench: wrong: {wrong}")
        return 1
    except subprocess.CalledProcessError as failed:
        say(f"scripts/bench: {' '.join(map(str, failed.cmd))} ended with {failed.returncode}")
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        Trash(os.path.abspath(options.folder)).empty()
    return 0
