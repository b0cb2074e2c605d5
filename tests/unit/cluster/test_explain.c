/* What a person is told about a cluster: each rule once and in order, what comes next, and what the
 * asking process could not see. */
#include "world_builder.h"

#include <stdio.h>

#include "base/buffer.h"
#include "cluster/explain.h"

static const char *architecture; /* docs/architecture.md */

static json_t *explain_as(struct world *world, struct explain_view *view, struct arena *arena)
{
    const struct plan *plan = plan_of(world, arena);
    return arena_json(arena, explain_document(world, plan, view, arena));
}

static json_t *explain(struct world *world, struct arena *arena)
{
    struct explain_view view = {0};
    return explain_as(world, &view, arena);
}

static const char *text_of(const json_t *document, struct arena *arena)
{
    AUTO_BUFFER struct buffer out = {0};
    explain_text(document, &out);
    return arena_strdup(arena, out.data);
}

static const json_t *rule(const json_t *document, const char *name)
{
    const json_t *rules = json_object_get(document, "rules");
    size_t i;
    json_t *found;

    json_array_foreach(rules, i, found)
    {
        if (!strcmp(json_path_string(found, "name", NULL), name)) {
            return found;
        }
    }
    fail_msg("no rule %s", name);
    return NULL;
}

static void assert_says(const json_t *object, const char *key, const char *part)
{
    assert_contains(json_path_string(object, key, NULL), part);
}

static void assert_silent(const json_t *found)
{
    assert_true(json_is_null(json_object_get(found, "acts")));
    assert_true(json_is_null(json_object_get(found, "waits")));
    assert_true(json_is_null(json_object_get(found, "blocks")));
    assert_true(json_is_null(json_object_get(found, "specHeld")));
}

static const json_t *member(const json_t *document, size_t ordinal)
{
    return json_array_get(json_path(document, "observed", "members", NULL), ordinal);
}

static void a_healthy_cluster_in(struct arena *arena)
{
    const json_t *document = explain(world_running(arena, "{}"), arena);
    const json_t *rules = json_object_get(document, "rules");
    size_t i;
    json_t *found;

    assert_string_equal(json_path_string(document, "cluster", "phase", NULL), "Running");
    assert_string_equal(json_path_string(document, "next", "action", NULL), "None");
    assert_string_equal(json_path_string(document, "next", "rule", NULL), "NothingToDo");
    json_array_foreach(rules, i, found)
    {
        assert_true(json_is_true(json_object_get(found, "asked")));
        assert_silent(found);
    }
    assert_int_equal(json_array_size(json_object_get(document, "problems")), 0);
    assert_int_equal(json_array_size(json_object_get(document, "waitsFor")), 0);
    assert_string_equal(json_path_string(member(document, 0), "etcd", "role", NULL), "leader");
    assert_string_equal(json_path_string(member(document, 1), "etcd", "role", NULL), "follower");
    assert_int_equal(json_path_integer(member(document, 1), 0, "etcd", "dbSize", NULL), 20480);
    assert_string_equal(json_path_string(member(document, 2), "pod", "node", NULL), "node-1");
    assert_true(json_is_null(json_path(member(document, 2), "pod", "permit", NULL)));
    assert_contains(text_of(document, arena), "follower 00000000000000a1, version 3.6.16");
}
TEST(a_healthy_cluster)

