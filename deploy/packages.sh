#!/bin/bash
# packages.sh PACKAGE...: installs those Debian packages that are missing, and does nothing when none
# is. The lists are in the Makefile.
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
new_servers=()
for server in lighttpd nginx apache2; do
    [[ -x /usr/sbin/$server ]] || new_servers+=("$server")
done
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -qq --yes --no-install-recommends "${missing[@]}" </dev/null

# Debian's packages start their web servers on port 80, which nobody asked for here. (apache2-bin
# brings no service.)
for server in "${new_servers[@]}"; do
    if [[ -d /run/systemd/system && -e /lib/systemd/system/$server.service ]]; then
        "${as_root[@]}" systemctl disable --now "$server"
    elif [[ -x /etc/init.d/$server ]]; then
        "${as_root[@]}" "/etc/init.d/$server" stop >/dev/null || true
    fi
done
