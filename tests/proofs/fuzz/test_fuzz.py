"""A short run of `make fuzz`: the same campaign with few cases of each operation, and the same ones each time."""

from collections.abc import Iterator

import pytest
from proofs.fuzz.campaign import WIDE_LIMITS, run_campaign
from support.stacks import running_stack
from whatsinvoice_local.stack import Stack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def wide_stack() -> Iterator[Stack]:
    with running_stack(**WIDE_LIMITS) as stack:
        yield stack


def test_no_answer_is_an_error_of_ours_or_undocumented(wide_stack: Stack) -> None:
    arguments = ["--phases", "fuzzing", "--max-examples", "6", "--seed", "1"]
    outcome = run_campaign(wide_stack, arguments, seconds=120)
    assert outcome.failures == []
    assert outcome.cases > 250
    assert outcome.extremes > 1_000
    assert outcome.accepted > outcome.operations, "the cases reach what they are meant to try"
