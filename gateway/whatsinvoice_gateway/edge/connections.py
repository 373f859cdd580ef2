"""Connections: how long a client may take to send a request, and how slowly it may read the answer.

uvicorn waits for ever for both. A connection that owes us bytes has a deadline here; nothing is timed for one that
sends its request in one piece and takes its answer.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 32 * 1024


class PatientProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with an end to its patience."""

    head_seconds = 10.0
    body_seconds = 15.0
    drain_seconds = 15.0
    drain_bytes = 8 * 1024
    """What a client must take of its answer in so many seconds: half a kilobyte a second is slower than any phone."""

    leaving = False
    """The process is to end: each answer is the last of its connection, and the next goes to another process."""

    _waiting: asyncio.TimerHandle | None = None
    _draining: asyncio.TimerHandle | None = None
    _head = 0
    _stage = "head"
    """What is to come next: `head` of a request, `body`, or nothing, while the request is being served."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        super().connection_made(transport)
        self._wait_for("head", again=True)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        for timer in (self._waiting, self._draining):
            if timer is not None:
                timer.cancel()

    def data_received(self, data: bytes) -> None:
        before = self._stage
        self._head += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._stage == "head" and self._head > MAX_HEAD:
            self.send_400_response("The head of the request is too large.")
            return
        self._wait_for(self._stage, again=before != self._stage)

    def on_headers_complete(self) -> None:
        if sum(len(name) + len(value) for name, value in self.headers) + len(self.url) > MAX_HEAD:
            raise ValueError("the head of the request is too large")  # the parser's error then: 400
        self._stage = "body"
        super().on_headers_complete()
        if self.leaving:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        answered = self.cycle.response_complete  # refused before all of it had come
        self._stage, self._head = ("head" if answered else "served"), 0
        super().on_message_complete()
        self._stop_waiting()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._stage == "served":
            self._stage = "head"
        self._watch_draining()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch_draining()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._watch_draining()

    def timeout_keep_alive_handler(self) -> None:
        if self.transport.get_write_buffer_size():  # close() would wait for a client who does not read
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def _wait_for(self, stage: str, *, again: bool) -> None:
        """One deadline for all of a head, one for all of a body, however many pieces they come in."""
        if again or stage == "served":
            self._stop_waiting()
        if stage != "served" and self._waiting is None:
            seconds = self.head_seconds if stage == "head" else self.body_seconds
            self._waiting = self.loop.call_later(seconds, self.transport.abort)

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _watch_draining(self) -> None:
        """From here on: whatever calls it has just been added to what is unsent, or has seen much of it taken."""
        if self._draining is not None:
            self._draining.cancel()
            self._draining = None
        if unsent := self.transport.get_write_buffer_size():
            self._draining = self.loop.call_later(self.drain_seconds, self._check_draining, unsent)

    def _check_draining(self, unsent: int) -> None:
        if self.transport.get_write_buffer_size() > max(0, unsent - self.drain_bytes):
            self.transport.abort()
        else:
            self._watch_draining()


def protocol_for(body_seconds: float) -> type[PatientProtocol]:
    """The protocol beneath edge/bodies.py, whose own answer to a slow body is sent before this one ends it."""
    return type("PatientProtocol", (PatientProtocol,), {"body_seconds": body_seconds + 5})
