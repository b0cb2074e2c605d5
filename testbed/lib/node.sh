# shellcheck shell=bash
# A node: a network, mount and host-name namespace with its own containerd,
# kubelet, kube-proxy and CSI driver. Its disk is the folder nodes/NAME; its
# /run is fresh at every start, as on a machine that was switched on.

# Folders that programs on a node insist on. Each node mounts its own there; the
# host only lends the empty place.
LENT_FOLDERS="/var/lib/kubelet /var/lib/cni"

lend_folders() {
    local folder
    for folder in $LENT_FOLDERS; do
        if [[ ! -d $folder ]]; then
            mkdir -p "$folder"
            echo "$folder" >>"$STATE/lent-folders"
        fi
    done
}
take_back_folders() {
    [[ -e $STATE/lent-folders ]] || return 0
    local folder
    while read -r folder; do
        rmdir "$folder" 2>/dev/null || true
    done <"$STATE/lent-folders"
}

all_nodes() {
    local number
    for ((number = 1; number <= NODE_COUNT; number++)); do echo "n$number"; done
}
known_nodes() {
    local folder
    for folder in "$STATE"/nodes/n*; do
        if [[ -d $folder ]]; then echo "${folder##*/}"; fi
    done
}
node_check_name() {
    [[ $1 =~ ^n[1-9][0-9]?$ ]] || fail "$1 is not the name of a node: n1, n2, ..."
}
node_zone() {
    local zones=(zone-a zone-b zone-c)
    echo "${zones[($(node_number "$1") - 1) % 3]}"
}
node_is_running() { process_lives "$1" kubelet; }

# node_exec NODE COMMAND...: in the namespaces of the node.
node_exec() {
    local pid
    pid=$(process_id "$1" namespaces) || fail "node $1 is not running"
    shift
    nsenter --target "$pid" --mount --net --uts -- "$@"
}

node_configure() {
    local node=$1 folder=$STATE/nodes/$1
    mkdir -p "$folder"/{containerd,kubelet,log,cni,config}
    [[ -e $PKI/kubelet-$node.crt ]] ||
        pki_issue "kubelet-$node" "/O=system:nodes/CN=system:node:$node" "IP:$(node_address "$node"),DNS:$node"
    [[ -e $STATE/kubeconfigs/$node.kubeconfig ]] ||
        pki_kubeconfig "$STATE/kubeconfigs/$node.kubeconfig" "/O=system:nodes/CN=system:node:$node"
    node_containerd_config "$node" >"$folder/config/containerd.toml"
    node_cni_config "$node" >"$folder/cni/10-bridge.conflist"
    node_kubelet_config "$node" >"$folder/config/kubelet.yaml"
    # Pods that use the node's DNS get the cluster's. containerd gets one that
    # refuses at once, so that an image which is not there fails fast.
    echo "nameserver $DNS_ADDRESS" >"$folder/config/resolv.conf"
    echo "nameserver 127.0.0.1" >"$folder/config/resolv.conf.node"
}

node_containerd_config() {
    # restrict_oom_score_adj: root may lack CAP_SYS_RESOURCE here, and without
    # that no process can be given a lower score than its parent's.
    cat <<END
version = 3
root = "$STATE/nodes/$1/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.internal.v1.opt", "io.containerd.nri.v1.nri", "io.containerd.tracing.processor.v1.otlp"]

[grpc]
  address = "/run/containerd/containerd.sock"

[plugins."io.containerd.cri.v1.images"]
  snapshotter = "overlayfs"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "docker.io/testbed/pause:1"

