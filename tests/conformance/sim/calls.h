/* Calls of a scenario at one member; each writes its result into the outcome, but for those that
 * begin with try_. */
#ifndef TEST_CONFORMANCE_SIM_CALLS_H
#define TEST_CONFORMANCE_SIM_CALLS_H 1

#include "etcd/errors.h"
#include "place.h"

#define NOBODY UINT64_C(0x1234567890abcdef) /* No member's id. */

/* The id of the added one, 0 when it was refused. */
uint64_t call_add(struct place *place, size_t at, const char *what, const char *url, bool learner);
/* Asks until the answer is no longer "unhealthy cluster" (the first 5 s of a connection). */
uint64_t call_add_patiently(struct place *place, size_t at, const char *what, const char *url,
                            bool learner);
void call_promote(struct place *place, size_t at, const char *what, uint64_t id);
/* Asks until the learner is in sync. */
void call_promote_patiently(struct place *place, size_t at, const char *what, uint64_t id);
void call_remove(struct place *place, size_t at, const char *what, uint64_t id);
void call_remove_patiently(struct place *place, size_t at, const char *what, uint64_t id);
void call_update(struct place *place, size_t at, const char *what, uint64_t id, const char *url);
void call_move_leader(struct place *place, size_t at, const char *what, uint64_t id);
void call_alarm(struct place *place, size_t at, const char *what, uint64_t id,
                enum etcd_alarm_type type, bool active);
/* Which alarms there are. */
void call_alarms(struct place *place, size_t at, const char *what);
void call_put(struct place *place, size_t at, const char *what, const char *key);
int try_put(struct place *place, size_t at, const char *key, int64_t *revision);
/* How many keys there are. */
void call_count(struct place *place, size_t at, const char *what, bool serializable,
                int64_t revision);
void call_compact(struct place *place, size_t at, const char *what, int64_t revision);
void call_hash(struct place *place, size_t at, const char *what, int64_t revision,
               struct etcd_hash *hash);
void call_defragment(struct place *place, size_t at, const char *what);
void call_downgrade(struct place *place, size_t at, const char *what,
                    enum etcd_downgrade_action action, const char *version);
/* Status and linearizable read, and the status's errors. */
void call_look(struct place *place, size_t at, const char *what);

#endif
