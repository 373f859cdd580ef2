"""Mutual TLS over real connections: who is refused, whose token is whose, and certificates that change under load."""

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import REGISTRY
from support.keys import Keyring
from support.sample import eventually
from support.services import bearer, reason_of
from whatsinvoice.invoices.v1 import invoices_pb2 as pb
from whatsinvoice.invoices.v1 import invoices_pb2_grpc
from whatsinvoice_kit.core.errors import Kind, ServiceError
from whatsinvoice_kit.rpc import renewed_channel
from whatsinvoice_kit.rpc.call import Identity
from whatsinvoice_kit.rpc.client import Client
from whatsinvoice_kit.rpc.identity import allow
from whatsinvoice_kit.rpc.server import Gate, RpcServer
from whatsinvoice_kit.rpc.tls import CertificateFiles, check_peer
from whatsinvoice_kit.rpc.tokens import Verifier, parse_key_sets
from whatsinvoice_local.certificates import Pair, make_authority

DESCRIPTOR = pb.DESCRIPTOR.services_by_name["InvoicesService"]
CALLERS = ("gateway", "auth", "payments", "notifications")
ACCESS = {"GetInvoice": allow(*CALLERS, scope="invoices:read")}
NOW = datetime.now(UTC).replace(microsecond=0)
GOOD, ENDED = NOW + timedelta(days=1), NOW - timedelta(minutes=1)
CHECK_SECONDS = 0.1
AUTHORITY, STRANGER = make_authority(), make_authority()
_Servicer: Any = invoices_pb2_grpc.InvoicesServiceServicer


class Invoices(_Servicer):  # type: ignore[misc]  # one RPC is all that connections need to be proven
    """Answers after a while, and keeps the serial numbers of its callers' certificates."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.serials: list[int] = []
        self.running = 0

    async def GetInvoice(self, _: Any, context: Any) -> Any:  # noqa: N802  (gRPC names it)
        (pem,) = context.auth_context().get("x509_pem_cert", [b""])
        self.serials.append(x509.load_pem_x509_certificate(pem).serial_number if pem else 0)
        self.running += 1
        await asyncio.sleep(self.seconds * (1 + len(self.serials) % 7 / 7))  # not all at once
        self.running -= 1
        return pb.GetInvoiceResponse()


class Holder:
    """The three files of one process, as they lie in its folder."""

    def __init__(self, folder: Path, service: str) -> None:
        folder.mkdir()
        self.service = service
        self.paths = folder / "tls.crt", folder / "tls.key", folder / "ca.crt"

    def hold(self, by: Pair = AUTHORITY, believed: tuple[Pair, ...] = (AUTHORITY,), ends: datetime = GOOD) -> int:
        """Writes a new certificate; gives its serial number."""
        pair = by.issue(self.service, ends)
        texts = pair.certificate_pem, pair.key_pem, "".join(each.certificate_pem for each in believed)
        for path, text in zip(self.paths, texts, strict=True):
            path.write_text(text)
        return pair.certificate.serial_number

    def files(self) -> CertificateFiles:
        return CertificateFiles(*self.paths, check_seconds=CHECK_SECONDS)


Holders = Callable[[str], Holder]


@pytest.fixture
def holder(tmp_path: Path) -> Holders:
    numbers = itertools.count()
    return lambda service: Holder(tmp_path / f"{service}-{next(numbers)}", service)


@asynccontextmanager
async def serving(keyring: Keyring, tls: CertificateFiles | None) -> AsyncIterator[tuple[Invoices, int]]:
    """A server of invoices and its port."""
    servicer = Invoices()
    server = RpcServer(Gate(Verifier(parse_key_sets(keyring.trusted), "invoices"), ACCESS), "127.0.0.1:0", tls)
    server.add(invoices_pb2_grpc.add_InvoicesServiceServicer_to_server, servicer, DESCRIPTOR.full_name)
    await server.start()
    yield servicer, server.port
    await server.stop(0)


class Caller:
    """A client of invoices that acts as itself or, as the gateway does, with a user's token."""

    def __init__(self, port: int, token: str, tls: CertificateFiles | None) -> None:
        self._client = Client(f"127.0.0.1:{port}", DESCRIPTOR, lambda _: token, tls=tls)
        self._stub: Any = invoices_pb2_grpc.InvoicesServiceStub(self._client.channel)
        self.channel: Any = self._client.channel
        self.close = self._client.close

    async def get(self, deadline: float = 5.0) -> Any:
        return await self._client.call(self._stub.GetInvoice, pb.GetInvoiceRequest(), deadline=deadline)

    async def refusal(self) -> ServiceError:
        with pytest.raises(ServiceError) as error:
            await self.get()
        await self.close()
        return error.value


