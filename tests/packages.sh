# shellcheck shell=bash
# Debian packages for the tests. Sourced by tests/run.sh; tests/run_sh.rs runs it with a stub of apt-get.
#
# The package lists of a machine may be absent, or older than the archive: then a package is not found, or its file is
# gone (404) because a newer version has taken its place. Each step that fails is repeated with new lists.

# Installing the package of a server starts the server, unless this file says no.
policy=/usr/sbin/policy-rc.d
# Seconds between the last two attempts, in case the archive changes at this moment.
pause_before_last_attempt=10

# install_packages PACKAGE...: installs those that are missing. Fails when one of them is still missing at the end.
install_packages() {
    local missing
    missing=$(missing_packages "$@")
    if [[ -z $missing ]]; then
        echo "all packages are installed"
        return
    fi
    local packages
    read -ra packages <<<"$missing"
    if [[ $(id -u) -ne 0 ]]; then
        printf 'as root, run: apt-get install --no-install-recommends %s\n' "$missing" >&2
        return 1
    fi

    keep_services_down || return
    # Another process, such as unattended-upgrades, may hold the lock.
    local package command=(
        env DEBIAN_FRONTEND=noninteractive
        apt-get install --yes --no-install-recommends -o DPkg::Lock::Timeout=300
    )
    if ! with_new_lists "${command[@]}" "${packages[@]}"; then
        # One package that cannot be had keeps the others from being installed, and the message below from naming it.
        for package in "${packages[@]}"; do
            "${command[@]}" "$package" || true
        done
    fi
    missing=$(missing_packages "$@")
    if [[ -n $missing ]]; then
        printf 'these packages cannot be installed: %s\n' "$missing" >&2
        return 1
    fi
}

# unpack_packages FOLDER PACKAGE...: unpacks packages into FOLDER/PACKAGE without installing them.
unpack_packages() {
    local folder=$1 package
    shift
    for package in "$@"; do
        [[ -e $folder/$package ]] && continue
        # What an interrupted run has left may be another version.
        rm -rf "$folder/.new"
        mkdir -p "$folder/.new"
        if ! (cd "$folder/.new" && with_new_lists apt-get download "$package"); then
            printf 'this package cannot be downloaded: %s\n' "$package" >&2
            return 1
        fi
        dpkg-deb --extract "$folder/.new/$package"_*.deb "$folder/.new/$package" || return
        mv "$folder/.new/$package" "$folder/$package" || return
        rm -rf "$folder/.new"
    done
}

# with_new_lists COMMAND...: runs a command, and where it fails again with new package lists, twice at most.
with_new_lists() {
    "$@" && return
    update_lists
    "$@" && return
    sleep "$pause_before_last_attempt"
    update_lists
    "$@"
}

# A repository that cannot be reached is no failure here: the others may have what is needed.
update_lists() {
    apt-get update || printf 'apt-get update has failed, at least in part; trying with the lists at hand\n' >&2
}

# The packages of the arguments that are not installed, in one line.
missing_packages() {
    local package missing=()
    for package in "$@"; do
        [[ $(dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] \
            || missing+=("$package")
    done
    echo "${missing[*]}"
}

keep_services_down() {
    [[ -e $policy ]] && return
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
}
