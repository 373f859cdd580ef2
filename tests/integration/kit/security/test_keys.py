"""Keys in files: which signs when, what a run of the rotation does, and what running processes make of it."""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from whatsinvoice_kit.core.errors import ServiceError
from whatsinvoice_kit.rotate_keys import NOTHING, Schedule, advance, rotate
from whatsinvoice_kit.rpc.identity import ServiceIdentity
from whatsinvoice_kit.rpc.keys import SigningKeys, TrustedKeys, parse_signing_keys, signing_key
from whatsinvoice_kit.rpc.tokens import Verifier, generate_key, parse_key_sets, public_half

SCHEDULE = Schedule(every=100, lead=10, keep=20)
ISSUER = "whatsinvoice-payments"


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """TRUSTED_KEYS of two issuers, and the key of one."""
    trusted, own = tmp_path / "trusted_keys", tmp_path / "payments_service_key"
    key = generate_key()
    sets = {"other": {"keys": [public_half(generate_key())]}, ISSUER: {"keys": [public_half(key)]}}
    trusted.write_text(json.dumps(sets))
    own.write_text(json.dumps(key))
    return trusted, own


def kids(file: Path) -> list[str]:
    return [str(key["kid"]) for key in parse_signing_keys(file.read_text())]


def known(trusted: Path) -> set[str]:
    return set(parse_key_sets(trusted.read_text())[ISSUER])


def test_a_key_is_published_then_signs_then_is_kept_then_goes() -> None:
    first = generate_key()
    (second, *rest) = after = advance([first], 1000, SCHEDULE)
    assert rest == [first]
    assert second["signs_from"] == 1011
    assert signing_key(after, 1010.9) == first
    assert signing_key(after, 1011) == second
    for moment in (1001, 1012, 1030.9):
        assert advance(after, moment, SCHEDULE) == after
    assert advance(after, 1031, SCHEDULE) == [second]
    third, *_ = advance([second], 1111, SCHEDULE)
    assert third["signs_from"] == 1122


def test_a_change_can_be_begun_early_but_not_while_one_is_under_way() -> None:
    first = generate_key() | {"signs_from": 990}
    assert advance([first], 1000, SCHEDULE) == [first]
    after = advance([first], 1000, SCHEDULE, now=True)
    assert len(after) == 2
    assert advance(after, 1005, SCHEDULE, now=True) == after


def test_without_times_the_first_signs_and_before_all_times_the_earliest() -> None:
    keys = [generate_key(), generate_key()]
    assert signing_key(keys, time.time()) == keys[0]
    early, late = ({**key, "signs_from": start} for key, start in zip(keys, (5, 9), strict=True))
    assert signing_key([late, early], 1) == early


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", "null", "[7]", '[{"kid": "x"}]', "nonsense", "[null, {}]"])
def test_what_is_no_private_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no private key"):
        parse_signing_keys(text)
    with pytest.raises(ValueError, match="no private key"):
        parse_signing_keys(json.dumps(generate_key() | {"signs_from": "soon"}))


def test_twelve_runs_at_once_make_one_key_known_before_it_signs(files: tuple[Path, Path]) -> None:
    trusted, own = files
    (first,) = kids(own)
    with ThreadPoolExecutor(12) as threads:
        said = list(threads.map(lambda _: rotate(trusted, ISSUER, own, SCHEDULE), range(12)))
    assert said.count(NOTHING) == 11
    assert kids(own)[1:] == [first]
    assert known(trusted) == set(kids(own))
    assert SigningKeys("", own).current()["kid"] == first
    assert len(parse_key_sets(trusted.read_text())["other"]) == 1
    assert all("d" not in key for keys in json.loads(trusted.read_text()).values() for key in keys["keys"])


def test_a_run_that_was_killed_between_the_files_is_made_good_by_the_next(files: tuple[Path, Path]) -> None:
    trusted, own = files
    before = own.read_text()
    rotate(trusted, ISSUER, own, SCHEDULE)
    own.write_text(before)
    rotate(trusted, ISSUER, own, SCHEDULE)
    assert len(kids(own)) == 2
    assert known(trusted) == set(kids(own))


