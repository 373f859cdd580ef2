"""A certificate authority for one machine, and a certificate for each service and the gateway, for mutual TLS."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from whatsinvoice_kit.rpc.tls import name_of

from whatsinvoice_local.backing.secret_files import write_private
from whatsinvoice_local.parts import SERVICES

NAMES = (*SERVICES, "gateway")
AUTHORITY_DAYS = 365
DAYS = 30
RENEWED_DAYS = 10
"""What ends within these days is made anew."""
_CLOCKS_DIFFER = timedelta(minutes=5)
_BOTH_SIDES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])


@dataclass(frozen=True)
class Pair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> str:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def issue(self, service: str, ends: datetime) -> "Pair":
        """A certificate for a service, by this authority; one that has ended already began a month before."""
        name = name_of(service)
        key, starts = _key(), min(_now() - _CLOCKS_DIFFER, ends - timedelta(days=DAYS))
        alternative = x509.SubjectAlternativeName([x509.DNSName(name)])
        builder = (
            _builder(name, key, self.certificate.subject, starts, ends)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(alternative, critical=False)
            .add_extension(_BOTH_SIDES, critical=False)
        )
        return Pair(builder.sign(self.key, hashes.SHA256()), key)


def make_authority() -> Pair:
    """A new one, which has signed nothing but itself."""
    key, starts = _key(), _now() - timedelta(days=2 * DAYS)
    name = f"WhatsInvoice local authority {x509.random_serial_number():x}"[:48]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(name, key, subject, starts, _now() + timedelta(days=AUTHORITY_DAYS)).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    return Pair(builder.sign(key, hashes.SHA256()), key)


def write_certificates(folder: Path, names: Iterable[str] = NAMES, now: datetime | None = None) -> list[str]:
    """Makes `<name>.crt` and `<name>.key` of whatever is missing, ends soon, or is of another authority.

    `ca.crt` holds the authority, after a change also the one before it until that ends. Gives the names of what was
    made. `now` is the time by which to judge what ends.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = now or _now()
    made = []
    authority = _read(folder, "ca")
    if authority is None or _ends_soon(authority, now, DAYS + RENEWED_DAYS):
        known = [] if authority is None else x509.load_pem_x509_certificates((folder / "ca.crt").read_bytes())
        authority = make_authority()
        older = [each for each in known if each.not_valid_after_utc > now]
        write_private(folder / "ca.key", authority.key_pem)
        bundle = [authority.certificate, *older]
        write_private(folder / "ca.crt", "".join(each.public_bytes(Encoding.PEM).decode() for each in bundle))
        made.append("ca")
    for name in names:
        pair = _read(folder, name)
        if pair is None or _ends_soon(pair, now, RENEWED_DAYS) or not _is_of(pair, authority):
            pair = authority.issue(name, now + timedelta(days=DAYS))
            write_private(folder / f"{name}.key", pair.key_pem)
            write_private(folder / f"{name}.crt", pair.certificate_pem)
            made.append(name)
    return made


def _builder(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, starts: datetime, ends: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts)
        .not_valid_after(ends)
    )


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def _read(folder: Path, name: str) -> Pair | None:
    """What is there; None unless key and certificate are, and belong together."""
    try:
        certificate = x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())
        key = load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    except (FileNotFoundError, ValueError):  # a write that was cut short is made anew
        return None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        return None
    return Pair(certificate, key)


def _ends_soon(pair: Pair, now: datetime, days: int) -> bool:
    return pair.certificate.not_valid_after_utc < now + timedelta(days=days)


def _is_of(pair: Pair, authority: Pair) -> bool:
    try:
        pair.certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):  # another name, another kind of key, another key
        return False
    return True
