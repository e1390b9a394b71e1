#!/bin/sh
# Installs what the benches need and pip does not have: nginx, wrk, h2load, openssl; for `peers` node.
# Run by `make bench` and `make bench-peers`; says nothing when everything is there.
set -eu

packages=""
need() { # command, Debian package
  PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null 2>&1 || packages="$packages $2"
}
need nginx nginx-light
need wrk wrk
need h2load nghttp2-client
need openssl openssl
need taskset util-linux
if [ "${1:-}" = peers ]; then
  need npm npm
fi
[ -n "$packages" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "error: the benches need$packages; install them (on Debian: apt-get install$packages)" >&2
  exit 1
fi
echo "Installing$packages ..."
# Debian's nginx starts itself once installed; the benches start their own, so that is refused.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi
apt-get update -qq
# shellcheck disable=SC2086  # a list of words
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages >/dev/null
