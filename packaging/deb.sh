#!/usr/bin/env bash
# Makes the Debian package of a program that was built before.
#
#   cargo build --release
#   packaging/deb.sh [PROGRAM] [FOLDER] [REVISION]
#
# PROGRAM is target/release/ajpgate, FOLDER, where the package goes, target/debian, and REVISION 1. It prints the name of the
# package. LEVEL=0 to 9 in the environment is the effort of the compression. The program runs on Debian 12 and later, and on what has its C library, when it was built there. It needs
# dpkg-deb, gzip and strip.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=${CARGO_TARGET_DIR:-target}
program=${1:-$target/release/ajpgate}
folder=${2:-$target/debian}
revision=${3:-1}
[[ -x $program ]] || { printf 'packaging/deb.sh: there is no %s: cargo build --release\n' "$program" >&2; exit 2; }

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
# Folders of the package may be entered by everybody, whatever the umask here is.
umask 022
chmod 755 "$root"

# put MODE FILE PLACE: a file of the package. `-` is standard input.
put() {
    mkdir -p "$(dirname "$root$3")"
    cat -- "$2" >"$root$3"
    chmod "$1" "$root$3"
}

version=$("$program" --version)
version=${version#ajpgate }-$revision
architecture=$(dpkg --print-architecture)

put 755 "$program" /usr/bin/ajpgate
strip --strip-unneeded "$root/usr/bin/ajpgate"

put 644 packaging/debian/ajpgate.yaml /etc/ajpgate/ajpgate.yaml
put 600 packaging/debian/default /etc/default/ajpgate
put 644 packaging/debian/logrotate /etc/logrotate.d/ajpgate
put 644 packaging/debian/sysusers.conf /usr/lib/sysusers.d/ajpgate.conf
put 644 systemd/ajpgate.service /lib/systemd/system/ajpgate.service
put 644 systemd/ajpgate.socket /lib/systemd/system/ajpgate.socket

"$program" man "$root/usr/share/man/man1"
find "$root/usr/share/man" -type f -exec chmod 644 {} + -exec gzip -9n {} +
"$program" completions bash | put 644 - /usr/share/bash-completion/completions/ajpgate
"$program" completions zsh | put 644 - /usr/share/zsh/vendor-completions/_ajpgate
"$program" completions fish | put 644 - /usr/share/fish/vendor_completions.d/ajpgate.fish
put 644 packaging/debian/copyright /usr/share/doc/ajpgate/copyright
put 644 LICENSE-MIT /usr/share/doc/ajpgate/LICENSE-MIT
gzip -9nc CHANGELOG.md | put 644 - /usr/share/doc/ajpgate/changelog.gz

for script in postinst prerm postrm; do
    put 755 "packaging/debian/$script" "/DEBIAN/$script"
done
put 644 - /DEBIAN/conffiles <<'FILES'
/etc/ajpgate/ajpgate.yaml
/etc/default/ajpgate
/etc/logrotate.d/ajpgate
FILES
size=$(du -sk --exclude=DEBIAN "$root" | cut -f1)
put 644 - /DEBIAN/control <<CONTROL
Package: ajpgate
Version: $version
Architecture: $architecture
Maintainer: the authors of ajpgate <ajpgate@localhost>
Installed-Size: $size
Depends: libc6 (>= 2.36), libgcc-s1, init-system-helpers (>= 1.54), passwd
Recommends: ca-certificates, logrotate
Section: web
Priority: optional
Description: gateway in front of Tomcat clusters
 HTTP/1.1, HTTP/2 and TLS in front, AJP13 to the Tomcats, sticky by jvmRoute: one program with one YAML file, with a
 balancer manager, an API and metrics for Prometheus.
CONTROL
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) | put 644 - /DEBIAN/md5sums

mkdir -p "$folder"
package=$folder/ajpgate_${version}_$architecture.deb
dpkg-deb --root-owner-group -Zxz "-z${LEVEL:-6}" --build "$root" "$package" >/dev/null
printf '%s\n' "$package"