/* In every world: each rule once, in the one order, and in the text too. */
static void check_rules(const json_t *document, struct arena *arena)
{
    static const char *const names[] = {"DeleteCluster",
                                        "InvalidSpec",
                                        "Paused",
                                        "AddFinalizer",
                                        "NameTaken",
                                        "AwaitRestore",
                                        "RecordCluster",
                                        "RestartBootstrap",
                                        "GrantPermits",
                                        "RepeatPermits",
                                        "IssueCertificates",
                                        "RecordUpgrade",
                                        "ApplyObjects",
                                        "ReplaceOutdatedPod",
                                        "HashCheck",
                                        "RemoveLostMember",
                                        "ReleaseVolume",
                                        "Corrupt",
                                        "MemberLost",
                                        "RetirePermits",
                                        "GrowVolumes",
                                        "ReplaceClaims",
                                        "Scale",
                                        "PromoteMember",
                                        "AddMember",
                                        "RemoveMember",
                                        "NoSpace",
                                        "RollPod",
                                        "RemakeSet",
                                        "RemoveClaims",
                                        "Defragment",
                                        "VersionHeld",
                                        "ClassHeld",
                                        "RemoveStale"};
    const json_t *rules = json_object_get(document, "rules");
    const char *text = strstr(text_of(document, arena), "The rules, in the order");
    char line[64];
    size_t i;
    json_t *found;

    assert_int_equal(json_array_size(rules), sizeof names / sizeof *names);
    json_array_foreach(rules, i, found)
    {
        assert_string_equal(json_path_string(found, "name", NULL), names[i]);
        assert_true(strlen(json_path_string(found, "purpose", NULL)) > 10);
        /* What was not asked says nothing, and says because of whom. */
        if (!json_is_true(json_object_get(found, "asked"))) {
            assert_silent(found);
            assert_true(json_is_string(json_object_get(found, "keptBy")));
        }
        snprintf(line, sizeof line, "\n  %2zu %s ", i + 1, names[i]);
        text = text ? strstr(text, line) : NULL;
        assert_non_null(text);
    }
}

static void a_lost_member_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_waits(world, arena, 1)->used_nonce = "given-1";
    world_is_down(world, 2); /* So that it cannot be replaced. */
    const json_t *document = explain(world, arena);
    check_rules(document, arena);
    assert_says(rule(document, "RemoveLostMember"), "waits", "c-1 cannot be replaced yet");
    assert_says(rule(document, "MemberLost"), "waits", "c-1 has no data");
    assert_says(json_array_get(json_object_get(document, "waitsFor"), 1), "about", "MemberLost");
    assert_says(json_array_get(json_object_get(document, "problems"), 0), "about",
                "MemberLostData");
    assert_string_equal(json_path_string(document, "next", "action", NULL), "None");
    assert_contains(json_path_string(document, "next", "why", NULL), "c-1 cannot be replaced yet");
    assert_true(json_is_false(json_path(member(document, 1), "report", "hasData", NULL)));
    assert_true(json_is_false(json_path(member(document, 1), "etcd", "answers", NULL)));
    assert_contains(text_of(document, arena), "start helper: waits, NoData");
}
TEST(a_lost_member)

static void a_held_version_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_set_spec(world, arena, "{\"version\":\"3.8.1\",\"storage\":{\"size\":\"4Gi\"}}");
    const json_t *document = explain(world, arena);
    check_rules(document, arena);
    assert_says(rule(document, "VersionHeld"), "specHeld", "3.8.1 is asked for and 3.6.16 stays");
    assert_says(rule(document, "GrowVolumes"), "specHeld", "4Gi is asked for");
    assert_int_equal(json_array_size(json_object_get(document, "specHeld")), 2);
    /* Each rule's words are its own. */
    assert_null(strstr(json_path_string(rule(document, "GrowVolumes"), "specHeld", NULL), "3.8.1"));
}
TEST(a_held_version)

static void an_unschedulable_pod_in(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");

    world->members[2].pod.node = NULL;
    world->members[2].pod.started = false;
    world->members[2].pod.unschedulable = "0/3 nodes are available: 3 Insufficient cpu.";
    const json_t *document = explain(world, arena);
    check_rules(document, arena);
    assert_says(rule(document, "GrantPermits"), "waits", "all pods to be made and scheduled");
    assert_says(json_array_get(json_object_get(document, "problems"), 0), "about", "Unschedulable");
    assert_contains(text_of(document, arena), "cannot be scheduled: 0/3 nodes");
}
TEST(an_unschedulable_pod)

