"""`make doctor`: name what is wrong with this checkout and machine, one sentence and one repair each.

The Makefile runs this file by path with the system's Python, before `.venv` exists or while it is broken. Therefore it
imports the standard library alone and runs on old versions of Python too.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import importlib.util
import json
import re
import shutil
import socket
import sys
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence  # noqa: UP035  (old versions of Python run this file)

OLDEST = (3, 11)
NEEDED_BYTES = 2 * 2**30
"""Free space below which an installation or a stack may fail."""
PREFERRED_PORTS = {"gateway": 8080, "sandbox": 8090}
"""Where people look for them; `make up` takes other ports where these are taken."""
_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?: ; ([^\\]+))?")
_MARKER = re.compile(r"^(\w+) (<|>=|==|!=) '([^']*)'$")
_SHOWN_NAMES = 5
_FIELDS_BEFORE_START = 20


class Finding(NamedTuple):
    """One fault: the sentence that names it, and its repair."""

    fault: str
    repair: str

    def __str__(self) -> str:
        return f"{self.fault}. Repair: {self.repair}."


class Damage(NamedTuple):
    """A package of the lock that `.venv` does not hold as locked; `record` is what claims that it does."""

    name: str
    fault: str
    record: Path | None


def find_faults(root: Path, run: Path, preferred: dict[str, int]) -> list[Finding]:
    """Return every fault of the checkout at `root` and of the stack in `run`."""
    found = [*check_python(root, sys.version_info[:3]), *check_space(root)]
    if not found or (root / ".venv" / "pyvenv.cfg").exists():
        found += check_venv(root, sys.version_info[:3])
    return [*found, *check_state(run), *check_parts(run), *check_ports(run, preferred)]


def check_python(root: Path, version: tuple[int, ...]) -> Iterator[Finding]:
    """Check the Python that builds `.venv`, unless a good `.venv` is there already."""
    made = _version_of_venv(root)
    if made is not None and made >= OLDEST and _venv_python(root).exists():
        return
    if version[:2] < OLDEST:
        said = ".".join(map(str, version))
        fault = f"python3 is Python {said}, and WhatsInvoice needs Python 3.11 or newer"
        yield Finding(fault, "install a newer Python and run `make setup PYTHON=python3.12`")
    elif importlib.util.find_spec("ensurepip") is None:
        fault = "this Python cannot make virtual environments, because its module ensurepip is missing"
        yield Finding(fault, "install the system's package python3-venv")


def check_venv(root: Path, version: tuple[int, ...]) -> Iterator[Finding]:
    """Check that `.venv` is of this Python and holds the locked packages."""
    if not (root / ".venv").exists():
        yield Finding("`.venv` is not made yet", "run `make setup`")
    elif fault := _foreign(root, version):
        yield Finding(fault, "run `make setup`, which builds it again")
    elif damages := list(find_damages(root)):
        yield Finding(_said(damages), "run `make setup`, which installs what is missing")


def find_damages(root: Path) -> Iterator[Damage]:
    """Compare the packages in `.venv` with the lock."""
    records = {
        _canonical(folder.name[: -len(".dist-info")].rpartition("-")[0]): folder
        for folder in _site_packages(root).glob("*.dist-info")
    }
    for name, version in _expected(root):
        record = records.get(_canonical(name))
        if record is None:
            yield Damage(name, f"{name} is missing", None)
            continue
        installed = record.name[: -len(".dist-info")].rpartition("-")[2]
        if version and installed != version:
            yield Damage(name, f"{name} is {installed} in place of {version}", None)
        elif missing := _missing_file(record):
            yield Damage(name, f"{name} lacks {missing}", record)


def check_space(root: Path) -> Iterator[Finding]:
    """Check that the disk has room for an installation and a stack."""
    free = shutil.disk_usage(root).free
    if free < NEEDED_BYTES:
        fault = f"only {free / 2**30:.1f} GiB are free on the disk of {root}, and an installation and a stack need 2"
        yield Finding(fault, "free some space, `make reset` removes the data of the local stack")


def check_state(run: Path) -> Iterator[Finding]:
    """Check the files in which a stack remembers its ports, processes and secrets."""
    for file in _state_files(run):
        if (fault := _broken(file)) is None:
            continue
        if file.name == "ports.json":
            repair = f"run `make down`, remove {file}, and run `make up`, which chooses ports again"
        else:
            repair = "run `make reset`, which stops the stack and removes its data, then `make up`"
        yield Finding(f"{file} cannot be read ({fault})", repair)


def check_parts(run: Path) -> Iterator[Finding]:
    """Check that each part of a stack that is up still runs."""
    env = run / "env"
    lines = env.read_text().splitlines() if env.exists() else []
    for line in lines:
        name, _, _ = line.partition("=")
        part = name[: -len("_PID")].lower()
        if name.endswith("_PID") and not _runs(run / "parts" / part):
            repair = f"`make logs S={part}` shows why, `make up` starts it again"
            yield Finding(f"the stack is up, but its part {part} has ended", repair)


def check_ports(run: Path, preferred: dict[str, int]) -> Iterator[Finding]:
    """Check that the ports of parts that do not run are free for them."""
    wanted = {port: name for name, port in {**_remembered_ports(run), **preferred}.items()}
    for port, name in sorted(wanted.items()):
        part = name.partition(".")[0]
        folder = run / "parts" / (part if (run / "parts" / part).exists() else "seaweedfs")
        if not _runs(folder) and _is_taken(port):
            repair = f"`ss -ltnp 'sport = :{port}'` names the program; stop it, or let `make up` take another port"
            yield Finding(f"port {port} of {name} is taken by another program", repair)


def mend(root: Path) -> Iterator[str]:
    """Undo what keeps make from repairing `.venv`, and say it; make then builds what is missing."""
    venv = root / ".venv"
    if not venv.exists():
        return
    if fault := _foreign(root, sys.version_info[:3]):
        shutil.rmtree(venv)
        yield f"{fault}: building it again"
    elif (venv / ".installed").exists() and (damages := list(find_damages(root))):
        (venv / ".installed").unlink()
        if any(damage.name == "uv" for damage in damages):
            (venv / ".uv").unlink()
        for damage in damages:
            if damage.record:
                shutil.rmtree(damage.record)
        yield f"{_said(damages)}: installing again"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the faults, or with --mend prepare the repair of `.venv`. Return 1 when there are faults."""
    parser = argparse.ArgumentParser(prog="make doctor")
    parser.add_argument("--root", type=Path, default=Path(), help="the checkout")
    parser.add_argument("--folder", type=Path, default=Path(".run"), help="where the stack keeps its state")
    parser.add_argument("--mend", action="store_true", help="prepare the repair of .venv, as every make does")
    options = parser.parse_args(arguments)
    if options.mend:
        faults = list(check_python(options.root, sys.version_info[:3]))
        sys.stdout.writelines(map(str, faults))  # make stops with it
        for line in () if faults else mend(options.root):
            sys.stderr.write(f"setup: {line}\n")
        return 1 if faults else 0
    found = find_faults(options.root, options.folder, PREFERRED_PORTS)
    sys.stdout.write("\n".join(map(str, found)) + "\n" if found else "nothing is wrong\n")
    return 1 if found else 0


