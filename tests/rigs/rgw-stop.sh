#!/bin/bash
# rgw-stop.sh DIR: ends what rgw.sh DIR started, and nothing else. SIGKILL will do, because the store is in
# memory and has nothing to write.
set -euo pipefail

dir=$(realpath -m "${1:?usage: rgw-stop.sh DIR}")
for name in rgw osd mon; do
    [[ -f $dir/$name.pid ]] || continue
    pid=$(cat "$dir/$name.pid")
    # The pid may belong to another process by now; ours carries this directory in its environment.
    if grep -qsF "CEPH_CONF=$dir/ceph.conf" "/proc/$pid/environ"; then
        kill -9 "$pid"
    fi
    rm -f "$dir/$name.pid"
done
