/* The place on a member's volume where its restored data is made ready, and the way from there to
 * where etcd starts on it.
 *
 *     restore/snapshot.db   what was fetched and proven
 *     restore/data/         what etcdutl makes of it: a data directory of one new member
 *     data/, marker.json    what the start helper goes by (api/permit.h)
 *
 * Only the one-shot pods of a restore work here, and none of them while the member may run. */
#ifndef RESTORE_STAGE_H
#define RESTORE_STAGE_H 1

#include "api/permit.h"
#include "base/arena.h"
#include "base/error.h"

#define RESTORE_STAGE_DIR   MEMBER_VOLUME_DIR "/restore"
#define RESTORE_SNAPSHOT    RESTORE_STAGE_DIR "/snapshot.db"
#define RESTORE_STAGED_DATA RESTORE_STAGE_DIR "/data"

/* An empty stage; what an earlier attempt left on it goes. `root` stands in front of every path: ""
 * but in tests. ERROR_RETRYABLE. */
int stage_clear(const char *root, struct error *error);

/* Takes the staged data into use as the data of `marker`'s member, and clears the stage. A kill at
 * any moment leaves a volume on which no member starts, or all of it; doing it again, on whatever
 * an earlier attempt left, comes to the same end.  `*cluster_id` is what the data's log says.
 *
 * ERROR_INVALID: there is no such data, or it is not this member's, or etcd could not open it.
 * ERROR_EXISTS: the volume holds other data, which stays as it is.  Else ERROR_RETRYABLE. */
int stage_commit(const char *root, const struct marker *marker, uint64_t *cluster_id,
                 struct error *error);

#endif