def _said(damages: Sequence[Damage]) -> str:
    shown = ", ".join(damage.fault for damage in damages[:_SHOWN_NAMES])
    more = len(damages) - _SHOWN_NAMES
    return f"`.venv` differs from requirements.lock: {shown}" + (f" and {more} more" if more > 0 else "")


def _venv_python(root: Path) -> Path:
    return root / ".venv" / "bin" / "python"


def _version_of_venv(root: Path) -> tuple[int, ...] | None:
    file = root / ".venv" / "pyvenv.cfg"
    text = file.read_text() if file.exists() else ""
    found = re.search(r"^version(?:_info)? = (\d+)\.(\d+)", text, re.MULTILINE)
    return tuple(map(int, found.groups())) if found else None


def _foreign(root: Path, version: tuple[int, ...]) -> str:
    """Return why `.venv` cannot be used with this Python; "" when it can."""
    made, ours = _version_of_venv(root), ".".join(map(str, version[:2]))
    if made is None or not _venv_python(root).exists():
        return "`.venv` is incomplete or its Python is gone"
    if made < OLDEST or (made != version[:2] and version[:2] >= OLDEST):
        return f"`.venv` was made by Python {'.'.join(map(str, made))}, and python3 is {ours}"
    return ""


def _site_packages(root: Path) -> Path:
    version = _version_of_venv(root) or OLDEST
    return root / ".venv" / "lib" / "python{}.{}".format(*version) / "site-packages"


