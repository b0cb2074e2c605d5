/* The cluster's own certificate authorities and certificates, as Secrets.
 *
 * Two planes with a CA each. Peers dial with a certificate of their own that has no SAN: etcd would
 * otherwise check the dialler's address by DNS and reject a new pod until DNS has caught up.  The
 * operator's certificate is CN=root, so that it works whatever users a restored snapshot brings. */
#ifndef CLUSTER_CERTIFICATES_H
#define CLUSTER_CERTIFICATES_H 1

#include <stdbool.h>
#include <stdint.h>

#include "api/etcdcluster.h"
#include "base/arena.h"
#include "base/error.h"
#include "cluster/names.h"
#include "kube/api.h"

#define CERTIFICATE_CA_LIFETIME_MS   (3650LL * 24 * 3600 * 1000)
#define CERTIFICATE_LEAF_LIFETIME_MS (365LL * 24 * 3600 * 1000) /* Renewed after two thirds. */
#define CERTIFICATE_PEER_NAME        "etcd-peer"                /* Common name on the peer plane. */

enum certificate_secret {
    SECRET_CLIENT_CA,
    SECRET_PEER_CA,
    SECRET_SERVER,
    SECRET_PEER,
    SECRET_CLIENT,
    N_SECRETS
};

struct certificates {
    bool known;             /* They were read. */
    bool wanted[N_SECRETS]; /* The plane that they are for has TLS. */
    bool exists[N_SECRETS];
    const char *due[N_SECRETS]; /* Why it must be issued (again), or NULL. */
    const char *foreign;        /* A Secret of that name is somebody else's; or NULL. */
    const char *ca_pem, *certificate_pem, *key_pem; /* The operator's; NULL: none. */
};

/* Reads the Secrets by name and judges them. The PEMs live in the arena and are wiped with it. */
int certificates_read(const struct kube_api *kube, const struct names *names, const char *uid,
                      const struct etcdcluster_spec *spec, int64_t now_wall_ms, struct arena *arena,
                      struct certificates *out, struct error *error);

/* Issues what is due: a missing CA is created (never replaced: ERROR_CONFLICT if one appeared
 * meanwhile), leaves are signed and applied. */
int certificates_issue(const struct kube_api *kube, const struct names *names,
                       const json_t *owner_reference, const struct etcdcluster_spec *spec,
                       const struct certificates *have, int64_t now_wall_ms, struct error *error);

/* Any that is due. */
const char *certificates_due(const struct certificates *certificates);

const char *certificates_secret_name(const struct names *names, enum certificate_secret which);

#endif
