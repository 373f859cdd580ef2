"""Mutual TLS: certificates from files, taken anew when these change, and who the other side of a connection is.

Every certificate bears one DNS name, `whatsinvoice-<service>`, wherever its process runs: it says who answers and who
calls, not where. To change the authority, first add the new one to every CA file, then change the certificates, then
take the old one away.
"""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import structlog
from cryptography import x509
from prometheus_client import Gauge

from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.rpc.call import Identity

log = structlog.get_logger(__name__)

NOT_AFTER = Gauge("rpc_certificate_not_after_seconds", "When this process's certificate ends, in seconds since 1970")
CHECK_SECONDS = 2.0
"""How soon a client sees that files changed; a server looks at each handshake."""
FORWARDERS = frozenset({"gateway"})
"""Who passes users' tokens on. Every other service calls with a token of its own."""
_PLAINTEXT = [b"insecure"]
_Mark = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class Certificates:
    """One reading of the three files, PEM; the key matches the certificate."""

    certificate: bytes
    key: bytes = field(repr=False)
    authorities: bytes

    def channel_credentials(self) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.authorities, self.key, self.certificate)

    def server_configuration(self) -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([(self.key, self.certificate)], self.authorities)


class CertificateFiles:
    """A process's certificate with its chain, its key and the authorities that it believes, in three PEM files.

    Raises:
        OSError: a file cannot be read, or the three do not belong together (ssl.SSLError).
    """

    def __init__(
        self, certificate: Path, key: Path, authorities: Path, *, check_seconds: float = CHECK_SECONDS
    ) -> None:
        self.check_seconds = check_seconds
        self._files = (certificate, key, authorities)
        self._refused: _Mark | None = None
        self._mark = self._look()
        self._latest = self._read()

    def current(self) -> Certificates:
        """The latest that could be used: half-written or mismatched files change nothing until they are whole.

        Safe to call from any thread: two may read the same, and find the same.
        """
        mark = self._look()
        if mark not in (self._mark, self._refused):
            self._renew(mark)
        return self._latest

    def server_credentials(self) -> grpc.ServerCredentials:
        """Credentials that ask every client for its certificate, and look at the files at each handshake."""
        given = self._latest

        def changed() -> grpc.ServerCertificateConfiguration | None:
            nonlocal given
            latest = self.current()
            if latest == given:
                return None
            given = latest
            return latest.server_configuration()

        return grpc.dynamic_ssl_server_credentials(
            given.server_configuration(),
            changed,  # type: ignore[arg-type]  # None says unchanged, which the stubs do not know
            require_client_authentication=True,
        )

    def _renew(self, mark: _Mark) -> None:
        try:
            latest = self._read()
        except OSError as error:
            self._refused = mark
            log.warning("certificate files are refused", error=getattr(error, "reason", None) or type(error).__name__)
            return
        if self._look() == mark:  # or they changed while they were read, and the next look takes them
            self._latest, self._mark = latest, mark
            log.info("certificates are renewed")

    def _look(self) -> _Mark:
        """What tells one state of the files from another; nothing while one of them is away."""
        try:
            found = [file.stat() for file in self._files]
        except OSError:
            return ()
        return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in found)

    def _read(self) -> Certificates:
        certificate, key, authorities = self._files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(certificate, key, password="")  # or OpenSSL would ask the terminal for one
        context.load_verify_locations(authorities)
        read = Certificates(*(file.read_bytes() for file in self._files))
        NOT_AFTER.set(x509.load_pem_x509_certificate(read.certificate).not_valid_after_utc.timestamp())
        return read


def name_of(service: str) -> str:
    """The DNS name in a service's certificate."""
    return f"whatsinvoice-{service}"


def check_peer(identity: Identity, connection: Mapping[str, Iterable[bytes]]) -> None:
    """PERMISSION_DENIED when a token comes over the connection of somebody whose it is not.

    `connection` is gRPC's auth context. A plaintext connection proves nobody, and only a server without certificates
    has such.
    """
    if list(connection.get("transport_security_type", ())) == _PLAINTEXT:
        return
    peers = {name.decode("ascii", "replace") for name in connection.get("peer_dns", ())}
    bearers = FORWARDERS if identity.kind == "user" else {identity.subject}
    if peers.isdisjoint(map(name_of, bearers)):
        raise ServiceError(Kind.PERMISSION_DENIED, "PEER_MISMATCH", "the token belongs to another caller")
