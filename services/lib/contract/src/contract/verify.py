"""verify --contract FILE --provider PROGRAM --states FILE: replays a contract against its provider.

Exit status: 0 all interactions hold, 1 some do not, 2 it could not be tried.
"""

import argparse
import os
import sys
import tempfile
from contextlib import ExitStack

from contract.document import BadContract, load
from contract.matching import differences
from contract.provider import Provider, ProviderFailed, load_states
from contract.stub import Stub


def main(argv=None, out=sys.stdout):
    parser = argparse.ArgumentParser(prog="verify", description=__doc__.splitlines()[0])
    parser.add_argument("--contract", required=True)
    parser.add_argument("--provider", required=True)
    parser.add_argument("--states", required=True)
    options = parser.parse_args(argv)
    try:
        contract = load(options.contract)
        with ExitStack() as stack:
            sys.path.insert(0, options.provider)
            wanted = getattr(load_states(options.states), "UPSTREAMS", {})
            upstreams = {name: stack.enter_context(Stub(path)).url for name, path in wanted.items()}
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            provider = Provider(os.path.abspath(options.provider), options.states, folder, upstreams)
            stack.callback(provider.stop)
            failed = replay(contract, provider, out)
    except (BadContract, ProviderFailed) as error:
        print(f"verify: {error}", file=sys.stderr)
        return 2
    return 1 if failed else 0


def replay(contract, provider, out):
    """Prints a line for each interaction, its differences below it; returns how many failed."""
    print(f"{contract['consumer']['name']} relies on {contract['provider']['name']}", file=out)
    failed = 0
    for interaction in contract["interactions"]:
        provider.prepare(interaction.get("providerStates", []))
        found = check(interaction["response"], *provider.ask(interaction["request"]))
        print(f"  {'FAIL' if found else 'ok  '} {interaction['description']}", file=out)
        for difference in found:
            print(f"       {difference}", file=out)
        failed += bool(found)
    total = len(contract["interactions"])
    print(f"{total - failed} of {total} interactions hold", file=out)
    return failed


def check(expected, status, headers, body):
    """The differences between an expected response and a real one."""
    found = []
    if status != expected["status"]:
        found.append(f"status: expected {expected['status']}, got {status} {body}")
        return found
    rules = expected.get("matchingRules", {})
    names = {name.lower(): value for name, value in headers.items()}
    header_rules = {f"$.{name.lower()}": rule for name, rule in rules.get("header", {}).items()}
    wanted = {name.lower(): value for name, value in expected.get("headers", {}).items()}
    found += ["header " + text for text in differences(wanted, names, header_rules)]
    if "body" in expected:
        found += differences(expected["body"], body, rules.get("body", {}))
    return found