def _expected(root: Path) -> Iterator[tuple[str, str]]:
    """Yield name and version of each package that this machine needs; version "" of our own."""
    made = _version_of_venv(root) or OLDEST
    for line in (root / "requirements.lock").read_text().splitlines():
        found = _LOCKED.match(line)
        if found and _applies((found.group(3) or "").strip(), made):
            yield found.group(1), found.group(2)
    for file in [*root.glob("*/pyproject.toml"), *root.glob("*/*/pyproject.toml")]:
        named = re.search(r'^name = "([^"]+)"', file.read_text(), re.MULTILINE)
        if named:
            yield named.group(1), ""


def _applies(marker: str, made: tuple[int, ...]) -> bool:
    """Evaluate a marker of the lock. An unknown one applies to no machine, so nothing is said about its package."""
    if not marker:
        return True
    found = _MARKER.match(marker)
    name = sys.implementation.name
    values = {
        "sys_platform": sys.platform,
        "implementation_name": name,
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(name, name),
    }
    if found is None:
        return False
    if found.group(1) == "python_full_version":
        # The patch release of `.venv` is not compared: no marker of ours but one depends on it, and 99 answers it.
        asked, given = tuple(map(int, found.group(3).split("."))), (*made, 99)
        return given < asked if found.group(2) == "<" else given >= asked
    equal = values.get(found.group(1)) == found.group(3)
    return equal if found.group(2) == "==" else not equal


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _missing_file(record: Path) -> str:
    """Return a file that a package's record names at the top and that is gone; "" when all are there."""
    try:
        lines = (record / "RECORD").read_text().splitlines()
    except OSError:
        return f"{record.name}/RECORD"
    tops = {
        "/".join(parts[:2])
        for row in csv.reader(lines)
        if row and (parts := row[0].split("/"))[0] not in ("..", "__pycache__") and not row[0].startswith(record.name)
    }
    return next((top for top in sorted(tops) if not (record.parent / top).exists() and "__pycache__" not in top), "")


def _state_files(run: Path) -> Iterator[Path]:
    for pattern in ("ports.json", "secrets.json", "parts/*/ports.json", "parts/*/process.json"):
        yield from sorted(run.glob(pattern))


def _broken(file: Path) -> str | None:
    """Return why a file of the state is broken; None when it is whole."""
    try:
        values = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        return str(error)
    if not isinstance(values, dict):
        return "it holds no object"
    if file.name == "ports.json" and not all(type(port) is int for port in values.values()):
        return "a port in it is no number"
    return None


def _remembered_ports(run: Path) -> dict[str, int]:
    files = [*sorted(run.glob("parts/*/ports.json")), run / "ports.json"]
    found: dict[str, int] = {}
    for file in files:
        if file.exists() and _broken(file) is None:
            found.update(json.loads(file.read_text()))
    return found


def _runs(folder: Path) -> bool:
    """Tell whether the part whose process is noted in `folder` runs; its start tells it from a later process."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        noted = json.loads((folder / "process.json").read_text())
        fields = Path(f"/proc/{noted['pid']}/stat").read_text().rpartition(")")[2].split()
        return bool(fields[0] not in "ZX" and noted["started"].rpartition(":")[2] == fields[_FIELDS_BEFORE_START - 1])
    return False


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


if __name__ == "__main__":
    sys.exit(main())
