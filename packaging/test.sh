#!/usr/bin/env bash
# Installs the Debian package on a copy of this system that a real systemd runs, uses it, upgrades it under load, removes and
# purges it.
#
#   packaging/test.sh [PROGRAM]     PROGRAM goes into the package; by default target/release/ajpgate
#
# The copy is an overlay in memory above /, with processes, network and control groups of its own (namespaces), so that
# nothing here changes and every port is free. Exit code 3: this is not Debian with systemd, or no namespaces can be had.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
program=${1:-$target/release/ajpgate}
run=$(mktemp -d /tmp/ajpgate-package.XXXXXX)
outer=
systemd=

heading() { printf '\n== %s\n' "$*"; }
fail() { printf 'packaging/test.sh: %s\n' "$*" >&2; exit "${code:-1}"; }

main() {
    [[ -x $program ]] || fail "there is no $program: cargo build --release"
    trap clean_up EXIT
    heading "Two versions of the package"
    local old new
    old=$(LEVEL=0 packaging/deb.sh "$program" "$run" 1)
    new=$(LEVEL=0 packaging/deb.sh "$program" "$run" 2)
    dpkg-deb --info "$old" | sed -n 's/^ \(Version\|Depends\|Installed-Size\): /\1: /p'
    boot
    cp "$old" "$new" "$run/root/"
    old=/${old##*/} new=/${new##*/}
    install "$old"
    use_it
    rotate
    upgrade "$new"
    go_on_by_hand "$new"
    remove
    heading "All tests passed"
}

# === The copy of this system ===

boot() {
    heading "systemd"
    code=3
    [[ $EUID -eq 0 ]] || fail "only root can make the copy of the system"
    [[ -x /lib/systemd/systemd ]] || fail "systemd is missing: apt-get install systemd-sysv"
    unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child \
        bash "$PWD/packaging/boot.sh" "$run" >"$run/boot.log" 2>&1 &
    outer=$!
    local until=$((SECONDS + 60))
    until [[ -n $systemd ]] && inside systemctl is-system-running >"$run/state" 2>/dev/null \
        || grep -qsE 'running|degraded' "$run/state"; do
        kill -0 "$outer" 2>/dev/null || { cat "$run/boot.log" >&2; fail "no namespaces can be had here"; }
        ((SECONDS < until)) || { tail -n 20 "$run/boot.log" "$run/console" >&2; fail "systemd does not start"; }
        systemd=$(pgrep --parent "$outer" || true)
        sleep 0.2
    done
    unset code
    # `/` of the copy, seen from here.
    ln -s "/proc/$systemd/root" "$run/root"
    inside systemctl --version | head -n 1
    echo "it is $(cat "$run/state")"
}

# inside COMMAND...: runs a command in the copy.
inside() {
    nsenter --target "$systemd" --mount --pid --net --uts --ipc --cgroup --root --wdns=/ \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive LC_ALL=C "$@"
}

clean_up() {
    local status=$?
    set +e
    if [[ $status -ne 0 && $status -ne 3 && -n $systemd ]]; then
        inside journalctl --no-pager --lines 30 >&2
        inside systemctl --no-pager --full status ajpgate >&2
        tail -n 20 "$run/console" >&2
    fi
    # The end of the first process of the namespace ends all the others.
    [[ -n $systemd ]] && kill -KILL "$systemd"
    [[ -n $outer ]] && { kill "$outer"; wait "$outer"; } 2>/dev/null
    rm -rf "$run"
    exit "$status"
}

# wait_for SECONDS WHAT COMMAND...
wait_for() {
    local until=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < until)) || fail "timed out: $what"
        sleep 0.2
    done
    echo "$what"
}

# === The package ===

