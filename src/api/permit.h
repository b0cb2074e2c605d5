/* What the operator and the start helper in a member's pod say to each other: the start permit (an
 * annotation on the pod), the marker (a file beside the data), the member's launch configuration (a
 * ConfigMap) and the report (JSON on the metrics port while the helper waits).
 *
 * All are JSON, versioned by "v": 1; unknown members are ignored; ids are 16 hex digits, lower
 * case. Decoders check every bound: the helper must survive anything that a person or a broken disk
 * puts there. */
#ifndef API_PERMIT_H
#define API_PERMIT_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define PERMIT_ANNOTATION "etcd.etcd.io/start-permit"
/* When it was last put there, RFC 3339: a change that makes a kubelet look again. */
#define PERMIT_SENT_ANNOTATION "etcd.etcd.io/start-permit-sent"
#define PERMIT_MAX_SIZE        16384
#define PERMIT_NONCE_SIZE      33 /* 16 random bytes as hex, and NUL. */

/* Where things are in a member's pod. */
#define MEMBER_HELPER_DIR   "/run/etcd-member" /* emptyDir: the helper binary and the used nonce */
#define MEMBER_HELPER_PATH  MEMBER_HELPER_DIR "/etcd-member"
#define MEMBER_IMAGE_DIR    "/run/etcd-member-image" /* or: the operator's image, mounted */
#define MEMBER_NONCE_PATH   MEMBER_HELPER_DIR "/used-nonce"
#define MEMBER_STARTED_PATH MEMBER_HELPER_DIR "/started" /* there: etcd ran in this pod before */
#define MEMBER_PERMIT_DIR   "/etc/etcd-permit"           /* downwardAPI: file "permit" */
#define MEMBER_PERMIT_PATH  MEMBER_PERMIT_DIR "/permit"
#define MEMBER_CONFIG_DIR   "/etc/etcd-config" /* ConfigMap: file "member.json" */
#define MEMBER_CONFIG_PATH  MEMBER_CONFIG_DIR "/member.json"
#define MEMBER_VOLUME_DIR   "/var/lib/etcd" /* the claim */
#define MEMBER_DATA_DIR     MEMBER_VOLUME_DIR "/data"
#define MEMBER_MARKER_PATH  MEMBER_VOLUME_DIR "/marker.json"
#define MEMBER_ETCD_PATH    "/usr/local/bin/etcd"
#define MEMBER_METRICS_PORT 2381
#define MEMBER_CLIENT_PORT  2379
#define MEMBER_PEER_PORT    2380

enum permit_mode { PERMIT_NEW, PERMIT_EXISTING, PERMIT_ADOPT };

/* {"v":1,"mode":"new","podUID":"...","nonce":"...","clusterUID":"...","generation":1,"ordinal":0,
 *  "memberID":"8e9e05c52164694d","initialCluster":"c-0=https://...,...","token":"..."}
 * mode adopt: the volume's marker names an earlier cluster object (`previousClusterUID`, which must
 * be the marker's, as must ordinal and memberID); the marker is rewritten to this clusterUID and
 * generation and etcd starts on its data. */
struct permit {
    enum permit_mode mode;
    const char *pod_uid;
    const char *nonce;
    const char *cluster_uid;
    const char *previous_cluster_uid; /* adopt; existing where it was to be adopted; or NULL */
    int64_t generation;
    int32_t ordinal;
    uint64_t member_id;
    const char *initial_cluster; /* new, existing */
    const char *token;           /* new, existing */
};

/* {"v":1,"clusterUID":"...","generation":1,"ordinal":0,"memberID":"..."} */
struct marker {
    const char *cluster_uid;
    int64_t generation;
    int32_t ordinal;
    uint64_t member_id;
};

/* {"v":1,"clusterUID":"...","generation":2,"args":["--name={name}", ...]}: the flags without
 * initial-cluster, initial-cluster-state and initial-cluster-token. "{name}" and "{ordinal}" are
 * replaced by the pod's name and its ordinal, "{listen}" by the address that stands for all of the
 * pod's: 0.0.0.0 or [::]. */
struct member_config {
    const char *cluster_uid;
    int64_t generation; /* Data of an older generation does not start; 0 (left out): any may. */
    const char **args;
    size_t n_args;
};

/* What the helper saw and why it waits. */
enum report_reason {
    REPORT_STARTING,            /* Not waiting: about to exec etcd. */
    REPORT_NO_DATA,             /* No WAL and no permit (or a used one): waits for a permit. */
    REPORT_FOREIGN_DATA,        /* The marker names another cluster, generation or ordinal. */
    REPORT_MARKER_MISSING,      /* A WAL, but no marker. */
    REPORT_MARKER_INVALID,      /* The marker does not parse. */
    REPORT_WAL_UNREADABLE,      /* A WAL that does not begin as one, or names another member. */
    REPORT_DATABASE_UNREADABLE, /* A database that etcd panics at. */
    REPORT_PERMIT_INVALID,      /* The permit does not parse or is not for this pod. */
    REPORT_CONFIG_INVALID,      /* member.json does not parse. */
    REPORT_VOLUME_UNWRITABLE /* Marker or nonce cannot be written: the message has errno's words. */
};

/* {"v":1,"waiting":true,"reason":"NoData","message":"...","pod":"c-0","podUID":"...",
 *  "clusterUID":"...", "ordinal":0,"hasWAL":false,"usedNonce":"...",
 *  "walMemberID":"...","walClusterID":"...", "marker":{...}}; absent members are unknown. */
struct report {
    bool waiting;
    enum report_reason reason;
    const char *message;
    const char *pod, *pod_uid;
    const char *cluster_uid; /* From the pod's configuration. */
    int32_t ordinal;         /* -1: unknown. */
    bool has_wal;
    const char *used_nonce;                 /* NULL: none. */
    uint64_t wal_member_id, wal_cluster_id; /* From the WAL's metadata record; 0: unknown. */
    bool has_marker;
    struct marker marker;
};

const char *permit_mode_name(enum permit_mode mode);       /* "new", "existing", "adopt" */
const char *report_reason_name(enum report_reason reason); /* "NoData", ... CamelCase */

/* malloc'ed JSON text. */
char *permit_encode(const struct permit *permit);
char *marker_encode(const struct marker *marker);
char *member_config_encode(const struct member_config *config);
char *report_encode(const struct report *report);

/* ERROR_INVALID says which member is wrong. Strings live in the arena. */
int permit_decode(const char *text, size_t size, struct arena *arena, struct permit *out,
                  struct error *error);
int marker_decode(const char *text, size_t size, struct arena *arena, struct marker *out,
                  struct error *error);
int member_config_decode(const char *text, size_t size, struct arena *arena,
                         struct member_config *out, struct error *error);
int report_decode(const char *text, size_t size, struct arena *arena, struct report *out,
                  struct error *error);

#define ID_HEX_SIZE 17
char *id_format(uint64_t id, char out[ID_HEX_SIZE]); /* 16 hex digits; returns out. */
bool id_parse(const char *text, uint64_t *id);       /* 1 to 16 hex digits. */

#endif
