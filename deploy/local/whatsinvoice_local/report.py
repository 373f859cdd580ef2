"""What people read: the addresses, the table of parts, the ends of the logs."""

from collections.abc import Iterator
from pathlib import Path

from whatsinvoice_local.memory import resident_bytes
from whatsinvoice_local.parts import PARTS, SERVICES
from whatsinvoice_local.probe import says_ok
from whatsinvoice_local.state import State

_MIB = 2**20
_LINES_OF_ONE, _LINES_OF_EACH = 200, 10


def addresses(state: State, sample: Path | None = None) -> str:
    """Return where everything is; `sample` is the file with the login of the sample merchant."""
    env = state.env
    lines = {
        "two phones": f"{env['SANDBOX_URL']}/",
        "API": f"{env['GATEWAY_URL']}/docs",
        "logs": f"{state.folder}/logs",
        "for programs": f"{state.folder}/env",
        **({"sample login": str(sample)} if sample else {}),
        "to stop": "make down (make reset also removes its data)",
    }
    return "\n".join(f"  {name:<14}{value}" for name, value in lines.items())


def status(state: State) -> str:
    """A table: part, process, address, readiness, memory."""
    members = state.members()
    if not members:
        return "the stack is down"
    rows = [_row(state, part) for part in members]
    total = sum(row[4] for row in rows)
    lines = [f"{'part':<15}{'pid':>8}  {'port':>6}  {'ready':<6}{'memory':>9}"]
    lines += [f"{part:<15}{pid:>8}  {port:>6}  {ready:<6}{mib:>5} MiB" for part, pid, port, ready, mib in rows]
    return "\n".join([*lines, f"{'':<15}{'':>8}  {'':>6}  {'':<6}{total:>5} MiB"])


def _row(state: State, part: str) -> tuple[str, str, str, str, int]:
    process = state.process(part)
    port = _port(state, part)
    if process is None:
        return part, "-", port, "dead", 0
    url = _ready_url(state, part)
    ready = "yes" if url is None or says_ok(url) else "no"
    return part, str(process.pid), port, ready, resident_bytes(process.pid) // _MIB


def _ready_url(state: State, part: str) -> str | None:
    """None for the backing servers, which had answered before anything else started."""
    env = state.env
    if part == "sandbox":
        return f"{env['SANDBOX_URL']}/healthz"
    return f"{url}/readyz" if (url := env.get(f"{part.upper()}_OPS_URL")) else None


def _port(state: State, part: str) -> str:
    env = state.env
    names = {
        "postgres": "DATABASE_URL",
        "valkey": "REDIS_URL",
        "seaweedfs": "S3_ENDPOINT",
        "sandbox": "SANDBOX_URL",
        "gateway": "GATEWAY_URL",
        **{service: f"{service.upper()}_GRPC" for service in SERVICES},
    }
    address = env[names[part]].rpartition(":")[2]
    return address.partition("/")[0]


def log_ends(state: State, part: str | None) -> Iterator[str]:
    """The last lines of one part's log, or of each under its name."""
    for name in [part] if part else PARTS:
        file = state.log(name)
        if file.exists():
            yield f"==> {file} <=="
            lines = file.read_text(errors="replace").splitlines()
            yield from lines[-(_LINES_OF_ONE if part else _LINES_OF_EACH) :]
