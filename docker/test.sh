#!/usr/bin/env bash
# Starts the cluster of compose.yaml with the replacements of compose.offline.yaml and tests it: sessions stick, a node
# is killed, Prometheus shows the miss, the node comes back, load runs.
#
#   docker/test.sh [PROGRAM]     PROGRAM goes into the image; by default target/release/ajpgate
#
# It uses a running Docker daemon. Without one, and as root, it starts its own, which ends with the script and keeps its
# images in target/docker. Exit code 3: no daemon runs and none can be started, or packages for the images cannot be
# fetched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
program=${1:-$target/release/ajpgate}
kept=$target/docker
# A short path, because it contains sockets.
run=$(mktemp -d /tmp/ajpgate-docker.XXXXXX)
base=debian:bookworm-slim
project=ajpgate-test-$$
dockerd=

# Any free ports.
export SHOP_PORT=0 ADMIN_PORT=0 PROMETHEUS_PORT=0
export AJPGATE_IMAGE=ajpgate-test
# docker-compose 1.29 would use the client's builder, which may be missing. The daemon has one.
export COMPOSE_DOCKER_CLI_BUILD=0

main() {
    [[ -x $program ]] || fail "there is no $program: cargo build --release"
    trap clean_up EXIT
    find_docker
    make_base
    lay_out
    start
    stick
    kill_a_node
    bring_it_back
    shop
    look_at_the_gateway
    heading "All tests passed"
}

heading() { printf '\n== %s\n' "$*"; }
fail() { printf 'docker/test.sh: %s\n' "$*" >&2; exit "${code:-1}"; }

# wait_for SECONDS WHAT COMMAND...
wait_for() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < until)) || { compose logs --tail 20 || true; fail "timed out: $what"; }
        sleep 0.2
    done
    echo "$what"
}

# === Docker ===

find_docker() {
    heading "Docker"
    code=3
    command -v docker >/dev/null || fail "docker is missing: apt-get install docker.io docker-compose"
    if ! docker info >/dev/null 2>&1; then
        [[ $EUID -eq 0 ]] || fail "no Docker daemon answers, and only root can start one"
        command -v dockerd >/dev/null || fail "dockerd is missing: apt-get install docker.io"
        start_dockerd
    fi
    code=1
    docker version --format 'client {{.Client.Version}}, daemon {{.Server.Version}}'
    compose version | head -n 1
}

start_dockerd() {
    mkdir -p "$kept"
    # Two daemons cannot share one data folder.
    exec 9>"$kept/lock"
    flock 9
    export DOCKER_HOST=unix://$run/docker.sock
    dockerd --host "$DOCKER_HOST" --data-root "$(realpath "$kept")/data" --exec-root "$run/exec" \
        --pidfile "$run/dockerd.pid" >"$run/dockerd.log" 2>&1 9>&- &
    dockerd=$!
    local until=$((SECONDS + 60))
    until docker info >/dev/null 2>&1; do
        if ! kill -0 "$dockerd" 2>/dev/null; then
            dockerd=
            tail -n 5 "$run/dockerd.log" >&2
            fail "dockerd cannot be started here; in a container it has to be a privileged one"
        fi
        ((SECONDS < until)) || { tail -n 20 "$run/dockerd.log" >&2; fail "dockerd does not answer"; }
        sleep 0.2
    done
}

# Compose v2 where it is installed, else docker-compose 1.29.
compose() {
    local command=(docker-compose)
    if docker compose version >/dev/null 2>&1; then
        command=(docker compose)
    fi
    "${command[@]}" --project-name "$project" --file "$run/stage/docker/compose.yaml" \
        --file "$run/stage/docker/compose.offline.yaml" "$@"
}

clean_up() {
    local status=$?
    set +e
    if [[ -d $run/stage ]]; then
        compose --profile load down --volumes --timeout 5 >/dev/null 2>&1
    fi
    if [[ -n $dockerd ]]; then
        kill "$dockerd"
        wait "$dockerd" 2>/dev/null
    fi
    rm -rf "$run"
    exit "$status"
}

# The base image: present, pulled, or made from packages.
make_base() {
    docker image inspect "$base" >/dev/null 2>&1 && return
    heading "$base"
    local code=3
    timeout 60 docker pull --quiet "$base" 2>/dev/null && return
    command -v debootstrap >/dev/null || fail "no registry can be reached, and debootstrap is missing"
    debootstrap --variant=minbase --include=ca-certificates bookworm "$run/root" >"$run/debootstrap.log" \
        || { tail -n 5 "$run/debootstrap.log" >&2; fail "debootstrap failed"; }
    # The official image leaves these folders out too.
    local exclude=() path
    for path in usr/share/{doc,info,lintian,locale,man} var/cache/apt var/lib/apt/lists; do
        exclude+=("--exclude=./$path/*")
    done
    tar -C "$run/root" "${exclude[@]}" -c . | docker import - "$base"
    rm -rf "$run/root"
}

