/* The drawn children are used again only as long as nothing that they depend on has changed. */
#include "world_builder.h"

#include "cluster/drawing.h"

/* A world whose children were drawn. */
static struct world *drawn(struct arena *arena, struct drawing **drawing)
{
    struct world *world = world_new(arena, "{}");
    struct children children;

    *drawing = NULL;
    world->drawing = drawing;
    children_desired(world, arena, &children);
    assert_non_null(*drawing);
    return world;
}

/* The children by the drawing are those that a fresh one would give. */
static void expect_fresh(struct world *world, struct arena *arena, const char *what)
{
    struct world other = *world;
    struct children kept, fresh;

    other.drawing = NULL;
    children_desired(world, arena, &kept);
    children_desired(&other, arena, &fresh);
    assert_int_equal(kept.length, fresh.length);
    for (int i = 0; i < fresh.length; i++) {
        if (!json_equal(kept.items[i].object, fresh.items[i].object)) {
            fail_msg("%s: %s is drawn from what was before", what, fresh.items[i].name);
        }
    }
    assert_string_equal(kept.config_name, fresh.config_name);
    assert_string_equal(kept.template_hash, fresh.template_hash);
    assert_string_equal(kept.version, fresh.version);
    assert_string_equal(kept.image, fresh.image);
}

static void nothing_changed_in(struct arena *arena)
{
    struct drawing *drawing;
    struct world *world = drawn(arena, &drawing);
    const json_t *service = drawing->children.items[0].object;
    struct children children;

    world->object =
        arena_json(arena, json_deep_copy(world->object)); /* As the next pass reads it. */
    world->recorded.cluster_id = CLUSTER_ID;
    world->now_ms += 1000;
    children_desired(world, arena, &children);
    assert_ptr_equal(children.items[0].object, service);
    expect_fresh(world, arena, "nothing");
    drawing_free(drawing);
}
TEST(nothing_changed)

static void change_spec(struct world *world, struct arena *arena)
{
    world_set_spec(world, arena, "{\"etcd\": {\"snapshotCount\": 5000}}");
}

static void change_version(struct world *world, struct arena *arena)
{
    world_set_spec(world, arena, "{\"version\": \"3.5.35\"}");
}

static void change_size(struct world *world, struct arena *arena)
{
    (void)arena;
    world->recorded.size = 5;
}

static void change_to_one(struct world *world, struct arena *arena)
{
    (void)arena;
    world->recorded.size = 1;
}

static void change_generation(struct world *world, struct arena *arena)
{
    (void)arena;
    world->recorded.generation = 2;
}

static void change_operator(struct world *world, struct arena *arena)
{
    (void)arena;
    world->operator_image = "operator:next";
}

static void change_delivery(struct world *world, struct arena *arena)
{
    (void)arena;
    world->helper_image_volume = true;
}

static void change_uid(struct world *world, struct arena *arena)
{
    world->uid = "22222222-uid";
    json_object_set_new(json_object_get(world->object, "metadata"), "uid", json_string(world->uid));
    (void)arena;
}

/* They exist now: the claim templates are the live ones, whatever was drawn before. */
static void change_live(struct world *world, struct arena *arena)
{
    world_make_children(world, arena);
    json_object_set_new(
        json_array_get(json_path(world->stateful_set, "spec", "volumeClaimTemplates", NULL), 0),
        "status", json_pack("{s:s}", "phase", "Pending"));
}

static void anything_changed_in(struct arena *arena)
{
    const struct {
        const char *what;
        void (*change)(struct world *world, struct arena *arena);
    } rows[] = {
        {"spec", change_spec},
        {"version", change_version},
        {"size", change_size},
        {"size of one", change_to_one},
        {"generation of the bootstrap", change_generation},
        {"operator's image", change_operator},
        {"delivery of the helper", change_delivery},
        {"UID", change_uid},
        {"live objects", change_live},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct drawing *drawing;
        struct world *world = drawn(arena, &drawing);
        rows[i].change(world, arena);
        expect_fresh(world, arena, rows[i].what);
        expect_fresh(world, arena, rows[i].what); /* And again, from the new one. */
        drawing_free(drawing);
    }
}
TEST(anything_changed)

static struct drawing *drawing_of(const char *uid)
{
    struct arena *arena = arena_new();
    struct drawing *drawing = arena_alloc(arena, sizeof *drawing);

    *drawing = (struct drawing){.arena = arena, .uid = arena_strdup(arena, uid)};
    return drawing;
}

static void few_are_kept(void **state)
{
    struct drawings *drawings = drawings_new();
    char uid[16];
    int kept = 0;

    (void)state;
    drawings_give(drawings, NULL);
    for (int i = 0; i < 100; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        drawings_give(drawings, drawing_of(uid));
    }
    struct drawing *last = drawings_take(drawings, "99");
    assert_string_equal(last->uid, "99");
    assert_null(drawings_take(drawings, "99")); /* It is somebody's now. */
    drawings_give(drawings, last);
    for (int i = 0; i < 100; i++) {
        snprintf(uid, sizeof uid, "%d", i);
        struct drawing *drawing = drawings_take(drawings, uid);
        kept += drawing != NULL;
        drawing_free(drawing);
    }
    assert_int_equal(kept, 4);
    drawings_give(drawings, drawing_of("left"));
    drawings_free(drawings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_changed),
        cmocka_unit_test(anything_changed),
        cmocka_unit_test(few_are_kept),
    };
    return cmocka_run_group_tests_name("drawing", tests, NULL, NULL);
}
