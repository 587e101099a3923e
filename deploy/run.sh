#!/bin/bash
# Runs lighttpd, tintyped and, where a bucket or a log group is configured, tintype-sync in the
# foreground. `make run` does nothing else. In production a service manager does this better.
#
#   PORT       port to listen on, at 127.0.0.1 (8080)
#   STATE_DIR  folder of sockets, spool, journal and the access log (./var)
#   CONFIG     configuration file of both daemons
#   BUILD      folder of the programs (./build)
#
# The environment reaches both daemons, so TINTYPE_<SECTION>_<KEY> sets any key, and the AWS
# variables give credentials, region and endpoints. Where server.listen and storage.dir have their
# defaults, which are system folders, they are put below STATE_DIR. A daemon that dies is started
# again. SIGHUP, SIGINT and SIGTERM stop all, and the exit status is 0.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
port=${PORT:-8080}
config=${CONFIG:-}
build=$(cd "${BUILD:-$root/build}" && pwd)
lighttpd=$(PATH=$PATH:/usr/sbin command -v lighttpd) || { echo >&2 'lighttpd is missing: make deps'; exit 1; }

fail() {
    echo >&2 "make run: $*"
    exit 1
}

[[ $port =~ ^[0-9]{1,5}$ && $port -ge 1 && $port -le 65535 ]] || fail "PORT=$port is not a port"
[[ -z $config || -r $config ]] || fail "CONFIG=$config cannot be read"
mkdir -p "${STATE_DIR:=$root/var}"
STATE_DIR=$(cd "$STATE_DIR" && pwd)

arguments=()
[[ -z $config ]] || arguments=(-c "$config")
effective=$("$build/tintyped" "${arguments[@]}" -T) || fail 'tintyped refuses its configuration'

# setting SECTION KEY: prints the value that tintyped takes from environment, file and defaults.
setting() {
    awk -v section="[$1]" -v key="$2 = " '
        /^\[/ { inside = ($0 == section) }
        inside && index($0, key) == 1 { print substr($0, length(key) + 1) }' <<<"$effective"
}

TINTYPE_SERVER_LISTEN=$(setting server listen)
TINTYPE_STORAGE_DIR=$(setting storage dir)
[[ $TINTYPE_SERVER_LISTEN != /run/tintype/tintyped.sock ]] || TINTYPE_SERVER_LISTEN=$STATE_DIR/tintyped.sock
[[ $TINTYPE_STORAGE_DIR != /var/lib/tintype ]] || TINTYPE_STORAGE_DIR=$STATE_DIR
export TINTYPE_SERVER_LISTEN TINTYPE_STORAGE_DIR

has_sync=''
if [[ -n $(setting s3 bucket) || -n $(setting cloudwatch log_group) ]]; then
    has_sync=yes
    "$build/tintype-sync" "${arguments[@]}" -t >/dev/null || fail 'tintype-sync refuses its configuration'
fi

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
if answers; then
    fail "port $port is in use; stop what listens there, or choose another: make run PORT=8081"
fi

# A Ctrl-C must reach this script alone, which stops the daemons in their order; hence setsid.
# Should the script be killed, they must end with it; hence setpriv.
start_tintyped() {
    (umask 0007 && exec setsid setpriv --pdeathsig TERM "$build/tintyped" "${arguments[@]}") </dev/null &
    tintyped_pid=$!
}

start_sync() {
    (umask 0007 && exec setsid setpriv --pdeathsig TERM "$build/tintype-sync" "${arguments[@]}") </dev/null &
    sync_pid=$!
}

# lighttpd has no use for credentials, so its environment has none.
start_lighttpd() {
    env -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN -u AWS_SECURITY_TOKEN \
        -u AWS_CONTAINER_AUTHORIZATION_TOKEN \
        PORT="$port" STATE_DIR="$STATE_DIR" WWW_DIR="$root/www" API_SOCKET="$TINTYPE_SERVER_LISTEN" \
        API_PATH="$(setting server base_path)" \
        BODY_KIB="$((($(setting server max_body_bytes) + 1048576) / 1024))" \
        setsid setpriv --pdeathsig TERM "$lighttpd" -D -f "$root/deploy/lighttpd.conf" </dev/null &
    lighttpd_pid=$!
}

# await PID COMMAND...: waits until the command succeeds, and fails when the process ends first.
await() {
    local pid=$1
    shift
    until "$@"; do
        kill -0 "$pid" 2>/dev/null || return 1
        sleep 0.05
    done
}

# The socket may be left by a tintyped that was killed, or belong to another one. Ours is a new
# file.
socket_file() { stat -c '%i %.9Z' "$TINTYPE_SERVER_LISTEN" 2>/dev/null || true; }
listens() { [[ -S $TINTYPE_SERVER_LISTEN && $(socket_file) != "$socket_before" ]]; }

tintyped_pid='' sync_pid='' lighttpd_pid='' stopping=''

stop_one() {
    [[ -n $2 ]] || return 0
    kill "-$1" "$2" 2>/dev/null || true
    wait "$2" 2>/dev/null || true
}

# lighttpd stops first, so that uploads under way are answered before tintyped goes.
stop() {
    stopping=yes
    stop_one INT "$lighttpd_pid"
    stop_one TERM "$tintyped_pid"
    stop_one TERM "$sync_pid"
}
trap 'trap "" HUP INT TERM; stop; exit 0' HUP INT TERM
trap '[[ -n $stopping ]] || stop' EXIT

socket_before=$(socket_file)
start_tintyped
await "$tintyped_pid" listens || fail 'tintyped did not start'
[[ -z $has_sync ]] || start_sync
start_lighttpd
await "$lighttpd_pid" answers || fail "lighttpd did not start on port $port"
echo "tintype serves on http://127.0.0.1:$port (state in $STATE_DIR); Ctrl-C stops it"

# The daemons are looked at twice a second, so one that always dies at once makes no busy loop.
# (wait -n may miss a death that the shell has already reported.) A signal ends a wait at once, but
# not a sleep.
while true; do
    sleep 0.5 &
    wait $! || true
    if ! kill -0 "$tintyped_pid" 2>/dev/null; then
        echo >&2 'make run: tintyped ended; starting it again'
        start_tintyped
    fi
    if [[ -n $has_sync ]] && ! kill -0 "$sync_pid" 2>/dev/null; then
        echo >&2 'make run: tintype-sync ended; starting it again'
        start_sync
    fi
    if ! kill -0 "$lighttpd_pid" 2>/dev/null; then
        echo >&2 'make run: lighttpd ended; starting it again'
        start_lighttpd
    fi
done