# === The cluster ===

# Copies the files that the images are built from, so that the program can come from any folder.
lay_out() {
    mkdir -p "$run/stage/target/release"
    cp -r docker .dockerignore "$run/stage"
    # The users in the containers are not root and must be able to read them.
    chmod -R a+rX "$run/stage/docker"
    cp "$program" "$run/stage/target/release/ajpgate"
    strip "$run/stage/target/release/ajpgate" 2>/dev/null || true
}

start() {
    heading "docker compose up --build"
    compose config --quiet
    local began=$SECONDS code=3
    compose --profile load build >"$run/build.log" 2>&1 || { tail -n 30 "$run/build.log" >&2; fail "the images cannot be built"; }
    code=1
    echo "images built within $((SECONDS - began)) s"
    began=$SECONDS
    compose up -d 2>&1 | grep -E 'done|Healthy|Started|rror' || true
    front=$(compose port gateway 8080)
    prometheus=$(compose port prometheus 9090)
    # Prometheus starts last, when everything else is healthy.
    wait_for 60 "Prometheus is ready" curl -fs "http://$prometheus/-/ready"
    echo "started within $((SECONDS - began)) s"
}

visit() { curl -fsS --max-time 30 --cookie "$run/cookies" --cookie-jar "$run/cookies" "http://$front/shop/"; }

# The value of an expression; empty without a value.
ask() {
    curl -fsS --get --data-urlencode "query=$1" "http://$prometheus/api/v1/query" \
        | sed -nE 's/.*"value":\[[^,]*,"([^"]*)"\].*/\1/p'
}
is() { [[ $(ask "$1") == "$2" ]]; }
at_least() { [[ $(ask "($1) >= $2") ]]; }

stick() {
    heading "Sessions stick"
    local answer number
    answer=$(visit)
    echo "$answer"
    home=${answer%%:*}
    [[ $home == node[123] ]] || fail "the answer is from no node"
    for number in 2 3 4 5; do
        answer=$(visit)
        echo "$answer"
        [[ $answer == "$home: "*", visit $number" ]] || fail "the session did not stay on $home"
    done
    wait_for 30 "Prometheus: 4 hits of $home" is "ajpgate_sticky_requests_total{route=\"$home\",result=\"hit\"}" 4
}

kill_a_node() {
    heading "Kill $home"
    compose kill "tomcat${home#node}" >/dev/null 2>&1
    local answer
    answer=$(visit)
    echo "$answer"
    [[ $answer != "$home: "* && $answer == *", visit 1" ]] || fail "$home was killed and still answers"
    wait_for 30 "Prometheus: a miss of $home, by failover" \
        is "ajpgate_sticky_requests_total{route=\"$home\",result=\"failover\"}" 1
    wait_for 30 "Prometheus: $home is down" is "ajpgate_member_up{route=\"$home\"}" 0
    wait_for 30 "Prometheus: the hit rate of $home is no longer 1" \
        at_least "balancer_route:ajpgate_sticky_hits:ratio_rate5m{route=\"$home\"} < bool 1" 1
    wait_for 30 "Prometheus: AjpgateMemberDown is pending or firing" \
        is "count(ALERTS{alertname=\"AjpgateMemberDown\",route=\"$home\"})" 1
}

bring_it_back() {
    heading "Start $home again"
    compose start "tomcat${home#node}" >/dev/null 2>&1
    wait_for 90 "Prometheus: $home is up" is "ajpgate_member_up{route=\"$home\"}" 1
}

shop() {
    heading "Load"
    compose --profile load up -d load >/dev/null 2>&1
    local asked='sum by (route) (rate(ajpgate_sticky_requests_total{route=~"node.+"}[15s]))'
    local hits='sum by (route) (rate(ajpgate_sticky_requests_total{result="hit"}[15s]))'
    wait_for 60 "Prometheus: all three nodes serve sessions" is "count($hits > 0)" 3
    wait_for 60 "Prometheus: all sessions are served by their own node" is "min($hits / $asked)" 1
    wait_for 60 "Prometheus: more than 10 requests a second" at_least 'sum(rate(ajpgate_requests_total[15s]))' 10
}

look_at_the_gateway() {
    heading "The gateway's container"
    local id size
    id=$(compose ps -q gateway)
    [[ $(docker inspect --format '{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}' "$id") == "10001:10001 true" ]] \
        || fail "it runs as root, or its file system is writable"
    size=$(docker image inspect --format '{{.Size}}' "$AJPGATE_IMAGE")
    echo "not root, read-only, $((size / 1000000)) MB, of which the program is $(($(stat -c %s "$run/stage/target/release/ajpgate") / 1000000))"
    docker stop "$id" >/dev/null
    [[ $(docker inspect --format '{{.State.ExitCode}}' "$id") == 0 ]] || fail "it does not stop with exit code 0"
    echo "docker stop: exit code 0"
}

main "$@"
