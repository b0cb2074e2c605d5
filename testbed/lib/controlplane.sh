# shellcheck shell=bash
# The processes on the host: etcd, the API server, the controller manager, the
# scheduler, and what serves the whole cluster.

# In the order in which they start; host_start knows how.
# shellcheck disable=SC2034 # up and status go through them
HOST_PROCESSES="etcd kube-apiserver kube-controller-manager kube-scheduler csi-driver csi-provisioner csi-resizer kube-proxy"

host_start() {
    case $1 in
    etcd) control_plane_etcd ;;
    kube-apiserver) control_plane_apiserver ;;
    kube-controller-manager) control_plane_controller_manager ;;
    kube-scheduler) control_plane_scheduler ;;
    csi-driver) storage_driver ;;
    csi-provisioner) storage_provisioner ;;
    csi-resizer) storage_resizer ;;
    # Cluster addresses work on the host too: the API server calls webhooks by
    # them. It sees what n1 sees.
    kube-proxy) proxy_start host n1 "$STATE/log/kube-proxy.log" ;;
    esac
}

# Not etcd's usual ports: those are free for an etcd that somebody tests.
ETCD_CLIENT_URL=https://127.0.0.1:12379
ETCD_PEER_URL=http://127.0.0.1:12380

control_plane_etcd() {
    # Only this etcd may lose what it wrote: the testbed starts from nothing.
    process_start host etcd "$STATE/log/etcd.log" "$(part etcd-3.6)/etcd" \
        --name=testbed --data-dir="$STATE/etcd" --unsafe-no-fsync --log-level=warn \
        --listen-client-urls="$ETCD_CLIENT_URL" --advertise-client-urls="$ETCD_CLIENT_URL" \
        --listen-peer-urls="$ETCD_PEER_URL" --initial-advertise-peer-urls="$ETCD_PEER_URL" \
        --initial-cluster="testbed=$ETCD_PEER_URL" \
        --cert-file="$PKI/etcd.crt" --key-file="$PKI/etcd.key" \
        --trusted-ca-file="$PKI/ca.crt" --client-cert-auth \
        --auto-compaction-mode=periodic --auto-compaction-retention=10m --quota-backend-bytes=8589934592
}

control_plane_apiserver() {
    mkdir -p "$STATE/audit"
    process_start host kube-apiserver "$STATE/log/kube-apiserver.log" "$(part kubernetes)/kube-apiserver" \
        --bind-address="$HOST_ADDRESS" --advertise-address="$HOST_ADDRESS" --secure-port=6443 \
        --etcd-servers="$ETCD_CLIENT_URL" --etcd-cafile="$PKI/ca.crt" \
        --etcd-certfile="$PKI/apiserver-etcd-client.crt" --etcd-keyfile="$PKI/apiserver-etcd-client.key" \
        --tls-cert-file="$PKI/apiserver.crt" --tls-private-key-file="$PKI/apiserver.key" \
        --client-ca-file="$PKI/ca.crt" \
        --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged \
        --service-cluster-ip-range="$SERVICE_RANGE" \
        --service-account-issuer=https://kubernetes.default.svc.cluster.local \
        --service-account-key-file="$PKI/service-account.pub" \
        --service-account-signing-key-file="$PKI/service-account.key" \
        --kubelet-certificate-authority="$PKI/ca.crt" --kubelet-preferred-address-types=InternalIP \
        --kubelet-client-certificate="$PKI/apiserver-kubelet-client.crt" \
        --kubelet-client-key="$PKI/apiserver-kubelet-client.key" \
        --requestheader-client-ca-file="$PKI/ca.crt" --requestheader-allowed-names=front-proxy-client \
        --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
        --requestheader-extra-headers-prefix=X-Remote-Extra- \
        --proxy-client-cert-file="$PKI/front-proxy-client.crt" --proxy-client-key-file="$PKI/front-proxy-client.key" \
        --audit-policy-file="$TESTBED/config/audit-policy.yaml" --audit-log-path="$STATE/audit/audit.log" \
        --audit-log-maxsize=500 --audit-log-maxbackup=4
}

apiserver_ready() { kubectl get --raw=/readyz; }

# Its own limits (20 calls a second for each controller, and the scheduler's 50) would be what a
# measurement measures.
CLIENT_LIMITS=(--kube-api-qps=1000 --kube-api-burst=2000)

control_plane_controller_manager() {
    local kubeconfig=$STATE/kubeconfigs/controller-manager.kubeconfig
    process_start host kube-controller-manager "$STATE/log/kube-controller-manager.log" \
        "$(part kubernetes)/kube-controller-manager" \
        --kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" \
        "${CLIENT_LIMITS[@]}" --bind-address=127.0.0.1 --leader-elect=false --controllers='*' --use-service-account-credentials \
        --service-account-private-key-file="$PKI/service-account.key" --root-ca-file="$PKI/ca.crt" \
        --cluster-signing-cert-file="$PKI/ca.crt" --cluster-signing-key-file="$PKI/ca.key" \
        --service-cluster-ip-range="$SERVICE_RANGE" \
        --node-monitor-grace-period=12s --node-monitor-period=2s
}

control_plane_scheduler() {
    local kubeconfig=$STATE/kubeconfigs/scheduler.kubeconfig
    process_start host kube-scheduler "$STATE/log/kube-scheduler.log" "$(part kubernetes)/kube-scheduler" \
        --kubeconfig="$kubeconfig" --authentication-kubeconfig="$kubeconfig" --authorization-kubeconfig="$kubeconfig" \
        "${CLIENT_LIMITS[@]}" --bind-address=127.0.0.1 --leader-elect=false
}

# proxy_start SCOPE NODE LOG PREFIX...: kube-proxy as seen from the node. The
# prefix is the command that enters the node, if any.
proxy_start() {
    local scope=$1 node=$2 log=$3
    shift 3
    mkdir -p "$STATE/config"
    cat >"$STATE/config/kube-proxy-$scope.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection:
  kubeconfig: $STATE/kubeconfigs/proxy.kubeconfig
hostnameOverride: $node
clusterCIDR: $POD_RANGE
bindAddress: 0.0.0.0
healthzBindAddress: 127.0.0.1:10256
metricsBindAddress: 127.0.0.1:10249
oomScoreAdj: 0
conntrack:
  maxPerCore: 0
  min: 0
END
    process_start "$scope" kube-proxy "$log" "$@" "$(part kubernetes)/kube-proxy" \
        --config="$STATE/config/kube-proxy-$scope.yaml"
}
