#!/usr/bin/env bash
# Measures how long `ajpgate convert` takes for 5,000 lines of an httpd's configuration. See README.md.
#
#   tests/bench/convert.sh [--binary FILE]
#
#   --binary FILE   a build of ajpgate, in place of the release build that is made here
#
# Fails where 5,000 lines take a second or more, and where 10,000 lines take more than three times as long.
set -euo pipefail
# shellcheck source=tests/bench/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

binary=''

main() {
    while (($#)); do
        case $1 in
            --binary) binary=$(realpath "${2?}"); shift ;;
            *) fail "what is $1?" ;;
        esac
        shift
    done
    if [[ -z $binary ]]; then
        need cargo
        cargo build --release --manifest-path "$root/Cargo.toml" --bin ajpgate
        binary=$target/release/ajpgate
    fi
    local shape
    for shape in hosts paths expressions; do
        measure "$shape"
    done
}

measure() {
    local shape=$1 once twice
    "$shape" 5000 >"$work/once.conf"
    "$shape" 10000 >"$work/twice.conf"
    once=$(fastest "$work/once.conf")
    twice=$(fastest "$work/twice.conf")
    printf '%-12s 5,000 lines: %4d ms   10,000 lines: %4d ms\n' "$shape" "$once" "$twice"
    ((once < 1000)) || fail "$shape: 5,000 lines take $once ms"
    # A few milliseconds are the start of the program.
    ((twice < 3 * once + 50)) || fail "$shape: twice as many lines take $twice ms in place of $once ms"
}

# The shortest of five runs, in milliseconds.
fastest() {
    local file=$1 best='' begun time
    for _ in 1 2 3 4 5; do
        begun=$(date +%s%N)
        "$binary" convert --httpd "$file" >"$work/new.yaml" 2>"$work/remarks"
        time=$((($(date +%s%N) - begun) / 1000000))
        [[ -n $best ]] && ((best <= time)) || best=$time
    done
    [[ -s $work/new.yaml ]] || fail "$file became nothing"
    echo "$best"
}

# Virtual hosts with a balancer each.
hosts() {
    local number
    for ((number = 1; number <= $1 / 8; number++)); do
        printf '%s\n' '<VirtualHost *:80>' "ServerName h$number.example.com" "ProxyPass /a$number !" \
            "ProxyPass / balancer://b$number/" "<Proxy balancer://b$number>" \
            "BalancerMember ajp://10.0.0.1:$((1024 + number))" '</Proxy>' '</VirtualHost>'
    done
}

# Paths of one server, each with a section.
paths() {
    local number
    for ((number = 1; number <= $1 / 4; number++)); do
        printf '%s\n' "ProxyPass /a$number ajp://10.0.0.1/a$number" "<Location /a$number/admin>" \
            'Require ip 10.0.0.0/8' '</Location>'
    done
}

# Expressions of one server.
expressions() {
    local number
    for ((number = 1; number <= $1; number++)); do
        echo "ProxyPassMatch ^/a$number/x(.*)\$ ajp://10.0.0.1/a$number/y\$1"
    done
}

main "$@"
