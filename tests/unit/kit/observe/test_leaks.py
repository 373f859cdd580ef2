"""The scanner of logs finds each kind of thing that is planted, and nothing in lines as they should be."""

import json
from pathlib import Path

import pytest
from support.leaks import FORMS, Leak, Scanner
from whatsinvoice_auth.domain import api_key_of, first_refresh_token
from whatsinvoice_kit.core.ids import new_id
from whatsinvoice_kit.observe.logging import mask_text
from whatsinvoice_kit.rpc.tokens import generate_key, sign

KNOWN = {
    "Tall3rThanTrees": "the password of a merchant",
    "483920": "the code of a merchant",
    "database-word-of-the-tests": "AUTH_DATABASE_PASSWORD",
}
JWT = sign(generate_key(), issuer="whatsinvoice", audience="whatsinvoice", subject="usr_1", seconds=60)
PLANTED = {
    "a JWT": [JWT, JWT.rpartition(".")[0] + ".", f'{{"token": "{JWT}"}}'],
    "an API key": [api_key_of(new_id("key"), "secret", prefix) for prefix in ("wi_live_", "wi_test_")],
    "a refresh token or secret": [f"'{first_refresh_token()}'" for _ in range(3)],
    "a provider's key": [f"sk_{mode}_0123456789abcdef" for mode in ("test", "live")],
    "a bearer": ["authorization: Bearer abcdefgh12345678", "bearer wi.something.long"],
    "a private key": [json.dumps(generate_key()), repr(generate_key()), f"-----{'BEGIN'} EC PRIVATE KEY-----"],
    "a one-time code": ["your code is 483921", "code=483921", '"code": "483921"', "OTP 483921."],
    "a password": ["password=hunter22", '"old_password": "hunter22"', "new_password='hunter22'"],
    "an address with a password": ["redis://:foobared@127.0.0.1:6379/0", "postgresql://u:hunter2@db/x"],
    "a full phone": ["+2348012345678", "to 2348012345678,", "from=08012345678", '"+447911123456"', "(+14155550100)"],
    "a full e-mail": ["jane@example.com", "<jane.o+x@mail.example.co.uk>", "email=jane@example.com;"],
    "the password of a merchant": ["said Tall3rThanTrees again"],
    "the code of a merchant": ["483920", "x=483920,"],
    "AUTH_DATABASE_PASSWORD": ["xdatabase-word-of-the-testsx"],
}
MASKED = (
    "a JWT",
    "an API key",
    "a provider's key",
    "a bearer",
    "an address with a password",
    "a full phone",
    "a full e-mail",
)
"""What our logs mask wherever it stands; the others by the name of their field alone."""
HARMLESS = (
    '{"event": "ready", "seconds": 0.42, "grpc_port": 51234, "timestamp": "2026-11-24T07:43:19.483920Z"}',
    '{"phone": "+*********5678", "email": "j***@example.com", "token": "[token]", "password": "[hidden]"}',
    "authorization: Bearer [token]", "code: [hidden]", "to_masked +234***5678", "status code 200", "exit code 78",
    '{"url": "postgresql://whatsinvoice_auth:********@127.0.0.1:5432/whatsinvoice", "trace_id": "' + "ab" * 16 + '"}',
    "redis://127.0.0.1:6379/0", "stream 1732434199123-0", "password authentication failed for user", "AUTH 4839201",
    f"{new_id('inv')} of {new_id('biz')}", "sha256 " + "0a" * 32, "user@host is no e-mail", "kid aB3-kd0_kd9Sks0d",
    "2026-11-24 07:43:19.123 UTC [483921] LOG:  checkpoint complete: wrote 12345678901 buffers", "0801234567 is short",
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        pytest.param(kind, text, id=f"{kind} {number}")
        for kind, texts in PLANTED.items()
        for number, text in enumerate(texts, 1)
    ],
)
def test_each_kind_is_found_within_a_line(kind: str, text: str) -> None:
    assert kind in set(Scanner(KNOWN).kinds(f"2026-11-24T07:43:19.123456Z [info] something {text} else"))


def test_each_form_is_planted() -> None:
    assert set(PLANTED) == {*FORMS, *KNOWN.values()}


@pytest.mark.parametrize("line", HARMLESS, ids=range(len(HARMLESS)))
def test_lines_as_they_should_be_are_let_pass(line: str) -> None:
    assert list(Scanner(KNOWN).kinds(line)) == []


@pytest.mark.parametrize("kind", MASKED)
def test_what_our_logs_mask_is_let_pass(kind: str) -> None:
    for text in PLANTED[kind]:
        assert kind not in set(Scanner({}).kinds(mask_text(f"something {text} else")))


def test_files_are_counted_and_a_finding_says_where_and_not_what(tmp_path: Path) -> None:
    (tmp_path / "auth.log").write_bytes(b"ready\n\xff\xfe\nsomebody said Tall3rThanTrees\nend")
    (tmp_path / "gateway.log").write_text("")
    scanner = Scanner(KNOWN)
    scanner.scan(sorted(tmp_path.glob("*.log")))
    assert scanner.lines == 4
    assert scanner.leaks == [Leak("the password of a merchant", "auth.log", 3)]
    assert str(scanner.leaks[0]) == "auth.log:3: the password of a merchant"
