"""gRPC <-> use cases, and who may call them."""

from typing import Any

from whatsinvoice.common.v1 import common_pb2
from whatsinvoice.notifications.v1 import notifications_pb2 as pb
from whatsinvoice.notifications.v1 import notifications_pb2_grpc
from whatsinvoice_kit.data.unit_of_work import UnitOfWork
from whatsinvoice_kit.rpc.call import current_call
from whatsinvoice_kit.rpc.identity import AccessTable, allow

from whatsinvoice_notifications.events import message_proto
from whatsinvoice_notifications.service.history import get_message, list_messages
from whatsinvoice_notifications.service.webhooks import WebhookService

ACCESS: AccessTable = {
    "VerifyWhatsAppWebhook": allow("gateway"),
    "ReceiveWhatsAppWebhook": allow("gateway"),
    "GetMessage": allow(scope="messages:read"),
    "ListMessages": allow(scope="messages:read"),
}


class NotificationsServicer(notifications_pb2_grpc.NotificationsServiceServicer):
    """whatsinvoice.notifications.v1.NotificationsService."""

    def __init__(self, unit_of_work: UnitOfWork, webhooks: WebhookService) -> None:
        self._unit_of_work = unit_of_work
        self._webhooks = webhooks

    async def VerifyWhatsAppWebhook(
        self, request: pb.VerifyWhatsAppWebhookRequest, context: Any
    ) -> pb.VerifyWhatsAppWebhookResponse:
        self._webhooks.check_subscription(request.mode, request.verify_token)
        return pb.VerifyWhatsAppWebhookResponse(challenge=request.challenge)

    async def ReceiveWhatsAppWebhook(
        self, request: pb.ReceiveWhatsAppWebhookRequest, context: Any
    ) -> pb.ReceiveWhatsAppWebhookResponse:
        batch = self._webhooks.read(request.body, request.signature)
        async with self._unit_of_work.begin() as tx:
            await self._webhooks.store(tx, batch)
        return pb.ReceiveWhatsAppWebhookResponse()

    async def GetMessage(self, request: pb.GetMessageRequest, context: Any) -> pb.GetMessageResponse:
        async with self._unit_of_work.begin() as tx:
            message = await get_message(tx, current_call().business_id, request.message_id)
        return pb.GetMessageResponse(message=message_proto(message))

    async def ListMessages(self, request: pb.ListMessagesRequest, context: Any) -> pb.ListMessagesResponse:
        page = request.page
        async with self._unit_of_work.begin() as tx:
            found, cursor = await list_messages(
                tx, current_call().business_id, request.invoice_id, page.cursor, page.limit
            )
        return pb.ListMessagesResponse(
            messages=[message_proto(message) for message in found],
            page=common_pb2.PageResponse(next_cursor=cursor),
        )
