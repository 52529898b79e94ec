#!/usr/bin/env bash
# Builds the program twice: once to count which of its code runs while it serves, and again for that (profile-guided
# optimisation). It costs less for each request afterwards; docs/performance.md says how much.
#
#   packaging/pgo.sh [FOLDER]     where the program goes; by default target/pgo
#
# packaging/deb.sh makes a package of it as of any other: packaging/deb.sh target/pgo/ajpgate. It needs rustup, and wrk, h2load
# (Debian: nghttp2-client), openssl and curl for the load, which tests/bench/run.sh sends on loopback for about a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
folder=$(realpath -m "${1:-$target/pgo}")
host=$(rustc -vV | sed -n 's/^host: //p')
counts=$folder/counts

# What the requests of the load are: over HTTP/1.1 and HTTP/2, with and without TLS, short, long, and with bodies.
load=(get1k get16k get1m chunked64k post64k close1k get1k-split tls1k h2-1k handshake file1k)

fail() { printf 'packaging/pgo.sh: %s\n' "$*" >&2; exit "${code:-1}"; }

main() {
    code=2
    local program
    for program in rustup wrk h2load openssl curl; do
        command -v "$program" >/dev/null || fail "$program is missing"
    done
    rustup component add llvm-tools || fail "the component llvm-tools cannot be had"
    unset code
    rm -rf "$counts"
    mkdir -p "$counts"
    build "$folder/counting" "-Cprofile-generate=$counts"
    tests/bench/run.sh --binary "ajpgate=$folder/counting/$host/release/ajpgate" --only ajpgate --rounds 1 --seconds 3 \
        "${load[@]}" >"$folder/load.log" || fail "the load fails: $(<"$folder/load.log")"
    "$(rustc --print sysroot)/lib/rustlib/$host/bin/llvm-profdata" merge -o "$counts/merged.profdata" "$counts"/*.profraw
    build "$folder/build" "-Cprofile-use=$counts/merged.profdata"
    cp "$folder/build/$host/release/ajpgate" "$folder/ajpgate"
    printf '%s\n' "${folder#"$PWD"/}/ajpgate"
}

# build FOLDER FLAGS: with the target named, so that the flags are not those of programs that run while it builds.
build() {
    RUSTFLAGS="${RUSTFLAGS-} $2" CARGO_TARGET_DIR=$1 cargo build --release --locked --target "$host" --bin ajpgate
}

main "$@"
