#!/usr/bin/env bash
# Signs the demo snapshot with a key of its own, starts a collector and an edge that pulls the snapshot from a folder,
# decides for a few users, and shows their exposures arriving. Everything it writes is in run/. Ends with Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/../.."
binaries=${1:-.build/release}

mkdir -p run/keys
if [[ ! -f run/keys/trust.json || ! -f run/keys/demo.pem ]]; then
  rm -f run/keys/trust.json run/keys/demo.pem
  "$binaries/turnout" keygen --private run/keys/demo.pem --trust run/keys/trust.json
fi
[[ -f run/keys/exposures.key ]] || (umask 077 && od -An -tx1 -N32 /dev/urandom | tr -d ' \n' > run/keys/exposures.key)
"$binaries/turnout" sign --snapshot configs/demo/snapshot.json --key run/keys/demo.pem --out run/site

pids=()
end() {
  # The edge first: what it has left to send is then still received.
  for ((index = ${#pids[@]} - 1; index >= 0; index--)); do
    kill "${pids[index]}" 2>/dev/null || true
    wait "${pids[index]}" 2>/dev/null || true
  done
  pids=()
}
trap 'end; exit 0' INT TERM
trap end EXIT

# start PROGRAM CONFIGURATION READY: in the background, until READY answers.
start() {
  "$binaries/$1" --config "$2" &
  pids+=($!)
  for _ in $(seq 100); do
    kill -0 "${pids[-1]}" 2>/dev/null || { echo "$1 did not start: see the log above" >&2; exit 1; }
    if curl -sf -o /dev/null "$3"; then return; fi
    read -rt 0.05 <> <(:) || true
  done
  echo "$1 is not ready: see the log above" >&2
  exit 1
}
start turnout-collector configs/demo/collector.json http://127.0.0.1:7074/ready
start turnout-edge configs/demo/edge.json http://127.0.0.1:7071/ready

echo
echo "Both are ready. Twenty users are decided for, and their exposures arrive:"
echo
for user in $(seq 20); do curl -s -o /dev/null "http://127.0.0.1:7070/decide?user_key=user-$user"; done
"$binaries/turnout" exposures stats

cat <<'TEXT'

Try, in another terminal:

  curl 'http://127.0.0.1:7070/decide?user_key=user-1&context=%7B%22country%22:%22US%22,%22plan%22:%22pro%22%7D'
  curl -d '{"subjectId":"user-1","attributes":{"country":"US"}}' http://127.0.0.1:7070/api/v1/decide
  curl 'http://127.0.0.1:7071/explain?user_key=user-1'

and to watch the exposures: .build/release/turnout exposures tail

Ctrl-C ends it.
TEXT
wait "${pids[-1]}"