@pytest.mark.parametrize(
    ("server", "client"),
    [
        pytest.param({}, {"by": STRANGER}, id="client of another authority"),
        pytest.param({"by": STRANGER}, {}, id="server of another authority"),
        pytest.param({}, {"ends": ENDED}, id="client's certificate has ended"),
        pytest.param({"ends": ENDED}, {}, id="server's certificate has ended"),
        pytest.param({"service": "payments"}, {}, id="server of another name"),
    ],
)
async def test_a_bad_certificate_is_refused(
    keyring: Keyring, holder: Holders, server: dict[str, Any], client: dict[str, Any]
) -> None:
    theirs, ours = holder(server.get("service", "invoices")), holder("gateway")
    token = keyring.user_token("biz_1")
    theirs.hold(**{name: value for name, value in server.items() if name != "service"})
    ours.hold(**client)
    async with serving(keyring, theirs.files()) as (servicer, port):
        refused = await Caller(port, token, ours.files()).refusal()
        assert (refused.kind, refused.reason) == (Kind.UNAVAILABLE, "UPSTREAM_UNAVAILABLE")
        assert servicer.serials == []
    # the same with good certificates passes, so nothing else stood in the way
    theirs, ours = holder("invoices"), holder("gateway")
    theirs.hold()
    serial = ours.hold()
    async with serving(keyring, theirs.files()) as (servicer, port):
        caller = Caller(port, token, ours.files())
        await caller.get()
        assert servicer.serials == [serial]
        await caller.close()


async def test_without_a_certificate_nobody_is_served(keyring: Keyring, holder: Holders) -> None:
    theirs = holder("invoices")
    theirs.hold()
    metadata = bearer(keyring.user_token("biz_1"))
    options = [("grpc.ssl_target_name_override", "whatsinvoice-invoices")]
    credentials = grpc.ssl_channel_credentials(AUTHORITY.certificate_pem.encode())
    async with serving(keyring, theirs.files()) as (servicer, port):
        address = f"127.0.0.1:{port}"
        for channel in (
            grpc.aio.secure_channel(address, credentials, options=options),
            grpc.aio.insecure_channel(address),
        ):
            stubs: tuple[Any, Any] = invoices_pb2_grpc.InvoicesServiceStub(channel), health_pb2_grpc.HealthStub(channel)
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await stubs[0].GetInvoice(pb.GetInvoiceRequest(), metadata=metadata, timeout=5)
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE
            with pytest.raises(grpc.aio.AioRpcError):
                await stubs[1].Check(health_pb2.HealthCheckRequest(), timeout=5)
            await channel.close()
        assert servicer.serials == []


async def test_a_client_with_certificates_sends_nothing_in_plaintext(keyring: Keyring, holder: Holders) -> None:
    ours = holder("gateway")
    ours.hold()
    async with serving(keyring, None) as (servicer, port):
        assert (await Caller(port, keyring.user_token("biz_1"), ours.files()).refusal()).kind is Kind.UNAVAILABLE
        assert servicer.serials == []


