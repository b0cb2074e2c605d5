#include "cluster/names.h"

#include <stdlib.h>
#include <string.h>

#include "api/permit.h"
#include "base/json.h"

struct names *names_new(struct arena *arena, const char *namespace, const char *cluster)
{
    struct names *names = arena_alloc(arena, sizeof *names);

    names->namespace = arena_strdup(arena, namespace);
    names->cluster = arena_strdup(arena, cluster);
    names->peer_service = arena_printf(arena, "%s-peer", cluster);
    names->client_service = arena_printf(arena, "%s-client", cluster);
    names->client_ca_secret = arena_printf(arena, "%s-client-ca", cluster);
    names->peer_ca_secret = arena_printf(arena, "%s-peer-ca", cluster);
    names->server_secret = arena_printf(arena, "%s-server-tls", cluster);
    names->peer_secret = arena_printf(arena, "%s-peer-tls", cluster);
    names->client_secret = arena_printf(arena, "%s-client-tls", cluster);
    return names;
}

const char *names_pod(struct arena *arena, const struct names *names, int ordinal)
{
    return arena_printf(arena, "%s-%d", names->cluster, ordinal);
}

const char *names_claim(struct arena *arena, const struct names *names, int ordinal)
{
    return arena_printf(arena, "data-%s-%d", names->cluster, ordinal);
}

const char *names_host(struct arena *arena, const struct names *names, int ordinal)
{
    return arena_printf(arena, "%s-%d.%s.%s.svc", names->cluster, ordinal, names->peer_service,
                        names->namespace);
}

static const char *url(struct arena *arena, const struct names *names, int ordinal, bool tls,
                       int port)
{
    return arena_printf(arena, "%s://%s:%d", tls ? "https" : "http",
                        names_host(arena, names, ordinal), port);
}

const char *names_peer_url(struct arena *arena, const struct names *names, int ordinal, bool tls)
{
    return url(arena, names, ordinal, tls, MEMBER_PEER_PORT);
}

const char *names_client_url(struct arena *arena, const struct names *names, int ordinal, bool tls)
{
    return url(arena, names, ordinal, tls, MEMBER_CLIENT_PORT);
}

const char *names_initial_cluster(struct arena *arena, const struct names *names, int size,
                                  bool tls)
{
    const char *list = "";

    for (int i = 0; i < size; i++) {
        list = arena_printf(arena, "%s%s%s=%s", list, i ? "," : "", names_pod(arena, names, i),
                            names_peer_url(arena, names, i, tls));
    }
    return list;
}

const char *names_token(struct arena *arena, const char *cluster_uid, int64_t generation)
{
    return arena_printf(arena, "%s-%lld", cluster_uid, (long long)generation);
}

int names_ordinal(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    char *end;

    if (strncmp(name, prefix, length) != 0 || name[length] != '-' || name[length + 1] < '0' ||
        name[length + 1] > '9') {
        return -1;
    }
    long ordinal = strtol(name + length + 1, &end, 10);
    return *end || ordinal > 9999 ? -1 : (int)ordinal;
}

json_t *names_selector(const struct names *names)
{
    return json_pack("{s:s, s:s, s:s}", "app.kubernetes.io/name", "etcd",
                     "app.kubernetes.io/instance", names->cluster, LABEL_CLUSTER, names->cluster);
}

json_t *names_labels(const struct names *names)
{
    json_t *labels = names_selector(names);
    json_object_set_new(labels, "app.kubernetes.io/managed-by", json_string(MANAGED_BY));
    json_object_set_new(labels, "app.kubernetes.io/component", json_string("member"));
    return labels;
}

bool object_is_owned_by(const json_t *object, const char *uid)
{
    json_t *reference;
    size_t i;

    json_array_foreach(json_path(object, "metadata", "ownerReferences", NULL), i, reference)
    {
        const char *owner = json_path_string(reference, "uid", NULL);
        if (owner && uid && !strcmp(owner, uid)) {
            return true;
        }
    }
    return false;
}
