/* The desired children, and when a live one differs from them. */
#include "world_builder.h"

#include "cluster/pod_template.h"

static const char *difference(struct arena *arena, const char *desired, const char *live)
{
    json_error_t error;
    json_t *a = arena_json(arena, json_loads(desired, JSON_DECODE_ANY, &error));
    json_t *b = arena_json(arena, json_loads(live, JSON_DECODE_ANY, &error));
    assert_non_null(a);
    assert_non_null(b);
    return object_difference(arena, a, b);
}

static void differences_in(struct arena *arena)
{
    const struct {
        const char *desired, *live;
        bool differs;
    } rows[] = {
        {"{\"a\": 1}", "{\"a\": 1, \"b\": 2}", false}, /* Others' fields stay theirs. */
        {"{\"a\": 1}", "{\"a\": 2}", true},
        {"{\"a\": 1}", "{}", true},
        {"{\"a\": \"1\"}", "{\"a\": 1}", true},
        {"{\"a\": {}}", "{\"a\": 1}", true},
        {"{\"a\": []}", "{\"a\": {}}", true},
        {"{\"m\": \"1024Mi\"}", "{\"m\": \"1Gi\"}", false}, /* By value. */
        {"{\"m\": \"1000m\"}", "{\"m\": \"1\"}", false},
        {"{\"m\": \"1Gi\"}", "{\"m\": \"2Gi\"}", true},
        {"{\"l\": [1, 2]}", "{\"l\": [2, 3, 1]}", false}, /* Additions too, in any order. */
        {"{\"l\": [1, 4]}", "{\"l\": [2, 3, 1]}", true},
        {"{\"l\": [{\"name\": \"x\", \"v\": 1}]}",
         "{\"l\": [{\"name\": \"y\"}, {\"name\": \"x\", \"v\": 1, \"w\": 2}]}", false},
        {"{\"l\": [{\"name\": \"x\", \"v\": 1}]}", "{\"l\": [{\"name\": \"x\", \"v\": 2}]}", true},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *found = difference(arena, rows[i].desired, rows[i].live);
        if ((found != NULL) != rows[i].differs) {
            fail_msg("row %zu: %s", i, found ? found : "no difference");
        }
    }
    assert_string_equal(difference(arena, "{\"a\": {\"b\": [{\"name\": \"x\", \"v\": 1}]}}",
                                   "{\"a\": {\"b\": [{\"name\": \"x\", \"v\": 2}]}}"),
                        ".a.b.v");
    json_t *any = arena_json(arena, json_object());
    assert_string_equal(object_difference(arena, any, NULL), "it does not exist");
}
TEST(differences)

static const json_t *set_of(const struct world *world, struct arena *arena)
{
    struct children *children = arena_alloc(arena, sizeof *children);

    children_desired(world, arena, children);
    return children->items[children->length - 1].object;
}

static void stateful_set_keeps_data_in(struct arena *arena)
{
    struct world *world = world_new(arena, "{\"storage\": {\"storageClassName\": \"fast\"}}");
    const json_t *spec = json_object_get(set_of(world, arena), "spec");
    const json_t *claim = json_array_get(json_object_get(spec, "volumeClaimTemplates"), 0);

    assert_string_equal(json_path_string(spec, "updateStrategy", "type", NULL), "OnDelete");
    assert_string_equal(json_path_string(spec, "podManagementPolicy", NULL), "Parallel");
    assert_string_equal(
        json_path_string(spec, "persistentVolumeClaimRetentionPolicy", "whenDeleted", NULL),
        "Retain");
    assert_string_equal(
        json_path_string(spec, "persistentVolumeClaimRetentionPolicy", "whenScaled", NULL),
        "Retain");
    assert_string_equal(
        json_path_string(claim, "metadata", "annotations", ANNOTATION_CLUSTER_UID, NULL),
        CLUSTER_UID);
    assert_string_equal(json_path_string(claim, "spec", "storageClassName", NULL), "fast");
}
TEST(stateful_set_keeps_data)

static void live_claim_template_is_sent_back_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    json_t *live =
        json_array_get(json_path(world->stateful_set, "spec", "volumeClaimTemplates", NULL), 0);

    json_object_set_new(live, "status", json_pack("{s:s}", "phase", "Pending"));
    world_set_spec(world, arena, "{\"storage\": {\"size\": \"16Gi\"}}");
    const json_t *sent =
        json_array_get(json_path(set_of(world, arena), "spec", "volumeClaimTemplates", NULL), 0);
    assert_true(json_equal(sent, live));
    world_set_spec(world, arena, "{}"); /* What the server filled in is no difference. */
    assert_int_equal(plan_of(world, arena)->action.kind, ACTION_NONE);
}
TEST(live_claim_template_is_sent_back)

