# shellcheck shell=bash
# Building the parts. A part is a Go module in go/PART (or one C file) and
# becomes a folder in the cache, named after the hash of everything it is made
# from. A folder there is always complete: it is built elsewhere and renamed.

PARTS="kubernetes containerd coredns etcd-3.5 etcd-3.6 etcd-3.7 csi pause"
# Of no use to the testbed itself: built when somebody asks for them (tests/bench/scale.py, tests/chaos,
# tests/run_store).
EXTRA_PARTS="kwok standin writer lossyfs versitygw fake-gcs-server"

# programs_of PART: lines of NAME and Go package.
programs_of() {
    case $1 in
    kubernetes) echo "kubernetes ." ;;
    containerd)
        local program
        for program in containerd ctr containerd-shim-runc-v2; do
            echo "$program github.com/containerd/containerd/v2/cmd/$program"
        done
        ;;
    coredns) echo "coredns ." ;;
    etcd-*)
        echo "etcd go.etcd.io/etcd/server/v3"
        echo "etcdctl go.etcd.io/etcd/etcdctl/v3"
        echo "etcdutl go.etcd.io/etcd/etcdutl/v3"
        ;;
    kwok) echo "kwok sigs.k8s.io/kwok/cmd/kwok" ;;
    standin | writer) echo "$1 ." ;;
    versitygw) echo "versitygw github.com/versity/versitygw/cmd/versitygw" ;;
    fake-gcs-server) echo "fake-gcs-server github.com/fsouza/fake-gcs-server" ;;
    csi)
        echo "csi-driver ."
        echo "csi-provisioner github.com/kubernetes-csi/external-provisioner/v6/cmd/csi-provisioner"
        echo "csi-resizer github.com/kubernetes-csi/external-resizer/v2/cmd/csi-resizer"
        ;;
    esac
}

# The module whose version is the part's version.
main_module_of() {
    case $1 in
    kubernetes) echo k8s.io/kubernetes ;;
    containerd) echo github.com/containerd/containerd/v2 ;;
    coredns) echo github.com/coredns/coredns ;;
    etcd-*) echo go.etcd.io/etcd/server/v3 ;;
    csi) echo github.com/kubernetes-csi/external-provisioner/v6 ;;
    kwok) echo sigs.k8s.io/kwok ;;
    standin | writer) echo go.etcd.io/etcd/api/v3 ;;
    versitygw) echo github.com/versity/versitygw ;;
    fake-gcs-server) echo github.com/fsouza/fake-gcs-server ;;
    esac
}

part_version() {
    local module
    module=$(main_module_of "$1")
    [[ -n $module ]] || return 0
    awk -v module="$module" '$1 == "require" { sub(/^require /, "") }
        $1 == module && $2 ~ /^v/ { print $2; exit }' "$TESTBED/go/$1/go.mod"
}

build_flags_of() {
    local version
    version=$(part_version "$1")
    case $1 in
    kubernetes)
        local stamp=k8s.io/component-base/version minor=${version#*.}
        echo "-ldflags=-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=1 -X $stamp.gitMinor=${minor%%.*}"
        ;;
    containerd)
        echo "-ldflags=-s -w -X github.com/containerd/containerd/v2/version.Version=$version"
        echo "-tags=no_btrfs,no_devmapper,no_zfs"
        ;;
    csi) echo "-ldflags=-s -w -X main.version=$version" ;;
    *) echo "-ldflags=-s -w" ;;
    esac
}

part_sources() {
    if [[ -e $TESTBED/$1.c ]]; then
        echo "$TESTBED/$1.c"
    else
        find "$TESTBED/go/$1" -maxdepth 1 -type f \( -name '*.go' -o -name go.mod -o -name go.sum \) | sort
    fi
}

# part_folder PART: where it is, or will be.
part_folder() {
    local key
    key=$({
        part_sources "$1" | xargs cat
        programs_of "$1"
        build_flags_of "$1"
        uname -m
    } | sha256sum)
    echo "$CACHE/$1-${key:0:16}"
}

# part PART: where the running testbed has it. The sources may change meanwhile;
# the programs of one run stay the same until it is taken down.
part() { echo "$STATE/parts/$1"; }

parts_install() {
    local part
    mkdir -p "$STATE/parts"
    for part in $PARTS; do ln -s "$(part_folder "$part")" "$STATE/parts/$part"; done
}

build_announcement() {
    case $1 in
    kubernetes) echo "takes 5 to 9 minutes the first time" ;;
    csi) echo "takes 2 to 3 minutes the first time" ;;
    containerd | coredns | kwok) echo "takes 1 to 2 minutes the first time" ;;
    versitygw | fake-gcs-server) echo "takes some minutes the first time" ;;
    etcd-* | standin | writer) echo "takes half a minute the first time" ;;
    *) echo "takes a second" ;;
    esac
}

# build_one PART FOLDER: builds into the folder.
build_one() {
    local part=$1 folder=$2 name package flags
    if [[ $part == pause ]]; then
        cc -std=c17 -Os -static -s -Wall -Wextra -o "$folder/pause" "$TESTBED/pause.c"
        return
    fi
    if [[ $part == lossyfs ]]; then
        mapfile -t flags < <(pkg-config --cflags --libs fuse3 | xargs -n 1)
        cc -std=gnu17 -O2 -Wall -Wextra -o "$folder/lossyfs" "$TESTBED/lossyfs.c" "${flags[@]}"
        return
    fi
    mapfile -t flags < <(build_flags_of "$part")
    while read -r name package; do
        (cd "$TESTBED/go/$part" &&
            GOTOOLCHAIN=local CGO_ENABLED=0 GOFLAGS=-buildvcs=false \
                go build -mod=readonly -trimpath "${flags[@]}" -o "$folder/$name" "$package") || return
    done < <(programs_of "$part")
    if [[ $part == kubernetes ]]; then
        for name in kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet kubectl; do
            ln -s kubernetes "$folder/$name"
        done
    fi
}

# build PART: unless the cache has it.
build() {
    local part=$1 folder log started=$EPOCHREALTIME version
    folder=$(part_folder "$part")
    [[ -d $folder ]] && return 0
    command -v go >/dev/null || fail "building needs Go, which is not in PATH"
    version=$(part_version "$part")
    log=$CACHE/log/$part.log
    mkdir -p "$CACHE/log"
    (
        exec 8>"$CACHE/.lock-$part"
        flock --nonblock 8 || { say "waiting for another build of $part"; flock 8; }
        [[ -d $folder ]] && exit 0
        say "building ${part%-3.*}${version:+ $version} ($(build_announcement "$part")) ..."
        rm -rf "$folder.unfinished"
        mkdir -p "$folder.unfinished"
        build_one "$part" "$folder.unfinished" >"$log" 2>&1 8>&- || fail "building $part" "$log"
        mv -T "$folder.unfinished" "$folder"
        printf 'testbed: %6.1f s  built %s\n' "$(seconds_since "$started")" "$part"
    )
}

# parts_named NAME...: full names of parts; `etcd` means all its versions.
parts_named() {
    local name part known
    for name in "$@"; do
        known=
        for part in $PARTS $EXTRA_PARTS; do
            if [[ $part == "$name" || ($name == etcd && $part == etcd-*) ]]; then
                echo "$part"
                known=1
            fi
        done
        [[ -n $known ]] || fail "no such part: $name (parts: $PARTS $EXTRA_PARTS, and etcd for all its versions)"
    done
}
