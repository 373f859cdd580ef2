"""The sandbox keeps charges, refunds and chats across a restart (F39)."""

import pickle
from pathlib import Path

import httpx
import pytest
from support.sandbox import sandbox_program

SECRET = {"authorization": "Bearer sk_test_sandbox"}
JANE = "2348012345678"
PAYMENT = {"email": "jane@example.com", "amount": 7_500_000, "reference": "01k3abc.1"}


def paid(url: str) -> None:
    """A payment with a refund, and a chat line."""
    with httpx.Client(base_url=url, headers=SECRET, trust_env=False) as http:
        code = http.post("/paystack/transaction/initialize", json=PAYMENT).json()["data"]["access_code"]
        assert http.post(f"/_control/checkouts/{code}", json={"outcome": "success"}).status_code == 200
        assert http.post("/paystack/refund", json={"transaction": PAYMENT["reference"], "amount": 500_000}).is_success
        assert http.post(f"/_control/phones/{JANE}/messages", json={"text": "hello"}).status_code == 201


def truth(url: str) -> tuple[object, list[str]]:
    with httpx.Client(base_url=url, headers=SECRET, trust_env=False) as http:
        ledger = http.get("/_control/ledger").json()
        chat = http.get(f"/_control/phones/{JANE}/messages").json()["messages"]
        return ledger["charges"], [message["text"] for message in chat]


def test_f39_charges_and_chats_are_there_after_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with sandbox_program(tmp_path / "log", SANDBOX_STATE=str(state)) as url:
        paid(url)
        before = truth(url)
    with sandbox_program(tmp_path / "log2", SANDBOX_STATE=str(state)) as url:
        after = truth(url)
        with httpx.Client(base_url=url, headers=SECRET, trust_env=False) as http:
            fresh = http.post("/paystack/transaction/initialize", json=PAYMENT | {"reference": "01k3abc.2"}).json()
            ids = [one["id"] for one in http.get("/paystack/transaction").json()["data"]]
    assert after == before
    assert before[1] == ["hello"]
    assert fresh["status"] is True
    assert len(set(ids)) == 2


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1/0",)


@pytest.mark.parametrize("content", [b"", b"not a state", pickle.dumps({"customers": Evil()})])
def test_f39_a_file_that_is_no_state_is_set_aside(tmp_path: Path, content: bytes) -> None:
    state = tmp_path / "state"
    state.write_bytes(content)
    with sandbox_program(tmp_path / "log", SANDBOX_STATE=str(state)) as url:
        assert truth(url) == ([], [])
    assert state.with_suffix(".unreadable").read_bytes() == content
