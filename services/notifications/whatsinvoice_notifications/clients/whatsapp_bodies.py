"""Messages as the Cloud API takes them: text, buttons, document, template."""

from typing import Any

from whatsinvoice_notifications.domain.message import Content, Template


def body_of(
    content: Content, *, phone: str, user_id: str, correlation: str, file: tuple[str, str] | None, template: bool
) -> dict[str, Any]:
    """The body of POST /messages. `file` is (media id, file name) of the uploaded attachment.

    Statuses echo the correlation, by which we know the message even before its id has reached us.
    """
    head = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **_recipient(phone, user_id),
        "biz_opaque_callback_data": correlation,
    }
    document = {"id": file[0], "filename": file[1]} if file else None
    if template and content.template:
        return head | {"type": "template", "template": _template(content.template, document)}
    if document:
        return head | {"type": "document", "document": document | {"caption": content.text}}
    if content.buttons:
        return head | {"type": "interactive", "interactive": _buttons(content)}
    return head | {"type": "text", "text": {"body": content.text, "preview_url": False}}


def _recipient(phone: str, user_id: str) -> dict[str, str]:
    """Return whom to send to: a number in `to`; the business-scoped id of a contact who hides it in `recipient`."""
    return {"to": phone} if phone else {"recipient": user_id}


def _buttons(content: Content) -> dict[str, Any]:
    replies = [{"type": "reply", "reply": {"id": identity, "title": title}} for identity, title in content.buttons]
    return {"type": "button", "body": {"text": content.text}, "action": {"buttons": replies}}


def _template(template: Template, document: dict[str, str] | None) -> dict[str, Any]:
    components: list[dict[str, Any]] = []
    if document:
        components.append({"type": "header", "parameters": [{"type": "document", "document": document}]})
    if template.parameters:
        parameters = [{"type": "text", "text": text} for text in template.parameters]
        components.append({"type": "body", "parameters": parameters})
    if template.button:
        parameters = [{"type": "text", "text": template.button}]
        components.append({"type": "button", "sub_type": "url", "index": "0", "parameters": parameters})
    return {"name": template.name, "language": {"code": template.language}, "components": components}
