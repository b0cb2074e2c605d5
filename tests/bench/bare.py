"""The yardstick: the same etcd with the same certificates as a bare StatefulSet, started statically."""

LABELS = {"app": "bare-etcd"}


def service(namespace, name):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"{name}-peer", "namespace": namespace},
        "spec": {
            "clusterIP": "None",
            "publishNotReadyAddresses": True,
            "selector": LABELS,
            "ports": [{"name": "peer", "port": 2380}, {"name": "client", "port": 2379}],
        },
    }


def arguments(namespace, name, replicas):
    host = f"$(POD_NAME).{name}-peer.{namespace}.svc"
    members = ",".join(
        f"{name}-{i}=https://{name}-{i}.{name}-peer.{namespace}.svc:2380" for i in range(replicas)
    )
    server, peer = "/tls/server", "/tls/peer"
    return [
        "--name=$(POD_NAME)",
        "--data-dir=/var/lib/etcd/data",
        "--listen-client-urls=https://0.0.0.0:2379",
        "--listen-peer-urls=https://0.0.0.0:2380",
        "--listen-metrics-urls=http://0.0.0.0:2381",
        f"--advertise-client-urls=https://{host}:2379",
        f"--initial-advertise-peer-urls=https://{host}:2380",
        f"--initial-cluster={members}",
        "--initial-cluster-state=new",
        f"--initial-cluster-token={namespace}",
        f"--cert-file={server}/tls.crt",
        f"--key-file={server}/tls.key",
        f"--trusted-ca-file={server}/ca.crt",
        "--client-cert-auth=true",
        f"--peer-cert-file={peer}/tls.crt",
        f"--peer-key-file={peer}/tls.key",
        f"--peer-trusted-ca-file={peer}/ca.crt",
        f"--peer-client-cert-file={peer}/client.crt",
        f"--peer-client-key-file={peer}/client.key",
        "--peer-client-cert-auth=true",
    ]


def probe(path, **rest):
    return {"httpGet": {"path": path, "port": 2381}, **rest}


def stateful_set(namespace, name, image, replicas=3):
    container = {
        "name": "etcd",
        "image": image,
        "command": ["/usr/local/bin/etcd", *arguments(namespace, name, replicas)],
        "env": [{"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "startupProbe": probe("/livez", periodSeconds=1, failureThreshold=600),
        "readinessProbe": probe("/readyz", periodSeconds=2),
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}},
        "volumeMounts": [
            {"name": "data", "mountPath": "/var/lib/etcd"},
            {"name": "server", "mountPath": "/tls/server", "readOnly": True},
            {"name": "peer", "mountPath": "/tls/peer", "readOnly": True},
        ],
    }
    affinity = {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": LABELS},
                    },
                }
            ]
        }
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "serviceName": f"{name}-peer",
            "replicas": replicas,
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": LABELS},
            "template": {
                "metadata": {"labels": LABELS},
                "spec": {
                    "securityContext": {"runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532},
                    "affinity": affinity,
                    "containers": [container],
                    "volumes": [
                        {"name": "server", "secret": {"secretName": f"{name}-server-tls"}},
                        {"name": "peer", "secret": {"secretName": f"{name}-peer-tls"}},
                    ],
                },
            },
            "volumeClaimTemplates": [
                {
                    "metadata": {"name": "data"},
                    "spec": {
                        "accessModes": ["ReadWriteOnce"],
                        "resources": {"requests": {"storage": "1Gi"}},
                    },
                }
            ],
        },
    }
