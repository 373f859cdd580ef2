"""`make soak`: payments under every fault at once, then our books beside the provider's; exits 1 where they differ."""

import argparse
import json
import sys
import time
from pathlib import Path

from proofs.soak.campaign import Soak, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--payments", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()
    soak = Soak(options.payments, options.seed, lambda what: print(f"soak: {what}", flush=True))  # noqa: T201  (a command)
    comparisons = soak.run()
    differences = [difference for found in comparisons for difference in found.differences]
    figures = soak.figures | {"seconds": round(time.monotonic() - started), "differences": len(differences)}
    sys.stdout.write(table(comparisons) + "\n")
    sys.stdout.write("".join(f"{name}: {value}\n" for name, value in figures.items()))
    sys.stdout.write("".join(f"DIFFERENT {difference}\n" for difference in differences[:50]))
    rows = [row for found in comparisons for row in found.rows]
    Path(".run").mkdir(exist_ok=True)
    Path(".run/soak.json").write_text(json.dumps({"figures": figures, "rows": rows}, indent=2))
    return int(bool(differences))


if __name__ == "__main__":
    sys.exit(main())
