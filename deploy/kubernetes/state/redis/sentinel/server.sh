#!/bin/sh
# Writes the configuration anew, keeps the role that the last failover wrote into the old one, and becomes the server.
set -eu
umask 077
cd "${DATA:-/data}"
secrets=${SECRETS:-/run/secrets/redis} certificates=${CERTIFICATES:-/run/certs/redis}
password=$(cat "$secrets/password")
if [ -f redis.conf ]; then
    role=$(grep '^replicaof ' redis.conf || true)
elif [ "$POD" = redis-0 ]; then
    role=
else
    role="replicaof redis-0.redis.$NAMESPACE.svc 6379"
fi
cat > redis.conf <<END
port 0
tls-port 6379
tls-cert-file $certificates/tls.crt
tls-key-file $certificates/tls.key
tls-ca-cert-file $certificates/ca.crt
tls-auth-clients no
tls-replication yes
requirepass $password
masterauth $password
appendonly yes
appendfsync everysec
save ""
maxmemory $MAXMEMORY
maxmemory-policy noeviction
replica-announce-ip $POD.redis.$NAMESPACE.svc
min-replicas-to-write 1
min-replicas-max-lag 10
$role
END
while read -r user rules; do
    echo "user $user on >$(cat "$secrets/$user") $rules"
done < "${RULES:-/etc/redis/users.rules}" >> redis.conf
exec redis-server redis.conf
