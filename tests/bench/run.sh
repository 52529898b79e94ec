#!/usr/bin/env bash
# Measures the CPU time of a request in the gateway and in other proxies, in the same run. See README.md.
#
#   tests/bench/run.sh                          all scenarios, all contestants: about a quarter of an hour
#   tests/bench/run.sh --quick get1k close1k    some scenarios, fewer and shorter rounds
#
#   --only NAMES        contestants, with commas: ajpgate, ajpgate-http, mod_proxy_ajp, mod_jk, haproxy, nginx
#   --binary NAME=FILE  a build of ajpgate, in place of the one that is built here; may be repeated. With a NAME that
#                       ends in -http its members speak HTTP
#   --rounds R          rounds, 5 by default
#   --seconds S         length of each round and contestant, 4 by default
#   --quick             3 rounds of 2 seconds
#   --cores N           cores of the proxy, 1 or 2; load and backend stay on the second
#   --packet-size B     longest AJP13 packet, on both sides, 8192 by default
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/bench/contestants.sh
source "$bench/contestants.sh"

all_scenarios=(get1k get16k get1m chunked64k post64k close1k get1k-split get1k-log rate1k memory)
idle_connections=2000
modules=/usr/lib/apache2/modules
rounds=5 seconds=4 cores=1 packet_size=8192
declare -A binary=() port=() process=()
contestants=() scenarios=()

main() {
    parse "$@"
    prepare
    start_backend "$packet_size"
    local scenario
    for scenario in "${scenarios[@]}"; do
        case $scenario in
            memory) ;;
            get1k-log) run_with "$scenario" log ;;
            *) run_with "$scenario" off ;;
        esac
    done
    end_contestants
    if [[ " ${scenarios[*]} " == *" memory "* ]]; then
        measure_memory
    fi
    report
}