@pytest.mark.parametrize("certificate", CALLERS)
async def test_a_token_is_good_over_its_bearers_connection_alone(
    keyring: Keyring, holder: Holders, certificate: str
) -> None:
    theirs, ours = holder("invoices"), holder(certificate)
    theirs.hold()
    ours.hold()
    tokens = {caller: keyring.service_token(caller, "invoices", "biz_1") for caller in CALLERS}
    tokens["user"] = keyring.user_token("biz_1")
    passed = set()
    async with serving(keyring, theirs.files()) as (servicer, port):
        channel = Caller(port, "", ours.files())
        stub: Any = invoices_pb2_grpc.InvoicesServiceStub(channel.channel)
        for bearer_of, token in tokens.items():
            try:
                await stub.GetInvoice(pb.GetInvoiceRequest(), metadata=bearer(token), timeout=5)
                passed.add(bearer_of)
            except grpc.aio.AioRpcError as error:
                refused = (error.code(), reason_of(error))
                assert refused == (grpc.StatusCode.PERMISSION_DENIED, "PEER_MISMATCH"), bearer_of
        assert passed == ({"gateway", "user"} if certificate == "gateway" else {certificate})
        assert len(servicer.serials) == len(passed)
        await channel.close()


@pytest.mark.parametrize("who", [Identity("user", "usr_1"), Identity("service", "payments")])
def test_a_connection_that_proves_no_name_bears_no_token(who: Identity) -> None:
    connections: list[dict[str, list[bytes]]] = [
        {},
        {"transport_security_type": [b"ssl"]},
        {"transport_security_type": [b"ssl"], "peer_dns": [b"whatsinvoice-auth", b"payments", b"\xff"]},
        {"transport_security_type": [b"ssl"], "x509_common_name": [b"whatsinvoice-gateway", b"whatsinvoice-payments"]},
    ]
    for connection in connections:
        with pytest.raises(ServiceError):
            check_peer(who, connection)


async def test_streams_and_health_go_over_the_same_connection(keyring: Keyring, holder: Holders) -> None:
    theirs, ours = holder("invoices"), holder("gateway")
    theirs.hold()
    ours.hold()
    async with serving(keyring, theirs.files()) as (_, port):
        caller = Caller(port, "", ours.files())
        answer = await health_pb2_grpc.HealthStub(caller.channel).Check(health_pb2.HealthCheckRequest())
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(caller.channel)
        asked = reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]))
        services = [service.name async for answer in asked for service in answer.list_services_response.service]
        assert DESCRIPTOR.full_name in services
        watch = health_pb2_grpc.HealthStub(caller.channel).Watch(health_pb2.HealthCheckRequest())
        assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
        await caller.close()


async def served_serial(port: int, holder: Holder) -> int:
    """The serial number of the certificate that a server shows at a new handshake."""
    certificate, key, authorities = holder.paths
    context = ssl.create_default_context(cafile=str(authorities))
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["h2"])
    name = "whatsinvoice-invoices"
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=name)
    der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()
    return x509.load_der_x509_certificate(der).serial_number


async def test_certificates_change_under_load_and_no_call_fails(keyring: Keyring, holder: Holders) -> None:
    """A renewal, then a change of the authority in its three steps, with 300 calls in flight all the while."""
    theirs, ours = holder("invoices"), holder("gateway")
    held = [(theirs.hold(), ours.hold())]
    both = (AUTHORITY, STRANGER)
    steps: list[dict[str, Any]] = [
        {},
        {"believed": both},
        {"by": STRANGER, "believed": both},
        {"by": STRANGER, "believed": (STRANGER,)},
    ]
    done, failed, rested, over = 0, list[ServiceError](), 0, asyncio.Event()
    async with serving(keyring, theirs.files()) as (servicer, port):
        caller = Caller(port, keyring.user_token("biz_1"), ours.files())
        servicer.seconds = 0.5

        async def call_on() -> None:
            nonlocal done
            while not over.is_set():
                try:
                    await caller.get(deadline=10)
                    done += 1
                except ServiceError as error:
                    failed.append(error)

        calling = [asyncio.create_task(call_on()) for _ in range(300)]
        for step in steps:
            async with asyncio.timeout(20):
                while done < 300 * len(held) or servicer.running < 200:  # noqa: ASYNC110  (a counter tells nobody)
                    await asyncio.sleep(0.01)
            first, second = (theirs, ours) if len(held) % 2 else (ours, theirs)
            one = first.hold(**step)
            await asyncio.sleep(0.3)
            other = second.hold(**step)
            held.append((one, other) if first is theirs else (other, one))
            async with asyncio.timeout(10):
                while held[-1][1] not in servicer.serials[-50:]:  # noqa: ASYNC110  (as above)
                    await asyncio.sleep(0.02)
            rested = max(rested, caller.channel.resting)
            assert await served_serial(port, ours) == held[-1][0]
        over.set()
        await asyncio.gather(*calling)

        async def closed() -> bool:
            return bool(caller.channel.resting == 0)

        await eventually(closed)
        await caller.close()
    assert failed == []
    assert done >= 300 * len(steps)
    assert rested  # calls were in flight on an old connection while others went over the new one
    assert set(servicer.serials) == {client for _, client in held}


