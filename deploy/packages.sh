#!/bin/bash
# packages.sh PACKAGE...: installs those Debian packages that are missing; quick when none is. The
# lists are in the Makefile.
set -euo pipefail

missing=()
for package in "$@"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null) || status=none
    [[ $status == installed ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

echo "installing: ${missing[*]}"
as_root=()
[[ $(id -u) -eq 0 ]] || as_root=(sudo)
had_lighttpd=$(command -v lighttpd /usr/sbin/lighttpd || true)
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq --yes --no-install-recommends "${missing[@]}" </dev/null

# Debian's package starts a lighttpd of its own on port 80, which nobody asked for here.
if [[ -z $had_lighttpd && -d /run/systemd/system && -x /usr/sbin/lighttpd ]]; then
    "${as_root[@]}" systemctl disable --now lighttpd
fi
