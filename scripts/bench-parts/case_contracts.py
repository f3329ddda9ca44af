"""A case about contracts: what a change in a repository of N services costs, and that no more is verified than it touches."""
import json
import os
import re

from layouts import contract_graph, contract_path, git, pact
from measuring import Aim, Command, Group, Wrong, output_of, prepare

MILLISECOND = 1e6
GRAPHS = ["ring", "random"]
# What planning may take at 10,000 services.
PLANNING = 300 * MILLISECOND
VERIFY = ["run", ":verify"]


class Change:
    """An edit that differs each time, what it makes somebody verify, and the way back."""

    def __init__(self, name, repository, path, text, pairs, interactions):
        self.name = name
        self.path = os.path.join(repository.folder, path)
        self.text = text  # Of a number, the file's text.
        self.pairs = sorted(pairs)  # (consumer, provider)
        self.interactions = interactions
        self.serial = 0

    def edit(self):
        self.serial += 1
        with open(self.path, "w") as file:
            file.write(self.text(self.serial))


def changes_of(repository, graph):
    """One provider touched, one interaction changed, and a pact written anew without another meaning. The provider has three
    consumers in each graph, so that what is to be verified is the same for each number of services."""
    consumers = {}
    for consumer, providers in enumerate(graph):
        for provider in providers:
            consumers.setdefault(provider, []).append(consumer)
    provider = next(number for number in range(len(graph) // 2, len(graph)) if len(consumers.get(number, [])) == 3)
    consumer = consumers[provider][0]
    path = contract_path(consumer, provider)
    return [
        Change(
            "one provider touched", repository, f"services/s{provider}/src/part0.py",
            lambda serial: f"changed = {os.getpid()}, {serial}\n",
            [(f"s{number}", f"s{provider}") for number in consumers[provider]], 9),
        Change(
            "one interaction changed", repository, path,
            lambda serial: pact(consumer, provider, name=f"{os.getpid()} {serial}"),
            [(f"s{consumer}", f"s{provider}")], 1),
        Change(
            "one pact in another order, with another comment", repository, path,
            lambda serial: reordered(pact(consumer, provider), f"{os.getpid()} {serial}"), [], 0),
    ]


def reordered(text, comment):
    """The same contract in other words."""
    document = json.loads(text)
    document["interactions"].reverse()
    document["interactions"][0]["comments"] = {"text": [comment]}
    document["metadata"]["client"] = {"version": comment}
    return json.dumps({name: document[name] for name in reversed(document)}, separators=(",", ":"))


def contracts(trial):
    """what a change makes somebody verify, and planning that, in repositories of services with three contracts each"""
    for shape in GRAPHS:
        for services in trial.sizes("services", [10, 100], [10, 100, 1_000, 10_000]):
            graph = contract_graph(shape, services)
            repository = trial.workshop.contracts(shape, graph)
            everything_verified(trial, repository, 3 * services)
            for change in changes_of(repository, graph):
                try:
                    planned(trial, repository, shape, services, change)
                    verified(trial, repository, shape, services, change)
                finally:
                    git(repository.folder, "checkout", "--quiet", "--", ".")


def everything_verified(trial, repository, pairs):
    """A verdict for every pair. Twice: what was hashed in the moment it was written is hashed again."""
    command = trial.command(repository, *VERIFY, "--sandbox", "off")
    prepare(command)
    prepare(command)
    shown = counted(output_of(trial.command(repository, "contracts")))
    if shown["pairs"] != pairs or shown["verified"] != pairs or shown["terms"] != 0:
        raise Wrong(f"not all of {pairs:,} pairs are verified: {shown}")


def counted(printed):
    """What `lmsbuild contracts` says at the end."""
    found = re.search(r"^(\d+) pairs: (.*); (\d+) of (\d+) terms to verify$", printed, re.MULTILINE)
    if not found:
        raise Wrong(f"lmsbuild contracts ends with:\n{printed[-500:]}")
    states = dict(reversed(part.split(" ", 1)) for part in found[2].split(", "))
    return {
        "pairs": int(found[1]), "verified": int(states.get("verified", 0)), "to do": int(states.get("to do", 0)),
        "terms": int(found[3]),
    }


def planned(trial, repository, shape, services, change):
    """Times of all that only looks. Each run comes after a change that was never seen before."""
    wanted = "".join(f"{consumer} {provider}\n" for consumer, provider in change.pairs)
    labels = sorted(f"{provider}:verify[{consumer}]" for consumer, provider in change.pairs)

    def right_pairs(printed):
        if re.sub(r"[ /]+", " ", printed) != wanted:
            raise Wrong(f"affected --contracts says\n{printed[:500]}and not\n{wanted}")

    def right_plan(printed):
        found = sorted(re.findall(r"\S+:verify\[\S+\]", printed))
        if found != labels:
            raise Wrong(f"run -n :verify names {found[:10]} and not {labels}")

    def right_states(printed):
        shown = counted(printed)
        if (shown["to do"], shown["terms"]) != (len(labels), change.interactions):
            raise Wrong(f"contracts says {shown}, and not {len(labels)} to do with {change.interactions} terms")

    aim = Aim(most=PLANNING)
    status = Command("git status", ["git", "status", "--porcelain"], repository.folder, before=change.edit)
    for words, check in [
        (["run", "-n", ":verify"], right_plan), (["affected", "--contracts", "--base", "HEAD"], right_pairs),
        (["contracts"], right_states),
    ]:
        subject = trial.command(
            repository, *words, before=change.edit, check=check, aim=None if words == ["contracts"] else aim)
        prepare(subject)
        trial.compare(Group(
            f"{shape} of {services:,} services, {change.name}", subject, [status],
            curve=f"{' '.join(words)}: {change.name}, {shape}", size=services, unit="service",
            runs=trial.options.runs or (3 if trial.quick else 5)))


def verified(trial, repository, shape, services, change):
    """That what runs is what the change touches, by the run's own report, for any number of services."""
    change.edit()
    command = trial.command(repository, *VERIFY)
    first, again = output_of(command), output_of(command)
    parts = [(int(terms), int(of)) for terms, of in re.findall(r"\((\d+) of (\d+) interactions?\)", first)]
    ran = re.search(r"^ran (\d+), ", first, re.MULTILINE)
    count = int(ran[1]) if ran else 0
    terms = sum(part[0] for part in parts)
    print(
        f"{shape} of {services:,} services, {change.name}: {count} verifications with {terms} interactions"
        f" ({len(change.pairs)} and {change.interactions} are touched)")
    trial.verified.append({
        "graph": shape, "services": services, "change": change.name, "verifications": count, "interactions": terms,
        "touched": {"pairs": len(change.pairs), "interactions": change.interactions},
    })
    if (count, len(parts), terms) != (len(change.pairs), len(change.pairs), change.interactions):
        raise Wrong(f"another number was verified than was touched:\n{first[-1000:]}")
    if not re.search(r"^nothing to do: ", again, re.MULTILINE):
        raise Wrong(f"a second run verifies again:\n{again[-1000:]}")