def test_files_keep_their_mode_and_a_link_stays_one(files: tuple[Path, Path], tmp_path: Path) -> None:
    trusted, own = files
    trusted.chmod(0o444)
    own.chmod(0o600)
    link = tmp_path / "link"
    link.symlink_to(own)
    rotate(trusted, ISSUER, link, SCHEDULE)
    assert link.is_symlink()
    assert len(kids(own)) == 2
    assert (trusted.stat().st_mode & 0o777, own.stat().st_mode & 0o777) == (0o444, 0o600)


def _command(*arguments: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "whatsinvoice_kit.rotate_keys", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_says_what_it_did_and_never_a_key(files: tuple[Path, Path]) -> None:
    trusted, own = files
    pair = f"{ISSUER}={own}"
    first = _command("--trusted", trusted, pair)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.startswith(f"{ISSUER}: {kids(own)[0]} signs from ")
    assert _command("--trusted", trusted, pair).stdout == f"{ISSUER}: {NOTHING}\n"
    old = kids(own)
    stolen = _command("--trusted", trusted, "--stolen", pair)
    assert stolen.stdout.endswith(f"; {old[0]}, {old[1]} is gone\n")
    assert known(trusted) == set(kids(own))
    assert known(trusted).isdisjoint(old)
    assert not any(key["d"] in stolen.stdout for key in parse_signing_keys(own.read_text()))
    assert _command("--trusted", trusted, pair).stdout == f"{ISSUER}: {NOTHING}\n"


@pytest.mark.parametrize("content", [None, "", "{}", "nonsense"])
def test_files_that_are_no_keys_are_named_and_left_alone(files: tuple[Path, Path], content: str | None) -> None:
    trusted, own = files
    before = trusted.read_text()
    own.unlink() if content is None else own.write_text(content)
    said = _command("--trusted", trusted, f"{ISSUER}={own}")
    assert said.returncode == 1
    assert said.stderr.startswith(f"{ISSUER}: ")
    assert trusted.read_text() == before


def test_a_running_process_signs_with_the_new_key_and_believes_the_old_until_it_goes(files: tuple[Path, Path]) -> None:
    trusted, own = files
    identity = ServiceIdentity("payments", SigningKeys(own.read_text(), own, check_seconds=0))
    verifier = Verifier(TrustedKeys(trusted.read_text(), trusted, check_seconds=0), "invoices")
    old = identity.token("invoices")
    assert verifier.verify(old).issuer == ISSUER
    rotate(trusted, ISSUER, own, Schedule(every=0, lead=-1, keep=900))
    new = identity.token("invoices")
    assert identity.kid == kids(own)[0]
    for token in (old, new, old):
        assert verifier.verify(token).issuer == ISSUER
    rotate(trusted, ISSUER, own, Schedule(every=900, lead=0, keep=-9))
    assert verifier.verify(new).issuer == ISSUER
    with pytest.raises(ServiceError) as refused:
        verifier.verify(old)
    assert refused.value.reason == "TOKEN_INVALID"


def test_a_file_that_is_away_empty_or_wrong_changes_nothing(files: tuple[Path, Path]) -> None:
    trusted, own = files
    signing, believed = SigningKeys("", own, check_seconds=0), TrustedKeys("{}", trusted, check_seconds=0)
    kid, whole = signing.current()["kid"], trusted.read_text()
    assert kid in believed[ISSUER]
    for content in ("", "{", "7", None):
        for file in files:
            file.unlink() if content is None else file.write_text(content)
        assert signing.current()["kid"] == kid
        assert kid in believed[ISSUER]
    other = generate_key()
    own.write_text(json.dumps([other]))
    trusted.write_text(whole)
    assert signing.current()["kid"] == other["kid"]
    assert len(believed) == 2
    assert os.fspath(own) not in repr(signing)


def test_a_process_without_a_key_says_so_when_it_would_sign() -> None:
    with pytest.raises(LookupError):
        ServiceIdentity("payments", SigningKeys("")).token("invoices")