static void a_deletion_that_waits_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->deleting = world->pods_left = true;
    json_object_set_new(json_object_get(world->stateful_set, "spec"), "replicas", json_integer(0));
    const json_t *document = explain(world, arena);
    check_rules(document, arena);
    assert_says(rule(document, "DeleteCluster"), "waits", "waiting for pods to end: c-0");
    assert_true(json_is_true(json_object_get(rule(document, "DeleteCluster"), "ends")));
    assert_says(rule(document, "ApplyObjects"), "keptBy", "DeleteCluster");
    assert_contains(json_path_string(document, "next", "why", NULL), "out-of-service");
    assert_contains(text_of(document, arena), "ApplyObjects        not asked, because of Delete");
}
TEST(a_deletion_that_waits)

static void refused_volumes_in(struct arena *arena)
{
    struct world *world = world_made(arena, "{}");

    for (int i = 0; i < 3; i++) {
        world_holds_earlier(world, arena, i);
    }
    world_waits(world, arena, 2)->has_wal = false;
    const json_t *document = explain(world, arena);
    check_rules(document, arena);
    assert_says(rule(document, "GrantPermits"), "blocks", "delete the claims that are not wanted");
    assert_says(json_array_get(json_object_get(document, "blockedBy"), 0), "about", "GrantPermits");
    assert_contains(text_of(document, arena), "What only a person can mend\n  GrantPermits: ");
}
TEST(refused_volumes)

static void an_invalid_spec_in(struct arena *arena)
{
    const json_t *document = explain(world_new(arena, "{\"size\":4}"), arena);

    check_rules(document, arena);
    assert_says(rule(document, "InvalidSpec"), "blocks", "size");
    assert_says(rule(document, "AddFinalizer"), "keptBy", "InvalidSpec");
    assert_says(rule(document, "MemberLost"), "keptBy", "InvalidSpec");
    assert_says(json_object_get(document, "cluster"), "specProblem", "size");
}
TEST(an_invalid_spec)

/* A hold keeps only what it holds; the words name whose it is. */
static void a_hold_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->name_taken = "Service c-peer";
    const json_t *document = explain(world, arena);
    check_rules(document, arena);
    const json_t *holds = json_object_get(rule(document, "NameTaken"), "holds");
    assert_int_equal(json_array_size(holds), 2);
    assert_says(rule(document, "ApplyObjects"), "keptBy", "NameTaken");
    assert_says(rule(document, "ReplaceOutdatedPod"), "keptBy", "NameTaken");
    assert_true(json_is_true(json_object_get(rule(document, "MemberLost"), "asked")));
    assert_contains(text_of(document, arena), "nothing below may touch: pods, objects");
}
TEST(a_hold)

static void permits_that_come_in(struct arena *arena)
{
    const json_t *document = explain(world_made(arena, "{}"), arena);
    const json_t *next = json_object_get(document, "next");
    const json_t *pod = json_array_get(json_object_get(next, "pods"), 1);

    assert_says(next, "action", "GrantPermits");
    assert_int_equal(json_array_size(json_object_get(next, "pods")), 3);
    assert_string_equal(json_path_string(pod, "permit", "mode", NULL), "new");
    assert_string_equal(json_path_string(pod, "uid", NULL), "pod-1");
    assert_int_equal(json_path_integer(next, 0, "records", "permits", NULL), 3);
    assert_says(rule(document, "IssueCertificates"), "keptBy", "GrantPermits");
    /* Nonces are drawn anew by the operator: these would only mislead. */
    assert_null(strstr(text_of(document, arena), "nonce-"));
}
TEST(permits_that_come)

static void objects_that_differ_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    json_t *service = world_child(world, &kube_services, "c-client");

    json_object_set_new(json_object_get(service, "spec"), "ports", json_array());
    world->certificates.due[SECRET_SERVER] = NULL;
    const json_t *document = explain(world, arena);
    const json_t *next = json_object_get(document, "next");
    assert_says(next, "action", "Apply");
    assert_int_equal(json_array_size(json_object_get(next, "objects")), 1);
    assert_says(json_array_get(json_object_get(next, "objects"), 0), "why", "ports");
    assert_contains(text_of(document, arena), "Service c-client: differs: ");
}
TEST(objects_that_differ)

