"""Composition root of notifications."""

import sys

from whatsinvoice.auth.v1 import auth_pb2
from whatsinvoice.invoices.v1 import invoices_pb2
from whatsinvoice.notifications.v1 import notifications_pb2, notifications_pb2_grpc
from whatsinvoice_kit.command import main
from whatsinvoice_kit.data.retention import Retention
from whatsinvoice_kit.runtime import Kit, Parts, ServiceSpec

from whatsinvoice_notifications import consumers, templates_command
from whatsinvoice_notifications.clients.auth import AuthOverGrpc
from whatsinvoice_notifications.clients.invoices import InvoicesOverGrpc
from whatsinvoice_notifications.clients.whatsapp import WhatsAppCloud
from whatsinvoice_notifications.models import KIT_TABLES
from whatsinvoice_notifications.retention import RULES
from whatsinvoice_notifications.service.conversation import ConversationService
from whatsinvoice_notifications.service.merchant import MerchantService
from whatsinvoice_notifications.service.sending import SendingService
from whatsinvoice_notifications.service.webhooks import WebhookService
from whatsinvoice_notifications.servicer import ACCESS, NotificationsServicer
from whatsinvoice_notifications.settings import Settings


def build(kit: Kit[Settings]) -> Parts:
    settings, unit_of_work = kit.settings, kit.unit_of_work
    whatsapp = WhatsAppCloud(
        settings.whatsapp_base_url,
        settings.whatsapp_phone_number_id,
        settings.whatsapp_access_token.get_secret_value(),
    )
    channel = kit.client(settings.invoices_grpc, invoices_pb2.DESCRIPTOR.services_by_name["InvoicesService"])
    invoices = InvoicesOverGrpc(channel, kit.identity)
    identity = kit.client(settings.auth_grpc, auth_pb2.DESCRIPTOR.services_by_name["AuthService"])
    auth = AuthOverGrpc(identity, kit.identity)
    webhooks = WebhookService(
        unit_of_work,
        settings.whatsapp_app_secret.get_secret_value(),
        settings.whatsapp_verify_token.get_secret_value(),
        settings.whatsapp_phone_number_id,
    )
    conversations = ConversationService(
        unit_of_work,
        MerchantService(invoices),
        auth,
        settings.retry_seconds,
        settings.public_base_url,
        settings.answers_at_once,
    )
    sending = SendingService(unit_of_work, whatsapp, invoices, auth, settings.retry_seconds)
    retention = Retention("notifications", unit_of_work, RULES, settings.retention_days)
    return Parts(
        register=notifications_pb2_grpc.add_NotificationsServiceServicer_to_server,
        servicer=NotificationsServicer(unit_of_work, webhooks),
        descriptor=notifications_pb2.DESCRIPTOR.services_by_name["NotificationsService"],
        access=ACCESS,
        subscriptions=consumers.SUBSCRIPTIONS,
        queues=(webhooks.queue(), conversations.queue()),
        jobs=consumers.jobs(sending, retention),
        closing=(identity.close, channel.close, whatsapp.close),
    )


SPEC = ServiceSpec("notifications", Settings, KIT_TABLES, build)

if __name__ == "__main__":
    if sys.argv[1:2] == ["templates"]:
        sys.exit(templates_command.main(sys.argv[2:]))
    main(SPEC)
