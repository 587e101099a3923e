#!/bin/bash
# rgw-stop.sh DIR: ends what rgw.sh DIR started, and nothing else. By SIGKILL: the store is in memory,
# so there is nothing to write.
set -euo pipefail

dir=$(realpath -m "${1:?usage: rgw-stop.sh DIR}")
for name in rgw osd mon; do
    [[ -f $dir/$name.pid ]] || continue
    pid=$(cat "$dir/$name.pid")
    # The pid may be another's by now; ours carries this directory in its environment.
    if grep -qsF "CEPH_CONF=$dir/ceph.conf" "/proc/$pid/environ"; then
        kill -9 "$pid"
    fi
    rm -f "$dir/$name.pid"
done
