/* The pod template: what its hash covers, and the two ways in which the start helper comes in. */
#include "cluster/pod_template.h"
#include "world_builder.h"

static json_t *build(struct world *world, struct arena *arena, const char **hash)
{
    return arena_json(arena, pod_template(world, "etcd:1", "c-config-1", arena, hash));
}

static const char *command_of(const json_t *template)
{
    const json_t *containers = json_path(template, "spec", "containers", NULL);
    return json_string_value(
        json_array_get(json_object_get(json_array_get(containers, 0), "command"), 0));
}

static bool has_volume(const json_t *template, const char *name)
{
    size_t i;
    json_t *volume;

    json_array_foreach(json_path(template, "spec", "volumes", NULL), i, volume)
    {
        if (!strcmp(json_path_string(volume, "name", NULL), name)) {
            return true;
        }
    }
    return false;
}

static void hash_leaves_the_helper_out_in(struct arena *arena)
{
    struct world *world = world_new(arena, "{}");
    const char *first, *second, *third;

    json_t *copied = build(world, arena, &first);
    assert_string_equal(command_of(copied), MEMBER_HELPER_PATH);
    assert_int_equal(json_array_size(json_path(copied, "spec", "initContainers", NULL)), 1);
    assert_false(has_volume(copied, "helper-image"));

    world->operator_image = "another:2";
    build(world, arena, &second);
    assert_string_equal(first, second);

    world->helper_image_volume = true;
    json_t *mounted = build(world, arena, &third);
    assert_string_equal(first, third);
    assert_string_equal(command_of(mounted), MEMBER_IMAGE_DIR "/etcd-member");
    assert_null(json_path(mounted, "spec", "initContainers", NULL));
    assert_true(has_volume(mounted, "helper-image"));
}
TEST(hash_leaves_the_helper_out)

static void hash_covers_what_matters_in(struct arena *arena)
{
    const char *plain, *resources, *tls;

    build(world_new(arena, "{}"), arena, &plain);
    build(world_new(arena, "{\"resources\":{\"limits\":{\"cpu\":\"2\"}}}"), arena, &resources);
    build(world_new(arena, "{\"security\":{\"tls\":{\"client\":{\"enabled\":false}}}}"), arena,
          &tls);
    assert_string_not_equal(plain, resources);
    assert_string_not_equal(plain, tls);
}
TEST(hash_covers_what_matters)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_leaves_the_helper_out),
        cmocka_unit_test(hash_covers_what_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
