"""The unprivileged account that Postgres runs under when we are root, and what that account can reach.

Postgres refuses to run as root, so the child gives root up for `nobody`, who needs to traverse to both the programs
and the data. Opening somebody's private folders for that would be wrong; what `nobody` cannot reach is kept under
a folder of our own instead. That is `/var/lib/whatsinvoice`: only root writes there (nobody else can plant a program
in it, as they could under a world-writable temporary folder) and no clean-up job ages its files away.
"""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

SHARED_STATE = Path("/var/lib/whatsinvoice")


class PopenArguments(TypedDict, total=False):
    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int


def popen_arguments(account: Account | None) -> PopenArguments:
    """Give what makes a child run as `account`, or as ourselves."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account else {}


def unprivileged_account() -> Account | None:
    """Give the account to drop to, None when we are no root and have nothing to drop."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def anyone_can_reach(path: Path) -> bool:
    """Tell whether every user may traverse to `path` and read it; a folder in it needs its own question."""
    path = path.resolve()
    needed = stat.S_IROTH | stat.S_IXOTH if path.is_dir() else stat.S_IROTH
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents) and (
        path.stat().st_mode & needed == needed
    )


def shared_state() -> Path:
    """Give the root-owned folder that every user may traverse."""
    SHARED_STATE.mkdir(mode=0o755, exist_ok=True)
    SHARED_STATE.chmod(0o755)  # whatever the umask said
    return SHARED_STATE
