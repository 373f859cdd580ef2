"""How fast lines are read: `python -m notifications.chat.benchmark` with tests/ on the path."""

import sys
import time

from support.chat_lines import labelled_lines


def lines_per_second(rounds: int = 5) -> float:
    """Processor time over all labelled lines, one core."""
    lines = labelled_lines()
    started = time.process_time()
    for _ in range(rounds):
        for line in lines:
            line.read()
    return rounds * len(lines) / (time.process_time() - started)


if __name__ == "__main__":
    sys.stdout.write(f"{lines_per_second():.0f} lines/s\n")
