"""S3: a stream is written by its producer alone. Every user is tried with every command on every stream."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import NoPermissionError, ResponseError
from whatsinvoice_kit.events.acl import GATEWAY, SERVICES, configuration
from whatsinvoice_kit.events.connection import beside
from whatsinvoice_kit.events.dead_letters import dead_stream
from whatsinvoice_local.backing import start_valkey, stop_valkey

PASSWORDS = {user: f"{user}ofthetests" for user in (*SERVICES, GATEWAY)}
STREAMS = {service: f"whatsinvoice.{service}.v1" for service in SERVICES}
GROUP = "readers"
READS: tuple[tuple[str, ...], ...] = (
    ("XLEN", "{}"),
    ("XRANGE", "{}", "-", "+"),
    ("XGROUP", "CREATE", "{}", "another", "0", "MKSTREAM"),
    ("XREADGROUP", "GROUP", GROUP, "me", "COUNT", "1", "STREAMS", "{}", ">"),
    ("XPENDING", "{}", GROUP),
    ("XCLAIM", "{}", GROUP, "me", "0", "1-1"),
    ("XAUTOCLAIM", "{}", GROUP, "me", "0", "0"),
    ("XACK", "{}", GROUP, "1-1"),
    ("XINFO", "GROUPS", "{}"),
)
WRITES: tuple[tuple[str, ...], ...] = (
    ("XADD", "{}", "*", "a", "b"),
    ("XDEL", "{}", "1-1"),
    ("XTRIM", "{}", "MAXLEN", "0"),
    ("DEL", "{}"),
    ("SET", "{}", "x"),
    ("XSETID", "{}", "9-9"),
    ("XGROUP", "DESTROY", "{}", GROUP),
    ("XGROUP", "SETID", "{}", GROUP, "$"),
    ("RENAME", "{}", "{}2"),
)
NEVER: tuple[tuple[str, ...], ...] = (
    ("FLUSHALL",),
    ("FLUSHDB",),
    ("CONFIG", "GET", "*"),
    ("ACL", "LIST"),
    ("ACL", "SETUSER", "auth", "allkeys"),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("MONITOR",),
    ("DEBUG", "SLEEP", "0"),
    ("SHUTDOWN",),
    ("EVAL", "return redis.call('XADD', 'whatsinvoice.nobody.v1', '*', 'a', 'b')", "0"),
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("acl") / "valkey"
    yield start_valkey(folder, users=configuration(PASSWORDS)).url
    stop_valkey(folder)


@pytest.fixture
def admin(url: str) -> Iterator[Any]:
    client = Redis.from_url(url)
    client.flushall()
    for stream in STREAMS.values():
        client.xadd(stream, {"a": "b"}, id="1-1")
        client.xgroup_create(stream, GROUP, id="0")
    yield client
    client.close()


@pytest.fixture(params=PASSWORDS)
def user(request: pytest.FixtureRequest, url: str, admin: Any) -> Iterator[tuple[str, Any]]:
    name = str(request.param)
    client = Redis.from_url(f"redis://{name}:{PASSWORDS[name]}@{url.rpartition('@')[2]}")
    yield name, client
    client.close()


def _allowed(client: Any, words: tuple[str, ...], key: str = "") -> bool:
    try:
        client.execute_command(*(word.replace("{}", key) for word in words))
    except NoPermissionError:
        return False
    except ResponseError as error:  # a script tells its caller in words, and DEBUG is off for everybody
        return not any(word in str(error) for word in ("NOPERM", "ACL failure in script", "not allowed"))
    return True


def test_f05_s3_each_stream_is_written_by_its_producer_alone(user: tuple[str, Any]) -> None:
    name, client = user
    tried = {
        (service, words[0], words[1]): _allowed(client, words, stream)
        for service, stream in STREAMS.items()
        if service != name
        for words in WRITES
    }
    assert [key for key, allowed in tried.items() if allowed] == []
    if name in STREAMS:
        assert _allowed(client, WRITES[0], STREAMS[name])


def test_f05_s3_services_read_acknowledge_and_claim_every_stream_and_the_gateway_none(user: tuple[str, Any]) -> None:
    name, client = user
    for stream in STREAMS.values():
        for words in READS:
            assert _allowed(client, words, stream) == (name != GATEWAY), (name, stream, words)


def test_f05_s3_dead_letters_and_positions_belong_to_one_service(user: tuple[str, Any]) -> None:
    name, client = user
    for producer, stream in STREAMS.items():
        for group in SERVICES:
            own = name in (group, producer)
            assert _allowed(client, ("XADD", dead_stream(stream, group), "*", "a", "b")) == own, (producer, group)
        assert _allowed(client, ("SET", beside(stream, "epoch"), "x")) == (name == producer)


def test_f05_s3_nobody_administers(user: tuple[str, Any]) -> None:
    name, client = user
    assert [words for words in NEVER if _allowed(client, words)] == [], name


def test_f05_s3_the_gateway_counts(user: tuple[str, Any]) -> None:
    name, client = user
    for key in ("LIMITS:LIMITER/gateway/1", "gateway-quota:LIMITER/1", "{LIMITS}:1"):
        assert _allowed(client, ("INCR", key)) == (name == GATEWAY)
