# shellcheck shell=bash
# Functions that the scripts of this folder share: a private folder, the backend, and programs that are ended by their ids.
# shellcheck disable=SC2034 # the scripts that source this file use the variables

bench=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$bench/../.." && pwd)
target=${CARGO_TARGET_DIR:-$root/target}
results=$target/bench
backend=$target/release/examples/bench-backend

# The program that is measured has a core of its own; load and backend share the other.
proxy_cores=0
load_core=1

work=$(mktemp -d)
chmod 755 "$work" # httpd and nginx read it as another user
started=()
trap finish EXIT

say() { printf '%s\n' "$*" >&2; }
fail() { say "${0##*/}: $*"; exit 1; }

finish() {
    local pid
    for pid in "${started[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in "${started[@]}"; do
        wait "$pid" 2>/dev/null || true
    done
    rm -rf "$work"
}

need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || fail "$program is missing; README.md names the packages"
    done
}

# on CORES NAME COMMAND…: starts a program; `pid` is its id and $work/NAME.log what it says.
on() {
    local cores=$1 name=$2
    shift 2
    taskset -c "$cores" "$@" >"$work/$name.log" 2>&1 &
    pid=$!
    started+=("$pid")
}

# end PID: ends a program that `on` has started.
end() {
    local other still=()
    kill "$1" 2>/dev/null || true
    wait "$1" 2>/dev/null || true
    for other in "${started[@]}"; do
        [[ $other == "$1" ]] || still+=("$other")
    done
    started=("${still[@]}")
}

# until_open NAME PORT: waits until something accepts.
until_open() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$2") 2>/dev/null; then
            return
        fi
        sleep 0.05
    done
    cat "$work/$1.log" >&2
    fail "$1 does not listen on port $2"
}

free_port() { "$backend" ports 1; }

# start_backend NAME NODES PACKET_SIZE: starts nodes, unless this backend runs already.
start_backend() {
    local log=$work/backend-$1.log pid
    [[ ! -e $log ]] || return 0
    on "$load_core" "backend-$1" "$backend" serve --nodes "$2" --packet-size "$3"
    until [[ $(cat "$log" 2>/dev/null | wc -l) == $((2 * $2)) ]]; do
        sleep 0.05
        kill -0 "$pid" 2>/dev/null || fail "the backend does not start: $(<"$log")"
    done
}

# ports_of NAME: sets `ajp` and `http` to the ports of a backend's nodes.
ports_of() {
    ajp=() http=()
    local protocol port
    while read -r _ protocol port; do
        case $protocol in
            ajp) ajp+=("$port") ;;
            http) http+=("$port") ;;
        esac
    done <"$work/backend-$1.log"
}

# h2_fields: sets `fields` to the arguments of h2load for the fields of a request. All requests are of one session: h2load
# sends the same fields in each.
h2_fields() {
    local line
    fields=(-H ':authority: shop.example.com')
    while read -r line; do
        fields+=(-H "$line")
    done <"$bench/headers.txt"
    fields+=(-H 'Cookie: theme=dark' -H 'Cookie: JSESSIONID=00000000000000000000000000000001.node2')
}
