#!/bin/sh
# Waits for all six, and makes a cluster of them unless they are one.
set -eu
secrets=${SECRETS:-/run/secrets/redis} certificates=${CERTIFICATES:-/run/certs/redis}
REDISCLI_AUTH=$(cat "$secrets/password")
export REDISCLI_AUTH
ask() {
    host=$1
    shift
    redis-cli --tls --cacert "$certificates/ca.crt" -h "$host" "$@"
}
nodes=
for number in 0 1 2 3 4 5; do
    host=redis-$number.redis.$NAMESPACE.svc
    until ask "$host" ping | grep -q PONG; do sleep 1; done
    nodes="$nodes $(getent hosts "$host" | cut -d ' ' -f 1):6379"
done
if ask "redis-0.redis.$NAMESPACE.svc" cluster info | grep -q '^cluster_state:ok'; then
    exit 0
fi
# shellcheck disable=SC2086  # six words
redis-cli --tls --cacert "$certificates/ca.crt" --cluster create $nodes --cluster-replicas 1 --cluster-yes
