#!/bin/sh
# A Sentinel reads its certificate at its start alone. Once the file is another one this fails, and the kubelet starts it
# anew, which costs nothing: what it knows is in its folder, and clients ask it only when they connect.
set -eu
secrets=${SECRETS:-/run/secrets/redis} certificates=${CERTIFICATES:-/run/certs/redis}
[ "$(cksum < "$certificates/tls.crt")" = "$(cat "${DATA:-/data}/certificate")" ]
REDISCLI_AUTH=$(cat "$secrets/sentinel_password") \
    redis-cli --tls --cacert "$certificates/ca.crt" -p "${PORT:-26379}" ping | grep -q PONG
