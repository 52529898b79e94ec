#!/usr/bin/env bash
# Builds the program without any library of the system (musl), and tries it in a folder with nothing else in it.
#
#   packaging/static.sh [FOLDER]     where the program goes; by default target/static
#
# It runs on every Linux of this processor, also where there is no C library: in an image of its own file alone, on Alpine, on
# an old system. It needs rustup, and musl-gcc (Debian: apt-get install musl-tools).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=${1:-${CARGO_TARGET_DIR:-target}/static}
host=$(rustc -vV | sed -n 's/^host: //p')
target=${host%-unknown-linux-*}-unknown-linux-musl
run=
demo=

fail() { printf 'packaging/static.sh: %s\n' "$*" >&2; exit "${code:-1}"; }

main() {
    code=2
    command -v musl-gcc >/dev/null || fail "musl-gcc is missing: apt-get install musl-tools"
    command -v rustup >/dev/null || fail "rustup is missing: https://rustup.rs"
    rustup target add "$target" || fail "the target $target cannot be had"
    unset code
    # Crates that bring C are built for the target too.
    env "CC_${target//-/_}=musl-gcc" cargo build --release --locked --target "$target" --bin ajpgate
    mkdir -p "$folder"
    cp "${CARGO_TARGET_DIR:-target}/$target/release/ajpgate" "$folder/ajpgate"
    strip --strip-unneeded "$folder/ajpgate"
    try
    printf '%s\n' "$folder/ajpgate"
}

# The demo in a folder that has the program and nothing else.
try() {
    if readelf --program-headers "$folder/ajpgate" | grep -q INTERP; then
        fail "the program needs a loader of the system"
    fi
    run=$(mktemp -d)
    trap clean_up EXIT
    cp "$folder/ajpgate" "$run/ajpgate"
    local alone=(chroot "$run")
    [[ $EUID -eq 0 ]] || alone=(unshare --map-root-user --root="$run")
    "${alone[@]}" /ajpgate demo --bind 127.0.0.1:0 --admin 127.0.0.1:0 >"$run/demo.log" 2>&1 &
    demo=$!
    local url='' until=$((SECONDS + 20))
    until [[ -n $url ]]; do
        kill -0 "$demo" 2>/dev/null && ((SECONDS < until)) || { cat "$run/demo.log" >&2; fail "the demo does not start"; }
        url=$(grep -o 'http://127\.0\.0\.1:[0-9]*' "$run/demo.log" | head -n 1 || true)
        sleep 0.1
    done
    curl --silent --show-error --fail --max-time 10 "$url/"
}

clean_up() {
    [[ -z $demo ]] || kill "$demo" 2>/dev/null || true
    [[ -z $run ]] || rm -rf "$run"
}

main "$@"
