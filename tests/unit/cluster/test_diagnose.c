/* What is wrong, in words that say what to do: one row for each sentence. */
#include "world_builder.h"

#include <stdio.h>

static struct etcd_alarm raised = {.member_id = 0xa1};

static void unschedulable(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.unschedulable = "0/3 nodes are available: 3 Insufficient cpu.";
}

static void no_image(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.waiting_reason = "ImagePullBackOff";
    world->members[1].pod.waiting_message = "manifest unknown";
}

static void other_wait(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.waiting_reason = "CreateContainerConfigError";
    world->members[1].pod.waiting_message = "secret \"x\" not found";
}

static void usual_wait(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.waiting_reason = "PodInitializing";
}

static void no_class(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].claim.problem = "StorageClass gold does not exist: create it";
    world->members[1].pod.unschedulable = "pod has unbound immediate PersistentVolumeClaims";
}

static void refused_pods(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.exists = false;
    world->create_failure = "pods \"c-1\" is forbidden: exceeded quota";
}

static void out_of_memory(struct world *world, struct arena *arena)
{
    (void)arena;
    world_is_down(world, 1);
    world->members[1].pod.ended_reason = "OOMKilled";
}

static void ended(struct world *world, const char *words)
{
    world_is_down(world, 1);
    world->members[1].pod.ended_reason = "Error";
    world->members[1].pod.ended_code = 2;
    world->members[1].pod.ended_message = words;
}

static void wrong_flag(struct world *world, struct arena *arena)
{
    (void)arena;
    ended(world, "{\"level\":\"info\",\"msg\":\"starting\"}\n"
                 "flag provided but not defined: -nonsense\nUsage:\n  etcd [flags]\n");
}

static void fatal_line(struct world *world, struct arena *arena)
{
    (void)arena;
    ended(world, "{\"level\":\"warn\",\"msg\":\"slow\"}\n"
                 "{\"level\":\"fatal\",\"msg\":\"discovery failed\",\"error\":\"no space\"}\n"
                 "{\"level\":\"info\",\"msg\":\"bye\"}\n");
}

static void no_words(struct world *world, struct arena *arena)
{
    (void)arena;
    ended(world, NULL);
}

static void ended_at_birth(struct world *world, struct arena *arena)
{
    ended(world, "flag provided but not defined: -nonsense\n");
    world_waits(world, arena, 1)->used_nonce = "given-1";
}

static void foreign_data(struct world *world, struct arena *arena)
{
    world_holds_earlier(world, arena, 1);
}

static void waits_for_permit(struct world *world, struct arena *arena)
{
    world_waits(world, arena, 1);
}

static void ending(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.terminating = true;
    world->members[1].pod.ready = false;
}

static void missing(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.exists = false;
    world->members[1].looked = false;
}

static void down(struct world *world, struct arena *arena)
{
    (void)arena;
    world_is_down(world, 1);
}

static void not_ready(struct world *world, struct arena *arena)
{
    (void)arena;
    world->members[1].pod.ready = false;
}

static void no_space(struct world *world, struct arena *arena)
{
    (void)arena;
    raised.type = ETCD_ALARM_NOSPACE;
    world->alarms = &raised;
    world->n_alarms = 1;
}

static void corrupt(struct world *world, struct arena *arena)
{
    no_space(world, arena);
    raised.type = ETCD_ALARM_CORRUPT;
}

static void no_quorum(struct world *world, struct arena *arena)
{
    (void)arena;
    for (int i = 0; i < 3; i++) {
        world->members[i].look.read_error.kind = ERROR_RETRYABLE;
    }
}

static const struct {
    void (*change)(struct world *world, struct arena *arena);
    bool formed;
    const char *reason, *words; /* NULL: nothing is wrong. */
} rows[] = {
    {unschedulable, false, "Unschedulable", "c-1 cannot be scheduled: 0/3 nodes"},
    {no_image, false, "ImageUnavailable", "correct spec.version, spec.repository or spec.image"},
    {other_wait, false, "CreateContainerConfigError", "secret \"x\" not found"},
    {usual_wait, false, NULL, NULL},
    {no_class, false, "VolumeUnavailable", "claim data-c-1 is not bound: StorageClass gold"},
    {refused_pods, false, "PodsRefused", "exceeded quota"},
    {refused_pods, true, "PodsRefused", "exceeded quota"},
    {out_of_memory, true, "OutOfMemory", "raise spec.resources.limits.memory"},
    {wrong_flag, false, "EtcdExited", "exit code 2: flag provided but not defined: -nonsense"},
    {fatal_line, true, "EtcdExited", "discovery failed: no space"},
    {no_words, true, "EtcdExited", "it left no message"},
    {ended_at_birth, false, "EtcdExited", "-nonsense"},
    {foreign_data, true, "ForeignData", "c-1 waits: the volume holds the data of another cluster"},
    {waits_for_permit, false, NULL, NULL},
    {waits_for_permit, true, "MemberLostData", "c-1 has no data (its volume is empty) and waits"},
    {ending, true, "PodMissing", "the pod c-1 is ending"},
    {missing, true, "PodMissing", "the pod c-1 does not exist"},
    {missing, false, NULL, NULL},
    {down, true, "MemberDown", "c-1 does not answer: connection refused"},
    {not_ready, true, "MemberNotReady", "the kubelet on node node-1 says it is not ready"},
    {no_space, true, "NoSpace", "member 00000000000000a1 has raised the alarm NOSPACE"},
    {corrupt, true, "Corrupt", "the alarm CORRUPT is raised for member 00000000000000a1"},
    {no_quorum, true, "MembersSilent", "nothing is changed until they answer"},
};

static void each_sentence_in(struct arena *arena)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world *world = rows[i].formed ? world_running(arena, "{}") : world_made(arena, "{}");
        if (!rows[i].formed) {
            for (int m = 0; m < 3; m++) {
                world_record(world, m, PERMIT_NEW, world->members[m].pod.uid);
                world_give_permit(world, arena, m);
            }
        }
        rows[i].change(world, arena);
        const struct condition *degraded =
            &plan_of(world, arena)->status.conditions[CONDITION_DEGRADED];
        const char *reason = degraded->status ? degraded->reason : NULL;
        if (rows[i].reason ? !reason || strcmp(reason, rows[i].reason) != 0 : reason != NULL) {
            fail_msg("row %zu: %s: %s", i, reason ? reason : "(none)", degraded->message);
        }
        if (rows[i].words) {
            assert_contains(degraded->message, rows[i].words);
        }
    }
}
TEST(each_sentence)

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_sentence)};
    return cmocka_run_group_tests_name("diagnose", tests, NULL, NULL);
}
