"""Where slowapi counts when Redis is a cluster: the store of `limits`, on a client that connects when it is needed."""

from typing import Any

from limits.storage import RedisClusterStorage, RedisStorage
from whatsinvoice_kit.events.limit_stores import CLUSTER


class ClusterStorage(RedisClusterStorage):
    """The library's own connects at once, and a gateway starts also while Redis is away."""

    STORAGE_SCHEME = [CLUSTER]  # noqa: RUF012  (the base's own, by which `limits` finds it)

    def __init__(self, uri: str, *, client: Any, wrap_exceptions: bool) -> None:
        super(RedisStorage, self).__init__(uri, wrap_exceptions)
        self.key_prefix = self.PREFIX
        self.target_server = "redis"
        self.dependency = self.dependencies["redis"].module
        self.storage = client
        self.initialize_storage(uri)
