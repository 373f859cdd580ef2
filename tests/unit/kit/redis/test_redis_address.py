"""REDIS_URL: three modes, with and without TLS, and what is wrong with it said without what it holds."""

import pytest
from whatsinvoice_kit.config.redis_address import RedisAddress


def test_one_server() -> None:
    found = RedisAddress.parse("redis://:a%2Fword@redis:6380/2")
    assert (found.mode, found.tls, found.nodes, found.db) == ("standalone", False, (("redis", 6380),), 2)
    assert found.account() == {"password": "a/word"}


def test_sentinels_take_the_account_of_the_servers_unless_they_have_a_password_of_their_own() -> None:
    found = RedisAddress.parse("rediss+sentinel://app:word@one,two:26380,[fd00::3]/1?service=events")
    assert found.nodes == (("one", 26379), ("two", 26380), ("fd00::3", 26379))
    assert (found.mode, found.tls, found.service, found.db) == ("sentinel", True, "events", 1)
    assert found.sentinel_account() == found.account()
    own = found.trusting("/ca.crt", "another")
    assert own.account() == {"username": "app", "password": "word", "ssl": True, "ssl_ca_certs": "/ca.crt"}
    assert own.sentinel_account() == {"username": None, "password": "another", "ssl": True, "ssl_ca_certs": "/ca.crt"}


def test_a_cluster_by_some_of_its_nodes() -> None:
    found = RedisAddress.parse("rediss+cluster://:word@one:7001,two:7002")
    assert (found.mode, found.tls, found.nodes) == ("cluster", True, (("one", 7001), ("two", 7002)))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "is missing"),
        ("hunter2", "is none of redis://"),
        ("http://:hunter2@redis", "is none of redis://"),
        ("redis+tls://:hunter2@redis", "is none of redis://"),
        ("redis://:hunter2@one,two/0", "names several servers"),
        ("redis://:hunter2@/0", "names no host"),
        ("redis://:hunter2@redis:port/0", "names no host"),
        ("redis://:hunter2@redis/first", "has a database that is no number"),
        ("rediss://:hunter2@redis/0?ssl_cert_reqs=none", "has options after ? that are not known"),
        ("redis+sentinel://:hunter2@one,two/0", "names no ?service="),
        ("redis+sentinel://:hunter2@one/0?service=a&service=b", "names no ?service="),
        ("redis+cluster://:hunter2@one,two/3", "a cluster has only 0"),
        ("rediss://:hunter2[@redis", "is no address"),
    ],
)
def test_what_is_wrong_is_said_without_the_password(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|names|has) ") as error:
        RedisAddress.parse(url)
    assert said in str(error.value)
    assert "hunter2" not in str(error.value)


def test_an_address_is_shown_without_its_passwords() -> None:
    found = RedisAddress.parse("redis://:hunter2@redis").trusting("", "hunter3")
    assert "hunter" not in repr(found)
