#!/usr/bin/env bash
# An Elasticsearch for tests and trials: fetched once from Maven Central, kept under target/test-servers.
#   scripts/elasticsearch.sh start   starts it unless it runs, waits until it is ready, prints its URL
#   scripts/elasticsearch.sh url     prints the URL of the one that runs, fails when none does
#   scripts/elasticsearch.sh stop    stops it
set -euo pipefail

action=${1:?usage: scripts/elasticsearch.sh start|stop|url}
root=$(cd "$(dirname "$0")/.." && pwd)
home=${CARGO_TARGET_DIR:-$root/target}/test-servers/elasticsearch
mkdir -p "$home"

say() { echo "elasticsearch: $*" >&2; }
fail() { say "$*"; exit 1; }

# The server refuses to run as root, and the user it runs as may not reach this directory: then it lives in a temporary one.
if [ "$(id -u)" = 0 ]; then
  for user in nobody postgres; do id "$user" >/dev/null 2>&1 && break; done
  id "$user" >/dev/null 2>&1 || fail "started as root, but there is no user nobody or postgres to run as"
  as_user() { setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups "$@"; }
  place=$home
  as_user test -x "$home" -a -r "$home" 2>/dev/null ||
    place=/var/tmp/caravan-elasticsearch-$(printf %s "$home" | cksum | cut -d' ' -f1)
else
  as_user() { "$@"; }
  place=$home
fi

healthy() { curl -sf --noproxy '*' --max-time 5 "$1/_cluster/health?wait_for_status=yellow&timeout=4s" >/dev/null; }

running_url() { # prints the URL of a server of ours that runs
  local pid url
  [ -s "$home/pid" ] && [ -s "$home/url" ] || return 1
  pid=$(cat "$home/pid") url=$(cat "$home/url")
  if [ -d /proc/self ]; then tr '\0' ' ' <"/proc/$pid/cmdline"; else ps -o args= -p "$pid"; fi 2>/dev/null |
    grep -qF "caravan.elasticsearch.place=$place " || return 1
  echo "$url"
}

java_homes() {
  printf '%s\n' "${ES_JAVA_HOME:-}" "${JAVA_HOME:-}"
  if command -v java >/dev/null; then dirname "$(dirname "$(readlink -f "$(command -v java)")")"; fi
  ls -d /usr/lib/jvm/*/ /opt/java/*/ /opt/homebrew/opt/openjdk*/ 2>/dev/null | sed 's,/$,,' || true
}

major() { "$1/bin/java" -XshowSettings:properties -version 2>&1 | sed -n 's/ *java.specification.version = //p'; }

choose() { # sets java and version: 8.19.8 runs on Java 17 to 24, 9.2.0 on 25
  local home_of
  while read -r home_of; do
    [ -n "$home_of" ] && [ -x "$home_of/bin/java" ] || continue
    case $(major "$home_of") in
      17 | 18 | 19 | 2[0-4]) java=$home_of version=8.19.8; return ;;
      25 | 26) java=$home_of version=9.2.0 ;;
    esac
  done < <(java_homes)
  [ -n "${java:-}" ] || fail "needs Java 17 or later: install openjdk-17-jre-headless"
}

fetch() {
  [ -e "$home/elasticsearch-$version.zip" ] && return
  command -v mvn >/dev/null || fail "needs Maven to fetch Elasticsearch: install maven"
  say "fetching Elasticsearch $version (97 MB, once)"
  rm -rf "$home/fetching"
  mvn -q -B dependency:copy "-Dartifact=org.elasticsearch.distribution.integ-test-zip:elasticsearch:$version:zip" \
    "-DoutputDirectory=$home/fetching" >&2 || fail "Maven could not fetch it"
  mv "$home/fetching/elasticsearch-$version.zip" "$home/"
  rm -rf "$home/fetching"
}

free_port() {
  local port
  while :; do
    port=$((20000 + RANDOM % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
  done
}

start() {
  local url dir port transport pid seconds
  if url=$(running_url) && healthy "$url"; then echo "$url"; return; fi
  stop
  choose
  fetch
  dir=$place/elasticsearch-$version
  mkdir -p "$place"
  if [ ! -e "$dir/bin/elasticsearch" ]; then
    rm -rf "$place/unpacking" "$dir"
    command -v unzip >/dev/null || fail "needs unzip"
    unzip -q "$home/elasticsearch-$version.zip" -d "$place/unpacking"
    mv "$place"/unpacking/* "$dir"
    rm -rf "$place/unpacking"
  fi
  rm -rf "$place/data" "$place/logs"
  mkdir -p "$place/data" "$place/logs" "$place/tmp"
  port=$(free_port) transport=$(free_port)
  cat >"$dir/config/elasticsearch.yml" <<EOF
cluster.name: caravan-tests
discovery.type: single-node
network.host: 127.0.0.1
http.port: $port
transport.port: $transport
path.data: $place/data
path.logs: $place/logs
xpack.security.enabled: false
ingest.geoip.downloader.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
EOF
  # This distribution lacks some modules, and an unknown setting keeps the server from starting.
  [ -d "$dir/modules/x-pack-core" ] || sed -i '/^xpack/d' "$dir/config/elasticsearch.yml"
  [ -d "$dir/modules/ingest-geoip" ] || sed -i '/^ingest.geoip/d' "$dir/config/elasticsearch.yml"
  if [ "$(id -u)" = 0 ]; then chown -R "$user" "$dir" "$place/data" "$place/logs" "$place/tmp"; fi
  say "starting Elasticsearch $version on Java in $java"
  (
    cd "$dir"
    export ES_JAVA_HOME=$java ES_TMPDIR=$place/tmp HOME=$place/tmp
    export ES_JAVA_OPTS="-Xms512m -Xmx512m -Dcaravan.elasticsearch.place=$place"
    # Closing descriptor 9 lets go of the lock.
    as_user "$dir/bin/elasticsearch" -d -p "$place/tmp/pid" >"$home/start.log" 2>&1 9>&- </dev/null
  ) || { tail -n 20 "$home/start.log" >&2; fail "it did not start"; }
  url=http://127.0.0.1:$port
  pid=$(cat "$place/tmp/pid")
  echo "$pid" >"$home/pid"
  echo "$url" >"$home/url"
  for seconds in $(seq 120); do
    if healthy "$url"; then say "ready after ${seconds} s"; echo "$url"; return; fi
    kill -0 "$pid" 2>/dev/null || break
    sleep 1
  done
  tail -n 20 "$place/logs/"*.log >&2 || true
  fail "it is not ready"
}

stop() {
  local pid
  if running_url >/dev/null; then
    pid=$(cat "$home/pid")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    kill -9 "$pid" 2>/dev/null || true
  fi
  rm -f "$home/pid" "$home/url"
}

# Callers side by side agree on one server.
if command -v flock >/dev/null; then
  exec 9>"$home/lock"
  flock 9
fi

case $action in
  start) start ;;
  stop) stop ;;
  url) running_url || fail "none runs" ;;
  *) fail "usage: scripts/elasticsearch.sh start|stop|url" ;;
esac
