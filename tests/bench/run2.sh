#!/usr/bin/env bash
# Measures the CPU time of a request in the gateway and in other proxies, in the same run. See README.md.
#
#   tests/bench/run.sh                          all scenarios, all contestants: about half an hour
#   tests/bench/run.sh --quick get1k close1k    some scenarios, fewer and shorter rounds
#
#   --only NAMES        contestants, with commas: ajpgate, ajpgate-http, mod_proxy_ajp, mod_jk, haproxy, nginx
#   --binary NAME=FILE  a build of ajpgate, in place of the one that is built here; may be repeated. With a NAME that
#                       ends in -http its members speak HTTP
#   --rounds R          rounds, 5 by default
#   --seconds S         length of each load, 4 by default
#   --quick             3 rounds of 2 seconds
#   --cores N           cores of the proxy, 1 or 2, where a scenario does not say it; load and backend stay on the second
#   --report CSV        measures nothing, and writes the report of a run before
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=tests/bench/contestants.sh
source "$bench/contestants.sh"
# shellcheck source=tests/bench/scenarios.sh
source "$bench/scenarios.sh"

idle_connections=2000
scrapes=50
modules=/usr/lib/apache2/modules
rounds=5 seconds=4 default_cores=1 half_of_saturation=0 csv=
declare -A binary=() port=() process=() admin_port=()
contestants=() scenarios=() labels=()
columns=scenario,round,contestant,requests,seconds,p50_ms,p99_ms,p999_ms,errors,user_us,system_us,cpu_us

main() {
    parse "$@"
    if [[ -z $csv ]]; then
        prepare
        local scenario
        for scenario in "${scenarios[@]}"; do
            case $scenario in
                memory | memory-tls) measure_memory "$scenario" ;;
                *) run_scenario "$scenario" ;;
            esac
        done
    fi
    report
}

