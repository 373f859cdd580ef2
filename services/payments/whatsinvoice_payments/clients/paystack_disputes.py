"""Paystack's calls about disputes. Whatever it answers, what leaves here is checked or a ProviderError.

Contract: Paystack's published OpenAPI file and samples.
"""

from collections.abc import Sequence
from urllib.parse import quote

import httpx

from whatsinvoice_payments.clients import ProviderError
from whatsinvoice_payments.clients.money_back_shapes import DisputeData, DisputePage, Upload
from whatsinvoice_payments.clients.paystack import (
    BAD_REQUEST,
    CONNECT_SECONDS,
    NOT_FOUND,
    READ_TRIES,
    TOTAL_SECONDS,
    Paystack,
    read,
)
from whatsinvoice_payments.clients.paystack_refunds import pages, require
from whatsinvoice_payments.domain.charge import Charge
from whatsinvoice_payments.domain.dispute import ProviderDispute

ACCEPTED, DECLINED = "merchant-accepted", "declined"


class PaystackDisputes:
    """Tells of disputes and answers them. Made inside the running loop; `close` ends its connections.

    Evidence goes to the provider's storage, an address of another host, which must not see our key.
    """

    def __init__(self, paystack: Paystack) -> None:
        self._paystack = paystack
        self._storage = httpx.AsyncClient(timeout=httpx.Timeout(TOTAL_SECONDS, connect=CONNECT_SECONDS))

    async def all_of(self, charge: Charge) -> Sequence[ProviderDispute]:
        """GET /dispute: every one of a transaction, oldest first."""
        asked = {"transaction": charge.transaction_id or charge.reference}
        found = [
            dispute
            async for page in pages(self._paystack, "dispute_list", "/dispute", asked)
            for dispute in read("dispute_list", DisputePage, {"disputes": page}).disputes
            if dispute.transaction.reference == charge.reference
        ]
        return sorted((dispute.as_dispute() for dispute in found), key=lambda dispute: int(dispute.id))

    async def reference_of(self, provider_id: str) -> str | None:
        """GET /dispute/:id: which transaction it is about; None when the provider knows no such dispute."""
        path = f"/dispute/{quote(provider_id, safe='')}"
        status, envelope = await self._paystack.ask("dispute_fetch", "GET", path, tries=READ_TRIES)
        if status == NOT_FOUND:
            return None
        require(status, envelope)
        return read("dispute_fetch", DisputeData, envelope.data).transaction.reference

    async def accept(self, provider_id: str, amount_minor: int, message: str) -> None:
        """PUT /dispute/:id/resolve: so much goes back to the payer. Refused once the dispute is resolved."""
        await self._resolve(provider_id, {"resolution": ACCEPTED, "message": message, "refund_amount": amount_minor})

    async def contest(self, provider_id: str, amount_minor: int, message: str, evidence: bytes) -> None:
        """Sends the evidence, a PDF, and says no. Raises ProviderRefusal as `accept`."""
        path = f"/dispute/{quote(provider_id, safe='')}/upload_url"
        asked = {"upload_filename": "evidence.pdf"}
        status, envelope = await self._paystack.ask("dispute_upload_url", "GET", path, tries=READ_TRIES, params=asked)
        require(status, envelope)
        upload = read("dispute_upload_url", Upload, envelope.data)
        await self._put(upload.signedUrl, evidence)
        await self._resolve(
            provider_id,
            {
                "resolution": DECLINED,
                "message": message,
                "refund_amount": amount_minor,
                "uploaded_filename": upload.fileName,
            },
        )

    async def close(self) -> None:
        """Closes its connections."""
        await self._storage.aclose()

    async def _resolve(self, provider_id: str, body: dict[str, object]) -> None:
        path = f"/dispute/{quote(provider_id, safe='')}/resolve"
        status, envelope = await self._paystack.ask("dispute_resolve", "PUT", path, json=body)
        require(status, envelope)

    async def _put(self, url: str, content: bytes) -> None:
        try:
            answer = await self._storage.put(url, content=content, headers={"content-type": "application/pdf"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ProviderError("the provider's storage cannot be reached") from error
        if answer.status_code >= BAD_REQUEST:
            raise ProviderError(f"the provider's storage refused with {answer.status_code}")
