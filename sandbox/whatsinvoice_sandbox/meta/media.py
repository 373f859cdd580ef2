"""Media that was uploaded, fetched from a link or recorded: bytes, their digest, and download links of five minutes."""

import hashlib
import itertools
import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from .errors import BAD_REQUEST, INVALID, MEDIA_UPLOAD, MetaError

_KIB, _MIB = 1024, 1024 * 1024
_LINK_SECONDS = 300.0
_FETCH_SECONDS = 5.0
_MOST_BYTES = {"audio": 16 * _MIB, "document": 100 * _MIB, "image": 5 * _MIB, "video": 16 * _MIB, "sticker": 500 * _KIB}
_OFFICE = "application/vnd.openxmlformats-officedocument"
_KINDS = {
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), "audio"),
    **dict.fromkeys(("image/jpeg", "image/png"), "image"),
    **dict.fromkeys(("video/mp4", "video/3gpp"), "video"),
    "image/webp": "sticker",
    **dict.fromkeys(
        (
            "application/pdf",
            "text/plain",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            f"{_OFFICE}.wordprocessingml.document",
            f"{_OFFICE}.spreadsheetml.sheet",
            f"{_OFFICE}.presentationml.presentation",
        ),
        "document",
    ),
}


@dataclass(frozen=True, slots=True)
class Media:
    id: str
    mime_type: str
    content: bytes
    sha256: str

    @property
    def kind(self) -> str:
        return _KINDS[_bare(self.mime_type)]


class MediaStore:
    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._media: dict[str, Media] = {}
        self._links: dict[str, tuple[str, float]] = {}
        self._ids = itertools.count(1_000_000_000_000_001)

    def add(self, content: bytes, mime_type: str) -> Media:
        """Keeps the bytes; raises MetaError 131053 where Meta takes no such type or not so much of it."""
        kind = _KINDS.get(_bare(mime_type))
        if kind is None:
            raise MetaError(MEDIA_UPLOAD, f"Unsupported media type {mime_type}; use one of {', '.join(sorted(_KINDS))}")
        if not 0 < len(content) <= _MOST_BYTES[kind]:
            details = f"A {kind} has 1 to {_MOST_BYTES[kind]} bytes; this one has {len(content)}"
            raise MetaError(MEDIA_UPLOAD, details)
        media = Media(str(next(self._ids)), mime_type, content, hashlib.sha256(content).hexdigest())
        self._media[media.id] = media
        return media

    async def of(self, reference: dict[str, Any], kind: str) -> Media:
        """The media that a message names by `id` or by `link`."""
        if ("id" in reference) == ("link" in reference):
            raise MetaError(BAD_REQUEST, f"{kind} needs either id or link")
        media = self.find(str(reference["id"])) if "id" in reference else await self._fetch(str(reference["link"]))
        if media is None:
            raise MetaError(INVALID, f"Media id {reference['id']} does not exist")
        if media.kind != kind:
            raise MetaError(MEDIA_UPLOAD, f"{media.mime_type} cannot be sent as {kind}")
        return media

    def find(self, media_id: str) -> Media | None:
        return self._media.get(media_id)

    def download_url(self, media: Media) -> str:
        """A link for the bearer of the access token, good for five minutes."""
        token = secrets.token_urlsafe(24)
        self._links[token] = (media.id, time.monotonic() + _LINK_SECONDS)
        return f"{self._public_url}/graph/v23.0/media_download/{token}"

    def behind(self, token: str) -> Media | None:
        media_id, until = self._links.get(token, ("", 0.0))
        return self._media.get(media_id) if time.monotonic() < until else None

    def phone_url(self, media: Media, filename: str) -> str:
        """Where the phone that received the media opens it."""
        return f"{self._public_url}/_control/media/{media.id}/{quote(filename, safe='')}"

    async def _fetch(self, link: str) -> Media:
        if not link.startswith(("https://", "http://")):
            raise MetaError(INVALID, "link must begin with http:// or https://")
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=_FETCH_SECONDS) as client:
                response = await client.get(link)
                response.raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise MetaError(MEDIA_UPLOAD, f"Downloading media from weblink failed: {type(error).__name__}") from error
        return self.add(response.content, response.headers.get("content-type", ""))


def _bare(mime_type: str) -> str:
    return mime_type.partition(";")[0].strip().lower()