parse() {
    local only=() name
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
            --cores) default_cores=${2?}; shift ;;
            --report) csv=$(realpath "${2?}"); shift ;;
            -*) fail "unknown option $1; the head of this file lists them" ;;
            *)
                [[ " ${all_scenarios[*]} " == *" $1 "* ]] || fail "scenarios: ${all_scenarios[*]}"
                scenarios+=("$1")
                ;;
        esac
        shift
    done
    [[ ${#scenarios[@]} -gt 0 ]] || scenarios=("${all_scenarios[@]}")
    [[ $default_cores == [12] ]] || fail "--cores is 1 or 2"
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
}

is_rival() {
    [[ -z ${binary[$1]-} ]]
}

prepare() {
    local name
    need cargo curl taskset wrk h2load openssl pgrep
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
    certificate=$work/shop
    make_certificate
    static=$work/static
    make_files
    ulimit -Sn "$(ulimit -Hn)"
    mkdir -p "$results"
    csv=$results/$(date +%Y%m%d-%H%M%S).csv
    echo "$columns" >"$csv"
    cat >"${csv%.csv}.txt" <<ABOUT
$(date +%F), $(nproc) cores, $(uname -sr), load average before $(cut -d' ' -f1-3 /proc/loadavg).
Rounds: $rounds of $seconds s; commit $(git rev-parse --short HEAD).
ABOUT
}

# A certificate of the name that clients ask for, on the curve that most servers have. It is its own authority.
make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=shop.example.com \
        -addext subjectAltName=DNS:shop.example.com -addext basicConstraints=critical,CA:FALSE \
        -keyout "$certificate.key" -out "$certificate.crt" 2>"$work/openssl.log" || fail "$(<"$work/openssl.log")"
    cat "$certificate.crt" "$certificate.key" >"$certificate.pem"
}

# Files of 1 KiB and 1 MiB beside the members.
make_files() {
    mkdir "$static"
    head -c 1024 /dev/urandom >"$static/1k"
    head -c 1048576 /dev/urandom >"$static/1m"
    chmod -R a+rX "$static"
}

# run_scenario SCENARIO: starts everybody who takes part, checks their answers, and measures all rounds.
run_scenario() {
    local scenario=$1 round turn name load loads part=()
    [[ $scenario != latency ]] || find_saturation
    read -r -a loads < <(loads_of "$scenario")
    for name in "${contestants[@]}"; do
        if takes_part "$scenario" "$name"; then
            part+=("$name")
        fi
    done
    [[ ${#part[@]} -gt 0 ]] || return 0
    say "$scenario: ${part[*]}"
    for load in "${loads[@]}"; do
        for name in "${part[@]}"; do
            start_for "$load" "$name"
            check "$load" "$name"
            run_load "$load" "$name" 1 >/dev/null
        done
    done
    for ((round = 1; round <= rounds; round++)); do
        for ((turn = 0; turn < ${#part[@]}; turn++)); do
            # Nobody is always first.
            name=${part[(turn + round) % ${#part[@]}]}
            for load in "${loads[@]}"; do
                measure "$load" "$round" "$name" >>"$csv"
            done
        done
    done
    end_contestants
}

# start_for LOAD NAME: starts a contestant in the setup of this load, unless it runs.
start_for() {
    local path connections upload connection rate streams sessions setup
    local cores proxy_cores members packet_size log tls sendfile ajp http folder admin=0
    local load=$1 name=$2 log_file=off pid
    load_values "$load"
    local key=$name/$setup
    [[ -z ${process[$key]-} ]] || return 0
    setup_values "$setup"
    if [[ $default_cores == 2 ]]; then
        cores=2 proxy_cores=0,1
    fi
    start_backend "$members-$packet_size" "$members" "$packet_size"
    ports_of "$members-$packet_size"
    folder=$work/$setup
    mkdir -p "$folder"
    [[ $log == off ]] || log_file=$folder/$name.access
    port[$key]=$(free_port)
    case $name in
        mod_proxy_ajp | mod_jk | haproxy | nginx) "start_$name" "${port[$key]}" "$log_file" ;;
        *) start_ajpgate "$name" "${binary[$name]}" "${port[$key]}" "$log_file" ;;
    esac
    process[$key]=$pid admin_port[$key]=$admin
    until_open "$name" "${port[$key]}"
}

end_contestants() {
    local key
    for key in "${!process[@]}"; do
        end "${process[$key]}"
    done
    process=()
}

# request_arguments: what the clients of bench-backend send, for the values of a load.
request_arguments() {
    echo "$path" --nodes "$members"
    ((upload == 0)) || echo --upload "$upload"
    [[ $connection != close ]] || echo --close
    [[ $tls == off ]] || echo --authority "$certificate.crt"
}

# check LOAD NAME: compares status, length, bytes and node of the answers with what the nodes send.
check() {
    local path connections upload connection rate streams sessions setup cores proxy_cores members packet_size log tls sendfile request
    load_values "$1"
    setup_values "$setup"
    if [[ $path == /static/* ]]; then
        curl --fail --silent --show-error "http://127.0.0.1:${port[$2/$setup]}$path" | cmp - "$static/${path##*/}" \
            || fail "$2 gives wrong answers in $1"
        return
    fi
    mapfile -t request < <(request_arguments | tr ' ' '\n')
    "$backend" check "127.0.0.1:${port[$2/$setup]}" "${request[@]}" || fail "$2 gives wrong answers in $1"
}

# measure LOAD ROUND NAME: prints a line of the table.
measure() {
    local load=$1 round=$2 name=$3 figures
    figures=$(run_load "$load" "$name" "$seconds")
    [[ $figures == [1-9]* ]] || fail "$name answered nothing in $load"
    echo "$load,$round,$name,$figures"
}

# run_load LOAD NAME SECONDS: prints requests, seconds, p50, p99, p99.9, errors, and the CPU µs of a request: user, system
# and both.
run_load() {
    local path connections upload connection rate streams sessions setup cores proxy_cores members packet_size log tls sendfile
    local load=$1 name=$2 length=$3
    load_values "$load"
    setup_values "$setup"
    local key=$name/$setup
    if [[ $load == scrape ]]; then
        run_scrapes "$key"
    elif ((streams > 0)); then
        run_h2load "$key" "$length"
    elif ((rate > 0)); then
        run_rate "$key" "$length"
    else
        run_wrk "$key" "$length"
    fi
}

# As fast as the proxy answers.
run_wrk() {
    local before after output method=GET scheme=http address=127.0.0.1:${port[$1]}
    ((upload == 0)) || method=POST
    [[ $tls == off ]] || scheme=https
    before=$(cpu "${process[$1]}")
    output=$(taskset -c "$load_core" wrk --latency -t 1 -c "$connections" -d "$2" \
        -s "$bench/load.lua" "$scheme://$address$path" -- "$method" "$upload" "$connection" "$members" "$sessions")
    after=$(cpu "${process[$1]}")
    per_request "$(sed -n 's/^result,//p' <<<"$output")" "$before" "$after"
}

# HTTP/2, as fast as the proxy answers.
run_h2load() {
    local before after fields times=$work/h2load.times
    h2_fields
    : >"$times"
    before=$(cpu "${process[$1]}")
    taskset -c "$load_core" h2load -t 1 -c "$connections" -m "$streams" -D "$2" --log-file="$times" \
        "${fields[@]}" "https://127.0.0.1:${port[$1]}$path" >"$work/h2load.log" 2>&1 \
        || fail "$(<"$work/h2load.log")"
    after=$(cpu "${process[$1]}")
    per_request "$(h2load_figures "$2" <"$times")" "$before" "$after"
}

# h2load_figures SECONDS: requests, seconds, p50, p99, p99.9 in ms and errors, from lines of start, status and µs.
h2load_figures() {
    sort -n -k 3 | awk -v seconds="$1" '
        $2 == 200 { time[++count] = $3 / 1000; next }
        { errors++ }
        function part(of) { return time[int(count * of) + 1] }
        END { printf "%d,%.3f,%.3f,%.3f,%.3f,%d", count, seconds, part(0.5), part(0.99), part(0.999), errors }'
}

# At a fixed rate. Connections are opened and closed while nobody measures.
run_rate() {
    local before after output address=127.0.0.1:${port[$1]} client closing
    coproc CLIENT {
        exec taskset -c "$load_core" "$backend" rate "$address" "$path" --nodes "$members" --rate "$rate" \
            --connections "$connections" --seconds "$2"
    }
    client=$CLIENT_PID closing=${CLIENT[1]}
    read -r output <&"${CLIENT[0]}" || fail "$1 does not take $connections connections"
    before=$(cpu "${process[$1]}")
    echo >&"$closing"
    read -r output <&"${CLIENT[0]}"
    after=$(cpu "${process[$1]}")
    exec {closing}>&-
    wait "$client"
    per_request "$output" "$before" "$after"
}

# The metrics, again and again.
run_scrapes() {
    local before after started address=127.0.0.1:${admin_port[$1]}
    before=$(cpu "${process[$1]}") started=$EPOCHREALTIME
    curl --fail --silent --show-error --output /dev/null "http://$address/metrics?[1-$scrapes]"
    after=$(cpu "${process[$1]}")
    per_request "$scrapes,$(awk -v from="$started" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.3f", to - from }'),0,0,0,0" \
        "$before" "$after"
}

# per_request FIGURES BEFORE AFTER: the figures of a load, and the CPU time between two readings over its requests.
per_request() {
    awk -v figures="$1" -v before="$2" -v after="$3" 'BEGIN {
        split(figures, figure, ",")
        split(before, from, " ")
        split(after, to, " ")
        printf "%s", figures
        for (i = 1; i <= 3; i++) printf ",%.3f", (figure[1] > 0 ? (to[i] - from[i]) / figure[1] : 0)
        print ""
    }'
}

# The ids of a process and of all its descendants.
tree() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1"); do
        tree "$child"
    done
}

# User time, system time and CPU time of a process tree in µs. The first two are counted in ticks; the third is exact.
cpu() {
    local id stat user=0 system=0 us=$((1000000 / $(getconf CLK_TCK))) ids
    mapfile -t ids < <(tree "$1")
    for id in "${ids[@]}"; do
        # Behind the name, which may hold anything: state, …, utime, stime.
        stat=$(<"/proc/$id/stat")
        read -r -a stat <<<"${stat##*) }"
        user=$((user + stat[11])) system=$((system + stat[12]))
    done
    for id in "${ids[@]}"; do
        cat "/proc/$id/task/"*/schedstat
    done | awk -v ticks="$((user * us)) $((system * us))" \
        '{ ns += $1 } END { printf "%s %d\n", ticks, ns / 1000 }'
}

# Half of the requests that HAProxy answers in a second, or the first of all contestants without it.
find_saturation() {
    local name=${contestants[0]} figures
    if [[ " ${contestants[*]} " == *" haproxy "* ]]; then
        name=haproxy
    fi
    start_for get1k "$name"
    figures=$(run_load get1k "$name" "$seconds")
    half_of_saturation=$(awk -F, '{ printf "%d", $1 / $2 / 2 }' <<<"$figures")
    echo "Latencies at $half_of_saturation requests a second, half of what $name answers." >>"${csv%.csv}.txt"
    end_contestants
}

# Memory of a process tree in bytes; what is shared counts in parts.
memory() {
    local id
    for id in $(tree "$1"); do
        cat "/proc/$id/smaps_rollup"
    done | awk '/^Pss:/ { sum += $2 } END { print sum * 1024 }'
}

# measure_memory SCENARIO
measure_memory() {
    local path connections upload connection rate streams sessions setup cores proxy_cores members packet_size log tls
    local name before after client closing key load=$1 request
    # Its allocator takes huge pages: 2 MiB at a time, which is 1 KiB for each connection.
    local -x MIMALLOC_ALLOW_THP=0
    say "$load: ${contestants[*]}"
    load_values "$load"
    setup_values "$setup"
    mapfile -t request < <(request_arguments | tr ' ' '\n')
    for name in "${contestants[@]}"; do
        start_for "$load" "$name"
        key=$name/$setup
        # What is allocated once is there before.
        "$backend" get "127.0.0.1:${port[$key]}" "${request[@]}" --count 500
        before=$(memory "${process[$key]}")
        coproc CLIENT { exec "$backend" idle "127.0.0.1:${port[$key]}" "${request[@]}" --connections "$idle_connections"; }
        client=$CLIENT_PID closing=${CLIENT[1]}
        read -r _ <&"${CLIENT[0]}" || fail "$name does not keep $idle_connections connections"
        after=$(memory "${process[$key]}")
        exec {closing}>&-
        wait "$client"
        echo "$load,1,$name,$idle_connections,$(((after - before) / idle_connections)),$before" >>"$csv"
        end_contestants
    done
}

# Writes the tables to standard output and to a file, and the chart beside it.
report() {
    local base=${csv%.csv}
    {
        cat "$base.txt"
        awk -v order="${contestants[*]}" -v builds="${labels[*]}" -v bars="$bench/bars.txt" -v chart="$base.values" \
            -f "$bench/report.awk" "$csv"
    } | tee "$base.md"
    [[ -e $base.values ]] || : >"$base.values"
    awk -f "$bench/chart.awk" "$base.values" >"$base.svg"
    say "figures, report and chart: $base.csv, .md, .svg"
}

main "$@"
