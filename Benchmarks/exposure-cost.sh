#!/usr/bin/env bash
# What do exposures cost a decision? CPU per request of GET /decide with one experiment, every user new, in turn:
#   without  no exposures
#   with     exposures at rate 1.0; the collector stores them on wrk's processor
#   control  no exposures of this edge, but another program sends as many to the collector: a busy collector slows
#            what runs beside it, wrk and, where both processors are one core's threads, the edge, whoever feeds it
# Usage: Benchmarks/exposure-cost.sh [ROUNDS] [SECONDS]; needs two processors, wrk and curl. Everything it writes
# is in a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
seconds=${2:-4}
binaries=$PWD/.build/release
folder=$(mktemp -d)
pids=()
end() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; pids=(); }
trap 'end; rm -rf "$folder"' EXIT

cat > "$folder/snapshot.json" <<'JSON'
{"version":1,"environment":"prod","experiments":[
{"id":"7b1f3c52-1111-4aaa-9bbb-000000000001","key":"k","salt":"s","variants":[
{"id":"7b1f3c52-1111-4aaa-9bbb-00000000000a","key":"a"},{"id":"7b1f3c52-1111-4aaa-9bbb-00000000000b","key":"b"}],
"allocations":[{"variantId":"7b1f3c52-1111-4aaa-9bbb-00000000000a","rangeStart":0,"rangeEnd":4999},
{"variantId":"7b1f3c52-1111-4aaa-9bbb-00000000000b","rangeStart":5000,"rangeEnd":9999}]}]}
JSON
"$binaries/turnout" keygen --private "$folder/key.pem" --trust "$folder/trust.json" >/dev/null
"$binaries/turnout" sign --snapshot "$folder/snapshot.json" --key "$folder/key.pem" --out "$folder/site" >/dev/null
base='"listen":["127.0.0.1:17070"],"admin":"127.0.0.1:17071","workers":1,"upstream":{"url":"file:site",
  "environments":["prod"],"trust":"trust.json"}'
echo "{$base}" > "$folder/without.json"
echo "{$base,\"exposures\":{\"collector\":\"127.0.0.1:17073\"}}" > "$folder/with.json"
echo '{"listen":"127.0.0.1:17073","http":"127.0.0.1:17074","files":{"database":false}}' > "$folder/collector.json"
cat > "$folder/users.lua" <<'LUA'
local n = 0
request = function() n = n + 1 return wrk.format("GET", "/decide?user_key=user-" .. n) end
LUA

taskset -c 1 "$binaries/turnout-collector" --config "$folder/collector.json" 2>"$folder/collector.log" &
collector=$!
trap 'end; kill "$collector"; wait "$collector" || true; rm -rf "$folder"' EXIT
figures() {
  curl -s 127.0.0.1:17071/metrics | awk '/^process_cpu_seconds_total/ {c=$2} /^turnout_http_requests_total/ {n+=$2}
    /^turnout_exposures_recorded_total/ {r=$2} END {print c, n, r}'
}
rate=90000
for ((round = 1; round <= rounds; round++)); do
  for kind in without with control; do
    taskset -c 0 "$binaries/turnout-edge" --config "$folder/${kind/control/without}.json" 2>"$folder/edge.log" &
    pids=($!)
    until curl -sf -o /dev/null 127.0.0.1:17071/ready; do read -rt 0.05 <> <(:) || true; done
    if [[ $kind == control ]]; then
      taskset -c 1 "$binaries/bench-exposures" --feed 17073 "$rate" "$seconds" &
      pids+=($!)
    fi
    before=$(figures)
    taskset -c 1 wrk -t1 -c64 -d"${seconds}s" -s "$folder/users.lua" http://127.0.0.1:17070 >/dev/null
    echo "$round $kind $before $(figures)" | tee "$folder/rate"
    if [[ $kind == with ]]; then rate=$(tail -1 "$folder/rate" | awk -v s="$seconds" '{print int(($8-$5)/s)}'); fi
    end
  done
done | tee "$folder/raw" | awk '{printf "round %d %-8s %.3f us/request, %d requests, %d exposures\n", $1, $2, ($6-$3)/($7-$4)*1e6, $7-$4, $8-$5}'
awk '{sum[$2] += ($6-$3)/($7-$4)*1e6; n++}
  END {n /= 3; printf "mean: without %.3f, with %.3f, control %.3f; with / without %.3f, with / control %.3f\n", sum["without"]/n, sum["with"]/n, sum["control"]/n, sum["with"]/sum["without"], sum["with"]/sum["control"]}' "$folder/raw"
