"""Each service's migrations make just the tables that its code declares."""

import pytest
from whatsinvoice_kit.data.migrations import check


@pytest.mark.parametrize("service", ["auth", "invoices", "payments", "notifications"])
def test_code_and_database_agree(migrated: dict[str, str], service: str) -> None:
    check(f"whatsinvoice_{service}", migrated[service])
