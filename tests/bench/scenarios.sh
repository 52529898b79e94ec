# shellcheck shell=bash
# What is measured. A scenario is a name on the command line of run.sh and has one or several loads; all loads of a
# scenario are measured in the same rounds.
#
# shellcheck disable=SC2034 # run.sh uses the variables

all_scenarios=(get1k get1k-cores2 get16k get1m chunked64k post64k post64k-packets64 close1k get1k-split rate1k
    connections members free log latency scrape memory tls1k h2-1k handshake memory-tls
    file1k file1m)

# Rate of the loads that differ in the number of connections only, in requests a second.
equal_rate=4000

# loads_of SCENARIO: its loads, in the order in which they are measured.
loads_of() {
    case $1 in
        connections) echo connections-64 connections-10000 ;;
        members) echo members-2 members-200 members-1024 ;;
        free) echo free-2 free-1024 ;;
        log) echo log-off log-on ;;
        file*) echo "$1" "$1-copy" ;;
        *) echo "$1" ;;
    esac
}

# takes_part SCENARIO CONTESTANT: httpd has not enough threads for 10,000 connections, and several loads concern the
# gateway only.
takes_part() {
    case $1 in
        connections | latency) [[ $2 != mod_* ]] ;;
        members | free | scrape) ! is_rival "$2" ;;
        file*) ! is_rival "$2" || [[ $2 == nginx ]] ;;
        *) true ;;
    esac
}

# load_values LOAD: sets what clients do, and `setup`, how the proxy runs.
load_values() {
    path=/1k connections=64 upload=0 connection=keep-alive rate=0 streams=0 sessions=all setup=plain
    case $1 in
        get1k | log-off | members-2 | memory) ;;
        get1k-cores2) setup=cores2 ;;
        get1k-split) path=/split/1k ;;
        get16k) path=/16k ;;
        get1m) path=/1m connections=16 ;;
        chunked64k) path=/chunked64k connections=32 ;;
        post64k) path=/sink connections=32 upload=65536 ;;
        post64k-packets64) path=/sink connections=32 upload=65536 setup=packets64 ;;
        close1k) connections=32 connection=close ;;
        rate1k) rate=1000 ;;
        connections-64) rate=$equal_rate ;;
        connections-10000) rate=$equal_rate connections=10000 ;;
        latency) rate=$half_of_saturation ;;
        members-200 | scrape) setup=members200 ;;
        members-1024) setup=members1024 ;;
        free-2) sessions=none ;;
        free-1024) sessions=none setup=members1024 ;;
        log-on) setup=log ;;
        tls1k | memory-tls) setup=tls ;;
        h2-1k) connections=16 streams=8 setup=tls ;;
        handshake) connections=16 connection=close setup=tls ;;
        file1k) path=/static/1k setup=files ;;
        file1k-copy) path=/static/1k setup=files-copy ;;
        file1m) path=/static/1m connections=16 setup=files ;;
        file1m-copy) path=/static/1m connections=16 setup=files-copy ;;
        *) fail "there is no load $1" ;;
    esac
}

# setup_values SETUP: sets how many cores and members the proxy has, how long packets are, whether it logs, whether clients
# speak TLS, and whether nginx sends files with sendfile; with `files-copy` it reads and writes them, as the gateway does.
setup_values() {
    cores=1 proxy_cores=0 members=2 packet_size=8192 log=off tls=off sendfile=on
    case $1 in
        plain | files) ;;
        files-copy) sendfile=off ;;
        log) log=on ;;
        tls) tls=on ;;
        cores2) cores=2 proxy_cores=0,1 ;;
        packets64) packet_size=65536 ;;
        members200) members=200 ;;
        members1024) members=1024 ;;
        *) fail "there is no setup $1" ;;
    esac
}
