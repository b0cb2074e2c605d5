/* Worlds for the planner's tests: a healthy one, in which a test changes one thing. */
#ifndef TEST_CLUSTER_WORLD_BUILDER_H
#define TEST_CLUSTER_WORLD_BUILDER_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/json.h"
#include "cluster/plan.h"

#define NOW_MS      INT64_C(1795448404000) /* 2026-11-23T15:40:04Z */
#define CLUSTER_UID "11111111-uid"
#define EARLIER_UID "00000000-uid" /* Of the cluster that left volumes. */
#define CLUSTER_ID  UINT64_C(0xc1)

/* Makes `name` a cmocka test of name_in(arena). */
#define TEST(name)                                                                                 \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        AUTO_ARENA struct arena *arena = arena_new();                                              \
        name##_in(arena);                                                                          \
    }

/* The object `c` with the finalizer and this spec; nothing made yet, certificates not due. */
struct world *world_new(struct arena *arena, const char *spec);
/* Its children exist as the operator wants them, and empty claims and pods that wait. */
struct world *world_made(struct arena *arena, const char *spec);
/* Formed: every member of it serves, the permits are recorded and retired. */
struct world *world_running(struct arena *arena, const char *spec);

/* Running with `from` members, and the size `to` is recorded: to grow, the new pods wait without
 * data; to shrink, all are members still. Neither has alarms. */
struct world *world_resizing(struct arena *arena, int from, int to);

/* What a test changes. */
void world_set_spec(struct world *world, struct arena *arena, const char *spec);
void world_make_children(struct world *world, struct arena *arena);
/* Its entry in etcd's member list stays what it is. */
void world_make_pod(struct world *world, struct arena *arena, int ordinal, const char *uid);
void world_record(struct world *world, int ordinal, enum permit_mode mode, const char *pod_uid);
void world_give_permit(struct world *world, struct arena *arena, int ordinal);
/* The helper waits, without data and without a used nonce. */
struct report *world_waits(struct world *world, struct arena *arena, int ordinal);
/* The volume holds the data of an earlier cluster: the helper waits and says so. */
struct report *world_holds_earlier(struct world *world, struct arena *arena, int ordinal);
/* The ordinal's entry in etcd's member list: a voter that has started. */
struct etcd_member *world_list(struct world *world, struct arena *arena, int ordinal);
/* It was added as a learner of this id, and nobody has started as it. */
struct etcd_member *world_adds(struct world *world, struct arena *arena, int ordinal, uint64_t id);
void world_unlist(struct world *world, int ordinal);
void world_leads(struct world *world, int ordinal); /* Else ordinal 0 does. */
void world_serves(struct world *world, struct arena *arena, int ordinal);
void world_is_down(struct world *world, int ordinal);
void world_runs_version(struct world *world, int ordinal, const char *version);
/* An entry whose peer URL is no ordinal's. */
void world_lists_stranger(struct world *world, uint64_t id);
void world_raises(struct world *world, struct arena *arena, enum etcd_alarm_type type);

/* plan_make(), and what the tests ask of it. */
struct plan *plan_of(const struct world *world, struct arena *arena);
void assert_action(const struct plan *plan, const char *rule, enum action_kind kind);
void assert_pods(const struct plan *plan, int n, ...); /* The ordinals of the action. */
/* A call to etcd about this ordinal. */
void assert_calls(const struct plan *plan, const char *rule, enum action_kind kind, int ordinal);
/* Nothing is done, and this is what the rule waits for. */
void assert_waits(const struct plan *plan, const char *rule, const char *words);
void assert_contains(const char *text, const char *part);

#endif
