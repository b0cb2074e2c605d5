#include "api/permit.h"

#include <string.h>

#include "api/wire.h"

#define MAX_INITIAL_CLUSTER 8192
#define MAX_TOKEN           256

static const char *const mode_names[] = {
    [PERMIT_NEW] = "new", [PERMIT_EXISTING] = "existing", [PERMIT_ADOPT] = "adopt"};
#define N_MODES (sizeof mode_names / sizeof *mode_names)

const char *permit_mode_name(enum permit_mode mode)
{
    return (size_t)mode < N_MODES ? mode_names[mode] : "unknown";
}

char *permit_encode(const struct permit *permit)
{
    json_t *object = wire_new();

    wire_set_string(object, "mode", permit_mode_name(permit->mode));
    wire_set_string(object, "podUID", permit->pod_uid);
    wire_set_string(object, "nonce", permit->nonce);
    wire_set_string(object, "clusterUID", permit->cluster_uid);
    wire_set_string(object, "previousClusterUID", permit->previous_cluster_uid);
    wire_set_integer(object, "generation", permit->generation);
    wire_set_integer(object, "ordinal", permit->ordinal);
    wire_set_id(object, "memberID", permit->member_id);
    wire_set_string(object, "initialCluster", permit->initial_cluster);
    wire_set_string(object, "token", permit->token);
    return wire_dump(object);
}

static enum permit_mode read_mode(struct wire *wire)
{
    const char *name = wire_token(wire, "mode", 16, true);

    for (unsigned i = 0; name && i < N_MODES; i++) {
        if (!strcmp(name, mode_names[i])) {
            return (enum permit_mode)i;
        }
    }
    if (name) {
        wire_fail(wire, "mode: \"%s\" is none of new, existing, adopt", name);
    }
    return PERMIT_NEW;
}

int permit_decode(const char *text, size_t size, struct arena *arena, struct permit *out,
                  struct error *error)
{
    struct wire wire = wire_open(text, size, PERMIT_MAX_SIZE, "the start permit", arena, error);
    enum permit_mode mode = read_mode(&wire);
    bool starts = mode != PERMIT_ADOPT;

    *out = (struct permit){
        .mode = mode,
        .pod_uid = wire_token(&wire, "podUID", WIRE_MAX_UID, true),
        .nonce = wire_token(&wire, "nonce", PERMIT_NONCE_SIZE - 1, true),
        .cluster_uid = wire_token(&wire, "clusterUID", WIRE_MAX_UID, true),
        .generation = wire_integer(&wire, "generation", 1, WIRE_MAX_INTEGER, true, 0),
        .ordinal = (int32_t)wire_integer(&wire, "ordinal", 0, WIRE_MAX_ORDINAL, true, 0),
        .member_id = wire_id(&wire, "memberID", true),
    };
    out->previous_cluster_uid = wire_token(&wire, "previousClusterUID", WIRE_MAX_UID, !starts);
    if (starts) {
        out->initial_cluster = wire_token(&wire, "initialCluster", MAX_INITIAL_CLUSTER, true);
        out->token = wire_token(&wire, "token", MAX_TOKEN, true);
    }
    return wire.status;
}
