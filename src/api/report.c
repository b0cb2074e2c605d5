#include <string.h>

#include "api/permit.h"
#include "api/wire.h"
#include "base/memory.h"

#define MAX_REPORT  16384
#define MAX_MESSAGE 2048

static const char *const reason_names[] = {
    [REPORT_STARTING] = "Starting",
    [REPORT_NO_DATA] = "NoData",
    [REPORT_FOREIGN_DATA] = "ForeignData",
    [REPORT_MARKER_MISSING] = "MarkerMissing",
    [REPORT_MARKER_INVALID] = "MarkerInvalid",
    [REPORT_WAL_UNREADABLE] = "WalUnreadable",
    [REPORT_DATABASE_UNREADABLE] = "DatabaseUnreadable",
    [REPORT_PERMIT_INVALID] = "PermitInvalid",
    [REPORT_CONFIG_INVALID] = "ConfigInvalid",
    [REPORT_VOLUME_UNWRITABLE] = "VolumeUnwritable",
};
#define N_REASONS (sizeof reason_names / sizeof *reason_names)

const char *report_reason_name(enum report_reason reason)
{
    return (size_t)reason < N_REASONS ? reason_names[reason] : "Unknown";
}

static void set_marker(json_t *object, const struct marker *marker)
{
    json_t *json = json_object();

    wire_set_string(json, "clusterUID", marker->cluster_uid);
    wire_set_integer(json, "generation", marker->generation);
    wire_set_integer(json, "ordinal", marker->ordinal);
    wire_set_id(json, "memberID", marker->member_id);
    if (json_object_set_new(object, "marker", json)) {
        memory_exhausted();
    }
}

char *report_encode(const struct report *report)
{
    json_t *object = wire_new();

    wire_set_bool(object, "waiting", report->waiting);
    wire_set_string(object, "reason", report_reason_name(report->reason));
    wire_set_string(object, "message", report->message);
    wire_set_string(object, "pod", report->pod);
    wire_set_string(object, "podUID", report->pod_uid);
    wire_set_string(object, "clusterUID", report->cluster_uid);
    if (report->ordinal >= 0) {
        wire_set_integer(object, "ordinal", report->ordinal);
    }
    wire_set_bool(object, "hasWAL", report->has_wal);
    wire_set_string(object, "usedNonce", report->used_nonce);
    wire_set_id(object, "walMemberID", report->wal_member_id);
    wire_set_id(object, "walClusterID", report->wal_cluster_id);
    if (report->has_marker) {
        set_marker(object, &report->marker);
    }
    return wire_dump(object);
}

static enum report_reason read_reason(struct wire *wire)
{
    const char *name = wire_token(wire, "reason", 64, true);

    for (unsigned i = 0; name && i < N_REASONS; i++) {
        if (!strcmp(name, reason_names[i])) {
            return (enum report_reason)i;
        }
    }
    if (name) {
        wire_fail(wire, "reason: \"%s\" is unknown", name);
    }
    return REPORT_STARTING;
}

static void read_marker(struct wire *wire, struct report *out)
{
    struct wire member = wire_member(wire, "marker", "the report's marker");

    if (member.json) {
        out->marker = (struct marker){
            .cluster_uid = wire_token(&member, "clusterUID", WIRE_MAX_UID, true),
            .generation = wire_integer(&member, "generation", 1, WIRE_MAX_INTEGER, true, 0),
            .ordinal = (int32_t)wire_integer(&member, "ordinal", 0, WIRE_MAX_ORDINAL, true, 0),
            .member_id = wire_id(&member, "memberID", true),
        };
        out->has_marker = !member.status;
    }
    if (!wire->status) {
        wire->status = member.status;
    }
}

int report_decode(const char *text, size_t size, struct arena *arena, struct report *out,
                  struct error *error)
{
    struct wire wire = wire_open(text, size, MAX_REPORT, "the member's report", arena, error);

    *out = (struct report){
        .waiting = wire_bool(&wire, "waiting"),
        .reason = read_reason(&wire),
        .message = wire_text(&wire, "message", MAX_MESSAGE),
        .pod = wire_token(&wire, "pod", WIRE_MAX_NAME, false),
        .pod_uid = wire_token(&wire, "podUID", WIRE_MAX_UID, false),
        .cluster_uid = wire_token(&wire, "clusterUID", WIRE_MAX_UID, false),
        .ordinal = (int32_t)wire_integer(&wire, "ordinal", 0, WIRE_MAX_ORDINAL, false, -1),
        .has_wal = wire_bool(&wire, "hasWAL"),
        .used_nonce = wire_token(&wire, "usedNonce", PERMIT_NONCE_SIZE - 1, false),
        .wal_member_id = wire_id(&wire, "walMemberID", false),
        .wal_cluster_id = wire_id(&wire, "walClusterID", false),
    };
    read_marker(&wire, out);
    return wire.status;
}
