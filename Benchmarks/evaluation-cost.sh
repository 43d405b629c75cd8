#!/usr/bin/env bash
# What does a bulk evaluation cost, and what does its 304? CPU per request of POST /ofrep/v1/evaluate/flags with 100
# flags, 50 of them driven by an experiment, in user space and in all, in turn:
#   full  every request another user
#   304   the same user again, with the tag of the answer before
#   get   GET /decide of the same snapshot, to compare with
# Usage: Benchmarks/evaluation-cost.sh [ROUNDS] [SECONDS]; needs two processors, wrk, curl and python3. Everything it
# writes is in a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-5}
seconds=${2:-4}
binaries=$PWD/.build/release
folder=$(mktemp -d)
trap 'kill "$edge" 2>/dev/null || true; wait "$edge" 2>/dev/null || true; rm -rf "$folder"' EXIT

python3 - > "$folder/snapshot.json" <<'PYTHON'
import json
flags = [{"key": f"flag-{n}", "type": "boolean", "default": False} for n in range(100)]
experiments = [{"id": f"exp-{n}", "key": f"experiment-{n}", "salt": f"salt-{n}", "flagKey": f"flag-{2 * n}",
  "targetingRules": [{"conditions": [{"attribute": "plan", "operator": "eq", "value": "pro"}]}] if n % 2 else [],
  "variants": [{"id": f"exp-{n}-a", "key": "off", "value": False}, {"id": f"exp-{n}-b", "key": "on", "value": True}],
  "allocations": [{"variantId": f"exp-{n}-a", "rangeStart": 0, "rangeEnd": 4999},
    {"variantId": f"exp-{n}-b", "rangeStart": 5000, "rangeEnd": 9999}]} for n in range(50)]
print(json.dumps({"version": 1, "environment": "prod", "flags": flags, "experiments": experiments}))
PYTHON
"$binaries/turnout" keygen --private "$folder/key.pem" --trust "$folder/trust.json" >/dev/null
"$binaries/turnout" sign --snapshot "$folder/snapshot.json" --key "$folder/key.pem" --out "$folder/site" >/dev/null
echo '{"listen":["127.0.0.1:17070"],"admin":"127.0.0.1:17071","workers":1,"upstream":{"url":"file:site",
  "environments":["prod"],"trust":"trust.json"}}' > "$folder/edge.json"
body='{"context":{"targetingKey":"USER","country":"US","plan":"pro"}}'
cat > "$folder/full.lua" <<LUA
local n = 0
request = function()
  n = n + 1
  return wrk.format("POST", "/ofrep/v1/evaluate/flags", nil, (string.gsub('$body', "USER", "user-" .. n)))
end
LUA
cat > "$folder/get.lua" <<'LUA'
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", "/decide?user_key=user-" .. n .. "&context=%7B%22country%22:%22US%22,%22plan%22:%22pro%22%7D")
end
LUA
taskset -c 0 "$binaries/turnout-edge" --config "$folder/edge.json" 2>"$folder/edge.log" &
edge=$!
until curl -sf -o /dev/null 127.0.0.1:17071/ready; do read -rt 0.05 <> <(:) || true; done
tag=$(curl -si 127.0.0.1:17070/ofrep/v1/evaluate/flags -d "${body/USER/user-1}" | tr -d '\r' | awk '/^ETag/ {print $2}')
cat > "$folder/304.lua" <<LUA
request = function()
  return wrk.format("POST", "/ofrep/v1/evaluate/flags", {["If-None-Match"] = '$tag'}, '${body/USER/user-1}')
end
LUA
# Ticks of user time, ticks of system time, requests.
figures() {
  echo "$(awk '{print $14, $15}' "/proc/$edge/stat") $(curl -s 127.0.0.1:17071/metrics |
    awk '/^turnout_http_requests_total/ {n+=$2} END {print n}')"
}
for ((round = 1; round <= rounds; round++)); do
  for kind in full 304 get; do
    before=$(figures)
    taskset -c 1 wrk -t1 -c64 -d"${seconds}s" -s "$folder/$kind.lua" http://127.0.0.1:17070 >/dev/null
    echo "$round $kind $before $(figures)"
  done
done | tee "$folder/raw" | awk -v hz="$(getconf CLK_TCK)" '{n = $8-$5; printf "round %d %-4s user %.2f us/request, all %.2f us/request, %d requests\n", $1, $2, ($6-$3)/hz/n*1e6, ($6-$3+$7-$4)/hz/n*1e6, n}'
awk -v hz="$(getconf CLK_TCK)" '{n = $8-$5; user[$2] += ($6-$3)/hz/n*1e6; all[$2] += ($6-$3+$7-$4)/hz/n*1e6; rounds[$2]++}
  END {for (kind in user) printf "mean %-4s user %.2f, all %.2f us/request\n", kind, user[kind]/rounds[kind], all[kind]/rounds[kind]
    printf "user time of full / 304: %.1f\n", user["full"]/user["304"]}' "$folder/raw"
