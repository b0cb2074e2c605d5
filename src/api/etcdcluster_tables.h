/* The parts that etcdcluster_kind is put together from.  Private to api/. */
#ifndef API_ETCDCLUSTER_TABLES_H
#define API_ETCDCLUSTER_TABLES_H 1

#include "api/etcdcluster.h"

extern const struct api_field etcdcluster_spec_fields[], etcdcluster_status_fields[];

/* Rules, each beside the field that it stands on. */
extern const struct api_rule etcdcluster_object_rules[], etcdcluster_client_tls_rules[],
    etcdcluster_peer_tls_rules[], etcdcluster_resources_rules[], etcdcluster_recovery_rules[],
    etcdcluster_etcd_rules[], etcdcluster_argument_rules[];

/* The rules that do not compare with oldSelf, on a decoded spec. `name` may be NULL (unknown). */
int etcdcluster_check_rules(const char *name, const struct etcdcluster_spec *spec,
                            struct error *error);

#endif
