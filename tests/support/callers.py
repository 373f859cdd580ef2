"""The access tables as a document: `PYTHONPATH=tests python -m support.callers` writes docs/callers.md again."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import MethodDescriptor
from whatsinvoice_kit.rpc.identity import Access

from support.root import ROOT

SERVICES = ("auth", "invoices", "payments", "notifications")
CALLERS = ("gateway", *SERVICES)
FILE = ROOT / "docs" / "callers.md"
_HEAD = """\
# Who may call what

Written by `PYTHONPATH=tests python -m support.callers` from the tables beside the servicers; a test keeps it so.
A service calls with a token of its own, a user with an access token of this scope. All else is PERMISSION_DENIED.
"""


@dataclass(frozen=True)
class Entry:
    """One RPC."""

    service: str
    method: MethodDescriptor
    access: Access

    @property
    def path(self) -> str:
        return f"/{self.method.containing_service.full_name}/{self.method.name}"

    @property
    def strangers(self) -> list[str]:
        """The services that may not call it."""
        return [caller for caller in CALLERS if caller not in self.access.services]


def entries() -> Iterator[Entry]:
    """Every RPC of every service; KeyError for one that its table does not name."""
    for service in SERVICES:
        protos: Any = importlib.import_module(f"whatsinvoice.{service}.v1.{service}_pb2")
        table = importlib.import_module(f"whatsinvoice_{service}.servicer").ACCESS
        for method in protos.DESCRIPTOR.services_by_name[f"{service.title()}Service"].methods:
            yield Entry(service, method, table[method.name])


def document() -> str:
    """All tables as one page."""
    lines = [_HEAD]
    for service in SERVICES:
        lines += [f"## {service}\n", "| RPC | services | users' scope |", "|---|---|---|"]
        for entry in entries():
            if entry.service == service:
                services = ", ".join(sorted(entry.access.services)) or "none"
                lines.append(f"| {entry.method.name} | {services} | {entry.access.scope or 'none'} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    FILE.write_text(document())
