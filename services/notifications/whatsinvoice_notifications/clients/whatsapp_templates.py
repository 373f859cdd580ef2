"""The message templates of a WhatsApp business account. Contract: Meta's published OpenAPI file."""

from collections.abc import Mapping
from typing import Any, Final, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from whatsinvoice_notifications.clients import Unreachable
from whatsinvoice_notifications.clients.whatsapp import CONNECT_SECONDS, TOTAL_SECONDS, accepted, unreadable

_CALL: Final = "message_templates"
_FIELDS = "name,language,category,status,components"
_PAGE = 100
ModelT = TypeVar("ModelT", bound=BaseModel)


class _Page(BaseModel):
    class Paging(BaseModel):
        class Cursors(BaseModel):
            after: str = ""

        cursors: Cursors = Cursors()
        next: str = ""

    data: list[dict[str, Any]]
    paging: Paging = Paging()


class _Created(BaseModel):
    status: str


class WhatsAppTemplates:
    """Of one account. Made inside the running loop, ended by `close`. All else raises Refused or Unreachable."""

    def __init__(self, base_url: str, account_id: str, access_token: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=f"{base_url.rstrip('/')}/{account_id}",
            headers={"authorization": f"Bearer {access_token}"},
            timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS),
        )

    async def known(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Every template as Meta lists it, by name and language."""
        found: list[dict[str, Any]] = []
        where: dict[str, str | int] = {"fields": _FIELDS, "limit": _PAGE}
        while True:
            page = _read(_Page, await self._ask("GET", params=where))
            found += page.data
            if not page.paging.next:
                return {(template["name"], template["language"]): template for template in found}
            where["after"] = page.paging.cursors.after

    async def create(self, definition: Mapping[str, Any]) -> str:
        """Hands a template in for approval and gives its status: APPROVED, PENDING or REJECTED."""
        return _read(_Created, await self._ask("POST", json=dict(definition))).status

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()

    async def _ask(self, method: str, **how: Any) -> httpx.Response:
        try:
            response = await self._client.request(method, f"/{_CALL}", **how)
        except httpx.HTTPError as error:
            raise Unreachable(type(error).__name__) from error
        return accepted(_CALL, response)


def _read(model: type[ModelT], response: httpx.Response) -> ModelT:
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        raise unreadable(_CALL) from error
