"""A whole stack of its own: own folder, free ports, embedded servers, so that no other stack is touched.

Whatever a stack has logged is read before it is forgotten, and holds nothing that logs must not hold (G1). With
THROUGH_WAF=1 everybody, providers too, calls the firewall of deploy/waf, and it calls the gateway: `make test-waf`.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
import pytest
from whatsinvoice_auth.domain.verifications import digits_of
from whatsinvoice_kit.rpc.keys import parse_signing_keys
from whatsinvoice_local.backing.ports import free_port
from whatsinvoice_local.demo.story import Story
from whatsinvoice_local.sample import ensure_sample
from whatsinvoice_local.stack import Stack
from whatsinvoice_local.state import State

import support.stacks
from support.leaks import Scanner
from support.waf import waf

_PUBLIC = "WHATSAPP_PHONE_NUMBER_ID"
"""The one of a stack's generated values that is no secret."""
_read_lines: list[int] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _read_lines:
        stacks, lines = len(_read_lines), sum(_read_lines)
        terminalreporter.write_line(f"logs: {lines} lines of {stacks} stacks read for secrets and personal data")


@contextmanager
def _remembered_stories() -> Iterator[list[Story]]:
    """Every merchant that a test makes: her password, code, token and phone."""
    made: list[Story] = []
    begin = Story.__init__

    def remembering(story: Story, *given: Any) -> None:
        begin(story, *given)
        made.append(story)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Story, "__init__", remembering)
        yield made


@pytest.fixture(scope="session")
def stories() -> Iterator[list[Story]]:
    with _remembered_stories() as made:
        yield made


def _used(stack: Stack, stories: list[Story]) -> dict[str, str]:
    """What the run is known to have used: value -> what it is. Asks auth's database while there is one."""
    secrets = stack.state.secrets()
    found = {value: name for name, value in secrets.items() if name != _PUBLIC}
    for file in stack.state.keys().glob("*_key*"):
        if file.name != "trusted_keys":
            found |= {str(key["d"]): file.name for key in parse_signing_keys(file.read_text())}
    for story in stories:
        found |= {story.password: "a merchant's password", story.code: "a merchant's code"}
        found |= {story.token: "a merchant's token"}
        found |= dict.fromkeys((story.merchant.number, story.merchant.number[1:]), "a merchant's phone")
    if url := stack.state.env.get("AUTH_DATABASE_URL"):
        with psycopg.connect(url) as connection:
            codes = connection.execute("SELECT id FROM auth.verifications").fetchall()
        found |= {digits_of(code_id, secrets["AUTH_CODE_SECRET"]): "a one-time code" for (code_id,) in codes}
    return found


def _read_logs(state: State, known: dict[str, str]) -> None:
    """Everything that the parts of a stack have written, to their last line."""
    scanner = Scanner(known)
    scanner.scan(sorted(file for file in (state.folder / "logs").glob("*.log") if file.exists()))
    assert scanner.lines > 0
    assert [str(leak) for leak in scanner.leaks] == []
    _read_lines.append(scanner.lines)


def _behind_waf(opened: ExitStack, given: dict[str, str], *say: Callable[[str], None]) -> Stack:
    listen = free_port()
    given |= {"WHATSINVOICE_PROXY_URL": f"http://127.0.0.1:{listen}", "GATEWAY_TRUSTED_PROXIES": "127.0.0.1"}
    stack = support.stacks.new_stack(given, *say)
    opened.enter_context(waf(stack.state.folder / "waf", listen, stack.state.ports({})["gateway"]))
    return stack


@contextmanager
def _stacks(stories: list[Story]) -> Iterator[Callable[..., Stack]]:
    """Makes stacks that are stopped, read and forgotten at the end."""
    stacks: list[Stack] = []

    def make(*say: Callable[[str], None], **given: str) -> Stack:
        stack = (
            _behind_waf(opened, given, *say) if os.environ.get("THROUGH_WAF") else support.stacks.new_stack(given, *say)
        )
        stacks.append(stack)
        return stack

    with ExitStack() as opened:
        yield make
    used = [_used(stack, stories) for stack in stacks]
    for stack in stacks:
        support.stacks.stop(stack)
    try:
        for stack, known in zip(stacks, used, strict=True):
            if (stack.state.folder / "logs").exists():
                _read_logs(stack.state, known)
    finally:
        for stack in stacks:
            shutil.rmtree(stack.state.folder)


@pytest.fixture
def new_stack(stories: list[Story]) -> Iterator[Callable[..., Stack]]:
    """Makes stacks of this test's own: each costs memory and a share of a core while it is up."""
    with _stacks(stories) as make:
        yield make


@pytest.fixture(scope="module")
def new_module_stack(stories: list[Story]) -> Iterator[Callable[..., Stack]]:
    """The same for the tests of one module together."""
    with _stacks(stories) as make:
        yield make


@pytest.fixture(scope="session")
def stack(stories: list[Story]) -> Iterator[Stack]:
    """Start one stack for all tests of a worker, as `make up` leaves it: with the sample merchant and customer."""
    with _stacks(stories) as make:
        stack = make()
        assert stack.up()
        assert ensure_sample(stack.state, lambda _: None)
        yield stack
