"""What production refuses to run with, and where the key is found."""

import pytest
from pydantic import SecretStr
from whatsinvoice_payments.settings import Settings

NEEDED = {"database_url": "postgresql://u:p@127.0.0.1/d", "redis_url": "redis://:p@127.0.0.1/0", "invoices_grpc": "x:1"}


def test_a_test_key_and_a_plain_address_are_unsafe() -> None:
    settings = Settings(
        **NEEDED,  # type: ignore[arg-type]  # pydantic makes secrets of them
        paystack_secret_key=SecretStr("sk_test_0123456789abcdef"),
        paystack_base_url="http://127.0.0.1/paystack",
        reconcile_scale=0.5,
        walk_scale=0.5,
    )
    found = list(settings.unsafe())
    problems = ("PAYSTACK_SECRET_KEY is a test key", "PAYSTACK_BASE_URL is not https")
    for problem in (*problems, "RECONCILE_SCALE is not 1", "WALK_SCALE is not 1"):
        assert any(problem in sentence for sentence in found)


@pytest.mark.parametrize(
    ("mode", "test_mode", "said"),
    [
        ("live", False, None),
        ("test", False, "PAYSTACK_SECRET_KEY is a test key, and PAYSTACK_TEST_MODE is not set"),
        ("test", True, None),
        ("live", True, "PAYSTACK_SECRET_KEY is no test key, and PAYSTACK_TEST_MODE takes no other"),
    ],
)
def test_production_takes_the_key_of_its_mode(mode: str, test_mode: bool, said: str | None) -> None:
    key = SecretStr(f"sk_{mode}_9f41c07be2d85a36")
    settings = Settings(**NEEDED, app_env="prod", paystack_secret_key=key, paystack_test_mode=test_mode)  # type: ignore[arg-type]  # as above
    assert [sentence for sentence in settings.problems() if "PAYSTACK" in sentence] == ([said] if said else [])


def test_no_environment_takes_a_live_key_in_test_mode() -> None:
    key = SecretStr(f"sk_{'live'}_9f41c07be2d85a36")
    settings = Settings(**NEEDED, app_env="dev", paystack_secret_key=key, paystack_test_mode=True)  # type: ignore[arg-type]  # as above
    assert any("PAYSTACK_TEST_MODE" in sentence for sentence in settings.problems())


def test_a_live_setup_has_nothing_of_its_own_to_complain_about() -> None:
    key = SecretStr(f"sk_{'live'}_9f41c07be2d85a36")
    settings = Settings(**NEEDED, paystack_secret_key=key)  # type: ignore[arg-type]  # as above
    assert not [sentence for sentence in settings.unsafe() if "PAYSTACK" in sentence or "RECONCILE" in sentence]


@pytest.mark.parametrize("name", ["PAYSTACK_SECRET_KEY", "PAYMENTS_PAYSTACK_SECRET_KEY"])
def test_the_key_is_found_under_both_names(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "sk_test_found")
    assert Settings(**NEEDED).paystack_secret_key.get_secret_value() == "sk_test_found"  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_nothing_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], key: str | None
) -> None:
    monkeypatch.delenv("PAYSTACK_SECRET_KEY", raising=False)
    for name, value in {**NEEDED, "paystack_secret_key": key}.items():
        if value is not None:
            monkeypatch.setenv(f"PAYMENTS_{name.upper()}", value)
    with pytest.raises(SystemExit) as refused:
        Settings.load()
    assert refused.value.code == 78
    assert "PAYSTACK_SECRET_KEY" in capsys.readouterr().err
