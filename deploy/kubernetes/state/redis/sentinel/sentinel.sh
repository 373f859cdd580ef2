#!/bin/sh
# Writes the configuration once: later it holds what this Sentinel knows. Passwords are written anew at each start.
set -eu
umask 077
cd "${DATA:-/data}"
secrets=${SECRETS:-/run/secrets/redis} certificates=${CERTIFICATES:-/run/certs/redis}
password=$(cat "$secrets/password")
own=$(cat "$secrets/sentinel_password")
if [ ! -f sentinel.conf ]; then
    cat > sentinel.conf <<END
port 0
tls-port 26379
tls-cert-file $certificates/tls.crt
tls-key-file $certificates/tls.key
tls-ca-cert-file $certificates/ca.crt
tls-auth-clients no
tls-replication yes
sentinel resolve-hostnames yes
sentinel announce-hostnames yes
sentinel announce-ip $POD.sentinel.$NAMESPACE.svc
sentinel announce-port 26379
sentinel monitor events redis-0.redis.$NAMESPACE.svc 6379 2
sentinel down-after-milliseconds events 5000
sentinel failover-timeout events 30000
sentinel parallel-syncs events 1
END
fi
grep -v -e '^requirepass ' -e '^sentinel sentinel-pass ' -e '^sentinel auth-pass ' -e '^user ' sentinel.conf > next.conf
{
    echo "requirepass $own"
    echo "sentinel sentinel-pass $own"
    echo "sentinel auth-pass events $password"
} >> next.conf
mv next.conf sentinel.conf
cksum < "$certificates/tls.crt" > certificate
exec redis-sentinel sentinel.conf
