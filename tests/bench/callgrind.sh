#!/usr/bin/env bash
# Counts the instructions that the gateway executes for a request. See README.md.
#
#   tests/bench/callgrind.sh [OPTIONS] [PATH]   counts one kind of request and lists the functions with the most
#   tests/bench/callgrind.sh --check            six kinds: fails where one takes 5 % more than instructions.txt says
#   tests/bench/callgrind.sh --update           writes what is counted to instructions.txt
#
#   PATH            of the backend, /1k by default
#   --binary FILE   a build of ajpgate with line tables, in place of the one that is built here
#   --count N       requests that are counted, 2000 by default
#   --upload B      POST with a body of B bytes
#   --close         a connection for each request
#   --h2            HTTP/2 without TLS: one connection of 8 streams
#   --http          members that speak HTTP
#   --members N     that many members, 2 by default
#   --top N         lines of each list, 40 by default
#
# Other programs on the machine hardly change the count. The kernel and cache misses are not counted.
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/bench/contestants.sh
source "$bench/contestants.sh"

name=ajpgate path=/1k binary='' count=2000 request=() streams=0 prior_knowledge=off top=40 packet_size=8192 members=2 todo=profile cores=1 tls=off folder=$work
warm_up=1000
expected=$bench/instructions.txt
# Per cent that a count may be higher or lower than the expected one.
room=5
scenarios=(get1k get16k post64k chunked64k close1k h2-1k)

main() {
    parse "$@"
    need cargo valgrind callgrind_annotate callgrind_control h2load
    build
    mkdir -p "$results"
    start_backend nodes "$members" "$packet_size"
    ports_of nodes
    case $todo in
        profile)
            run "$path" "${request[@]}"
            print
            ;;
        check) check ;;
        update) update ;;
    esac
}

parse() {
    while (($#)); do
        case $1 in
            --check) todo=check ;;
            --update) todo=update ;;
            --binary) binary=$(realpath "${2?}"); shift ;;
            --count) count=${2?}; shift ;;
            --upload) request+=(--upload "${2?}"); shift ;;
            --close) request+=(--close) ;;
            --h2) streams=8 prior_knowledge=on ;;
            --http) name=ajpgate-http ;;
            --members) members=${2?}; shift ;;
            --top) top=${2?}; shift ;;
            -*) fail "unknown option $1; the head of this file lists them" ;;
            *) path=$1 ;;
        esac
        shift
    done
}

# The bench profile is the release profile with line tables. Thin LTO takes a fraction of the time of the release build, and
# its counts move with the code in the same way.
build() {
    local targets=(--example bench-backend)
    cd "$root"
    if [[ -z $binary ]]; then
        binary=$target/release/ajpgate
        targets+=(--bin ajpgate)
    fi
    CARGO_PROFILE_BENCH_LTO=thin CARGO_PROFILE_BENCH_CODEGEN_UNITS=4 cargo build --profile bench --quiet "${targets[@]}"
}

# run REQUEST…: counts the instructions of these requests into the file `profile`, and sets `each`, those of one request.
profile=$results/callgrind.out
run() {
    local port total log=$work/control.log under pid
    rm -f "$profile"
    port=$(free_port)
    under=(valgrind --tool=callgrind --instr-atstart=no --dump-line=yes --callgrind-out-file="$profile")
    start_ajpgate "$name" "$binary" "$port" off
    until_open "$name" "$port"
    load "$warm_up" "$@"
    callgrind_control --instr=on "$pid" >"$log"
    load "$count" "$@"
    callgrind_control --instr=off "$pid" >>"$log"
    end "$pid"
    total=$(sed -n 's/^\(summary\|totals\): *//p' "$profile" | tail -n 1)
    each=$((total / count))
}

# load COUNT REQUEST…: sends so many requests.
load() {
    local number=$1 fields
    shift
    if ((streams > 0)); then
        h2_fields
        h2load -t 1 -c 1 -m "$streams" -n "$number" "${fields[@]}" "http://127.0.0.1:$port$1" >"$work/h2load.log" 2>&1
        grep -q "status codes: $number 2xx" "$work/h2load.log" || fail "$(<"$work/h2load.log")"
    else
        "$backend" get "127.0.0.1:$port" "$@" --count "$number"
    fi
}

# request_of SCENARIO: sets what is sent.
request_of() {
    streams=0 prior_knowledge=off
    case $1 in
        get1k) request=(/1k) ;;
        get16k) request=(/16k) ;;
        post64k) request=(/sink --upload 65536) ;;
        chunked64k) request=(/chunked64k) ;;
        close1k) request=(/1k --close) ;;
        h2-1k) request=(/1k) streams=8 prior_knowledge=on ;;
    esac
}

# Compares all scenarios with the expected numbers.
check() {
    local scenario before verdict worse=0
    for scenario in "${scenarios[@]}"; do
        before=$(awk -v name="$scenario" '$1 == name { print $2 }' "$expected")
        [[ -n $before ]] || fail "$expected has no number for $scenario"
        request_of "$scenario"
        run "${request[@]}"
        verdict=ok
        if ((each * 100 > before * (100 + room))); then
            verdict="more than $room % too many" worse=1
        elif ((each * 100 < before * (100 - room))); then
            verdict="fewer: hold it with --update"
        fi
        printf '%-12s expected %8d  counted %8d  %s\n' "$scenario" "$before" "$each" "$verdict"
    done
    ((!worse)) || fail "requests take more instructions than $expected says"
}

# Writes the expected numbers again, below the comment that the file begins with.
update() {
    local scenario
    sed -n '/^#/p' "$expected" >"$work/instructions"
    for scenario in "${scenarios[@]}"; do
        request_of "$scenario"
        run "${request[@]}"
        printf '%s %d\n' "$scenario" "$each" | tee -a "$work/instructions"
    done
    cp "$work/instructions" "$expected"
}

print() {
    echo "$each instructions per request ($path${request[*]:+ ${request[*]}}, $count requests)"
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
