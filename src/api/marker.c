#include "api/permit.h"
#include "api/wire.h"

#define MAX_MARKER 4096

char *marker_encode(const struct marker *marker)
{
    json_t *object = wire_new();

    wire_set_string(object, "clusterUID", marker->cluster_uid);
    wire_set_integer(object, "generation", marker->generation);
    wire_set_integer(object, "ordinal", marker->ordinal);
    wire_set_id(object, "memberID", marker->member_id);
    return wire_dump(object);
}

int marker_decode(const char *text, size_t size, struct arena *arena, struct marker *out,
                  struct error *error)
{
    struct wire wire = wire_open(text, size, MAX_MARKER, "the marker", arena, error);

    *out = (struct marker){
        .cluster_uid = wire_token(&wire, "clusterUID", WIRE_MAX_UID, true),
        .generation = wire_integer(&wire, "generation", 1, WIRE_MAX_INTEGER, true, 0),
        .ordinal = (int32_t)wire_integer(&wire, "ordinal", 0, WIRE_MAX_ORDINAL, true, 0),
        .member_id = wire_id(&wire, "memberID", true),
    };
    return wire.status;
}