async def test_files_that_do_not_fit_change_nothing_until_they_do(keyring: Keyring, holder: Holders) -> None:
    theirs, ours = holder("invoices"), holder("gateway")
    theirs.hold()
    before = ours.hold()
    tls = ours.files()
    first = tls.current()
    async with serving(keyring, theirs.files()) as (servicer, port):
        caller = Caller(port, keyring.user_token("biz_1"), tls)
        key = ours.paths[1].read_text()
        after = ours.hold()
        new = ours.paths[1].read_text()
        for broken in (key, new[:100], "", None):
            if broken is None:
                ours.paths[1].unlink()
            else:
                ours.paths[1].write_text(broken)
            assert tls.current() == first
            await asyncio.sleep(3 * CHECK_SECONDS)
            await caller.get()
            assert servicer.serials[-1] == before
        ours.paths[1].write_text(new)

        async def taken() -> bool:
            await caller.get()
            return servicer.serials[-1] == after

        await eventually(taken)
        await caller.close()


async def test_a_certificate_that_the_other_side_refuses_is_not_taken(
    keyring: Keyring, holder: Holders, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(renewed_channel, "CONNECT_SECONDS", 0.3)
    theirs, ours = holder("invoices"), holder("gateway")
    theirs.hold()
    before = ours.hold()
    async with serving(keyring, theirs.files()) as (servicer, port):
        caller = Caller(port, keyring.user_token("biz_1"), ours.files())
        await caller.get()
        ours.hold(by=STRANGER)

        async def tried() -> bool:
            return "no connection with the new certificates yet" in caplog.text

        await eventually(tried)
        await caller.get()
        assert set(servicer.serials) == {before}
        after = ours.hold()

        async def taken() -> bool:
            await caller.get()
            return servicer.serials[-1] == after

        await eventually(taken)
        await caller.close()


def test_files_that_cannot_be_used_are_refused_at_the_start(holder: Holders) -> None:
    ours = holder("gateway")
    for number, path in enumerate(ours.paths):
        ours.hold()
        for content in ("", "no certificate", holder_key(ours) if number == 1 else "x"):
            path.write_text(content)
            with pytest.raises(OSError, match=r"."):
                ours.files()
        path.unlink()
        with pytest.raises(FileNotFoundError):
            ours.files()
    ours.hold()
    assert "PRIVATE" not in repr(ours.files().current())


def holder_key(holder: Holder) -> str:
    """A key that is not its certificate's."""
    return AUTHORITY.issue(holder.service, GOOD).key_pem


def test_the_end_of_the_certificate_in_use_is_a_metric(holder: Holders) -> None:
    def not_after() -> float | None:
        return REGISTRY.get_sample_value("rpc_certificate_not_after_seconds")

    held = holder("invoices")
    held.hold(ends=GOOD)
    files = held.files()
    assert not_after() == pytest.approx(GOOD.timestamp(), abs=1)
    later = GOOD + timedelta(days=1)
    held.hold(ends=later)
    files.current()
    assert not_after() == pytest.approx(later.timestamp(), abs=1)