static void a_permit_in_place_of_another_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_waits(world, arena, 1)->used_nonce = "given-1";
    world_adds(world, arena, 1, 0xb1);
    const json_t *next = json_object_get(explain(world, arena), "next");
    assert_says(next, "action", "GrantPermits");
    assert_int_equal(json_path_integer(next, 0, "records", "permits", NULL), 3);
    assert_string_equal(json_path_string(json_array_get(json_object_get(next, "pods"), 0), "permit",
                                         "memberID", NULL),
                        "00000000000000b1");
}
TEST(a_permit_in_place_of_another)

/* Whom etcd is asked about, by name and by id. */
static void calls_to_etcd_in(struct arena *arena)
{
    struct world *world = world_resizing(arena, 3, 5);
    const json_t *document = explain(world, arena);
    const json_t *next = json_object_get(document, "next");

    check_rules(document, arena);
    assert_says(next, "action", "AddMember");
    assert_string_equal(json_path_string(next, "member", "name", NULL), "c-3");
    assert_int_equal(json_path_integer(next, -1, "member", "ordinal", NULL), 3);
    assert_true(json_is_null(json_path(next, "member", "id", NULL)));
    assert_true(json_is_null(json_object_get(next, "successor")));
    assert_contains(text_of(document, arena),
                    "    member c-3, no member yet, https://c-3.c-peer.ns.svc:2380\n");

    struct etcd_member *entry = world_list(world, arena, 3);
    world_serves(world, arena, 3);
    entry->is_learner = true;
    document = explain(world, arena);
    assert_says(json_object_get(document, "next"), "action", "PromoteMember");
    assert_contains(text_of(document, arena), "    member c-3, id 00000000000000a3, https://c-3.");

    world = world_resizing(arena, 3, 1);
    document = explain(world, arena);
    assert_says(json_object_get(document, "next"), "action", "RemoveMember");
    assert_contains(text_of(document, arena), "    member c-2, id 00000000000000a2, https://c-2.");

    world_leads(world, 2);
    document = explain(world, arena);
    next = json_object_get(document, "next");
    assert_says(next, "action", "MoveLeader");
    assert_string_equal(json_path_string(next, "member", "id", NULL), "00000000000000a2");
    assert_string_equal(json_path_string(next, "successor", "id", NULL), "00000000000000a0");
    assert_contains(text_of(document, arena),
                    "    successor c-0, id 00000000000000a0, https://c-0.");

    document = explain(world_running(arena, "{}"), arena);
    assert_true(json_is_null(json_path(document, "next", "member", NULL)));
}
TEST(calls_to_etcd)

/* Outside the cluster's network everybody is silent; that is no lost quorum. */
static void silence_of_all_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct explain_view view = {0};

    for (int i = 0; i < 3; i++) {
        world_is_down(world, i);
        world->members[i].pod.ready = i != 1;
    }
    world->member_list = NULL;
    explain_assume(world, arena, &view);
    assert_contains(view.etcd_unread, "connection refused");
    const json_t *document = explain_as(world, &view, arena);
    check_rules(document, arena);
    assert_string_equal(json_path_string(document, "cluster", "phase", NULL), "Running");
    assert_says(json_array_get(json_object_get(document, "unknown"), 0), "about", "etcd");
    assert_true(json_is_null(json_path(member(document, 0), "etcd", "answers", NULL)));
    assert_true(json_is_true(json_path(member(document, 0), "etcd", "takenToServe", NULL)));
    assert_true(json_is_false(json_path(member(document, 1), "etcd", "takenToServe", NULL)));
    assert_true(json_is_false(json_path(document, "observed", "linearizableRead", NULL)));
    const char *text = text_of(document, arena);
    assert_contains(text, "that says nothing about the members");
    assert_contains(text, "etcd: cannot be asked from here; taken to serve");
    assert_null(strstr(text, "does not answer: connection refused"));
}
TEST(silence_of_all)

