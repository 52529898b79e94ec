#!/usr/bin/env bash
# Installs what the tests need and runs everything; exit code 0 means that all of it passed.
#
#   tests/run.sh               lints, documentation, licences, fuzz targets, all tests
#   tests/run.sh --quick       the tests, without lints and fuzz targets
#   tests/run.sh --only-tests  the tests, without looking for what they need
#
# The cluster of docker/compose.yaml is started too, where a Docker daemon answers or can be started. Where not, that is
# said at the end; with --with-docker it is a failure, and with --without-docker it is not tried. Advisories on dependencies
# are checked where their database can be fetched.
#
# The real servers come from Debian's packages. Their system services are not started: the tests
# start servers of their own, from private folders.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(
    tomcat10 default-jdk-headless            # the backend, and javac for its test application
    apache2 apache2-utils libapache2-mod-jk haproxy nginx  # other front ends, to compare with
    libapache2-mod-auth-openidc              # a single sign-on that asks an OpenID provider
    libnginx-mod-stream                      # nginx as a load balancer with the PROXY protocol
    prometheus                               # reads the metrics, runs the rules, answers the dashboard
    redis-server                             # the engine of several gateways
    knot                                     # a name server that names members
    pebble                                   # an authority that speaks ACME
    chromium chromium-driver                 # looks at the balancer manager
    curl wrk nghttp2-client tshark           # clients and a look at the wire
    slowhttptest                             # clients that are as slow as they may be
    gcc g++ libc6-dev                        # for crates that bring C, and for libFuzzer
    libsodium23 libwrap0 libidn2-0           # libraries of the FTP servers below, as of Debian 12
    libhiredis0.14 libmemcached11 libmemcachedutil2 libpcre2-posix3
)
# These exclude each other, so they are unpacked and not installed.
ftp_servers=(vsftpd proftpd-core pure-ftpd)
docker_packages=(docker.io docker-compose debootstrap)  # the cluster in containers
cargo_deny=cargo-deny@0.20.2
skipped=()
# shellcheck source=tests/packages.sh
source tests/packages.sh

heading() { printf '\n== %s\n' "$*"; }
fail() { printf 'tests/run.sh: %s\n' "$*" >&2; exit 1; }

main() {
    local install=yes lint=yes docker=auto flag
    for flag in "$@"; do
        case $flag in
            --quick) lint=no ;;
            --only-tests) lint=no install=no ;;
            --with-docker) docker=yes ;;
            --without-docker) docker=no ;;
            *) fail "unknown option $flag; there are --quick, --only-tests, --with-docker and --without-docker" ;;
        esac
    done

    if [[ $install == yes ]]; then
        heading "Debian packages"
        command -v dpkg-query >/dev/null || fail "the servers are taken from Debian's packages; this is another system"
        install_packages "${packages[@]}" || fail "packages are missing"
        unpack_packages "${CARGO_TARGET_DIR:-target}/ftp-servers" "${ftp_servers[@]}" || fail "packages are missing"
        # Without a daemon the cluster is not tested, and that is said at the end.
        [[ $docker == no ]] || install_packages "${docker_packages[@]}" || [[ $docker == auto ]] \
            || fail "packages are missing"
        check_rust
    fi
    if [[ $lint == yes ]]; then
        run_lints
        heading "Fuzz targets"
        protocol/fuzz/run.sh 5
    fi
    run_tests
    run_package
    if [[ $docker != no ]]; then
        run_cluster "$docker"
    fi
    heading "Everything that was tested has passed"
    local what
    for what in "${skipped[@]}"; do
        printf '!! NOT TESTED: %s\n' "$what"
    done
}

check_rust() {
    heading "Rust"
    command -v cargo >/dev/null || fail "cargo is missing: https://rustup.rs"
    cargo --version
    cargo fmt --version || fail "rustfmt is missing: rustup component add rustfmt"
    cargo clippy --version || fail "clippy is missing: rustup component add clippy"
}

run_lints() {
    heading "Formatting"
    cargo fmt --all --check

    heading "Clippy"
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    cargo clippy --package ajpgate --all-targets --no-default-features --features real-servers -- -D warnings

    heading "Documentation"
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace

    heading "The oldest Rust that is supported"
    check_oldest_rust

    heading "Dependencies and licences"
    # Its work takes a second either way; building it without optimisation takes half as long.
    command -v cargo-deny >/dev/null || CARGO_PROFILE_DEV_DEBUG=false cargo install --locked --debug "$cargo_deny"
    cargo deny check bans licenses sources
    check_advisories
}

# `rust-version` of Cargo.toml is built: by everything else here where the toolchain is of that version, else by itself.
check_oldest_rust() {
    local oldest
    oldest=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
    if [[ $(rustc --version) == "rustc $oldest."* ]]; then
        echo "it is Rust $oldest, which builds all of this"
    elif rustup toolchain install "$oldest" --profile minimal; then
        RUSTFLAGS="-D warnings" CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/oldest-rust" \
            cargo "+$oldest" check --workspace --all-targets --all-features
    else
        not_tested "Rust $oldest, the oldest that is supported. Its toolchain cannot be had here."
    fi
}

# Known vulnerabilities of dependencies. Their database is fetched from GitHub.
check_advisories() {
    if timeout 120 cargo deny fetch db; then
        cargo deny --offline check advisories
    else
        not_tested "advisories on dependencies. Their database cannot be had here."
    fi
}

# not_tested WHAT: says it now and again at the end.
not_tested() {
    printf '!! NOT TESTED: %s\n' "$1"
    skipped+=("$1")
}

run_tests() {
    heading "Examples in the documentation"
    cargo test --doc --workspace

    heading "Tests"
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --features real-servers --no-fail-fast
    else
        cargo test --workspace --lib --bins --tests --features real-servers --no-fail-fast
    fi
}

run_package() {
    heading "The Debian package"
    local status=0
    packaging/test.sh "${CARGO_TARGET_DIR:-target}/debug/ajpgate" || status=$?
    [[ $status -eq 0 ]] && return
    # 3: this is not Debian with systemd, or no namespaces can be made. In most containers they cannot.
    [[ $status -eq 3 ]] || fail "the Debian package does not work"
    not_tested "the Debian package. No copy of this system can be started here; why is said above."
}

run_cluster() {
    heading "The cluster in containers"
    local status=0
    docker/test.sh "${CARGO_TARGET_DIR:-target}/debug/ajpgate" || status=$?
    [[ $status -eq 0 ]] && return
    # 3: there is no daemon, or nothing to make images of. In most containers none can be started.
    [[ $status -eq 3 && $1 == auto ]] || fail "the cluster of docker/compose.yaml does not work"
    not_tested "docker/compose.yaml. No Docker daemon can be had here, or no images; why is said above.
   With --with-docker this is a failure."
}

main "$@"
