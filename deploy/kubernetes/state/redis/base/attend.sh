#!/bin/sh
# Beside each server, for what Redis does not look at again by itself: a certificate that was renewed, and in a cluster
# the addresses of the others. nodes.conf knows those of the last start; when all pods come back at once, nobody finds
# anybody, and their names are what is left. PEERS has them, `name:port@bus` each; empty where it is no cluster.
set -eu
secrets=${SECRETS:-/run/secrets/redis} certificates=${CERTIFICATES:-/run/certs/redis}
ask() {  # the server of this pod: with whatever certificate it has, since the authority may be a new one too
    REDISCLI_AUTH=$(cat "$secrets/password") redis-cli --tls --insecure -p "${PORT:-6379}" "$@"
}
used=
while sleep "${EVERY:-5}"; do
    ask ping 2> /dev/null | grep -q PONG || continue
    renewed=$(cat "$certificates/tls.crt" "$certificates/ca.crt" | cksum)
    if [ "$renewed" != "$used" ]; then
        answer=$(ask config set tls-cert-file "$certificates/tls.crt" tls-key-file "$certificates/tls.key" \
            tls-ca-cert-file "$certificates/ca.crt" || true)
        echo "certificate: $answer"
        [ "$answer" != OK ] || used=$renewed
    fi
    [ -n "${PEERS:-}" ] || continue
    cluster=$(ask cluster info | tr -d '\r')
    # alone means that it is in no cluster yet: the Job `form` makes one, of servers that know nobody
    case $cluster in
        *cluster_state:ok* | *cluster_known_nodes:1[!0-9]*) continue ;;
    esac
    for peer in $PEERS; do
        ports=${peer#*:}
        address=$(getent hosts "${peer%%:*}" | cut -d ' ' -f 1)
        [ -z "$address" ] || ask cluster meet "$address" "${ports%@*}" "${ports#*@}" > /dev/null || true
    done
    echo "cluster: told of $PEERS"
done
