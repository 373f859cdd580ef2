"""Composition root of auth."""

from datetime import timedelta

from whatsinvoice.auth.v1 import auth_pb2, auth_pb2_grpc
from whatsinvoice.notifications.v1 import notifications_pb2
from whatsinvoice_kit.command import main
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.jobs import Job
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.runtime import Kit, Parts, ServiceSpec

from whatsinvoice_auth.clients import NotificationsCodeSender
from whatsinvoice_auth.models import KIT_TABLES
from whatsinvoice_auth.passwords import Passwords
from whatsinvoice_auth.repository.codes import forget_requests
from whatsinvoice_auth.repository.revocations import forget_revocations
from whatsinvoice_auth.revocations import RevocationFeed
from whatsinvoice_auth.service.access import Signer
from whatsinvoice_auth.service.codes import CodeCourier, Codes
from whatsinvoice_auth.service.keys import ApiKeys
from whatsinvoice_auth.service.passwords import PasswordChanges
from whatsinvoice_auth.service.registration import Registrations
from whatsinvoice_auth.service.sessions import Sessions
from whatsinvoice_auth.servicer import ACCESS, AuthServicer, UseCases
from whatsinvoice_auth.settings import Settings

RETRY_SECONDS = 1.0
"""How often codes whose sending failed are looked for; a new request wakes its job at once."""
TIDY_SECONDS = 3600.0
KEPT = timedelta(hours=2)
"""Code requests and revocations stay longer than anything looks at them."""


def _use_cases(kit: Kit[Settings], notifications: Client) -> UseCases:
    settings = kit.settings
    passwords = Passwords(settings.password_threads)
    signer, codes = Signer(settings.users_keys()), Codes(settings.code_secret.get_secret_value())
    secret = settings.refresh_secret.get_secret_value()
    return UseCases(
        registrations=Registrations(passwords, codes),
        codes=codes,
        sessions=Sessions(passwords, signer, secret, settings.access_seconds),
        password_changes=PasswordChanges(passwords, codes),
        api_keys=ApiKeys(signer, secret, "wi_live_" if settings.app_env == "prod" else "wi_test_"),
        revocations=RevocationFeed(kit.unit_of_work, settings.database_url.get_secret_value()),
        code_sender=NotificationsCodeSender(notifications, kit.identity),
    )


def build(kit: Kit[Settings]) -> Parts:
    notifications = kit.client(
        kit.settings.notifications_grpc,
        notifications_pb2.DESCRIPTOR.services_by_name["NotificationsService"],
        repeatable=("SendOneTimeCode",),
    )
    use = _use_cases(kit, notifications)
    courier = CodeCourier(use.codes, kit.unit_of_work, use.code_sender)

    async def tidy() -> int:
        async with kit.unit_of_work.begin() as tx:
            await forget_requests(tx, now() - KEPT)
            await forget_revocations(tx, now() - KEPT)
        return 0

    return Parts(
        register=auth_pb2_grpc.add_AuthServiceServicer_to_server,
        servicer=AuthServicer(use, kit.unit_of_work, kit.idempotency),
        descriptor=auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
        access=ACCESS,
        jobs=(
            Job("auth.codes", courier.send_waiting, RETRY_SECONDS, channel="auth_code_requests"),
            Job("auth.forget", tidy, TIDY_SECONDS, single=True),
        ),
        closing=(use.revocations.close, notifications.close, use.sessions.passwords.close),
    )


SPEC = ServiceSpec("auth", Settings, KIT_TABLES, build)

if __name__ == "__main__":
    main(SPEC)
