#!/bin/sh
# Make a base image from the packages of this machine's Debian or Ubuntu and push it to a registry on loopback:
#
#   make-base.sh [REGISTRY]          default: localhost:5000, started here if nothing answers there
#
# pushes REGISTRY/debian:12-python (on Debian 12): the essential packages, Python 3 and PyYAML.
# Repeating it costs nothing: what is in the registry stays, what was made lies in $OLOS_CACHE
# (default ~/.cache/olos). Needs root, mmdebstrap, buildah, curl and docker-registry.
set -eu

registry=${1:-localhost:5000}
cache=${OLOS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/olos}
packages=passwd,python3-minimal,python3,python3-yaml
# All times in the image; no package of a present release is older.
epoch=1600000000

. /etc/os-release
version=${VERSION_ID:?}
# Another script or another release makes another image.
key=$({ cat "$0"; echo "$ID $version"; } | sha256sum | cut -c1-12)
image=$registry/$ID:$version-python
archive=$cache/base-$key.tar
mkdir -p "$cache"

start_registry() {
    mkdir -p "$cache/registry"
    cat >"$cache/registry.yml" <<CONFIG
version: 0.1
log: {level: error}
storage: {filesystem: {rootdirectory: '$cache/registry'}}
http: {addr: '127.0.0.1:5000'}
CONFIG
    setsid docker-registry serve "$cache/registry.yml" >"$cache/registry.log" 2>&1 </dev/null &
    echo "started a registry on localhost:5000; to stop it: kill $!" >&2
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        ! curl -fs "http://$registry/v2/" >/dev/null || return 0
        sleep 0.5
    done
    cat "$cache/registry.log" >&2
    exit 1
}

# The sources of the distribution itself, as apt has them, and not those of third parties.
sources() {
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT) # $(ORIGIN)' 'Created-By: Packages' |
        grep -iE "# $ID\$" | sed 's/ #.*//' | sort -u
}

# Python compiles some of its files while packages are set up, in an order that varies: those are left out.
make_archive() {
    [ -n "$(sources)" ] || apt-get update --quiet=2
    sources=$(sources)
    [ -n "$sources" ] || { echo "apt has no source of $ID's packages" >&2; exit 1; }
    apt-config dump | grep -iE '^Acquire::https?::' >"$cache/apt.conf" || :
    echo "making $image with mmdebstrap" >&2
    printf '%s\n' "$sources" | SOURCE_DATE_EPOCH=$epoch mmdebstrap --quiet \
        --variant=essential --include="$packages" --aptopt="$cache/apt.conf" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
        --dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/zoneinfo/*' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/* "$1"/var/log/* "$1"/tmp/*' \
        --customize-hook='rm -f "$1"/etc/machine-id "$1"/var/lib/dbus/machine-id "$1"/etc/hostname' \
        --customize-hook='rm -f "$1"/etc/resolv.conf "$1"/etc/*- "$1"/var/lib/dpkg/*-old' \
        --customize-hook='rm -rf "$1"/usr/share/python3/debpython/__pycache__' \
        "$VERSION_CODENAME" "$archive.new.tar" -
    rm -f "$cache"/base-*[0-9a-f].tar
    mv "$archive.new.tar" "$archive"
}

push() {
    container=$(buildah from scratch)
    trap 'buildah rm "$container" >/dev/null' EXIT
    buildah add --quiet "$container" "$archive" / >/dev/null
    buildah config --cmd /bin/sh --env PATH=/usr/sbin:/usr/bin:/sbin:/bin "$container"
    made=$(buildah commit --quiet --timestamp $epoch --format docker "$container")
    for name in "$image" "$image-$key"; do
        buildah push --quiet --tls-verify=false "$made" "docker://$name"
    done
    buildah rmi "$made" >/dev/null
}

if ! curl -fs "http://$registry/v2/" >/dev/null; then
    [ "$registry" = localhost:5000 ] || { echo "no registry answers at $registry" >&2; exit 1; }
    start_registry
fi
manifest="http://$registry/v2/$ID/manifests/$version-python-$key"
if ! curl -fsI -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' "$manifest" >/dev/null; then
    [ -f "$archive" ] || make_archive
    push
fi
echo "$image"
