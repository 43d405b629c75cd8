#!/usr/bin/env bash
# Does a request ever fail while edges come and go? Three questions, the first two ROUNDS times each:
#   upgrade  an edge is replaced by another one that takes its listeners over, while wrk asks on connections that it
#            keeps and on connections of one request each; the number of workers changes every time
#   restart  one of two edges behind nginx is ended with SIGTERM and started again, while bench-load sends 1,000
#            requests a second through nginx
#   crash    an edge is ended with SIGSEGV and started again without its upstream, five times as often; once /ready says
#            yes, the next request is served
# Prints requests and failures; ends with 1 if there were any. A failure is an answer that is not 2xx, none, or a
# connection that was refused or reset.
# Usage: Benchmarks/upgrade-check.sh [ROUNDS] [SECONDS of a round]; needs nginx, wrk, curl.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-20}
pause=${2:-1.5}
build=$PWD/.build/release
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT
cp configs/demo/snapshot.json "$folder"
cd "$folder"
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"

"$build/turnout" keygen --private release.pem --trust trust.json >/dev/null
"$build/turnout" sign --snapshot snapshot.json --key release.pem --out site --expires-in 7d >/dev/null

# Writes the configuration $1 of an edge with data port $2, admin port $3 and $4 workers; $5 are further members.
configure() {
  cat >"$1.json" <<JSON
{"listen": ["127.0.0.1:$2", "unix:$1.sock"], "admin": "127.0.0.1:$3", "workers": $4, "stateDirectory": "$1.state",
 "upstream": {"url": "file:site", "environments": ["prod"], "trust": "trust.json"}$5}
JSON
}

# Waits until the edge with the admin port $1 is ready.
ready() {
  for _ in $(seq 1000); do
    curl -sf "http://127.0.0.1:$1/ready" >/dev/null && return
    sleep 0.01
  done
  echo "no edge is ready at $1" >&2
  cat ./*.log >&2
  exit 1
}

failures=0
fail() {
  echo "  $*"
  failures=$((failures + 1))
}

# Adds up what wrk said in the file $1.
report() {
  local requests
  requests=$(awk '/requests in/ {print $1}' "$1")
  echo "  $2: $requests requests"
  grep -E 'Socket errors|Non-2xx' "$1" && fail "$2 failed" || true
}

echo "upgrade: $rounds times"
configure edge 17270 17271 2 ', "handover": "edge.handover"'
"$build/turnout-edge" --config edge.json 2>edge.0.log &
edge=$!
ready 17271
length=$(awk "BEGIN {print int($rounds * ($pause + 0.3) + 2)}")
target='http://127.0.0.1:17270/decide?user_key=user-1'
wrk -t1 -c32 -d"${length}s" "$target" >kept.txt &
kept=$!
wrk -t1 -c8 -d"${length}s" -H 'Connection: close' "$target" >single.txt &
single=$!
sleep 0.5
for round in $(seq "$rounds"); do
  configure edge 17270 17271 $((round % 3 + 1)) ', "handover": "edge.handover"'
  "$build/turnout-edge" --config edge.json 2>"edge.$round.log" &
  next=$!
  wait -n "$edge" "$next" || true
  if ! kill -0 "$next" 2>/dev/null; then
    fail "round $round: $(tail -n 1 "edge.$round.log")"
    cp "edge.$((round - 1)).log" "edge.$round.log"
    continue
  fi
  wait "$edge" || fail "the edge of round $((round - 1)) ended with $?"
  grep -q '"connectionsCut":false' "edge.$((round - 1)).log" || fail "connections were cut in round $round"
  edge=$next
  sleep "$(awk "BEGIN {print ($pause > 1.2) ? $pause - 1.2 : 0}")"
done
wait "$kept" "$single"
report kept.txt "on connections that are kept"
report single.txt "on connections of one request"
kill "$edge"
wait "$edge" || fail "the last edge ended with $?"

echo "restart: $rounds times"
for name in 0 1; do
  configure "edge-$name" $((17280 + 2 * name)) $((17281 + 2 * name)) 1 ', "drainDelay": "0s"'
  "$build/turnout-edge" --config "edge-$name.json" 2>"edge-$name.log" &
  pids[name]=$!
done
cat >nginx.conf <<NGINX
daemon off; master_process off; pid nginx.pid; error_log error.log;
events { worker_connections 2048; }
http {
  access_log off; keepalive_requests 1000000000; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  upstream edges { server 127.0.0.1:17280 max_fails=0; server 127.0.0.1:17282 max_fails=0; keepalive 16; }
  server {
    listen 127.0.0.1:17279;
    location / { proxy_pass http://edges; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}
NGINX
nginx -p "$folder" -c nginx.conf -e error.log &
nginx=$!
ready 17281
ready 17283
length=$(awk "BEGIN {print int($rounds * ($pause + 0.5) + 2)}")
"$build/bench-load" --rate 1000 --connections 64 --rest --seconds "$length" \
  --target '/decide?user_key={user}' 127.0.0.1:17279 >load.txt 2>/dev/null &
load=$!
sleep 1
for round in $(seq "$rounds"); do
  name=$((round % 2))
  kill "${pids[name]}"
  wait "${pids[name]}" || fail "an edge ended with $?"
  "$build/turnout-edge" --config "edge-$name.json" 2>>"edge-$name.log" &
  pids[name]=$!
  ready $((17281 + 2 * name))
  sleep "$(awk "BEGIN {print ($pause > 1.2) ? $pause - 1.2 : 0}")"
done
wait "$load" || fail "bench-load ended with $?"
# The last columns: answers, bytes, not 2xx, broken, unanswered, reconnects.
awk 'END {print "  through nginx: " $(NF-5) " requests, " $(NF-3) + $(NF-2) + $(NF-1) " failed"; exit $(NF-3) + $(NF-2) + $(NF-1) > 0}' \
  <(grep -vE '^\s*$' load.txt) || fail "requests failed through nginx"
kill "$nginx" "${pids[@]}"

echo "crash: $((rounds * 5)) times"
configure lone 17270 17271 1 ""
"$build/turnout-edge" --config lone.json 2>lone.log &
edge=$!
ready 17271
# From here on there is nothing but its own disk.
mv site site.gone
slowest=0
for _ in $(seq $((rounds * 5))); do
  kill -SEGV "$edge"
  { wait "$edge" || true; } 2>/dev/null
  begin=$(date +%s%N)
  "$build/turnout-edge" --config lone.json 2>>lone.log &
  edge=$!
  ready 17271
  took=$((($(date +%s%N) - begin) / 1000000))
  curl -sf -o /dev/null "http://127.0.0.1:17270/decide?user_key=user-1" || fail "the first request failed"
  slowest=$((took > slowest ? took : slowest))
done
echo "  the slowest was ready after $slowest ms"
kill "$edge"
exit $((failures > 0))