parse() {
    local only=() labels=() name
    while (($#)); do
        case $1 in
            --only) IFS=, read -r -a only <<<"${2?}"; shift ;;
            --binary)
                [[ ${2?} == *=* ]] || fail "--binary wants NAME=FILE"
                labels+=("${2%%=*}") binary[${2%%=*}]=$(realpath "${2#*=}")
                shift
                ;;
            --rounds) rounds=${2?}; shift ;;
            --seconds) seconds=${2?}; shift ;;
            --quick) rounds=3 seconds=2 ;;
            --cores) cores=${2?}; shift ;;
            --packet-size) packet_size=${2?}; shift ;;
            -*) fail "unknown option $1; the head of this file lists them" ;;
            *)
                [[ " ${all_scenarios[*]} " == *" $1 "* ]] || fail "scenarios: ${all_scenarios[*]}"
                scenarios+=("$1")
                ;;
        esac
        shift
    done
    [[ ${#scenarios[@]} -gt 0 ]] || scenarios=("${all_scenarios[@]}")
    if [[ ${#labels[@]} -eq 0 ]]; then
        labels=(ajpgate ajpgate-http)
        binary[ajpgate]=$target/release/ajpgate binary[ajpgate-http]=$target/release/ajpgate
    fi
    for name in "${labels[@]}" mod_proxy_ajp mod_jk haproxy nginx; do
        if [[ ${#only[@]} -eq 0 || " ${only[*]} " == *" $name "* ]] \
            || [[ -n ${binary[$name]-} && $name != ajpgate-http && " ${only[*]} " == *" ajpgate "* ]]; then
            contestants+=("$name")
        fi
    done
    [[ ${#contestants[@]} -gt 0 ]] || fail "nobody is left to measure"
    case $cores in
        1) ;;
        2) proxy_cores=0,1 ;;
        *) fail "--cores is 1 or 2" ;;
    esac
}

prepare() {
    local name
    need cargo taskset wrk pgrep
    for name in "${contestants[@]}"; do
        case $name in
            mod_*) need apache2; [[ -e $modules/$name.so ]] || fail "$name is missing" ;;
            haproxy | nginx) need "$name" ;;
        esac
    done
    (($(nproc) > 1)) || fail "two cores are needed"
    cd "$root"
    if [[ ${binary[ajpgate]-} == "$target/release/ajpgate" ]]; then
        cargo build --release --quiet
    fi
    cargo build --release --quiet --example bench-backend
    ulimit -Sn "$(ulimit -Hn)"
    mkdir -p "$results"
    csv=$results/$(date +%Y%m%d-%H%M%S).csv
    memory_csv=${csv%.csv}-memory.csv
    echo "scenario,round,contestant,requests,seconds,p50_ms,p99_ms,errors,user_us,system_us" >"$csv"
    load_before=$(cut -d' ' -f1-3 /proc/loadavg)
}

# start NAME LOG
start() {
    local name=$1 log=$2
    [[ $log == off ]] || log=$work/$name.access
    port[$name]=$(free_port)
    case $name in
        mod_proxy_ajp | mod_jk | haproxy | nginx) "start_$name" "${port[$name]}" "$log" ;;
        *) start_ajpgate "$name" "${binary[$name]}" "${port[$name]}" "$log" ;;
    esac
    process[$name]=$pid
    until_open "$name" "${port[$name]}"
}

end_contestants() {
    local name
    for name in "${!process[@]}"; do
        end "${process[$name]}"
    done
    process=() running=
}

# run_with SCENARIO LOG: all rounds of a scenario. Contestants keep running from one scenario to the next.
running=
run_with() {
    local scenario=$1 log=$2 round turn name
    if [[ $running != "$log" ]]; then
        end_contestants
        for name in "${contestants[@]}"; do
            start "$name" "$log"
        done
        running=$log
    fi
    say "$scenario: ${contestants[*]}"
    for name in "${contestants[@]}"; do
        load "$scenario" "$name" 1 >/dev/null
    done
    for ((round = 1; round <= rounds; round++)); do
        for ((turn = 0; turn < ${#contestants[@]}; turn++)); do
            # Nobody is always first.
            name=${contestants[(turn + round) % ${#contestants[@]}]}
            measure "$scenario" "$round" "$name" >>"$csv"
        done
    done
}

measure() {
    local scenario=$1 round=$2 name=$3 result user system user_after system_after
    read -r user system < <(cpu_ticks "${process[$name]}")
    result=$(load "$scenario" "$name" "$seconds")
    read -r user_after system_after < <(cpu_ticks "${process[$name]}")
    local requests=${result%%,*} us=$((1000000 / $(getconf CLK_TCK)))
    ((requests > 0)) || fail "$name answered nothing in $scenario"
    awk -v line="$scenario,$round,$name,$result" -v requests="$requests" \
        -v user_us=$(((user_after - user) * us)) -v system_us=$(((system_after - system) * us)) \
        'BEGIN { printf "%s,%.3f,%.3f\n", line, user_us / requests, system_us / requests }'
}

# load SCENARIO NAME SECONDS: prints requests, seconds, p50, p99, errors.
load() {
    local scenario=$1 address=127.0.0.1:${port[$2]} seconds=$3
    local path=/1k connections=64 request=(GET 0 keep-alive) output
    case $scenario in
        get1k | get1k-log) ;;
        get1k-split) path=/split/1k ;;
        get16k) path=/16k ;;
        get1m) path=/1m connections=16 ;;
        chunked64k) path=/chunked64k connections=32 ;;
        post64k) path=/sink connections=32 request=(POST 65536 keep-alive) ;;
        close1k) connections=32 request=(GET 0 close) ;;
        rate1k)
            taskset -c "$load_core" "$backend" rate "$address" /1k --rate 1000 --seconds "$seconds"
            return
            ;;
    esac
    output=$(taskset -c "$load_core" wrk --latency -t 1 -c "$connections" -d "$seconds" \
        -s "$bench/load.lua" "http://$address$path" -- "${request[@]}")
    sed -n 's/^result,//p' <<<"$output"
}

# The ids of a process and of all its descendants.
tree() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1"); do
        tree "$child"
    done
}

# User and system time of a process tree, in ticks.
cpu_ticks() {
    local id stat user=0 system=0
    for id in $(tree "$1"); do
        # Behind the name, which may hold anything: state, …, utime, stime.
        stat=$(<"/proc/$id/stat")
        read -r -a stat <<<"${stat##*) }"
        user=$((user + stat[11])) system=$((system + stat[12]))
    done
    echo "$user $system"
}

# Memory of a process tree in bytes; what is shared counts in parts.
memory() {
    local id
    for id in $(tree "$1"); do
        cat "/proc/$id/smaps_rollup"
    done | awk '/^Pss:/ { sum += $2 } END { print sum * 1024 }'
}

measure_memory() {
    local name before after client closing
    say "memory: ${contestants[*]}"
    for name in "${contestants[@]}"; do
        start "$name" off
        # What is allocated once is there before.
        "$backend" get "127.0.0.1:${port[$name]}" /1k --count 500
        before=$(memory "${process[$name]}")
        coproc CLIENT { exec "$backend" idle "127.0.0.1:${port[$name]}" --connections "$idle_connections"; }
        client=$CLIENT_PID closing=${CLIENT[1]}
        read -r _ <&"${CLIENT[0]}" || fail "$name does not keep $idle_connections connections"
        after=$(memory "${process[$name]}")
        exec {closing}>&-
        wait "$client"
        echo "$name,$(((after - before) / idle_connections)),$before" >>"$memory_csv"
        end_contestants
    done
}

report() {
    echo "$(date +%F), $(nproc) cores, $(uname -sr); load before $load_before, after $(cut -d' ' -f1-3 /proc/loadavg)."
    echo "Rounds: $rounds of $seconds s; proxy on $cores core(s); AJP13 packets of $packet_size bytes; commit $(git rev-parse --short HEAD)."
    awk -v order="${contestants[*]}" -v builds="${!binary[*]}" -f "$bench/report.awk" "$csv"
    if [[ -e $memory_csv ]]; then
        printf '\n## Memory (PSS), bytes\n\n| | per idle connection | without connections |\n|---|--:|--:|\n'
        awk -F, '{ printf "| %s | %d | %d |\n", $1, $2, $3 }' "$memory_csv"
    fi
    say "raw figures: $csv"
}

main "$@"
