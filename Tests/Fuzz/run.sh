#!/usr/bin/env bash
# Fuzzes: run.sh PROGRAM TARGET SECONDS, with `all` for every target, so many seconds each. What a run learns is kept in
# run/fuzz and built upon by the next; an input that breaks a law is kept there too, and how to replay it is printed.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$1 target=$2 seconds=$3
corpus=Tests/Fuzz/Corpus
kept=run/fuzz
# Swift's own report of a crash takes long, and libFuzzer has one.
export SWIFT_BACKTRACE=enable=no

targets=("$target")
if [[ $target == all ]]; then mapfile -t targets < <(ls "$corpus"); fi
for target in "${targets[@]}"; do
  if [[ ! -d $corpus/$target ]]; then
    echo "there is no target $target: name one of $(ls "$corpus" | paste -sd' ') or all" >&2
    exit 2
  fi
done

# What libFuzzer said last of the figure $1 in the log $2.
last() { sed -nE "s/.*$1 *([0-9]+).*/\1/p" "$2" | tail -n 1; }

# One line in ten seconds of what libFuzzer says.
progress() {
  awk -v target="$target" '/^#[0-9]/ && systime() >= due {
    due = systime() + 10
    print target ": " substr($1, 2) " executions, " $4 " edges"
  }' >&2
}

findings=0
printf '%-10s %12s %9s %7s %9s\n' target executions per_s edges findings
for target in "${targets[@]}"; do
  mkdir -p "$kept/$target"
  log=$kept/$target.log
  status=0
  "$program" --target="$target" -max_total_time="$seconds" -timeout=10 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$kept/$target-" "$kept/$target" "$corpus/$target" 2>&1 | tee "$log" | progress || status=$?
  printf '%-10s %12s %9s %7s %9s\n' "$target" "$(last number_of_executed_units: "$log")" \
    "$(last average_exec_per_sec: "$log")" "$(last cov: "$log")" "$((status != 0))"
  if [[ $status != 0 ]]; then
    findings=$((findings + 1))
    grep -E 'atal error|ERROR: |SUMMARY' "$log" | head -n 5 >&2
    input=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    echo "replay: SWIFT_BACKTRACE=enable=no $program --target=$target ${input:-(no input: see $log)}" >&2
  fi
done
if [[ $findings != 0 ]]; then
  echo "$findings of the targets have findings" >&2
  exit 1
fi
