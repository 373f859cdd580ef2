"""How the library `limits` reaches Redis: the address and the options that its stores want, in each mode."""

from typing import Any

from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.retry import Retry

from whatsinvoice_kit.config.redis_address import RedisAddress
from whatsinvoice_kit.events.lazy_cluster import LazyCluster

CLUSTER = "whatsinvoice+redis+cluster"
"""The scheme of the store that takes a LazyCluster."""
Store = tuple[str, dict[str, Any]]


def sync_store(address: RedisAddress, seconds: float) -> Store:
    """Of a store that holds its caller for `seconds` at most when Redis hangs."""
    if address.mode == "cluster":
        return f"{CLUSTER}://", {"client": LazyCluster(address, seconds)}
    uri, options = _store(address, retry=Retry(NoBackoff(), 1))
    timeouts = {"socket_timeout": seconds, "socket_connect_timeout": seconds}
    if address.mode == "sentinel":
        options["sentinel_kwargs"] |= timeouts
    return uri, options | timeouts


def async_store(address: RedisAddress) -> Store:
    """Of a store for one event loop."""
    uri, options = _store(address, retry=AsyncRetry(NoBackoff(), 1))
    return f"async+{uri}", options | {"implementation": "redispy"}


def _store(address: RedisAddress, **shared: Any) -> Store:
    nodes = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in address.nodes)
    options = address.account() | shared
    if address.mode == "standalone":
        options.pop("ssl", None)  # the scheme says it
        return f"{'rediss' if address.tls else 'redis'}://{nodes}/{address.db}", options
    if address.mode == "sentinel":
        asking = address.sentinel_account() | shared
        named = {"service_name": address.service, "db": address.db, "use_replicas": False, "sentinel_kwargs": asking}
        return f"redis+sentinel://{nodes}", options | named
    return f"redis+cluster://{nodes}", options
