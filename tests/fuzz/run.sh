#!/bin/bash
# usage: tests/fuzz/run.sh FOLDER SECONDS JOBS FUZZER...
# Runs the fuzzers of a build, so many at a time and each for so long, from seeds that are made anew. Each
# keeps what it finds in FOLDER/found, and ends with one line here.
set -euo pipefail
folder=$1 seconds=$2 jobs=$3
shift 3
"${PYTHON:-/usr/bin/python3}" tests/fuzz/make_seeds.py "$folder/seeds"
mkdir -p "$folder/found"
export folder seconds

fuzz() {
    local name=$1 log=$folder/$1.log dictionary=tests/fuzz/$1.dict status=0
    local options=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=1500 -print_final_stats=1
                   -artifact_prefix="$folder/found/$name-")
    [ ! -e "$dictionary" ] || options+=(-dict="$dictionary")
    mkdir -p "$folder/corpus/$name"
    "$folder/$name" "${options[@]}" "$folder/corpus/$name" "$folder/seeds/$name" >"$log" 2>&1 || status=$?
    if [ $status = 0 ]; then
        sed -n "s/^stat::number_of_executed_units: */$name: $seconds s, no finding, inputs: /p" "$log"
        return
    fi
    grep -v "^#" "$log" | tail -n 40
    echo "$name: ended with $status: see $log"
    return 1
}
export -f fuzz
printf '%s\n' "$@" | xargs -P"$jobs" -I{} bash -c 'fuzz {}'
