# shellcheck shell=bash
# One certificate authority (ECDSA P-256) that signs everything, and a
# kubeconfig for each component.

PKI=$STATE/pki

pki_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1"; }

pki_authority() {
    pki_key "$PKI/ca.key"
    openssl req -x509 -new -key "$PKI/ca.key" -days 3650 -subj /CN=testbed-ca -out "$PKI/ca.crt" \
        -addext keyUsage=critical,keyCertSign,cRLSign
}

# pki_issue FILE SUBJECT [SAN]: a certificate for servers and clients.
pki_issue() {
    local file=$PKI/$1
    pki_key "$file.key"
    openssl req -new -key "$file.key" -subj "$2" |
        openssl x509 -req -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -days 3650 -out "$file.crt" -extfile <(
            echo "basicConstraints=critical,CA:FALSE"
            echo "keyUsage=critical,digitalSignature"
            echo "extendedKeyUsage=serverAuth,clientAuth"
            if [[ -n ${3:-} ]]; then echo "subjectAltName=$3"; fi
        ) 2>/dev/null
}

# pki_kubeconfig FILE SUBJECT: a client certificate and the kubeconfig with it.
pki_kubeconfig() {
    local name
    name=$(basename "$1" .kubeconfig)
    pki_issue "$name-client" "$2"
    (
        umask 077
        cat >"$1" <<END
apiVersion: v1
kind: Config
clusters:
- name: testbed
  cluster:
    server: https://$HOST_ADDRESS:6443
    certificate-authority-data: $(base64 -w0 "$PKI/ca.crt")
users:
- name: $name
  user:
    client-certificate-data: $(base64 -w0 "$PKI/$name-client.crt")
    client-key-data: $(base64 -w0 "$PKI/$name-client.key")
contexts:
- name: testbed
  context:
    cluster: testbed
    user: $name
current-context: testbed
END
    )
}

pki_create() {
    mkdir -m 0700 "$PKI" "$STATE/kubeconfigs"
    pki_authority
    pki_issue etcd /CN=etcd IP:127.0.0.1
    pki_issue apiserver /CN=kube-apiserver "IP:$HOST_ADDRESS,IP:$SERVICE_ADDRESS,IP:127.0.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local"
    pki_issue apiserver-etcd-client /CN=kube-apiserver
    pki_issue apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
    pki_issue front-proxy-client /CN=front-proxy-client
    pki_key "$PKI/service-account.key"
    openssl pkey -in "$PKI/service-account.key" -pubout -out "$PKI/service-account.pub"
    pki_kubeconfig "$KUBECONFIG_ADMIN" /O=system:masters/CN=admin
    pki_kubeconfig "$STATE/kubeconfigs/controller-manager.kubeconfig" /CN=system:kube-controller-manager
    pki_kubeconfig "$STATE/kubeconfigs/scheduler.kubeconfig" /CN=system:kube-scheduler
    pki_kubeconfig "$STATE/kubeconfigs/proxy.kubeconfig" /CN=system:kube-proxy
    pki_kubeconfig "$STATE/kubeconfigs/provisioner.kubeconfig" /O=system:masters/CN=csi-provisioner
    pki_kubeconfig "$STATE/kubeconfigs/resizer.kubeconfig" /O=system:masters/CN=csi-resizer
}
