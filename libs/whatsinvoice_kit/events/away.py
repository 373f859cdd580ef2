"""What commands of Redis raise while it is away."""

from redis.exceptions import RedisClusterException, RedisError

AWAY = (RedisError, RedisClusterException, OSError)
"""In any mode: a cluster without the nodes that one needs raises what is no RedisError."""
