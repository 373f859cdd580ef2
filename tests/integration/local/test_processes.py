"""A process is stopped by whoever asks, and only if it is the one that was started."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from whatsinvoice_local.backing import ports, processes
from whatsinvoice_local.backing.ports import free_port, remembered_ports
from whatsinvoice_local.backing.processes import BackingError

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
time.sleep(60)
"""


def test_another_process_stops_it(tmp_path: Path) -> None:
    started = processes.spawn(SLEEP, tmp_path)
    code = "import sys, pathlib; from whatsinvoice_local.backing import processes as p; "
    code += "sys.exit(0 if p.stop(pathlib.Path(sys.argv[1])) else 1)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert processes.find(tmp_path) is None
    assert os.waitpid(started.pid, 0) == (started.pid, signal.SIGTERM)


def test_a_pid_that_belongs_to_another_program_by_now_is_left_alone(tmp_path: Path) -> None:
    ours = processes.spawn(SLEEP, tmp_path)
    pid_file = tmp_path / "process.json"
    noted = json.loads(pid_file.read_text())
    time.sleep(0.05)  # the kernel counts start times in hundredths of a second
    with subprocess.Popen(SLEEP) as stranger:
        pid_file.write_text(json.dumps(noted | {"pid": stranger.pid}))
        assert not processes.stop(tmp_path)
        assert not pid_file.exists()
        assert stranger.poll() is None
        stranger.kill()
    pid_file.write_text(json.dumps(noted))
    assert processes.find(tmp_path) == ours
    assert processes.stop(tmp_path)


def test_one_that_ignores_the_request_is_killed(tmp_path: Path) -> None:
    process = processes.spawn([sys.executable, "-c", STUBBORN], tmp_path)
    processes.wait_until_ready(process, tmp_path, lambda: "deaf" in (tmp_path / processes.LOG).read_text())
    began = time.monotonic()
    assert processes.stop(tmp_path, ask=signal.SIGTERM, deadline=0.2)
    assert time.monotonic() - began < 3
    assert processes.find(tmp_path) is None


def test_one_that_dies_early_tells_why(tmp_path: Path) -> None:
    process = processes.spawn([sys.executable, "-c", "raise SystemExit('no disk')"], tmp_path)
    with pytest.raises(BackingError, match="no disk"):
        processes.wait_until_ready(process, tmp_path, lambda: False)


def test_ports_are_free_distinct_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    kept = remembered_ports(file, ["a", "b", "c"], {"b": free_port()})
    assert len(set(kept.values())) == 3
    assert remembered_ports(file, ["a", "b", "c"], {}) == kept
    with socket.create_server(("127.0.0.1", kept["a"])):
        moved = remembered_ports(file, ["a", "b", "c"], {})
    assert moved["a"] != kept["a"]
    assert moved["b"] == kept["b"]


CHOOSES = """
from whatsinvoice_local.backing import ports
ports._CANDIDATES = range(%d, %d)
try:
    print(ports.free_port(), flush=True)
except OSError as error:
    print(error, flush=True)
input()
"""


def choosing(candidates: range) -> subprocess.Popen[str]:
    """Another process that has chosen of these, listens on nothing, and lives until it is told to end."""
    words = [sys.executable, "-c", CHOOSES % (candidates.start, candidates.stop)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_port_is_promised_until_its_process_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the choice and the listening, nobody else chooses it."""
    first = free_port()
    monkeypatch.setattr(ports, "_CANDIDATES", range(first, first + 1))
    with pytest.raises(OSError, match="no free port"):
        free_port()
    second = next(port for port in range(31_000, 32_000) if ports.is_free(port))
    only = range(second, second + 1)
    with choosing(only) as holder, choosing(range(first, first + 1)) as other:
        assert (said(holder), said(other)) == (str(second), "no free port on 127.0.0.1")
        monkeypatch.setattr(ports, "_CANDIDATES", only)
        with pytest.raises(OSError, match="no free port"):
            free_port()
        holder.communicate("\n")
        other.communicate("\n")
    assert free_port() == second