[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = "$STATE/nodes/$1/cni"
  [plugins."io.containerd.cri.v1.runtime".containerd]
    default_runtime_name = "runc"
    [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
        BinaryName = "/usr/sbin/runc"
        SystemdCgroup = false
END
}

node_cni_config() {
    cat <<END
{
  "cniVersion": "1.0.0",
  "name": "testbed",
  "plugins": [
    {
      "type": "bridge",
      "bridge": "cni0",
      "isGateway": true,
      "hairpinMode": true,
      "ipam": {
        "type": "host-local",
        "dataDir": "/run/cni",
        "ranges": [[{ "subnet": "$(node_pods "$1")" }]],
        "routes": [{ "dst": "0.0.0.0/0" }]
      }
    }
  ]
}
END
}

node_kubelet_config() {
    # imageGC...: an image that was collected is gone for good.
    # nodeLease... and nodeStatus...: they fit the controller manager's grace
    # period of 12 s.
    cat <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
address: $(node_address "$1")
authentication:
  anonymous:
    enabled: false
  webhook:
    enabled: true
  x509:
    clientCAFile: $PKI/ca.crt
authorization:
  mode: Webhook
tlsCertFile: $PKI/kubelet-$1.crt
tlsPrivateKeyFile: $PKI/kubelet-$1.key
rotateCertificates: false
serverTLSBootstrap: false
containerRuntimeEndpoint: unix:///run/containerd/containerd.sock
clusterDNS: [$DNS_ADDRESS]
clusterDomain: cluster.local
resolvConf: $STATE/nodes/$1/config/resolv.conf
cgroupDriver: cgroupfs
cgroupRoot: /$CGROUP/$1
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: [pods]
makeIPTablesUtilChains: false
maxOpenFiles: 20000
oomScoreAdj: 0
evictionHard:
  memory.available: 200Mi
  nodefs.available: 1%
  nodefs.inodesFree: 1%
  imagefs.available: 1%
  imagefs.inodesFree: 1%
imageGCHighThresholdPercent: 100
imageMinimumGCAge: 24h
nodeLeaseDurationSeconds: 12
nodeStatusUpdateFrequency: 4s
nodeStatusReportFrequency: 1m
crashLoopBackOff:
  maxContainerRestartPeriod: 5s
END
}

# The node object comes before its kubelet, so that its zone and its range of
# pod addresses are what we say, whichever node is faster.
node_register() {
    kubectl get node "$1" >/dev/null 2>&1 && return 0
    kubectl create -f - >/dev/null <<END
apiVersion: v1
kind: Node
metadata:
  name: $1
  labels:
    topology.kubernetes.io/region: testbed
    topology.kubernetes.io/zone: $(node_zone "$1")
spec:
  podCIDR: $(node_pods "$1")
  podCIDRs: [$(node_pods "$1")]
END
}

# node_namespaces NODE: a process that holds the node's namespaces. When the
# last process on the node is gone, the kernel removes them, and with them all
# mounts, the pods' networks and the sockets in /run.
node_namespaces() {
    local node=$1 folder=$STATE/nodes/$1
    rm -f "$folder/ready"
    # shellcheck disable=SC2016 # expanded by the inner shell
    process_start "$node" namespaces "$folder/log/namespaces.log" \
        unshare --mount --net --uts --propagation private -- sh -euc '
            folder=$1 node=$2
            mount --no-mtab --make-rshared /
            mount --no-mtab -t tmpfs -o mode=0755 tmpfs /run
            mkdir -p /run/lock /run/netns
            mount --bind "$folder/kubelet" /var/lib/kubelet
            mount -t tmpfs tmpfs /var/lib/cni
            mount --bind "$folder/log" /var/log
            mount --bind "$folder/config/resolv.conf.node" /etc/resolv.conf
            hostname "$node"
            touch "$folder/ready"
            exec sleep infinity' sh "$folder" "$node"
    wait_for 10 "namespaces of node $node" "$folder/log/namespaces.log" test -e "$folder/ready"
}

node_containerd_ready() { node_exec "$1" "$(part containerd)/ctr" version; }

# node_daemon NODE NAME COMMAND...
node_daemon() {
    local node=$1 name=$2 pid
    pid=$(process_id "$node" namespaces)
    shift 2
    process_start "$node" "$name" "$STATE/nodes/$node/log/$name.log" \
        nsenter --target "$pid" --mount --net --uts -- "$@"
}

node_start() {
    local node=$1 folder=$STATE/nodes/$1 containerd csi kubelet=/var/lib/kubelet pid
    containerd=$(part containerd)
    csi=$(part csi)
    node_configure "$node"
    node_register "$node"
    cgroup_create "$node"
    node_namespaces "$node"
    network_attach "$node" "$(process_id "$node" namespaces)"
    node_daemon "$node" containerd env PATH="$containerd:/usr/sbin:/usr/bin:/sbin:/bin" \
        "$containerd/containerd" --config "$folder/config/containerd.toml"
    wait_for 30 "containerd on $node" "$folder/log/containerd.log" node_containerd_ready "$node"
    node_import "$node"
    mkdir -p "$STATE/volumes/$node"
    node_daemon "$node" csi-driver "$csi/csi-driver" --node "$node" --volumes "$STATE/volumes" \
        --endpoint "$kubelet/plugins/local.csi.testbed/csi.sock" \
        --registration "$kubelet/plugins_registry/local.csi.testbed-reg.sock"
    node_daemon "$node" kubelet "$(part kubernetes)/kubelet" --config "$folder/config/kubelet.yaml" \
        --kubeconfig "$STATE/kubeconfigs/$node.kubeconfig" \
        --hostname-override "$node" --node-ip "$(node_address "$node")"
    pid=$(process_id "$node" namespaces)
    proxy_start "$node" "$node" "$folder/log/kube-proxy.log" nsenter --target "$pid" --mount --net --uts --
}

# node_stop NODE: a power cut. What the node had written stays (also what was
# only in the page cache), everything else is gone at one instant.
node_stop() {
    if network_is_up "$1"; then network_partition "$1"; fi
    cgroup_end "$1"
    network_detach "$1"
    cgroup_remove "$1"
    rm -rf "$STATE/run/$1"
}

# node_ready NODE: says its kubelet, the one that runs now. (After a power cut the
# API still calls the node Ready until the grace period is over.)
node_ready() {
    local condition started ready heartbeat
    condition='{range .status.conditions[?(@.type=="Ready")]}{.status} {.lastHeartbeatTime}{end}'
    read -r ready heartbeat < <(kubectl get node "$1" -o "jsonpath=$condition")
    [[ $ready == True ]] || return 1
    [[ -e $STATE/run/$1/kubelet ]] || return 0
    started=$(date --utc --reference "$STATE/run/$1/kubelet" +%Y-%m-%dT%H:%M:%SZ)
    [[ ! $heartbeat < $started ]]
}
