"""The connections to Redis, by whichever mode the address says: a client, FastStream's broker, and their end."""

import logging
from dataclasses import dataclass
from typing import Any

from faststream.redis import RedisBroker, RedisClusterBroker, RedisSentinelBroker
from redis.asyncio import Redis, RedisCluster, Sentinel
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from whatsinvoice_kit.config.redis_address import RedisAddress

RedisClient = Any
"""A redis.asyncio client that answers in bytes; its own types cannot tell bytes from str."""
SOCKET_SECONDS = 5
"""A Redis that hangs must not hold the relay's transaction open; far above the time that a read waits for news."""
CONNECT_SECONDS = 2
DRAIN_SECONDS = 15.0


def beside(stream: str, what: str) -> str:
    """The name of a key that a cluster keeps in the slot of its stream, so that one command may reach both."""
    return f"{{{stream}}}.{what}"


@dataclass(frozen=True, slots=True)
class Connection:
    """A broker that drains for 15 s when stopped, and a plain client beside it. Nothing is connected before its use."""

    broker: RedisBroker
    redis: RedisClient

    async def close(self) -> None:
        """Lets running handlers end, then closes everything."""
        of_broker = self.broker.config.broker_config.connection
        sentinel = _sentinel(of_broker.client) if of_broker else None
        await self.broker.stop()
        await self.redis.aclose()
        for found in (sentinel, _sentinel(self.redis)):
            if found is not None:
                await found.aclose()


def _sentinel(client: RedisClient) -> Sentinel | None:
    """Whom a client asks for its master; closing the client leaves that open."""
    pool = getattr(client, "connection_pool", None)
    return getattr(pool, "sentinel_manager", None)


def connect_to(address: RedisAddress) -> Connection:
    """Makes both for an address."""
    timeouts = {"socket_connect_timeout": CONNECT_SECONDS, "socket_timeout": SOCKET_SECONDS}
    options: dict[str, Any] = {**address.account(), **timeouts, "health_check_interval": 10}
    if address.mode != "cluster":  # whose client counts by `retry` how often it looks for who has a slot now
        options["retry"] = Retry(NoBackoff(), 1)  # for a connection that ended while it was idle
    quiet = logging.getLogger(f"{__name__}.faststream")
    quiet.setLevel(logging.WARNING)  # it logs each message twice at INFO
    of_broker: dict[str, Any] = {**options, "graceful_timeout": DRAIN_SECONDS, "logger": quiet}
    nodes = list(address.nodes)
    if address.mode == "sentinel":
        # One that is away is not tried again: the next is asked.
        asking = {**address.sentinel_account(), **timeouts, "retry": Retry(NoBackoff(), 0)}
        options["db"] = address.db
        broker: RedisBroker = RedisSentinelBroker(
            **of_broker,
            db=address.db,
            sentinels=nodes,
            sentinel_master_name=address.service,
            sentinel_kwargs=asking,
        )
        asker: Any = Sentinel  # which has no types
        return Connection(broker, asker(nodes, sentinel_kwargs=asking, **options).master_for(address.service))
    if address.mode == "cluster":
        seeds = [ClusterNode(host, port) for host, port in nodes]
        # No `host`, or FastStream would ask localhost too.
        broker = RedisClusterBroker(**of_broker, host="", startup_nodes=nodes)
        return Connection(broker, RedisCluster(startup_nodes=seeds, **options))
    [(host, port)] = nodes
    server: dict[str, Any] = {"host": host, "port": port, "db": address.db}
    return Connection(_standalone(address, {**of_broker, **server}), Redis(**options, **server))


def _standalone(address: RedisAddress, options: dict[str, Any]) -> RedisBroker:
    if not address.tls:
        return RedisBroker(**options)
    del options["ssl"]  # FastStream hands its options to a pool, which knows TLS by the scheme alone
    return RedisBroker("rediss://", **options)
