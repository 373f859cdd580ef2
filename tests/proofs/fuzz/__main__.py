"""`make fuzz`: schemathesis against a stack of its own; exits 1 when a check fails or too few cases were tried."""

import argparse
import sys

from proofs.fuzz.campaign import WIDE_LIMITS, run_campaign
from support.stacks import running_stack


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--examples", type=int, default=80, help="cases per operation and kind of data in each phase")
    parser.add_argument("--seed", type=int, help="the same cases again; random otherwise, and printed")
    parser.add_argument("--seconds", type=float, default=1200, help="ends the run with an error")
    parser.add_argument("--cases", type=int, default=5000, help="that have to be tried at least")
    options, more = parser.parse_known_args()
    arguments = ["--max-examples", str(options.examples), *more]
    if options.seed is not None:
        arguments += ["--seed", str(options.seed)]
    with running_stack(**WIDE_LIMITS) as stack:
        outcome = run_campaign(stack, arguments, seconds=options.seconds)
    sys.stdout.write(f"{outcome}\n")
    return int(bool(outcome.failures) or outcome.cases < options.cases)


if __name__ == "__main__":
    sys.exit(main())
