/* Names, labels and addresses of the objects of a cluster. They are documented and stable: users'
 * manifests, NetworkPolicies and dashboards refer to them. */
#ifndef CLUSTER_NAMES_H
#define CLUSTER_NAMES_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

#define LABEL_CLUSTER "etcd.etcd.io/cluster"
#define ANNOTATION_TEMPLATE_HASH                                                                   \
    "etcd.etcd.io/template-hash" /* On pods: our hash of what matters. */
#define ANNOTATION_APPLIED_HASH                                                                    \
    "etcd.etcd.io/applied-hash"                            /* Of the desired object as applied.    \
                                                            */
#define ANNOTATION_ETCD_VERSION "etcd.etcd.io/version"     /* On the StatefulSet. */
#define ANNOTATION_CLUSTER_UID  "etcd.etcd.io/cluster-uid" /* On claims: who created them. */
#define ANNOTATION_CONFIG       "etcd.etcd.io/config" /* On pods: the ConfigMap of their flags. */
/* On the EtcdCluster: the id of a member whose data a person gives up. */
#define ANNOTATION_REPLACE "etcd.etcd.io/replace-member"
/* On the EtcdCluster, from birth: the EtcdRestore that brings its data, "NAME/UID". */
#define ANNOTATION_RESTORE "etcd.etcd.io/restore"
/* Likewise, when all of it is there: "UID/CLUSTER-UID/ETCD-CLUSTER-ID" (rule_restore.c). */
#define ANNOTATION_RESTORED "etcd.etcd.io/restored"
#define FINALIZER           "etcd.etcd.io/operator"
#define MANAGED_BY          "etcd-operator"

struct names {
    const char *namespace, *cluster;
    const char *peer_service;   /* c-peer: headless, publishes members that are not ready. */
    const char *client_service; /* c-client */
    const char *client_ca_secret, *peer_ca_secret;
    const char *server_secret; /* c-server-tls: members' certificate on the client plane. */
    const char *peer_secret;   /* c-peer-tls: members' two certificates on the peer plane. */
    const char *client_secret; /* c-client-tls: CN=root, for the operator and for users. */
};

struct names *names_new(struct arena *arena, const char *namespace, const char *cluster);

/* "c-2" and "data-c-2" */
const char *names_pod(struct arena *arena, const struct names *names, int ordinal);
const char *names_claim(struct arena *arena, const struct names *names, int ordinal);

/* The DNS name of a pod, without the cluster's domain: c-2.c-peer.ns.svc */
const char *names_host(struct arena *arena, const struct names *names, int ordinal);

/* https://c-2.c-peer.ns.svc:2380 */
const char *names_peer_url(struct arena *arena, const struct names *names, int ordinal, bool tls);
const char *names_client_url(struct arena *arena, const struct names *names, int ordinal, bool tls);

/* The initial-cluster flag for ordinals 0 to size - 1, and the token of a generation. */
const char *names_initial_cluster(struct arena *arena, const struct names *names, int size,
                                  bool tls);
const char *names_token(struct arena *arena, const char *cluster_uid, int64_t generation);

/* The ordinal at the end of "PREFIX-N" for the given "PREFIX", or -1. */
int names_ordinal(const char *name, const char *prefix);

/* The labels that all objects carry, and the selector that picks the members' pods. New. */
json_t *names_labels(const struct names *names);
json_t *names_selector(const struct names *names);

/* One of the object's owner references has this UID (NULL: none has). */
bool object_is_owned_by(const json_t *object, const char *uid);

#endif
