#!/usr/bin/env bash
# Counts the instructions that the gateway executes for a request, and lists the functions with the most. See README.md.
#
#   tests/bench/callgrind.sh [OPTIONS] [PATH]     PATH of the backend, /1k by default
#
#   --binary FILE   a build of ajpgate with line tables, in place of the one that is built here
#   --count N       requests that are counted, 2000 by default
#   --upload B      POST with a body of B bytes
#   --http          members that speak HTTP
#   --top N         lines of each list, 40 by default
#
# Other programs on the machine hardly change the count. The kernel and cache misses are not counted.
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/bench/contestants.sh
source "$bench/contestants.sh"

name=ajpgate path=/1k binary='' count=2000 upload=() top=40 packet_size=8192
warm_up=1000

main() {
    parse "$@"
    need cargo valgrind callgrind_annotate callgrind_control
    build
    mkdir -p "$results"
    local profile=$results/callgrind.out port
    rm -f "$profile"
    start_backend "$packet_size"
    port=$(free_port)
    under=(valgrind --tool=callgrind --instr-atstart=no --dump-line=yes --callgrind-out-file="$profile")
    start_ajpgate "$name" "$binary" "$port" off
    until_open "$name" "$port"
    send "$port" "$warm_up"
    callgrind_control --instr=on "$pid" >"$work/control.log"
    send "$port" "$count"
    callgrind_control --instr=off "$pid" >>"$work/control.log"
    end "$pid"
    print "$profile"
}

parse() {
    while (($#)); do
        case $1 in
            --binary) binary=$(realpath "${2?}"); shift ;;
            --count) count=${2?}; shift ;;
            --upload) upload=(--upload "${2?}"); shift ;;
            --http) name=ajpgate-http ;;
            --top) top=${2?}; shift ;;
            -*) fail "unknown option $1; the head of this file lists them" ;;
            *) path=$1 ;;
        esac
        shift
    done
}

# The bench profile is the release profile with line tables.
build() {
    cd "$root"
    if [[ -z $binary ]]; then
        binary=$target/release/ajpgate
        cargo build --profile bench --quiet
    fi
    cargo build --release --quiet --example bench-backend
}

send() {
    "$backend" get "127.0.0.1:$1" "$path" --count "$2" "${upload[@]}"
}

print() {
    local profile=$1 total
    total=$(sed -n 's/^\(summary\|totals\): *//p' "$profile" | tail -n 1)
    echo "$((total / count)) instructions per request ($path${upload[*]:+ ${upload[*]}}, $count requests)"
    printf '\n## By the source of a line\n\n'
    alone source "$profile"
    printf '\n## By function, with what was inlined\n\n'
    alone function "$profile"
    printf '\n## By function, with what it calls\n\n'
    together "$profile"
    say "profile: $profile"
}

alone() {
    awk -v by="$1" -v count="$count" -v root="$root" -f "$bench/callgrind.awk" "$2" \
        | sort -rn | awk -v top="$top" 'NR <= top'
}

# One line for each function: its rows differ in the file only, and the first is the whole.
together() {
    callgrind_annotate --threshold=100 --auto=no --inclusive=yes "$1" \
        | awk -v count="$count" -v top="$top" '
            /^ *[0-9,]+ \(/ {
                cost = $1
                gsub(",", "", cost)
                sub(/^ *[0-9,]+ \([^)]*\) */, "")
                sub(/ \[[^]]*\]$/, "")
                sub(/^[^:]*:/, "")
                if ($0 != "PROGRAM TOTALS" && !seen[$0]++ && shown++ < top) printf "%8.0f  %s\n", cost / count, $0
            }'
}

main "$@"
