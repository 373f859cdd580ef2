"""The settings that the environment does not hold, from the store that SECRETS_BACKEND names."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from whatsinvoice_kit.config.secrets.unavailable import SecretsUnavailableError

Reader = Callable[[Mapping[str, str], Sequence[str]], dict[str, str]]
"""(environment, folders) -> field -> value, a later folder going before an earlier one."""


class SecretsBackend(PydanticBaseSettingsSource):
    """Fills what is still missing with `<SECRETS_PATH>/<service>/<field>`, then `<SECRETS_PATH>/<field>`.

    It may fill any field, not those typed as secrets alone: what is secret differs from place to place (an address with
    a password is text), a value beside its password is changed together with it, and names that no field has are left
    alone. It is asked once for each load, so a changed secret is taken by the next start. Where it cannot be read,
    every missing field holds the reason in place of a value: it is named with all else that is wrong.
    """

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002  (the base's signature)
        return self.fill([field_name]).get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self.fill([name for name in self.settings_cls.model_fields if name not in self.current_state])

    def fill(self, missing: Collection[str]) -> dict[str, Any]:
        """The values that the backend has of these fields."""
        if not missing:
            return {}
        try:
            stored = _stored(os.environ, str(getattr(self.settings_cls, "service", "")))
        except SecretsUnavailableError as error:
            return dict.fromkeys(missing, error)
        return {name: stored[name] for name in missing if name in stored}


def _stored(environment: Mapping[str, str], service: str) -> dict[str, str]:
    backend = environment.get("SECRETS_BACKEND") or "env"
    if backend == "env":
        return {}
    if backend not in ("aws-ssm", "vault"):
        raise SecretsUnavailableError("SECRETS_BACKEND is none of env, aws-ssm and vault")
    base = environment.get("SECRETS_PATH", "").strip("/")
    if not base:
        raise SecretsUnavailableError("SECRETS_PATH is missing")
    return _reader(backend)(environment, [base, f"{base}/{service}"])


def _reader(backend: str) -> Reader:
    if backend == "aws-ssm":
        from whatsinvoice_kit.config.secrets.parameter_store import read as read_parameters  # noqa: PLC0415  (boto3 is large)

        return read_parameters
    from whatsinvoice_kit.config.secrets.vault import read as read_vault  # noqa: PLC0415  (only who uses it loads it)

    return read_vault
