"""`make mutants`: change the code in a thousand places, one at a time, and see a test fail; resumes where it stopped.

Exits 1 when fewer than 90 of 100 changes are noticed, or when one that is not noticed has no reason in reasons.toml.
"""

import argparse
import difflib
import json
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from proofs.mutants.judge import Judge, Verdict, folder
from proofs.mutants.sample import HERE, Module, Mutant, modules, sample
from support.root import ROOT

GOAL = 0.9
RESULTS = ROOT / ".run" / "mutants.jsonl"


def main() -> int:
    options = _options()
    chosen = [module for module in modules() if options.only in module.path or options.only == module.subject]
    mutants = sample(chosen, options.count, options.seed)
    known = _known()
    for mutant in mutants:
        if options.again and known.get(mutant.place, Verdict("", 0)).outcome == "survived":
            del known[mutant.place]
    new = [mutant for mutant in mutants if mutant.place not in known]
    _say(f"{len(mutants)} mutants, {len(mutants) - len(new)} of them judged before")
    if new:
        _judge(new, known, options.workers)
    return _report(mutants, known)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants")
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--only", default="", help="a part of a module's path, or a subject")
    parser.add_argument("--again", action="store_true", help="judge again what survived before")
    return parser.parse_args()


def _known() -> dict[str, Verdict]:
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.is_file() else []
    return {row.pop("place"): Verdict(**row) for row in rows}


def _judge(new: Sequence[Mutant], known: dict[str, Verdict], workers: int) -> None:
    RESULTS.parent.mkdir(exist_ok=True)
    with folder() as place, RESULTS.open("a") as results:
        judge = Judge(workers, Path(place))
        try:
            done = 0
            for module in dict.fromkeys(mutant.module for mutant in new):
                began = time.monotonic()
                judge.warm_up(module)
                of_module = [mutant for mutant in new if mutant.module == module]
                for mutant, verdict in judge.judged(of_module):
                    known[mutant.place] = verdict
                    results.write(json.dumps({"place": mutant.place} | asdict(verdict)) + "\n")
                    results.flush()
                done += len(of_module)
                _say(f"{done} of {len(new)}: {module.name}, {time.monotonic() - began:.0f} s")
        finally:
            judge.stop()


def _report(mutants: Sequence[Mutant], known: dict[str, Verdict]) -> int:
    reasons = _reasons()
    survivors = [mutant for mutant in mutants if known[mutant.place].outcome == "survived"]
    without = 0
    for mutant in sorted(survivors, key=lambda mutant: (mutant.module.path, mutant.start)):
        before, after = mutant.change()
        reason = reasons.get((mutant.module.path, mutant.function(), before, after))
        without += reason is None
        _say(f"\nsurvived: {mutant.module.path}:{mutant.start[0]} {mutant.function()} {mutant.operator}")
        _say(_diff(mutant))
        _say(f"reason: {reason or 'NONE'}")
    score = 1 - len(survivors) / len(mutants)
    _say("\n" + _table(mutants, {mutant.place for mutant in survivors}))
    _say(
        f"killed {len(mutants) - len(survivors)} of {len(mutants)} ({score:.1%}); survivors without a reason: {without}"
    )
    return int(score < GOAL or without > 0)


def _reasons() -> dict[tuple[str, str, str, str], str]:
    rows = tomllib.loads((HERE / "reasons.toml").read_text()).get("survivor", [])
    return {(row["module"], row["function"], row["before"], row["after"]): row["reason"] for row in rows}


def _diff(mutant: Mutant) -> str:
    before, after = mutant.module.source.splitlines(), mutant.mutated().splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=0))[3:]
    return "\n".join(lines)


def _table(mutants: Sequence[Mutant], survived: set[str]) -> str:
    def row(name: str, those: Sequence[Mutant]) -> str:
        killed = sum(mutant.place not in survived for mutant in those)
        return f"{name:64}{len(those):8}{killed:8}{killed / len(those):8.0%}"

    of_module: dict[Module, list[Mutant]] = {}
    for mutant in mutants:
        of_module.setdefault(mutant.module, []).append(mutant)
    subjects = Counter(mutant.module.subject for mutant in mutants)
    rows = [row(f"{module.subject}: {module.name}", those) for module, those in of_module.items()]
    rows += [row(name, [mutant for mutant in mutants if mutant.module.subject == name]) for name in subjects]
    return "\n".join([f"{'module':64}{'mutants':>8}{'killed':>8}{'score':>8}", *rows])


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
