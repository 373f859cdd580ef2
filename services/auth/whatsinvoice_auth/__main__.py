"""Composition root of auth."""

from whatsinvoice.auth.v1 import auth_pb2, auth_pb2_grpc
from whatsinvoice.notifications.v1 import notifications_pb2
from whatsinvoice_kit.command import main
from whatsinvoice_kit.runtime import Kit, Parts, ServiceSpec

from whatsinvoice_auth.clients import NotificationsCodeSender
from whatsinvoice_auth.models import KIT_TABLES
from whatsinvoice_auth.passwords import Passwords
from whatsinvoice_auth.service import AuthService
from whatsinvoice_auth.servicer import ACCESS, AuthServicer
from whatsinvoice_auth.settings import Settings


def build(kit: Kit[Settings]) -> Parts:
    settings = kit.settings
    passwords = Passwords(settings.password_threads)
    service = AuthService(
        passwords,
        settings.keys,
        settings.code_secret.get_secret_value(),
        settings.refresh_secret.get_secret_value(),
    )
    notifications = kit.client(
        settings.notifications_grpc,
        notifications_pb2.DESCRIPTOR.services_by_name["NotificationsService"],
        repeatable=("SendOneTimeCode",),
    )
    codes = NotificationsCodeSender(notifications, kit.identity)
    return Parts(
        register=auth_pb2_grpc.add_AuthServiceServicer_to_server,
        servicer=AuthServicer(service, kit.unit_of_work, kit.idempotency, codes),
        descriptor=auth_pb2.DESCRIPTOR.services_by_name["AuthService"],
        access=ACCESS,
        closing=(notifications.close, passwords.close),
    )


SPEC = ServiceSpec("auth", Settings, KIT_TABLES, build)

if __name__ == "__main__":
    main(SPEC)
