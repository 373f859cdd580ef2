# ruff: noqa: INP001  (a script)
"""Write users.rules: what each Redis user may do, one `user rules` a line (`make rules`)."""

from pathlib import Path

from whatsinvoice_kit.events.acl import GATEWAY, SERVICES, rules_of

FILE = Path(__file__).with_name("users.rules")


def text() -> str:
    """Return the file's content."""
    return "".join(f"{user} {rules_of(user)}\n" for user in (*SERVICES, GATEWAY))


if __name__ == "__main__":
    FILE.write_text(text())
