#!/usr/bin/env bash
# Signs the demo snapshot with a key of its own, starts an edge that pulls it from a folder, and says what to
# try. Everything it writes is in run/. Ends with Ctrl-C.
set -euo pipefail
cd "$(dirname "$0")/../.."
binaries=${1:-.build/release}

mkdir -p run
if [[ ! -f run/keys/trust.json || ! -f run/keys/demo.pem ]]; then
  rm -rf run/keys
  "$binaries/turnout" keygen --private run/keys/demo.pem --trust run/keys/trust.json
fi
"$binaries/turnout" sign --snapshot configs/demo/snapshot.json --key run/keys/demo.pem --out run/site

"$binaries/turnout-edge" --config configs/demo/edge.json &
edge=$!
trap 'kill "$edge" 2>/dev/null || true; wait "$edge" || true; exit 0' INT TERM
trap 'kill "$edge" 2>/dev/null || true' EXIT

for _ in $(seq 100); do
  kill -0 "$edge" 2>/dev/null || { echo "the edge did not start: see the log above" >&2; exit 1; }
  if curl -sf -o /dev/null http://127.0.0.1:7071/ready; then break; fi
  read -rt 0.05 <> <(:) || true
done

cat <<'TEXT'

The edge is ready. Try, in another terminal:

  curl 'http://127.0.0.1:7070/decide?user_key=user-1&context=%7B%22country%22:%22US%22,%22plan%22:%22pro%22%7D'
  curl -d '{"subjectId":"user-1","attributes":{"country":"US"}}' http://127.0.0.1:7070/api/v1/decide
  curl 'http://127.0.0.1:7071/explain?user_key=user-1'

Ctrl-C ends it.
TEXT
wait "$edge"