/* One that answers shows that the network is there: the silence of another is its own. */
static void silence_of_one_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct explain_view view = {0};

    world_is_down(world, 1);
    explain_assume(world, arena, &view);
    assert_null(view.etcd_unread);
    const json_t *document = explain_as(world, &view, arena);
    assert_says(json_array_get(json_object_get(document, "problems"), 0), "about", "MemberDown");
}
TEST(silence_of_one)

static void unread_secrets_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct explain_view view = {0};

    memset(&world->certificates, 0, sizeof world->certificates);
    world->certificates_problem = "secrets \"c-client-ca\" is forbidden";
    world->member_list = NULL;
    for (int i = 0; i < 3; i++) {
        world->members[i].looked = false;
    }
    explain_assume(world, arena, &view);
    const json_t *document = explain_as(world, &view, arena);
    check_rules(document, arena);
    assert_silent(rule(document, "IssueCertificates"));
    assert_string_equal(json_path_string(document, "cluster", "phase", NULL), "Running");
    assert_says(json_array_get(json_object_get(document, "unknown"), 0), "words", "is forbidden");
    assert_contains(text_of(document, arena), "no certificate to ask with");
}
TEST(unread_secrets)

/* Its options are the operator's own affair: another image in this process is no difference. */
static void the_helpers_image_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world->operator_image = "";
    assert_string_equal(json_path_string(explain(world, arena), "next", "action", NULL), "Apply");
    explain_take_helper(world);
    assert_string_equal(world->operator_image, "operator:test");
    assert_string_equal(json_path_string(explain(world, arena), "next", "action", NULL), "None");

    world->helper_image_volume = true;
    world_make_children(world, arena);
    world->helper_image_volume = false;
    world->operator_image = "";
    explain_take_helper(world);
    assert_true(world->helper_image_volume);
    assert_string_equal(world->operator_image, "operator:test");
}
TEST(the_helpers_image)

/* What a log line was cut in does not cost the rest. */
static void a_cut_character_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_is_down(world, 1);
    error_set(&world->members[1].look.status_error, ERROR_RETRYABLE, "refused \xc3");
    const json_t *document = explain(world, arena);
    assert_says(json_object_get(member(document, 1), "etcd"), "error", "refused ?");
}
TEST(a_cut_character)

/* The table in the documentation is the planner's. */
static void the_documented_table_in(struct arena *arena)
{
    AUTO_FILE FILE *file = fopen(architecture, "r");
    static char text[1 << 18];
    const struct plan *plan = plan_of(world_running(arena, "{}"), arena);

    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    const char *at = strstr(text, "\n## The rules\n");
    const char *end = at ? strstr(at + 1, "\n## ") : NULL;
    for (size_t i = 0; i < plan->n_answers; i++) {
        const char *found = at ? strstr(at, plan->answers[i].rule) : NULL;
        if (!found || found > end) {
            fail_msg("docs/architecture.md lacks the rule %s, or has it elsewhere",
                     plan->answers[i].rule);
        }
        at = found;
    }
}
TEST(the_documented_table)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_healthy_cluster),     cmocka_unit_test(a_lost_member),
        cmocka_unit_test(a_held_version),        cmocka_unit_test(an_unschedulable_pod),
        cmocka_unit_test(a_deletion_that_waits), cmocka_unit_test(refused_volumes),
        cmocka_unit_test(an_invalid_spec),       cmocka_unit_test(a_hold),
        cmocka_unit_test(permits_that_come),     cmocka_unit_test(objects_that_differ),
        cmocka_unit_test(calls_to_etcd),         cmocka_unit_test(a_permit_in_place_of_another),
        cmocka_unit_test(silence_of_all),        cmocka_unit_test(silence_of_one),
        cmocka_unit_test(unread_secrets),        cmocka_unit_test(the_helpers_image),
        cmocka_unit_test(a_cut_character),       cmocka_unit_test(the_documented_table),
    };

    assert_int_equal(argc, 2);
    architecture = argv[1];
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
