"""`make doctor`: each fault of the developer's first hour is one sentence with its repair."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from whatsinvoice_local import doctor

VERSION = sys.version_info[:3]
MINOR = f"{VERSION[0]}.{VERSION[1]}"
LOCK = """\
httpx==0.28.1 \\
    --hash=sha256:00
pyrage==1.4.0 ; sys_platform == 'linux' \\
    --hash=sha256:00
pywin32==312 ; sys_platform == 'win32' \\
    --hash=sha256:00
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout whose lock has two packages for this machine, both in its `.venv`."""
    (tmp_path / "requirements.lock").write_text(LOCK)
    (tmp_path / "libs").mkdir()
    (tmp_path / "libs/pyproject.toml").write_text('[project]\nname = "whatsinvoice-kit"\n')
    venv = tmp_path / ".venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin/python").symlink_to(sys.executable)
    (venv / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {MINOR}.1\n")
    for stamp in (".uv", ".installed"):
        (venv / stamp).touch()
    for name, version in (("httpx", "0.28.1"), ("pyrage", "1.4.0"), ("whatsinvoice_kit", "0.1.0")):
        _install(tmp_path, name, version)
    return tmp_path


def _site(checkout: Path) -> Path:
    return checkout / f".venv/lib/python{MINOR}/site-packages"


def _install(checkout: Path, name: str, version: str) -> None:
    record = _site(checkout) / f"{name}-{version}.dist-info"
    record.mkdir(parents=True)
    (_site(checkout) / name).mkdir()
    (_site(checkout) / name / "__init__.py").touch()
    (record / "RECORD").write_text(f"../../../bin/{name},,\n{name}/__init__.py,,\n{record.name}/RECORD,,\n")


def _said(findings: Iterator[doctor.Finding]) -> list[str]:
    return [str(finding) for finding in findings]


def test_f41_nothing_is_said_where_nothing_is_wrong(checkout: Path) -> None:
    assert _said(doctor.check_venv(checkout, VERSION)) == []
    assert _said(doctor.check_python(checkout, VERSION)) == []
    assert list(doctor.mend(checkout)) == []
    assert (checkout / ".venv/.installed").exists()


@pytest.mark.parametrize("version", [(3, 8, 2), (3, 10, 13)])
def test_f41_an_old_python_is_one_sentence_with_its_repair(tmp_path: Path, version: tuple[int, ...]) -> None:
    [said] = _said(doctor.check_python(tmp_path, version))
    assert "WhatsInvoice needs Python 3.11 or newer" in said
    assert ".".join(map(str, version)) in said
    assert "Repair: install a newer Python" in said


@pytest.mark.parametrize(
    ("damage", "fault"),
    [("record", "httpx is missing"), ("files", "httpx lacks httpx/__init__.py"), ("version", "httpx is 0.27.0 in pl")],
)
def test_f41_a_package_that_is_not_as_locked_is_named_and_make_setup_repairs_it(
    checkout: Path, damage: str, fault: str
) -> None:
    record = _site(checkout) / "httpx-0.28.1.dist-info"
    if damage == "record":
        (record / "RECORD").unlink()
        record.rmdir()
    elif damage == "files":
        (_site(checkout) / "httpx/__init__.py").unlink()
    else:
        record.rename(_site(checkout) / "httpx-0.27.0.dist-info")
    [said] = _said(doctor.check_venv(checkout, VERSION))
    assert fault in said
    assert "make setup" in said
    assert "pywin32" not in said, "a package of another system is not missed"
    [mended] = doctor.mend(checkout)
    assert fault in mended
    assert not (checkout / ".venv/.installed").exists(), "make installs again what its stamp said was there"
    assert not record.exists(), "the installer believes a record that stays"


def test_f41_a_venv_of_another_python_is_named_and_built_again(checkout: Path) -> None:
    (checkout / ".venv/pyvenv.cfg").write_text("version = 3.10.13\n")
    [said] = _said(doctor.check_venv(checkout, VERSION))
    assert f"made by Python 3.10, and python3 is {MINOR}" in said
    assert list(doctor.mend(checkout))
    assert not (checkout / ".venv").exists()


def test_f41_a_good_venv_serves_though_python3_is_old(checkout: Path) -> None:
    assert _said(doctor.check_python(checkout, (3, 10, 13))) == []
    assert _said(doctor.check_venv(checkout, (3, 10, 13))) == []


def test_f41_a_venv_whose_python_is_gone_is_built_again(checkout: Path) -> None:
    (checkout / ".venv/bin/python").unlink()
    (checkout / ".venv/bin/python").symlink_to(checkout / "gone")
    assert "its Python is gone" in _said(doctor.check_venv(checkout, VERSION))[0]
    assert list(doctor.mend(checkout))
    assert not (checkout / ".venv").exists()


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"gateway": "8080"}'])
def test_f41_a_broken_file_of_ports_is_one_sentence_with_its_repair(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    [said] = _said(doctor.check_state(tmp_path))
    assert f"{tmp_path}/ports.json cannot be read" in said
    assert "Repair: run `make down`, remove" in said


def test_f41_a_port_taken_by_another_program_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (tmp_path / "ports.json").write_text(json.dumps({"payments": port}))
        [said] = _said(doctor.check_ports(tmp_path, {}))
        assert f"port {port} of payments is taken by another program" in said
        assert f"sport = :{port}" in said
        assert len(_said(doctor.check_ports(tmp_path, {"gateway": port}))) == 1
    assert _said(doctor.check_ports(tmp_path, {})) == []


def test_f41_a_port_of_a_part_that_runs_is_its_own(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as own:
        (tmp_path / "ports.json").write_text(json.dumps({"payments": own.getsockname()[1]}))
        home = tmp_path / "parts/payments"
        home.mkdir(parents=True)
        started = Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19]
        (home / "process.json").write_text(json.dumps({"pid": os.getpid(), "started": f"boot:{started}"}))
        assert _said(doctor.check_ports(tmp_path, {})) == []


def test_f41_a_part_that_has_ended_is_named(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("GATEWAY_URL=http://127.0.0.1:1\nPAYMENTS_PID=4194305\n")
    [said] = _said(doctor.check_parts(tmp_path))
    assert "its part payments has ended" in said


def test_f41_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "NEEDED_BYTES", 2**62)
    [said] = _said(doctor.check_space(tmp_path))
    assert "GiB are free" in said
    assert "Repair: free some space" in said


def test_f41_the_doctor_needs_nothing_but_python(checkout: Path) -> None:
    """It runs before `.venv` exists: by path, isolated, with the standard library alone."""
    (_site(checkout) / "httpx/__init__.py").unlink()
    words = [sys.executable, "-I", "-S", doctor.__file__, "--root", str(checkout), "--folder", str(checkout / ".run")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (1, "")
    assert "httpx lacks httpx/__init__.py. Repair: run `make setup`" in done.stdout
