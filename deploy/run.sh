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
# variables give credentials, region and endpoints; keys reach tintype-sync alone. Where server.listen
# and storage.dir have their defaults, which are system folders, they are put below STATE_DIR. A
# daemon that dies is started again. SIGHUP, SIGINT and SIGTERM stop all, and the exit status is 0.
#
# Root's daemons run as another user: that of server.user, else STATE_DIR's owner, else tintype, else
# nobody. What that user cannot reach is copied to a folder below /var/tmp, and served from there.
set -euo pipefail

fail() {
    echo >&2 "make run: $*"
    exit 1
}

# A process shows for life, in /proc/PID/environ, what it was started with. So this script starts
# itself again without the keys, reads them from a pipe, and knows them as a variable of its own.
secrets=(AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN
    AWS_CONTAINER_AUTHORIZATION_TOKEN)
if [[ ${1:-} != --keys-on-3 ]]; then
    exec env "${secrets[@]/#/--unset=}" "$0" --keys-on-3 \
        3< <(env -0 | grep -zE "^($(IFS='|' && echo "${secrets[*]}"))=")
fi
mapfile -d '' -t keys <&3
exec 3<&-

root=$(cd "$(dirname "$0")/.." && pwd)
port=${PORT:-8080}
config=${CONFIG:-}
build=$(cd "${BUILD:-$root/build}" && pwd)
www=$root/www
lighttpd_config=$root/deploy/lighttpd.conf
lighttpd=$(PATH=$PATH:/usr/sbin command -v lighttpd) || fail 'lighttpd is missing: make deps'

[[ $port =~ ^[0-9]{1,5}$ && $port -ge 1 && $port -le 65535 ]] || fail "PORT=$port is not a port"
[[ -z $config || -r $config ]] || fail "CONFIG=$config cannot be read"
answers() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }
if answers; then
    fail "port $port is in use; stop what listens there, or choose another: make run PORT=8081"
fi

is_new=''
[[ -d ${STATE_DIR:=$root/var} ]] || is_new=yes
mkdir -p "$STATE_DIR"
STATE_DIR=$(cd "$STATE_DIR" && pwd)

arguments=()
[[ -z $config ]] || arguments=(-c "$config")
# One user runs both daemons here.
export TINTYPE_SYNC_USER=''
effective=$("$build/tintyped" "${arguments[@]}" -T) || fail 'tintyped refuses its configuration'

# setting SECTION KEY: prints the value that tintyped takes from environment, file and defaults.
setting() {
    awk -v section="[$1]" -v key="$2 = " '
        /^\[/ { inside = ($0 == section) }
        inside && index($0, key) == 1 { print substr($0, length(key) + 1) }' <<<"$effective"
}

# ---- root's daemons run as another user ----

account='' uid='' gid=''
drop=() # the options of setpriv that make a process that user's

# find_account NAME: looks up uid and gid of a user.
find_account() {
    local entry
    entry=$(getent passwd "$1") || return 1
    IFS=: read -r account _ uid gid _ <<<"$entry"
    drop=(--reuid "$uid" --regid "$gid" --init-groups)
}

choose_account() {
    local named
    named=$(setting server user)
    if [[ -n $named ]]; then
        find_account "$named" || fail "server.user: there is no user $named"
    elif [[ $(stat -c %u "$STATE_DIR") != 0 ]]; then
        read -r account uid gid <<<"$(stat -c '%U %u %g' "$STATE_DIR")"
        drop=(--reuid "$uid" --regid "$gid" --clear-groups)
    else
        find_account tintype || find_account nobody || fail 'there is no user nobody'
    fi
    [[ $uid != 0 ]] || fail "server.user: $named is root"
}

can_reach() {
    # shellcheck disable=SC2016  # The other shell expands them.
    setpriv "${drop[@]}" sh -c 'test -x "$1" && test -r "$2" && test -r "$3" && test -w "$4"' sh \
        "$build/tintyped" "$www/index.html" "$lighttpd_config" "$STATE_DIR"
}

# The folder's name depends on user and STATE_DIR alone, so that the next run finds its pictures
# again. Anybody may make folders in /var/tmp, so one of that name has to be root's.
move_to_var_tmp() {
    local folder
    folder=/var/tmp/tintype-$uid-$(cksum <<<"$STATE_DIR" | cut -d ' ' -f 1)
    echo "make run: user $account cannot use $root or $STATE_DIR, so a copy of programs and page," \
        "and new state, are below $folder"
    [[ -z $is_new ]] || rmdir "$STATE_DIR"
    mkdir -m 755 "$folder" 2>/dev/null || [[ $(stat -c '%u %a %F' "$folder") == '0 755 directory' ]] ||
        fail "$folder is not root's alone; remove it"
    rm -rf "$folder/tree"
    mkdir -p "$folder/tree" "$folder/state"
    cp -r "$build/tintyped" "$build/tintype-sync" "$www" "$lighttpd_config" "$folder/tree"
    chmod -R a+rX,go-w "$folder/tree"
    chown "$uid:$gid" "$folder/state"
    chmod 700 "$folder/state"
    build=$folder/tree www=$folder/tree/www lighttpd_config=$folder/tree/lighttpd.conf
    STATE_DIR=$folder/state
}

if [[ $EUID -eq 0 ]]; then
    choose_account
    [[ -z $is_new ]] || chown "$uid:$gid" "$STATE_DIR"
    can_reach || move_to_var_tmp
    [[ -z $config ]] || setpriv "${drop[@]}" test -r "$config" || fail "user $account cannot read CONFIG=$config"
fi

# ---- what is started, and how ----

TINTYPE_SERVER_LISTEN=$(setting server listen)
TINTYPE_STORAGE_DIR=$(setting storage dir)
[[ $TINTYPE_SERVER_LISTEN != /run/tintype/tintyped.sock ]] || TINTYPE_SERVER_LISTEN=$STATE_DIR/tintyped.sock
[[ $TINTYPE_STORAGE_DIR != /var/lib/tintype ]] || TINTYPE_STORAGE_DIR=$STATE_DIR
export TINTYPE_SERVER_LISTEN TINTYPE_STORAGE_DIR

# become COMMAND...: the shell becomes the command, as the user of the daemons. A Ctrl-C must reach
# this script alone, which stops the daemons in their order; hence setsid. Should the script be
# killed, they must end with it; hence --pdeathsig.
become() { exec setsid setpriv "${drop[@]}" --pdeathsig TERM "$@"; }

become_sync() {
    umask 0007
    [[ ${#keys[@]} -eq 0 ]] || export "${keys[@]}"
    become "$build/tintype-sync" "${arguments[@]}" "$@"
}

has_sync=''
if [[ -n $(setting s3 bucket) || -n $(setting cloudwatch log_group) ]]; then
    has_sync=yes
    (become_sync -t) >/dev/null || fail 'tintype-sync refuses its configuration'
fi

start_tintyped() {
    (umask 0007 && become "$build/tintyped" "${arguments[@]}") </dev/null &
    tintyped_pid=$!
}

start_sync() {
    (become_sync) </dev/null &
    sync_pid=$!
}

start_lighttpd() {
    (
        export PORT="$port" STATE_DIR WWW_DIR="$www" API_SOCKET="$TINTYPE_SERVER_LISTEN"
        API_PATH=$(setting server base_path)
        BODY_KIB=$((($(setting server max_body_bytes) + 1048576) / 1024))
        export API_PATH BODY_KIB
        become "$lighttpd" -D -f "$lighttpd_config"
    ) </dev/null &
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
