#include "cluster/recovery.h"

#include "cluster/membership.h"

#define SKEW_MS 60000 /* A time that is further in the future says that a clock was wrong. */

static struct replacement *find(struct recorded *recorded, int ordinal)
{
    for (int i = 0; i < recorded->n_replacements; i++) {
        if (recorded->replacements[i].ordinal == ordinal) {
            return &recorded->replacements[i];
        }
    }
    return NULL;
}

/* The retry interval, times the factor for each replacement but the first. */
static int64_t interval_ms(const struct etcdcluster_spec *spec, int repeats)
{
    int64_t wait_ms = spec->recovery.retry_interval_ms, most_ms = spec->recovery.max_backoff_ms;

    for (int i = 1; i < repeats && wait_ms < most_ms; i++) {
        int64_t next_ms = wait_ms * spec->recovery.backoff_factor_milli / 1000;
        if (next_ms == wait_ms) {
            break;
        }
        wait_ms = next_ms;
    }
    return wait_ms < most_ms ? wait_ms : most_ms;
}

/* The row that the last replacement was part of goes on. */
static bool is_in_a_row(const struct world *world, const struct replacement *last)
{
    int64_t age_ms = world->now_ms - last->at_ms;

    return age_ms > -SKEW_MS && age_ms < 2 * world->spec.recovery.max_backoff_ms;
}

enum recovery_answer recovery_ask(const struct world *world, int ordinal, int64_t *due_ms,
                                  int *attempts)
{
    struct recorded recorded = world->recorded;
    const struct world_member *member = &world->members[ordinal];
    const struct replacement *last = find(&recorded, ordinal);

    *due_ms = *attempts = 0;
    if (member_is_given_up(world, ordinal)) {
        return RECOVERY_NOW;
    }
    if (last && member->entry && last->member_id == member->entry->id) {
        return RECOVERY_NOW; /* It has begun, and etcd is asked again. */
    }
    if (last && recorded.replaced_generation == world->generation) {
        *attempts = last->attempts;
    }
    if (*attempts >= world->spec.recovery.max_retries) {
        return RECOVERY_STOPPED;
    }
    if (!last || recorded.replaced_generation != world->generation || !is_in_a_row(world, last)) {
        return RECOVERY_NOW;
    }
    *due_ms = last->at_ms + interval_ms(&world->spec, last->repeats);
    return world->now_ms >= *due_ms || MUTANT(BackoffIgnored) ? RECOVERY_NOW : RECOVERY_LATER;
}

void recovery_note(const struct world *world, int ordinal, struct recorded *recorded)
{
    uint64_t id = world->members[ordinal].entry->id;

    if (recorded->replaced_generation != world->generation) {
        recorded->replaced_generation = world->generation;
        recorded->n_replacements = 0;
    }
    struct replacement *item = find(recorded, ordinal);
    if (!item) {
        item = &recorded->replacements[recorded->n_replacements++];
        *item = (struct replacement){.ordinal = ordinal};
    }
    if (item->member_id == id) {
        return;
    }
    item->repeats = item->repeats && is_in_a_row(world, item) ? item->repeats + 1 : 1;
    item->attempts += !MUTANT(RetriesNotCounted);
    item->member_id = id;
    item->at_ms = (world->now_ms + 999) / 1000 * 1000; /* As the status has it. */
}

void recovery_forget(struct recorded *recorded)
{
    for (int i = 0; i < recorded->n_replacements; i++) {
        recorded->replacements[i].attempts = 0;
    }
}
