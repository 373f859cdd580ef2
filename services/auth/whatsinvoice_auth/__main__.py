"""Composition root of auth."""

from whatsinvoice.auth.v1 import auth_pb2, auth_pb2_grpc
from whatsinvoice_kit.command import main
from whatsinvoice_kit.core.clock import now
from whatsinvoice_kit.data.daily_limits import DailyLimit
from whatsinvoice_kit.data.jobs import Job
from whatsinvoice_kit.data.retention import Retention
from whatsinvoice_kit.runtime import Kit, Parts, ServiceSpec

from whatsinvoice_auth.models import DAILY_COUNTS, KIT_TABLES
from whatsinvoice_auth.passwords import Passwords
from whatsinvoice_auth.repository.guesses import forget_tallies
from whatsinvoice_auth.retention import RULES
from whatsinvoice_auth.revocations import RevocationFeed
from whatsinvoice_auth.service.access import Signer
from whatsinvoice_auth.service.confirmation import Confirmations
from whatsinvoice_auth.service.guessing import Guesses
from whatsinvoice_auth.service.keys import ApiKeys
from whatsinvoice_auth.service.passwords import PasswordChanges
from whatsinvoice_auth.service.registration import Registrations
from whatsinvoice_auth.service.sessions import Sessions
from whatsinvoice_auth.service.verifications import Verifications
from whatsinvoice_auth.servicer import ACCESS, AuthServicer, UseCases
from whatsinvoice_auth.settings import Settings

TIDY_SECONDS = 3600.0


def _use_cases(kit: Kit[Settings]) -> UseCases:
    settings = kit.settings
    passwords, guesses = Passwords(settings.password_threads), Guesses(kit.unit_of_work)
    signer = Signer(settings.users_keys())
    verifications = Verifications(settings.code_secret.get_secret_value(), guesses)
    secret = settings.refresh_secret.get_secret_value()
    return UseCases(
        registrations=Registrations(passwords, verifications),
        verifications=verifications,
        guesses=guesses,
        sessions=Sessions(passwords, guesses, signer, secret, settings.access_seconds),
        password_changes=PasswordChanges(passwords, verifications, guesses),
        confirmations=Confirmations(passwords, verifications, guesses, signer),
        api_keys=ApiKeys(signer, secret, "wi_live_" if settings.app_env == "prod" else "wi_test_"),
        invitations_daily=DailyLimit(DAILY_COUNTS, settings.invitations_per_day, "invitations"),
        revocations=RevocationFeed(kit.unit_of_work, settings.database_url.get_secret_value()),
    )


def build(kit: Kit[Settings]) -> Parts:
    use = _use_cases(kit)

    async def tidy() -> int:
        moment = now()
        async with kit.unit_of_work.begin() as tx:
            await forget_tallies(tx, moment)
        return 0

    retention = Retention("auth", kit.unit_of_work, RULES, kit.settings.retention_days)
    return Parts(
        register=auth_pb2_grpc.add_AuthServiceServicer_to_server,
        servicer=AuthServicer(use, kit.unit_of_work, kit.idempotency),
        descriptor=auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
        access=ACCESS,
        jobs=(Job("auth.forget", tidy, TIDY_SECONDS, single=True), retention.job()),
        closing=(use.revocations.close, use.sessions.passwords.close),
    )


SPEC = ServiceSpec("auth", Settings, KIT_TABLES, build)

if __name__ == "__main__":
    main(SPEC)
