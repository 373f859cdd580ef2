# ruff: noqa: INP001  (a script)
"""Certificates of mutual TLS for local use, under `.run/certs`: made once, and again when they end within ten days."""

import sys
from pathlib import Path

from whatsinvoice_local.certificates import write_certificates

FOLDER = Path(__file__).parents[1] / ".run" / "certs"


def main(folder: Path = FOLDER) -> None:
    """Writes what is missing or ends soon, and says what it wrote."""
    made = write_certificates(folder)
    sys.stdout.write(f"certs: {', '.join(made) if made else 'all are good'} ({folder})\n")


if __name__ == "__main__":
    main()
