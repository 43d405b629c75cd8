#!/usr/bin/env bash
# Does an edge stay as it was? For SECONDS at once: 2,000 requests a second that are answered on connections that stay, as
# many as fit on connections of one request, hostile bytes, a new snapshot every second, and a collector that is not
# there. Prints what the edge uses every ten seconds; ends with 1 if a request failed, a descriptor was left behind, or
# memory grew by more than 5 % after the first third.
# Usage: Benchmarks/soak-check.sh [SECONDS] [io_uring|epoll]; needs wrk, curl, python3.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-120}
driver=${2:-auto}
build=$PWD/.build/release
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait || true; rm -rf "$folder"' EXIT
cp configs/demo/snapshot.json "$folder"
cd "$folder"

"$build/turnout" keygen --private release.pem --trust trust.json >/dev/null
publish() {
  sed -E "0,/\"version\": *[0-9]+/s//\"version\": $1/" snapshot.json >next.json
  "$build/turnout" sign --snapshot next.json --key release.pem --out site --expires-in 7d >/dev/null
}
publish 1
cat >edge.json <<JSON
{"listen": ["127.0.0.1:17370"], "admin": "127.0.0.1:17371", "workers": 1, "driver": "$driver", "stateDirectory": "state",
 "exposures": {"collector": "127.0.0.1:9"},
 "upstream": {"url": "file:site", "environments": ["prod"], "trust": "trust.json", "pollInterval": "250ms"}}
JSON
"$build/turnout-edge" --config edge.json 2>log &
edge=$!
until curl -sf http://127.0.0.1:17371/ready >/dev/null; do
  kill -0 "$edge" || { cat log >&2; exit 1; }
  read -rt 0.05 <> <(:) || true
done

metric() { curl -s http://127.0.0.1:17371/metrics | awk -v name="$1" '$1 == name {print $2}'; }
memory() { awk '/VmRSS/ {print $2}' "/proc/$edge/status"; }
descriptors() { ls "/proc/$edge/fd" | wc -l; }

cat >hostile.py <<'PYTHON'
import os, random, socket, sys, time
random.seed(1)
end = time.monotonic() + float(sys.argv[1])
shapes = [b"GET / HTTP/1.1\r\n\r\n", b"\r\n" * 500, b"POST /api/v1/decide HTTP/1.1\r\nHost: e\r\nContent-Length: 9999999\r\n\r\n",
          b"GET /decide?user_key=%00%ff HTTP/1.1\r\nHost: e\r\n\r\n", b"GET /" + b"a" * 9000, b"\x16\x03\x01\x02\x00"]
count = 0
while time.monotonic() < end:
    client = socket.create_connection(("127.0.0.1", 17370))
    client.settimeout(2)
    try:
        client.sendall(random.choice(shapes) if random.random() < 0.7 else os.urandom(random.randrange(1, 400)))
        if random.random() < 0.5: client.recv(4096)
    except OSError:
        pass
    client.close()
    count += 1
    time.sleep(0.005)
print(count)
PYTHON

before=$(descriptors)
"$build/bench-load" 127.0.0.1:17370 --rate 2000 --connections 32 --warm-up 0 --seconds "$seconds" --rest >load.txt 2>/dev/null &
load=$!
wrk -t1 -c16 -d"${seconds}s" -H 'Connection: close' 'http://127.0.0.1:17370/decide?user_key=churn' >wrk.txt &
churn=$!
python3 hostile.py "$seconds" >hostile.txt &
hostile=$!

version=1
first=0
printf '%8s %10s %6s %12s %9s\n' seconds 'RSS KiB' files connections version
for second in $(seq "$seconds"); do
  version=$((version + 1))
  publish "$version"
  read -rt 0.9 <> <(:) || true
  if ((second % 10 == 0)); then
    printf '%8d %10d %6d %12d %9d\n' "$second" "$(memory)" "$(descriptors)" "$(metric turnout_connections)" "$version"
  fi
  if ((first == 0 && second * 3 >= seconds)); then first=$(memory); fi
done
wait "$load" "$churn" "$hostile"
for _ in $(seq 200); do
  [[ $(descriptors) -le $before ]] && break
  read -rt 0.05 <> <(:) || true
done

failures=0
fail() {
  echo "FAILED: $*"
  failures=1
}
last=$(memory)
echo "memory: $first KiB after a third, $last KiB at the end; descriptors: $before before, $(descriptors) after"
((last * 100 <= first * 105)) || fail "memory grew"
(($(descriptors) <= before)) || fail "descriptors are left behind"
cat load.txt
awk '/requests in/ {print "connections of one request: " $1}' wrk.txt
if grep -E 'Non-2xx' wrk.txt; then fail "a request on a connection of its own"; fi
echo "hostile connections: $(cat hostile.txt); lines in the log: $(wc -l <log); series: $(curl -s http://127.0.0.1:17371/metrics | grep -vc '^#')"
curl -s -o /dev/null -w 'a scrape takes %{time_total} s\n' http://127.0.0.1:17371/metrics
kill -0 "$edge" || fail "the edge is gone"
exit "$failures"
