#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a few seconds. The stable toolchain is enough: libFuzzer learns from the
# coverage counters which inputs reach new code. Address sanitizer, which needs nightly, would find nothing more in code
# without `unsafe`.
#
#   protocol/fuzz/run.sh                  all targets, 5 seconds each
#   protocol/fuzz/run.sh 600 exchange     one target for 10 minutes
#
# Inputs that reach new code are kept in target/fuzz/corpus for the next time. An input that fails is printed and kept in
# target/fuzz/failures: run the target with it as the argument.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=${1:-5}
targets=("${@:2}")
[[ ${#targets[@]} -gt 0 ]] || for path in fuzz_targets/*.rs; do
    targets+=("$(basename "$path" .rs)")
done

folder=${CARGO_TARGET_DIR:-../../target}
mkdir -p "$folder"
folder=$(realpath "$folder")/fuzz
host=$(rustc -vV | sed -n 's/^host: //p')
# Named by --target, so that build scripts and macros are built without it.
RUSTFLAGS="--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares" \
    CARGO_TARGET_DIR=$folder cargo build --locked --target "$host"

# run TARGET: shows its output only if it fails.
run() {
    local log=$folder/$1.log
    mkdir -p "$folder/corpus/$1" "$folder/failures"
    if "$folder/$host/debug/$1" -max_total_time="$seconds" -rss_limit_mb=1024 -timeout=10 -dict=words.dict \
        -artifact_prefix="$folder/failures/$1-" "$folder/corpus/$1" >"$log" 2>&1; then
        printf '%-16s %s\n' "$1" "$(tail -1 "$log")"
    else
        tail -40 "$log"
        printf '%s fails; its input is in %s\n' "$1" "$folder/failures"
        return 1
    fi
}
export folder host seconds
export -f run
printf '%s\n' "${targets[@]}" | xargs -P "$(nproc)" -I {} bash -c 'run {}'
