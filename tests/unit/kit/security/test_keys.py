"""Which key signs when, and when a process reads its file of keys again."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from whatsinvoice_kit.rpc import keys as module
from whatsinvoice_kit.rpc.keys import (
    CHECK_SECONDS,
    SigningKeys,
    TrustedKeys,
    newest_first,
    parse_signing_keys,
    signing_key,
    starts,
)
from whatsinvoice_kit.rpc.tokens import generate_key, public_half

OLD, NEW, NEWEST = generate_key(), {**generate_key(), "signs_from": 100}, {**generate_key(), "signs_from": 200}
SETS = {"auth": {"keys": [public_half(OLD), public_half(NEW)]}, "payments": {"keys": [public_half(NEWEST)]}}


class Clock:
    """Stand in for the module's clock."""

    def __init__(self) -> None:
        self.monotonic_now = 1_000.0
        self.now = 150.0

    def monotonic(self) -> float:
        return self.monotonic_now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


@pytest.mark.parametrize(
    ("moment", "key"), [(0, OLD), (99.9, OLD), (100, NEW), (100.1, NEW), (199.9, NEW), (200, NEWEST), (201, NEWEST)]
)
def test_a_key_signs_from_its_time_until_the_next_does(moment: float, key: dict[str, Any]) -> None:
    assert signing_key([OLD, NEWEST, NEW], moment) == key


def test_before_all_times_the_earliest_key_signs() -> None:
    assert signing_key([NEWEST, NEW], 99) == NEW
    assert signing_key([NEW, NEWEST], 99) == NEW


def test_keys_are_ordered_by_their_time_and_then_as_they_are_named() -> None:
    other = generate_key()
    assert newest_first([OLD, NEW, other, NEWEST]) == [NEWEST, NEW, OLD, other]
    assert [starts(key) for key in (OLD, NEW, NEWEST)] == [0, 100, 200]


def test_one_key_or_a_list_of_keys_is_read() -> None:
    assert parse_signing_keys(json.dumps(OLD)) == (OLD,)
    assert parse_signing_keys(json.dumps([NEW, OLD])) == (NEW, OLD)


@pytest.mark.parametrize("name", ["kid", "x", "y", "d"])
def test_a_key_without_one_of_its_parts_is_refused(name: str) -> None:
    partial = {part: value for part, value in OLD.items() if part != name}
    for text in (json.dumps(partial), json.dumps([OLD, partial])):
        with pytest.raises(ValueError, match="no private key"):
            parse_signing_keys(text)


@pytest.mark.parametrize("value", ["soon", 1.5, True, None, [1]])
def test_a_time_that_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="no private key"):
        parse_signing_keys(json.dumps(OLD | {"signs_from": value}))


@pytest.mark.parametrize("text", ["", "[]", "{}", "7", "null", "[7]", "nonsense", "[null, {}]"])
def test_a_text_without_a_private_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no private key"):
        parse_signing_keys(text)


def test_the_keys_of_an_issuer_are_all_known_and_one_signs(clock: Clock) -> None:
    keys = SigningKeys.of(OLD, NEW, NEWEST)
    assert list(keys.all()) == [OLD, NEW, NEWEST]
    assert keys.current() == NEW
    clock.now = 200
    assert keys.current() == NEWEST


def test_a_process_without_keys_has_none_to_sign_with() -> None:
    keys = SigningKeys("")
    assert list(keys.all()) == []
    with pytest.raises(LookupError):
        keys.current()


def test_trusted_keys_are_a_mapping_of_issuers() -> None:
    trusted = TrustedKeys(json.dumps(SETS))
    assert (list(trusted), len(trusted)) == (["auth", "payments"], 2)
    assert trusted["auth"] == {key["kid"]: public_half(key) for key in (OLD, NEW)}
    assert "invoices" not in trusted
    with pytest.raises(ValueError, match="JWK set"):
        TrustedKeys("")


def test_a_file_is_looked_at_every_two_seconds(clock: Clock, tmp_path: Path) -> None:
    assert CHECK_SECONDS == 2
    file = tmp_path / "key"
    file.write_text(json.dumps(OLD))
    keys = SigningKeys(json.dumps(NEW), file)
    assert list(keys.all()) == [OLD], "the first look is at once"
    file.write_text(json.dumps([NEWEST, NEW]))
    clock.monotonic_now += 1.9
    assert list(keys.all()) == [OLD]
    clock.monotonic_now += 0.1
    assert list(keys.all()) == [NEWEST, NEW]
    file.write_text(json.dumps(OLD))
    clock.monotonic_now += 1.9
    assert list(keys.all()) == [NEWEST, NEW]
    clock.monotonic_now += 0.2
    assert list(keys.all()) == [OLD]


def test_trusted_keys_are_read_again_too(clock: Clock, tmp_path: Path) -> None:
    file = tmp_path / "trusted"
    trusted = TrustedKeys("{}", file)
    file.write_text(json.dumps(SETS))
    assert set(trusted) == {"auth", "payments"}
    file.write_text(json.dumps({"auth": SETS["auth"]}))
    assert len(trusted) == 2
    clock.monotonic_now += 2
    assert len(trusted) == 1


@pytest.mark.parametrize("changed", ["time", "size", "file"])
def test_a_file_is_read_again_when_its_time_its_size_or_the_file_itself_changed(changed: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    text, other = json.dumps(OLD), json.dumps(generate_key())
    assert len(text) == len(other)
    file.write_text(text)
    os.utime(file, ns=(1, 1))
    keys = SigningKeys("", file, check_seconds=0)
    assert keys.current() == OLD
    if changed == "time":
        file.write_text(other)
        os.utime(file, ns=(1, 2))
    elif changed == "size":
        file.write_text(other + " ")
        os.utime(file, ns=(1, 1))
    else:
        replacement = tmp_path / "replacement"
        replacement.write_text(other)
        os.utime(replacement, ns=(1, 1))
        replacement.replace(file)
    assert keys.current() == json.loads(other)


def test_an_unchanged_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(json.dumps(OLD))
    read: list[str] = []

    def parse(text: str) -> str:
        read.append(text)
        return text

    reread = module.Reread(parse, "first", file, 0)
    assert {reread.current() for _ in range(3)} == {json.dumps(OLD)}
    assert len(read) == 1


@pytest.mark.parametrize(("content", "error"), [("", "ValueError"), ("7", "ValueError"), (None, "FileNotFoundError")])
def test_a_file_that_cannot_be_used_changes_nothing_and_is_reported(
    content: str | None, error: str, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_text(content)
    keys = SigningKeys(json.dumps(OLD), file, check_seconds=0)
    with capture_logs() as logs:
        assert keys.current() == OLD
    assert [(entry["log_level"], entry["file"], entry["error"]) for entry in logs] == [("warning", "key", error)]


def test_without_a_file_the_text_stands() -> None:
    keys = SigningKeys(json.dumps(OLD), None, check_seconds=0)
    assert keys.current() == OLD
    assert time.time() > starts(OLD)
