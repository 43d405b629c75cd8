#!/usr/bin/env bash
# Lays out in the folder $2 all that the program $1 needs to run alone: itself, the libraries that it loads, authorities
# for TLS, a user of its own and the folders that it writes to. No shell, no package manager.
# Usage: root.sh PROGRAM FOLDER
set -euo pipefail
program=$1
root=$2
mkdir -p "$root"/{etc/ssl/certs,etc/turnout,usr/bin,etc/turnout-keys,tmp,proc,dev,run/turnout,var/lib/turnout}
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/run/turnout" "$root/var/lib/turnout" 2>/dev/null || true
cp "$program" "$root/usr/bin/"
# A library stands where the loader looks for it; the loader itself has no arrow.
ldd "$program" | awk '/=> \//{print $3} /^\t\//{print $1}' | while read -r library; do
  install -D -m 755 "$library" "$root$library"
done
echo 'turnout:x:65532:65532::/:/' >"$root/etc/passwd"
echo 'turnout:x:65532:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
if [[ -f /etc/ssl/certs/ca-certificates.crt ]]; then
  cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  # Where OpenSSL looks first.
  mkdir -p "$root/usr/lib/ssl"
  ln -sf /etc/ssl/certs/ca-certificates.crt "$root/usr/lib/ssl/cert.pem"
fi
