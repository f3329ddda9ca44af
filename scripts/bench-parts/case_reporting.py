"""What telling of a run costs: the same actions with everything that is told of them, and with nothing."""
import os
import shutil

from layouts import Component
from measuring import Aim, Command, Group, prepare
from measuring import Wrong


def reporting(trial):
    """1,000 trivial actions with event log, trace, summary and reports, beside the same run that can write none of them"""
    for count in trial.sizes("actions", [200], [1_000]):
        components = [Component(f"s{number}", f"s{number}/", [f"s{number}/input"]) for number in range(count)]
        files = [("Buildfile", "template t\n    unit: input\n        exit 0\n\nservices s* : t\n")]
        files += [(component.inputs[0], f"{component.name}\n") for component in components]
        repository = trial.workshop.of(f"reporting-{count}", files, components)
        trial.forget(repository)
        told = os.path.join(repository.rivals, "told")
        events = os.path.join(repository.folder, ".lmsbuild", "events")

        def open_log():
            if os.path.isfile(events):
                os.remove(events)

        def close_log():
            # A file in the place of the folder: the log cannot be begun, which is one warning.
            shutil.rmtree(events, ignore_errors=True)
            os.makedirs(os.path.dirname(events), exist_ok=True)
            with open(events, "w"):
                pass

        run = ["run", "-B", "--sandbox", "off", "-j", "2"]
        ran = f"ran {count}, cached 0, failed 0, skipped 0 "

        def whole(printed):
            if f"\n{ran}" not in f"\n{printed}" or "warning" in printed:
                raise Wrong(f"not all {count} ran and were told of:\n{printed[-2000:]}")

        def silent(printed):
            if f"\n{ran}" not in f"\n{printed}" or printed.count("warning[") != 1:
                raise Wrong(f"not all {count} ran, or the log was written:\n{printed[-2000:]}")

        full = trial.command(
            repository, *run, "--trace", os.path.join(told, "trace.json"), "--summary", os.path.join(told, "summary.md"),
            "--report-dir", os.path.join(told, "reports"), before=open_log, check=whole,
            name="lmsbuild run, everything told")
        logged = trial.command(repository, *run, before=open_log, check=whole, name="lmsbuild run, event log alone")
        bare = trial.command(repository, *run, before=close_log, check=silent, name="lmsbuild run, nothing written")
        bare.aim = Aim(1.05)
        for command in [full, logged, bare]:
            prepare(command)
        trial.compare(Group(
            f"{count:,} actions that do nothing, told of", full, [logged, bare], curve="what telling costs", size=count,
            unit="action", runs=trial.options.runs or (5 if trial.quick else 11)))
        open_log()
