#!/usr/bin/env bash
# Installs the real peers that the tests and benchmarks speak to, as far as they are missing: Debian
# packages, so it needs root and apt. Where it cannot, it says so and the tests that need a peer are
# skipped by name. With --list it only prints what is missing.
set -u

# command:package
peers=(
  nginx:nginx-light haproxy:haproxy caddy:caddy varnishd:varnish
  curl:curl openssl:openssl wrk:wrk h2load:nghttp2-client nghttp:nghttp2-client
  strace:strace chromium:chromium systemd-analyze:systemd prometheus:prometheus promtool:prometheus
  pebble:pebble knotd:knot redis-server:redis-server mariadbd:mariadb-server dnsmasq:dnsmasq-base
  php-fpm8.2:php8.2-fpm htpasswd:apache2-utils argon2:argon2
  psql:postgresql-client-15 redis-cli:redis-tools mariadb:mariadb-client iperf3:iperf3
  dig:bind9-dnsutils rsyslogd:rsyslog
)
# python module:package
modules=(h2:python3-h2 hpack:python3-hpack grpc:python3-grpcio jwt:python3-jwt)

# path:package. WordPress asks for a web server, which nginx is, and for PHP's modules. Debian keeps the server of
# PostgreSQL out of the search path, and nginx's streams are a module of their own. phpMyAdmin would set up a
# database of its own but for dbconfig-no-thanks.
trees=(
  /usr/share/wordpress/wp-includes:wordpress
  /usr/share/wordpress/wp-content/themes/twentytwentythree:wordpress-theme-twentytwentythree
  /usr/share/php8.2-mysql:php8.2-mysql
  /usr/share/doc/dbconfig-no-thanks:dbconfig-no-thanks /usr/share/phpmyadmin:phpmyadmin
  /usr/share/dokuwiki:dokuwiki /usr/share/mediawiki:mediawiki /usr/share/adminer:adminer
  /usr/lib/postgresql/15/bin/postgres:postgresql-15
  /usr/lib/nginx/modules/ngx_stream_module.so:libnginx-mod-stream
)

look() {
  missing=()
  for tree in "${trees[@]}"; do
    [ -e "${tree%%:*}" ] || missing+=("${tree#*:}")
  done
  for peer in "${peers[@]}"; do
    command -v "${peer%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${peer%%:*}" ] || missing+=("${peer#*:}")
  done
  for module in "${modules[@]}"; do
    /usr/bin/python3 -c "import ${module%%:*}" >/dev/null 2>&1 || missing+=("${module#*:}")
  done
}
look

if [ "${1:-}" = --list ]; then
  printf '%s\n' "${missing[@]+"${missing[@]}"}" | sort -u
  exit 0
fi
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "peers: not installed, and no root or no apt here: ${missing[*]}" >&2
  exit 0
fi

# One run at a time: apt takes its locks without waiting, and the policy below is for all of the machine.
exec 9>/run/lock/fluxheim-peers && flock 9
look
[ ${#missing[@]} -eq 0 ] && exit 0

# The packages must not start services of their own: the tests start each peer on a port of their own.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
echo "peers: installing ${missing[*]}" >&2
apt-get update -qq >/dev/null 2>&1
for package in $(printf '%s\n' "${missing[@]}" | sort -u); do
  apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1 ||
    echo "peers: cannot install $package" >&2
done
exit 0
