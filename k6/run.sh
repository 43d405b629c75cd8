#!/usr/bin/env bash
# Runs a script of this folder against an edge of its own and then against nginx's fixed answer of the same size, and
# compares their p99. Both answer on one processor; k6 needs far more of them than either, so it gets all.
# Usage: k6/run.sh [decide|ofrep|smoke]    with knobs as variables: PRESET=steady|think|users, HOLD_RPS=..., see
# scenario.js. BASE_URL=... asks an edge that runs already, and nginx is left out. K6_OUT names the folder that gets
# fixture.json, run.env and summary.json (default: run/k6). Exit code: k6's, 99 if a threshold was crossed.
set -euo pipefail
cd "$(dirname "$0")/.."
script=${1:-decide}
[[ -f k6/$script.js && $script != scenario ]] || { echo "there is no script $script: decide, ofrep or smoke" >&2; exit 2; }
out=${K6_OUT:-run/k6}
mkdir -p "$out"

k6=$(k6/find.sh)

pids=()
end() { for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; done; }
trap end EXIT

cp k6/fixture.json "$out/fixture.json"
answering=()
if [[ $(nproc) -gt 1 ]]; then answering=(taskset -c 0); fi

if [[ -z ${BASE_URL:-} ]]; then
  [[ -x .build/release/turnout-edge && -x .build/release/turnout ]] || make build
  rm -rf "$out/site" "$out/state" "$out/keys"
  mkdir -p "$out/keys"
  .build/release/turnout keygen --private "$out/keys/run.pem" --trust "$out/keys/trust.json" >/dev/null
  .build/release/turnout sign --snapshot configs/demo/snapshot.json --key "$out/keys/run.pem" --out "$out/site" >/dev/null
  cat > "$out/edge.json" <<JSON
{"listen": ["127.0.0.1:17170"], "admin": "127.0.0.1:17171", "workers": 1, "stateDirectory": "state",
 "upstream": {"url": "file:site", "environments": ["prod"], "trust": "keys/trust.json"}}
JSON
  "${answering[@]}" .build/release/turnout-edge --config "$out/edge.json" 2>"$out/edge.log" &
  pids+=($!)
  until curl -sf -o /dev/null http://127.0.0.1:17171/ready; do
    kill -0 "${pids[0]}" || { cat "$out/edge.log" >&2; exit 1; }
    read -rt 0.05 <> <(:) || true
  done
  url=http://127.0.0.1:17170
else
  url=$BASE_URL
fi

{
  echo "date=$(date -u +%Y-%m-%dT%H:%M:%SZ)"
  echo "commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)"
  echo "k6=$("$k6" version)"
  echo "kernel=$(uname -sr)"
  echo "processors=$(nproc) $(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs)"
  echo "script=$script"
  echo "url=$url"
  env | grep -E '^(PRESET|START_RPS|RAMP_UP_RPS|HOLD_RPS|(RAMP_UP|HOLD|RAMP_DOWN)_DURATION|PRE_ALLOCATED_VUS|MAX_VUS|THRESHOLD_[A-Z0-9_]+)=' || true
} > "$out/run.env"

# load URL SUMMARY [FIXED]
# k6 collects garbage less often than it would by itself: it is the clock of this measurement, and stops meanwhile.
load() {
  GOGC=${GOGC:-800} "$k6" run --quiet --no-color -e BASE_URL="$1" -e FIXED_ANSWER="${3:-0}" -e FIXTURE="$PWD/$out/fixture.json" \
    --summary-export "$2" "k6/$script.js"
}
code=0
load "$url" "$out/summary.json" || code=$?
# 99 is a threshold that was crossed; anything else is no measurement.
[[ $code == 0 || $code == 99 ]] || exit "$code"

if [[ -z ${BASE_URL:-} && $script != smoke ]] && command -v nginx >/dev/null; then
  # What the edge answers to one of the requests, as a fixed answer.
  if [[ $script == decide ]]; then
    body=$(curl -s "$url/decide?user_key=user-1")
  else
    body=$(curl -s "$url/ofrep/v1/evaluate/flags" -d '{"context":{"targetingKey":"user-1"}}')
  fi
  cat > "$out/nginx.conf" <<NGINX
daemon off; master_process off; pid $PWD/$out/nginx.pid; error_log stderr error;
events { worker_connections 2048; }
http {
  access_log off; keepalive_requests 1000000; client_body_temp_path $PWD/$out/body;
  server { listen 127.0.0.1:17172; default_type application/json; location / { return 200 '$body'; } }
}
NGINX
  end
  pids=()
  "${answering[@]}" nginx -c "$PWD/$out/nginx.conf" -p "$PWD/$out" 2>"$out/nginx.log" &
  pids+=($!)
  until curl -sf -o /dev/null http://127.0.0.1:17172/; do
    kill -0 "${pids[0]}" || { cat "$out/nginx.log" >&2; exit 1; }
    read -rt 0.05 <> <(:) || true
  done
  echo
  echo "The same load on nginx's fixed answer of ${#body} bytes:"
  load http://127.0.0.1:17172 "$out/nginx.json" 1 || true
  python3 - "$out/summary.json" "$out/nginx.json" <<'PYTHON'
import json, sys
edge, nginx = (json.load(open(path))["metrics"] for path in sys.argv[1:])
print(f"\n{'':10}{'requests':>10}{'failed':>8}{'med ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'p99.9 ms':>10}")
for name, metrics in (("edge", edge), ("nginx", nginx)):
    time = metrics["http_req_duration"]
    print(f"{name:10}{metrics['http_reqs']['count']:>10}{metrics['http_req_failed']['passes']:>8}{time['med']:>9.3f}"
          f"{time['p(95)']:>9.3f}{time['p(99)']:>9.3f}{time['p(99.9)']:>10.3f}")
ratio = edge["http_req_duration"]["p(99)"] / nginx["http_req_duration"]["p(99)"]
print(f"p99 of the edge / p99 of nginx: {ratio:.2f}")
PYTHON
fi
exit $code
