"""The lowest guard of WhatsApp webhooks: no byte of a body is read before its signature is proven."""

import hashlib
import hmac

import pytest
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.data.db import make_engine
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_notifications.domain.inbound import is_genuine
from whatsinvoice_notifications.models import KIT_TABLES
from whatsinvoice_notifications.service import webhooks
from whatsinvoice_notifications.service.webhooks import WebhookService

SECRET, BODY = "app-secret-of-the-tests", b'{"object":"whatsapp_business_account","entry":[]}'
RIGHT = "sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest()
WRONG = {
    "none": "",
    "prefix only": "sha256=",
    "no prefix": RIGHT.removeprefix("sha256="),
    "another algorithm": RIGHT.replace("sha256", "sha1"),
    "upper case": RIGHT.upper(),
    "one digit less": RIGHT[:-1],
    "one digit more": f"{RIGHT}0",
    "a space": f" {RIGHT}",
    "another secret": "sha256=" + hmac.new(b"another", BODY, hashlib.sha256).hexdigest(),
    "an empty secret": "sha256=" + hmac.new(b"", BODY, hashlib.sha256).hexdigest(),
    "another body": "sha256=" + hmac.new(SECRET.encode(), BODY + b" ", hashlib.sha256).hexdigest(),
    "no text": "\udcff",
}


def test_f43_a_signed_webhook_is_genuine() -> None:
    assert is_genuine(SECRET, BODY, RIGHT)


@pytest.mark.parametrize("signature", WRONG.values(), ids=WRONG.keys())
def test_f43_an_unsigned_webhook_is_not_genuine(signature: str) -> None:
    assert not is_genuine(SECRET, BODY, signature)


@pytest.mark.parametrize("signature", WRONG.values(), ids=WRONG.keys())
def test_f43_an_unsigned_webhook_is_refused_before_its_body_is_read(
    signature: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit_of_work = UnitOfWork(
        make_engine("postgresql://nobody@127.0.0.1:1/none", pool_size=1, application="unit"), KIT_TABLES.outbox
    )
    service = WebhookService(unit_of_work, SECRET, "token", "106540352242922")
    assert service.read(BODY, RIGHT).messages == ()
    monkeypatch.setattr(webhooks, "read_webhook", pytest.fail)
    with pytest.raises(ServiceError) as refused:
        service.read(BODY, signature)
    assert (refused.value.kind, refused.value.reason) == (Kind.UNAUTHENTICATED, "SIGNATURE_INVALID")
