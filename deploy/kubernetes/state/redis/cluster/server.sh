#!/bin/sh
# Writes the configuration and becomes the server; who has which slots stands in nodes.conf, which Redis writes itself.
set -eu
umask 077
cd "${DATA:-/data}"
secrets=${SECRETS:-/run/secrets/redis} certificates=${CERTIFICATES:-/run/certs/redis}
password=$(cat "$secrets/password")
cat > redis.conf <<END
port 0
tls-port 6379
tls-cert-file $certificates/tls.crt
tls-key-file $certificates/tls.key
tls-ca-cert-file $certificates/ca.crt
tls-auth-clients no
tls-replication yes
tls-cluster yes
requirepass $password
masterauth $password
appendonly yes
appendfsync everysec
save ""
maxmemory $MAXMEMORY
maxmemory-policy noeviction
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout 5000
cluster-announce-ip $ADDRESS
cluster-announce-hostname $POD.redis.$NAMESPACE.svc
cluster-preferred-endpoint-type hostname
END
while read -r user rules; do
    echo "user $user on >$(cat "$secrets/$user") $rules"
done < "${RULES:-/etc/redis/users.rules}" >> redis.conf
exec redis-server redis.conf