static void hash_is_of_what_matters_in(struct arena *arena)
{
    struct world *world = world_new(arena, "{}");
    struct children before, after;

    children_desired(world, arena, &before);
    world->operator_image = "operator:next"; /* A release must not roll every cluster. */
    children_desired(world, arena, &after);
    assert_string_equal(before.template_hash, after.template_hash);
    world_set_spec(world, arena, "{\"resources\": {\"limits\": {\"memory\": \"2Gi\"}}}");
    children_desired(world, arena, &after);
    assert_string_not_equal(before.template_hash, after.template_hash);
    assert_string_equal(before.config_name, after.config_name);
    world_set_spec(world, arena, "{\"etcd\": {\"snapshotCount\": 5000}}");
    children_desired(world, arena, &after);
    assert_string_not_equal(before.config_name, after.config_name); /* Flags: named by content. */
    assert_string_not_equal(before.template_hash, after.template_hash);
}
TEST(hash_is_of_what_matters)

static void images_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{\"image\": \"mirror/etcd@sha256:1\"}");
    struct children children;

    children_desired(world, arena, &children);
    assert_string_equal(children.image, "mirror/etcd@sha256:1");
    world_set_spec(world, arena, "{\"image\": \"mirror/etcd@sha256:2\", \"version\": \"3.7.3\"}");
    children_desired(world, arena, &children);
    assert_string_equal(children.image, "mirror/etcd@sha256:2"); /* One step up, and all is well. */
    assert_string_equal(children.version, "3.7.3");
    world_is_down(world, 1);
    children_desired(world, arena, &children);
    assert_string_equal(children.image, "mirror/etcd@sha256:1"); /* Held with its version. */
    assert_string_equal(children.version, "3.6.16");
    world = world_new(arena, "{\"repository\": \"mirror/etcd\", \"version\": \"3.5.35\"}");
    children_desired(world, arena, &children);
    assert_string_equal(children.image, "mirror/etcd:v3.5.35");
    world = world_new(arena, "{\"size\": 1}");
    children_desired(world, arena, &children);
    assert_int_equal(children.length, 4); /* A budget of a single member would bar every drain. */
}
TEST(images)

static void assert_flag(const struct member_config *config, const char *flag, bool wanted)
{
    bool found = false;

    for (size_t i = 0; i < config->n_args; i++) {
        found = found || !strcmp(config->args[i], flag);
    }
    if (found != wanted) {
        fail_msg("%s is %sthere", flag, found ? "" : "not ");
    }
}

static void flags_in(struct arena *arena)
{
    struct world *world =
        world_new(arena, "{\"etcd\": {\"quotaBackendBytes\": \"1Gi\", \"extraArgs\""
                         ": [{\"name\": \"max-txn-ops\", \"value\": \"256\"}]}}");
    struct member_config config;
    AUTO_FREE char *text = pod_member_config(world, "3.6.16");

    assert_int_equal(member_config_decode(text, strlen(text), arena, &config, NULL), 0);
    assert_string_equal(config.cluster_uid, CLUSTER_UID);
    assert_flag(&config, "--quota-backend-bytes=1073741824", true);
    assert_flag(&config, "--max-txn-ops=256", true);
    assert_flag(&config, "--client-cert-auth=true", true);
    assert_flag(&config, "--peer-client-cert-auth=true", true);
    assert_flag(&config, "--peer-cert-allowed-cn=etcd-peer", true);
    assert_flag(&config, "--peer-client-cert-file=/etc/etcd-tls/peer/client.crt", true);
    assert_flag(&config, "--feature-gates=InitialCorruptCheck=true", true);
    assert_flag(&config, "--experimental-initial-corrupt-check=true", false);
    assert_flag(&config, "--initial-advertise-peer-urls=https://{name}.c-peer.ns.svc:2380", true);
    AUTO_FREE char *old = pod_member_config(world, "3.5.35");
    assert_int_equal(member_config_decode(old, strlen(old), arena, &config, NULL), 0);
    assert_flag(&config, "--experimental-initial-corrupt-check=true", true);
    assert_flag(&config, "--feature-gates=InitialCorruptCheck=true", false);

    world_set_spec(world, arena,
                   "{\"security\": {\"tls\": {\"client\": {\"enabled\": false},"
                   "\"peer\": {\"enabled\": false}}}}");
    AUTO_FREE char *plain = pod_member_config(world, "3.6.16");
    assert_int_equal(member_config_decode(plain, strlen(plain), arena, &config, NULL), 0);
    assert_flag(&config, "--client-cert-auth=true", false);
    assert_flag(&config, "--peer-client-cert-auth=true", false);
    assert_null(strstr(plain, "https"));
}
TEST(flags)

static void ordinals(void **state)
{
    const struct {
        const char *name, *prefix;
        int ordinal;
    } rows[] = {{"c-0", "c", 0},           {"c-10", "c", 10}, {"c-1-0", "c", -1},
                {"c-1-0", "c-1", 0},       {"c", "c", -1},    {"c-", "c", -1},
                {"data-c-2", "data-c", 2}, {"c-x", "c", -1},  {"c--1", "c", -1},
                {"c-99999", "c", -1},      {"d-0", "c", -1}};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(names_ordinal(rows[i].name, rows[i].prefix), rows[i].ordinal);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences),
        cmocka_unit_test(stateful_set_keeps_data),
        cmocka_unit_test(live_claim_template_is_sent_back),
        cmocka_unit_test(hash_is_of_what_matters),
        cmocka_unit_test(images),
        cmocka_unit_test(flags),
        cmocka_unit_test(ordinals),
    };
    return cmocka_run_group_tests_name("objects", tests, NULL, NULL);
}
