"""The local authority: what it makes, and what it makes again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtensionOID
from whatsinvoice_kit.rpc.tls import CertificateFiles
from whatsinvoice_local.certificates import NAMES, write_certificates
from whatsinvoice_local.environment import Plan
from whatsinvoice_local.generated import secrets_of
from whatsinvoice_local.parts import PROGRAMS
from whatsinvoice_local.resources import ObjectStorage, Resources

NOW = datetime.now(UTC)


def certificate(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())


def usable(folder: Path, name: str) -> CertificateFiles:
    return CertificateFiles(folder / f"{name}.crt", folder / f"{name}.key", folder / "ca.crt")


def test_every_service_and_the_gateway_get_one_for_thirty_days(tmp_path: Path) -> None:
    started = datetime.now(UTC)
    assert write_certificates(tmp_path) == ["ca", *NAMES]
    assert set(NAMES) == {"auth", "invoices", "payments", "notifications", "gateway"}
    authority = certificate(tmp_path, "ca")
    for name in NAMES:
        usable(tmp_path, name)
        made = certificate(tmp_path, name)
        made.verify_directly_issued_by(authority)
        key = made.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "secp256r1"
        names = made.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        assert isinstance(names, x509.SubjectAlternativeName)
        assert names.get_values_for_type(x509.DNSName) == [f"whatsinvoice-{name}"]
        assert timedelta(days=29) < made.not_valid_after_utc - started <= timedelta(days=30, minutes=1)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize(("days", "again"), [(0, []), (19, []), (21, list(NAMES))])
def test_what_ends_within_ten_days_is_made_again(tmp_path: Path, days: int, again: list[str]) -> None:
    write_certificates(tmp_path)
    before = certificate(tmp_path, "auth").serial_number
    assert write_certificates(tmp_path, now=NOW + timedelta(days=days)) == again
    assert (certificate(tmp_path, "auth").serial_number != before) == bool(again)
    usable(tmp_path, "auth")


def test_a_new_authority_is_believed_beside_the_old_one(tmp_path: Path) -> None:
    write_certificates(tmp_path)
    old = (tmp_path / "ca.crt").read_text()
    assert write_certificates(tmp_path, now=NOW + timedelta(days=330)) == ["ca", *NAMES]
    bundle = (tmp_path / "ca.crt").read_text()
    assert bundle.endswith(old)
    assert bundle != old
    certificate(tmp_path, "auth").verify_directly_issued_by(certificate(tmp_path, "ca"))


@pytest.mark.parametrize("name", ["auth.key", "auth.crt"])
@pytest.mark.parametrize("content", [None, "", "gateway"])
def test_a_part_that_is_lost_or_spoilt_is_made_again(tmp_path: Path, name: str, content: str | None) -> None:
    write_certificates(tmp_path)
    (tmp_path / name).unlink()
    if content is not None:
        other = tmp_path / name.replace("auth", content) if content else None
        (tmp_path / name).write_text(other.read_text() if other else "")
    assert write_certificates(tmp_path) == ["auth"]
    usable(tmp_path, "auth")


@pytest.mark.parametrize("secured", [True, False])
def test_each_program_of_a_secured_stack_has_its_own(tmp_path: Path, secured: bool) -> None:
    write_certificates(tmp_path)
    resources = Resources(
        "postgresql://a:b@127.0.0.1/x", "redis://127.0.0.1", ObjectStorage("http://127.0.0.1", "", "")
    )
    ports = {name: 1 for part in PROGRAMS for name in (part, f"{part}.ops")}
    plan = Plan(resources, ports, secrets_of(tmp_path / "secrets.json"), tmp_path, tmp_path if secured else None)
    for part in PROGRAMS:
        given = {name: file for name, file in plan.environment_of(part).items() if name.startswith("RPC_TLS_")}
        if secured and part in NAMES:
            files = CertificateFiles(*(Path(given[f"RPC_TLS_{each}_FILE"]) for each in ("CERT", "KEY", "CA")))
            assert files.current() == usable(tmp_path, part).current()
        else:
            assert given == {}
