#include "restore/plan.h"

#include <string.h>

#include "base/clock.h"

#define POLL_MS         1000 /* No watch tells a restore of its cluster. */
#define BACKOFF_BASE_MS 5000
#define BACKOFF_MAX_MS  300000

struct planning {
    const struct restore_world *world;
    struct arena *arena;
    struct restore_plan *plan;
};

static const char *now(const struct planning *planning)
{
    char text[CLOCK_RFC3339_SIZE];

    return arena_strdup(planning->arena, clock_rfc3339(planning->world->now_ms, text, sizeof text));
}

static void await(struct planning *planning, const char *what)
{
    planning->plan->message = what;
    planning->plan->requeue_ms = POLL_MS;
}

static void fail(struct planning *planning, const char *why)
{
    planning->plan->message = why;
    planning->plan->record.phase = RESTORE_FAILED;
    planning->plan->record.completion_time = now(planning);
}

static void add(struct restore_plan *plan, enum restore_action_kind action, int ordinal)
{
    plan->action = action;
    plan->ordinals[plan->n_ordinals++] = ordinal;
}

/* False: it is waited for, or the restore has failed. */
static bool has_backup(struct planning *planning)
{
    const struct restore_backup *backup = &planning->world->backup;

    if (!backup->place && backup->may_come) {
        await(planning, backup->problem);
    } else if (!backup->place) {
        fail(planning, backup->problem);
    }
    return backup->place != NULL;
}

static void begin(struct planning *planning)
{
    const struct restore_world *world = planning->world;
    const char *cluster = world->spec.cluster_name;

    if (world->has_cluster) {
        fail(planning, arena_printf(planning->arena,
                                    "EtcdCluster %s exists already: a restore of type New makes "
                                    "one; choose another clusterName, or delete that one",
                                    cluster));
        return;
    }
    if (world->other_claim) {
        fail(planning,
             arena_printf(planning->arena,
                          "claim %s exists and may hold the data of an earlier cluster: choose "
                          "another clusterName, or delete the claims of that cluster",
                          world->other_claim));
        return;
    }
    if (!has_backup(planning)) {
        return;
    }
    planning->plan->record.phase = RESTORE_RUNNING;
    planning->plan->record.step = STEP_CREATE_CLUSTER;
    planning->plan->record.start_time = now(planning);
}

static void create_cluster(struct planning *planning)
{
    const struct restore_world *world = planning->world;
    struct restore_record *record = &planning->plan->record;

    if (!world->has_cluster) {
        planning->plan->action = RESTORE_CREATE_CLUSTER;
        return;
    }
    if (!world->cluster_is_ours) {
        fail(planning, arena_printf(planning->arena,
                                    "somebody else has made EtcdCluster %s meanwhile: choose "
                                    "another clusterName",
                                    world->spec.cluster_name));
        return;
    }
    if (!world->cluster.recorded.restore_uid) {
        await(planning, "waiting for the EtcdCluster to note that it waits for its data");
        return;
    }
    if (strcmp(world->cluster.recorded.restore_uid, world->uid) != 0) {
        fail(planning, "the EtcdCluster waits for another restore");
        return;
    }
    record->cluster_uid = world->cluster.uid;
    record->size = world->cluster.recorded.size;
    record->step = STEP_PREPARE_VOLUMES;
}

static void prepare_volumes(struct planning *planning)
{
    const struct restore_world *world = planning->world;

    if (world->other_claim) {
        fail(planning, arena_printf(planning->arena,
                                    "claim %s was not made for this EtcdCluster: delete the "
                                    "EtcdCluster, and that claim if it is not wanted",
                                    world->other_claim));
        return;
    }
    for (int i = 0; i < world->record.size; i++) {
        if (!world->has_claim[i]) {
            add(planning->plan, RESTORE_CREATE_CLAIMS, i);
        }
    }
    if (!planning->plan->n_ordinals) {
        planning->plan->record.step = STEP_RESTORE_DATA;
    }
}

static int64_t backoff_ms(int32_t retries)
{
    int64_t delay = BACKOFF_BASE_MS;

    for (int i = 0; i < retries && delay < BACKOFF_MAX_MS; i++) {
        delay *= 2;
    }
    return delay < BACKOFF_MAX_MS ? delay : BACKOFF_MAX_MS;
}

/* Another try is written down first, and then the pod goes, which the next one follows. */
static void mend(struct planning *planning, int ordinal)
{
    const struct restore_world *world = planning->world;
    const struct restore_pod *pod = &world->pods[ordinal];
    struct restore_plan *plan = planning->plan;
    const char *what =
        arena_printf(planning->arena, "the data of member %d: %s", ordinal, pod->error);
    int64_t left_ms = pod->failed_ms + backoff_ms(world->record.retries) - world->now_ms;

    if (!pod->may_retry || world->record.retries >= RESTORE_MAX_RETRIES) {
        fail(planning, what);
        return;
    }
    await(planning, what);
    if (left_ms <= 0 || left_ms > BACKOFF_MAX_MS) {
        plan->record.retries++;
        add(plan, RESTORE_DELETE_PODS, ordinal);
    }
}