is_up() { inside systemctl --quiet is-active ajpgate; }
main_process() { inside systemctl show --property MainPID --value ajpgate; }
status_of() { inside curl --silent --output /dev/null --write-out '%{http_code}' --max-time 10 "$1"; }
is_answered_by() { [[ $(inside curl --silent --max-time 10 http://127.0.0.1/) == "$1"* ]]; }
expect() { [[ $2 == "$3" ]] || fail "$1: expected $3, got $2"; echo "$1: $2"; }

install() {
    heading "Install"
    inside dpkg --install "$1" >"$run/install.log" 2>&1 || { cat "$run/install.log" >&2; fail "it cannot be installed"; }
    wait_for 30 "the service runs" is_up
    expect "enabled" "$(inside systemctl is-enabled ajpgate)" enabled
    expect "user" "$(inside ps -o user= -p "$(main_process)")" ajpgate
    expect "secrets" "$(inside stat -c '%a %U' /etc/default/ajpgate)" "600 root"
    expect "check" "$(inside ajpgate check | tail -n 1)" "/etc/ajpgate/ajpgate.yaml: fine"
    inside systemd-analyze verify /lib/systemd/system/ajpgate.service
    inside systemd-analyze security --no-pager ajpgate | tail -n 1
    inside dpkg --verify ajpgate
    local page
    for page in ajpgate ajpgate-run ajpgate-drain; do
        inside test -s "/usr/share/man/man1/$page.1.gz" || fail "there is no page $page"
    done
    inside bash -c 'source /usr/share/bash-completion/completions/ajpgate && complete -p ajpgate' >/dev/null
}

use_it() {
    heading "Use"
    expect "without a Tomcat" "$(status_of http://127.0.0.1/)" 503
    inside systemd-run --quiet --unit node ajpgate node --bind 127.0.0.1:8009 --route node1
    inside ajpgate set tomcats node1 error=false
    wait_for 30 "a node answers" is_answered_by node1
    inside ajpgate status
    inside ajpgate drain tomcats node1
    # A change of the configuration, as an administrator makes it.
    inside sed -i 's/^# The configuration of this gateway/# Ours: &/' /etc/ajpgate/ajpgate.yaml
    inside systemctl reload ajpgate
    inside ajpgate reload
    inside ajpgate set tomcats node1 drain=false loadfactor=3
    inside grep -q loadfactor /var/lib/ajpgate/state.json || fail "the state file has no change"
}

rotate() {
    heading "Rotate the log"
    local log=/var/log/ajpgate/access.log
    wait_for 10 "the access log has lines" inside test -s "$log"
    if ! inside test -x /usr/sbin/logrotate; then
        echo "logrotate is not installed here: left out"
        return
    fi
    inside logrotate --force /etc/logrotate.d/ajpgate
    inside test -s "$log.1" || fail "the old log is gone"
    goes_into_new_log() { status_of http://127.0.0.1/ && inside test -s "$log"; }
    wait_for 10 "lines go into the new log" goes_into_new_log
}

upgrade() {
    heading "Upgrade under load"
    local before
    before=$(main_process)
    inside bash -c 'while [[ ! -e /tmp/enough ]]; do
        curl --silent --output /dev/null --write-out "%{http_code}\n" --max-time 10 http://127.0.0.1/; done' >"$run/answers" &
    local load=$!
    wait_for 30 "requests are sent" test -s "$run/answers"
    inside dpkg --install "$1" >"$run/upgrade.log" 2>&1 </dev/null || { cat "$run/upgrade.log" >&2; fail "it cannot be upgraded"; }
    has_taken_over() { [[ $(main_process) != "$before" ]] && is_up && ! inside test -e "/proc/$before"; }
    wait_for 60 "the new version has taken over" has_taken_over
    inside touch /tmp/enough
    wait "$load"
    expect "requests that did not get 200 of $(wc -l <"$run/answers")" "$(grep -cv '^200$' "$run/answers" || true)" 0
    inside grep -q '^# Ours' /etc/ajpgate/ajpgate.yaml || fail "the configuration was replaced"
    expect "version" "$(inside dpkg-query --show --showformat '${Version}' ajpgate)" "$(dpkg-deb --field "$run${1}" Version)"
    inside ajpgate status | grep -qP 'node1\t.*\t3\t' || fail "the change by hand is gone"
}

# What an administrator has stopped or switched off stays so.
go_on_by_hand() {
    heading "Upgrade of a stopped service"
    inside systemctl disable --now ajpgate 2>/dev/null
    inside dpkg --install "$1" >"$run/upgrade.log" 2>&1 || { cat "$run/upgrade.log" >&2; fail "it cannot be upgraded"; }
    expect "enabled" "$(inside systemctl is-enabled ajpgate || true)" disabled
    inside systemctl start ajpgate
}

remove() {
    heading "Remove and purge"
    inside dpkg --remove ajpgate >/dev/null 2>&1
    expect "after the removal" "$(inside systemctl is-active ajpgate || true)" inactive
    inside test -s /etc/ajpgate/ajpgate.yaml || fail "the configuration went with the removal"
    inside dpkg --purge ajpgate >/dev/null 2>&1
    expect "what is left" "$(inside find /etc /usr /var /lib/systemd -name '*ajpgate*' -not -path '/etc/passwd*' 2>/dev/null)" ""
}

main "$@"
