# shellcheck shell=bash
# What runs on the cluster rather than below it: its DNS and its storage.

addons_dns() {
    sed -e "s|@IMAGE@|testbed/coredns:$(part_version coredns)|" -e "s|@ADDRESS@|$DNS_ADDRESS|" \
        "$TESTBED/config/coredns.yaml" | kubectl apply -f - >/dev/null
}

dns_ready() { kubectl -n kube-system rollout status daemonset/coredns --timeout=1s; }

addons_storage() { kubectl apply -f "$TESTBED/config/storage.yaml" >/dev/null; }

# The driver's controller half, the ordinary provisioner and the ordinary resizer
# run on the host, so that volumes can be made and grown whichever node is down.
storage_driver() {
    mkdir -p "$STATE/csi" "$STATE/volumes"
    process_start host csi-driver "$STATE/log/csi-driver.log" "$(part csi)/csi-driver" --controller \
        --endpoint "$STATE/csi/csi.sock" --volumes "$STATE/volumes"
    wait_for 10 "the CSI driver" "$STATE/log/csi-driver.log" test -S "$STATE/csi/csi.sock"
}

storage_provisioner() {
    process_start host csi-provisioner "$STATE/log/csi-provisioner.log" "$(part csi)/csi-provisioner" \
        --csi-address "$STATE/csi/csi.sock" --kubeconfig "$STATE/kubeconfigs/provisioner.kubeconfig" \
        --strict-topology --extra-create-metadata --retry-interval-max 10s \
        --kube-api-qps 50 --kube-api-burst 100
}

storage_resizer() {
    process_start host csi-resizer "$STATE/log/csi-resizer.log" "$(part csi)/csi-resizer" \
        --csi-address "$STATE/csi/csi.sock" --kubeconfig "$STATE/kubeconfigs/resizer.kubeconfig" \
        --retry-interval-max 10s --kube-api-qps 50 --kube-api-burst 100
}

storage_ready() {
    local node
    for node in $(known_nodes); do
        node_is_running "$node" || continue
        [[ $(kubectl get csinode "$node" -o 'jsonpath={.spec.drivers[*].name}') == *local.csi.testbed* ]] || return 1
    done
}
