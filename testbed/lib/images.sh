# shellcheck shell=bash
# Images. There is no registry: the state folder keeps the OCI tars of all
# images, and every node imports them, also one that starts later.

# image_build NAME:TAG PART OPTIONS...: makes the image of a part, unless the
# cache has it, and prints the file. The function image_root_PART fills its root.
image_build() {
    local ref=$1 part=$2 file key
    shift 2
    key=$({
        image_source "$part"
        cat "$PROJECT/deploy/image/oci_layout.py"
        declare -f "image_root_${part%%-*}"
        echo "$ref $*"
    } | sha256sum)
    file=$CACHE/image-$part-${key:0:16}.tar
    if [[ ! -f $file ]]; then
        local root
        root=$(mktemp -d "$CACHE/.image.XXXXXX")
        # Not the caller's umask: the modes are part of the image.
        (umask 022 && mkdir "$root/root" && "image_root_${part%%-*}" "$root/root" "$(image_source "$part")" &&
            "$PROJECT/deploy/image/oci_layout.py" --root "$root/root" --ref "$ref" --output "$file" "$@" >&2) ||
            fail "making the image $ref"
        rm -rf "$root"
    fi
    echo "$file"
}

# image_source PART: the folder that the programs come from.
image_source() {
    if [[ $1 == busybox ]]; then
        dirname "$(command -v busybox)"
    else
        part_folder "$1"
    fi
}

# Laid out like the official image: no shell, three programs.
image_root_etcd() {
    mkdir -p "$1/usr/local/bin" "$1/var/etcd" "$1/var/lib/etcd" "$1/tmp"
    chmod 1777 "$1/tmp"
    install -m 0755 "$2/etcd" "$2/etcdctl" "$2/etcdutl" "$1/usr/local/bin/"
}
image_root_coredns() { install -m 0755 "$2/coredns" "$1/coredns"; }
image_root_pause() { install -m 0755 "$2/pause" "$1/pause"; }
image_root_busybox() {
    mkdir -p "$1/bin" "$1/tmp"
    chmod 1777 "$1/tmp"
    install -m 0755 "$2/busybox" "$1/bin/busybox"
    local applet
    for applet in $("$1/bin/busybox" --list); do
        [[ $applet == busybox ]] || ln -s busybox "$1/bin/$applet"
    done
}

# images_prepare: the files of all images that each node has from the start.
images_prepare() {
    local part version
    image_build testbed/pause:1 pause --entrypoint '["/pause"]' --user 65535:65535
    version=$(part_version coredns)
    image_build "testbed/coredns:$version" coredns --entrypoint '["/coredns"]'
    image_build testbed/busybox:1 busybox --cmd '["/bin/sh"]' --env PATH=/bin
    for part in etcd-3.5 etcd-3.6 etcd-3.7; do
        version=$(part_version "$part")
        image_build "gcr.io/etcd-development/etcd:$version" "$part" --cmd '["/usr/local/bin/etcd"]' \
            --workdir /var/lib/etcd/ --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
    done
}

# image_names TAR: the names in an OCI layout.
image_names() {
    tar -xOf "$1" index.json | python3 -c '
import json, sys
for manifest in json.load(sys.stdin)["manifests"]:
    print(manifest.get("annotations", {}).get("io.containerd.image.name", ""))'
}

# image_keep TAR: into the state folder, in place of an earlier image of this
# name; prints the file.
image_keep() {
    local names file
    names=$(image_names "$1" 2>/dev/null) || fail "$1 is not an OCI layout in a tar"
    [[ -n ${names//$'\n'/} ]] || fail "$1 does not say its image's name (annotation io.containerd.image.name)"
    names=${names//$'\n'/+}
    file=$STATE/images/${names//\//_}.tar
    mkdir -p "$STATE/images"
    cp "$1" "$file.new"
    mv "$file.new" "$file"
    echo "$file"
}

# node_import NODE: what the node does not have yet, the pause image first. The
# kubelet must find an image at once: a pull, which can only fail, would be
# waited for.
node_import() {
    local node=$1 file done_folder=$STATE/nodes/$1/imported
    mkdir -p "$done_folder"
    for file in "$STATE"/images/*pause*.tar "$STATE"/images/*.tar; do
        [[ $done_folder/${file##*/} -nt $file ]] && continue
        touch "$done_folder/.now"
        node_exec "$node" "$(part containerd)/ctr" --namespace k8s.io images import "$file" \
            >>"$STATE/nodes/$node/images.log" 2>&1 || fail "importing $file on $node" "$STATE/nodes/$node/images.log"
        touch "$done_folder/${file##*/}"
    done
}