static void take_facts(struct planning *planning)
{
    const struct restore_world *world = planning->world;
    const struct restore_pod *first = &world->pods[0];
    struct restore_record *record = &planning->plan->record;

    for (int i = 0; i < world->record.size; i++) {
        const struct restore_pod *pod = &world->pods[i];
        if (!pod->sha256 || !pod->cluster_id || strcmp(pod->sha256, first->sha256) != 0 ||
            pod->cluster_id != first->cluster_id) {
            fail(planning, "the members were not restored from one snapshot into one cluster: the "
                           "backup was replaced meanwhile; restore again");
            return;
        }
    }
    record->revision = first->revision;
    record->records = first->records;
    record->sha256 = first->sha256;
    record->cluster_id = first->cluster_id;
    record->step = STEP_START_CLUSTER;
}

static void restore_data(struct planning *planning)
{
    const struct restore_world *world = planning->world;
    const char *doing = NULL;
    int n_done = 0;

    for (int i = 0; i < world->record.size; i++) {
        const struct restore_pod *pod = &world->pods[i];
        if (pod->state == POD_FAILED && !pod->terminating) {
            mend(planning, i);
            return;
        }
        if (pod->state == POD_ABSENT) {
            add(planning->plan, RESTORE_CREATE_PODS, i);
        }
        n_done += pod->state == POD_DONE;
        doing = doing ? doing : pod->doing;
    }
    if (planning->plan->n_ordinals) {
        if (!has_backup(planning)) {
            planning->plan->action = RESTORE_NOTHING;
            planning->plan->n_ordinals = 0;
        }
        return;
    }
    if (n_done == world->record.size) {
        take_facts(planning);
        return;
    }
    await(planning, arena_printf(planning->arena, "%d of %d members have their data%s%s", n_done,
                                 (int)world->record.size, doing ? "; " : "", doing ? doing : ""));
}

/* False while one is there. No pod that writes on a volume may be left when its member starts. */
static bool pods_are_gone(struct planning *planning)
{
    bool gone = true;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct restore_pod *pod = &planning->world->pods[i];
        gone = gone && pod->state == POD_ABSENT;
        if (pod->state != POD_ABSENT && !pod->terminating) {
            add(planning->plan, RESTORE_DELETE_PODS, i);
        }
    }
    return gone;
}

static void start_cluster(struct planning *planning)
{
    const struct restore_world *world = planning->world;
    const struct restored *told = &world->cluster.restored;

    if (!world_formed(&world->cluster)) {
        if (!pods_are_gone(planning)) {
            await(planning, "waiting for the pods that brought the data to end");
        } else if (!told->restore_uid || strcmp(told->restore_uid, world->uid) != 0) {
            planning->plan->action = RESTORE_TELL_CLUSTER;
        } else {
            await(planning, "waiting for the EtcdCluster to start its members");
        }
        return;
    }
    if (!world->cluster_phase || strcmp(world->cluster_phase, "Running") != 0) {
        await(planning, "waiting for the EtcdCluster to serve");
        return;
    }
    planning->plan->record.phase = RESTORE_COMPLETED;
    planning->plan->record.completion_time = now(planning);
}

/* What has begun is about one EtcdCluster: without it there is nothing left to do. */
static bool cluster_is_lost(const struct restore_world *world)
{
    return world->record.step > STEP_CREATE_CLUSTER &&
           (!world->has_cluster || world->cluster.deleting || !world->record.cluster_uid ||
            strcmp(world->cluster.uid, world->record.cluster_uid) != 0);
}

static void (*const steps[N_STEPS])(struct planning *planning) = {
    [STEP_NONE] = begin,
    [STEP_CREATE_CLUSTER] = create_cluster,
    [STEP_PREPARE_VOLUMES] = prepare_volumes,
    [STEP_RESTORE_DATA] = restore_data,
    [STEP_START_CLUSTER] = start_cluster,
};

/* The pods of a restore that failed stay, for what they say; unless their volumes are to go. */
static void end(struct planning *planning)
{
    if (planning->world->record.phase == RESTORE_COMPLETED || cluster_is_lost(planning->world)) {
        pods_are_gone(planning);
    }
    const char *said = json_string_value(
        json_object_get(json_object_get(planning->world->object, "status"), "message"));
    planning->plan->message = said ? said : "";
}

void restore_plan_make(const struct restore_world *world, struct arena *arena,
                       struct restore_plan *plan)
{
    *plan = (struct restore_plan){.record = world->record, .message = "", .requeue_ms = -1};
    struct planning planning = {world, arena, plan};

    if (world->record.phase >= RESTORE_COMPLETED) {
        end(&planning);
    } else if (world->deleting) {
        plan->message = "it is being deleted";
    } else if (world->spec_problem) {
        fail(&planning, world->spec_problem);
    } else if (cluster_is_lost(world)) {
        fail(&planning, "the EtcdCluster that was being restored was deleted");
    } else {
        steps[world->record.step](&planning);
    }
}
