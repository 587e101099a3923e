#!/bin/bash
# rgw.sh DIR PORT: starts an S3 service for tests, a Ceph of one node: a monitor, one OSD that keeps
# everything in memory, and a RADOS gateway. They are plain processes on 127.0.0.1 and keep all files below
# DIR, which must not exist. The script ends when the gateway answers; rgw-stop.sh DIR ends the processes.
#
#   PORT          http; path style, and virtual hosts below s3.localhost
#   PORT+1        https; the certificate is DIR/cert.pem
#   PORT+2 to +63 the cluster's own
#
# S3, STS and IAM's roles answer to ACCESS_KEY and SECRET_KEY; SSE-KMS knows the key testkey-1.
# RGW_DEBUG=20 writes canonical requests and strings to sign to DIR/log/client.rgw.log.
# It needs the packages ceph-mon, ceph-osd, radosgw, ceph-common, openssl and curl.
set -euo pipefail

usage='usage: rgw.sh DIR PORT'
dir=$(realpath -m "${1:?$usage}")
port=${2:?$usage}
access_key=${ACCESS_KEY:-AKIARIGTESTER0000001}
secret_key=${SECRET_KEY:-rigSecret/With+Slash0123456789abcdefABCD}
monitor="[v2:127.0.0.1:$((port + 2)),v1:127.0.0.1:$((port + 3))]"

fail() {
    echo "rgw.sh: $*" >&2
    tail -n 5 "$dir"/log/* >&2 || true
    "$(dirname "$0")/rgw-stop.sh" "$dir"
    exit 1
}

# background NAME COMMAND...: starts a command, whose pid goes to DIR/NAME.pid, where rgw-stop.sh looks.
background() {
    local name=$1
    shift
    setsid "$@" >>"log/$name.out" 2>&1 </dev/null &
    echo $! >"$name.pid"
}

# await WHAT NAME COMMAND...: waits until the command succeeds, and fails at once when the process NAME ends.
await() {
    local what=$1 name=$2
    shift 2
    for ((tries = 0; tries < 600; tries++)); do
        if "$@" >/dev/null 2>&1; then return; fi
        kill -0 "$(cat "$name.pid")" 2>/dev/null || fail "$name ended before $what"
        sleep 0.05
    done
    fail "no $what after 30 s"
}

[[ ! -e $dir ]] || { echo "rgw.sh: $dir exists" >&2; exit 1; }
mkdir -p "$dir"/{mon,osd,rgw,run,log}
cd "$dir"
export CEPH_CONF=$dir/ceph.conf

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=s3.localhost \
    -addext 'subjectAltName=DNS:localhost,DNS:s3.localhost,DNS:*.s3.localhost,IP:127.0.0.1' \
    -keyout key.pem -out cert.pem 2>log/openssl.out
cat cert.pem key.pem >frontend.pem

cluster=$(cat /proc/sys/kernel/random/uuid)
disk=$(cat /proc/sys/kernel/random/uuid)
kms_key=$(head -c 32 /dev/urandom | base64)

# Each map change waits for the paxos intervals, so short ones make the start ten times as fast.
cat >ceph.conf <<CONF
[global]
fsid = $cluster
mon host = $monitor
mon initial members = a
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind port min = $((port + 10))
ms bind port max = $((port + 63))
keyring = $dir/keyring
run dir = $dir/run
log file = $dir/log/\$name.log
admin socket = $dir/run/\$name.asok
pid file = $dir/run/\$name.pid
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 1
auth allow insecure global id reclaim = false
paxos propose interval = 0.02
paxos min wait = 0.01
debug ms = 0

[mon.a]
mon data = $dir/mon

[osd.0]
osd data = $dir/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd op num shards = 2

[client.rgw]
rgw data = $dir/rgw
rgw frontends = beast endpoint=127.0.0.1:$port ssl_endpoint=127.0.0.1:$((port + 1)) ssl_certificate=$dir/frontend.pem
rgw dns name = s3.localhost
rgw thread pool size = 64
rgw crypt require ssl = false
rgw crypt s3 kms backend = testing
rgw crypt s3 kms encryption keys = testkey-1=$kms_key
rgw s3 auth use sts = true
rgw sts key = abcdefghijklmnop
rgw enable usage log = false
rgw enable gc threads = false
rgw enable lc threads = false
rgw enable quota threads = false
rgw run sync thread = false
debug rgw = ${RGW_DEBUG:-1}
CONF

ceph-authtool --create-keyring keyring --gen-key -n mon. --cap mon 'allow *' >/dev/null
for name in client.admin osd.0 client.rgw; do
    ceph-authtool keyring --gen-key -n $name --cap mon 'allow *' --cap osd 'allow *' >/dev/null
done
monmaptool --create --fsid "$cluster" --addv a "$monitor" monmap >/dev/null
ceph-mon --mkfs -i a --monmap monmap --keyring keyring

background mon ceph-mon -f -i a
timeout 30 ceph --connect-timeout 20 osd new "$disk" >/dev/null || fail 'the monitor does not answer'

ceph-osd --mkfs -i 0 --osd-uuid "$disk" >>log/osd.out 2>&1 || fail 'the OSD cannot be made'
ceph osd crush add osd.0 1 host=one root=default >/dev/null 2>&1 || fail 'the OSD has no place'
background osd ceph-osd -f -i 0
osd_is_up() { ceph osd dump | grep -q '^osd\.0 up'; }
await 'the OSD' osd osd_is_up

radosgw-admin user create --uid=tester --display-name=tester \
    --access-key="$access_key" --secret-key="$secret_key" --caps='roles=*' >log/user.out 2>&1 ||
    fail 'no user'
background rgw radosgw -f -n client.rgw
await 'the gateway' rgw curl -sf -q --noproxy '*' -o /dev/null "http://127.0.0.1:$port/"
