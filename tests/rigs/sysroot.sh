#!/bin/bash
# sysroot.sh ARCHITECTURE FOLDER PACKAGE...: unpacks Debian packages of another architecture, and what they
# depend on, into FOLDER, for a cross-compiler to find headers and libraries in and for qemu-user to run
# programs with. Nothing of them is installed or run here, so it needs no root, and the host's own packages
# stay as they are. apt's sources and mirrors are the host's. When FOLDER has these packages already, the script
# does nothing.
set -euo pipefail

architecture=$1 folder=$2
shift 2
[[ $(cat "$folder/packages" 2>/dev/null) != "$*" ]] || exit 0

rm -rf "$folder"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/archives/partial"
folder=$(cd "$folder" && pwd)
touch "$folder/apt/status"

as_foreign() {
    apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
        -o Dir::State::status="$folder/apt/status" -o Dir::State::Lists="$folder/apt/lists" \
        -o Dir::Cache="$folder/apt" -o Dir::State::extended_states="$folder/apt/extended_states" \
        -o Debug::NoLocking=true -o APT::Sandbox::User="$(id -un)" "$@" </dev/null
}

as_foreign update
as_foreign install --yes --no-install-recommends --download-only "$@"
for package in "$folder"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$folder"
done
rm -r "$folder/apt"
echo "$*" >"$folder/packages"
