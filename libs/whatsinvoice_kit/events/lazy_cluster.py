"""A synchronous client of a cluster that is made when it is first asked, for those who start while Redis is away."""

from typing import Any

from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.commands.core import Script
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from whatsinvoice_kit.config.redis_address import RedisAddress


class LazyCluster:
    """redis-py's own asks the cluster for its nodes as soon as it is made, and raises when none answers.

    Commands raise redis.exceptions.ConnectionError also when it is the cluster as a whole that is not there.
    """

    def __init__(self, address: RedisAddress, seconds: float) -> None:
        self._address = address
        self._seconds = seconds
        self._client: Any = None

    def register_script(self, script: bytes) -> Script:
        """Callable like redis-py's own."""
        itself: Any = self
        return Script(itself, script)

    def close(self) -> None:
        """Ends the connections, if there are any."""
        if self._client is not None:
            self._client.close()

    def _connected(self) -> Any:
        if self._client is None:
            timeouts = {"socket_timeout": self._seconds, "socket_connect_timeout": self._seconds}
            node: Any = ClusterNode  # which has no types
            nodes = [node(host, port) for host, port in self._address.nodes]
            options: dict[str, Any] = {**self._address.account(), **timeouts, "retry": Retry(NoBackoff(), 1)}
            self._client = RedisCluster(startup_nodes=nodes, **options)
        return self._client

    def __getattr__(self, command: str) -> Any:
        def call(*arguments: Any, **options: Any) -> Any:
            try:
                return getattr(self._connected(), command)(*arguments, **options)
            except RedisClusterException as error:
                raise RedisConnectionError(str(error)) from error

        return call
