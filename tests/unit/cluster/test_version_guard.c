/* Which version may come after which, and the words when it may not. */
#include "cluster/version_guard.h"

#include "world_builder.h"

static const struct {
    const char *template_version, *lowest, *highest, *asked, *words; /* NULL: it may. */
} rows[] = {
    /* One minor up, when all members are at the old one. */
    {"3.6.16", "3.6.16", "3.6.16", "3.7.0", NULL},
    {"3.6.16", "3.6.1", "3.6.16", "3.7.3", NULL},
    {"3.9.1", "3.9.1", "3.9.1", "3.10.0", NULL},
    {"3.5.26", "3.5.26", "3.5.26", "3.6.16", NULL},
    {"3.5.35", "3.5.26", "3.5.35", "3.6.16", NULL},
    {"3.5.25", "3.5.25", "3.5.25", "3.6.16", "a member runs 3.5.25: set the newest 3.5 first"},
    {"3.5.35", "3.5.9", "3.5.35", "3.6.16", "a member runs 3.5.9"}, /* The lowest counts. */

    /* More than one: the steps are named. */
    {"3.5.35", "3.5.35", "3.5.35", "3.7.3", "set a version of 3.6 first, then 3.7"},
    {"3.5.35", "3.5.35", "3.5.35", "3.8.0", "set a version of 3.6, then 3.7 first, then 3.8"},

    /* Half-way: on is refused, back is not. */
    {"3.6.16", "3.5.35", "3.6.16", "3.7.3", "the step to 3.6 is not complete yet"},
    {"3.6.16", "3.5.35", "3.5.35", "3.7.3", "the step to 3.6 is not complete yet"},
    {"3.6.16", "3.5.35", "3.6.16", "3.5.35", NULL},
    {"3.6.16", "3.5.35", "3.5.35", "3.5.30", NULL},
    {"3.6.16", "3.6.16", "3.7.0", "3.7.0", "the step to 3.6 is not complete yet"},

    /* After it: the data is of the new version. */
    {"3.6.16", "3.6.16", "3.6.16", "3.5.35", "the members run 3.6 and have converted their data"},
    {"3.7.3", "3.6.16", "3.7.3", "3.5.35", "the members run 3.6"},
    {"3.6.16", NULL, NULL, "3.5.35", "no member answers"},
    {"3.6.16", NULL, NULL, "3.7.3", "no member answers"},

    /* Within one minor, as one likes; also while nobody answers, for it may be what helps. */
    {"3.6.1", "3.6.1", "3.6.1", "3.6.16", NULL},
    {"3.6.16", "3.6.16", "3.6.16", "3.6.1", NULL},
    {"3.6.16", "3.5.35", "3.6.16", "3.6.17", NULL},
    {"3.6.16", NULL, NULL, "3.6.17", NULL},

    {"4.0.0", "3.6.16", "3.6.16", "3.6.16", "cannot be compared"},
};

static void each_row_in(struct arena *arena)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *why = version_guard(rows[i].template_version, rows[i].lowest, rows[i].highest,
                                        rows[i].asked, arena);
        if (rows[i].words ? !why || !strstr(why, rows[i].words) : why != NULL) {
            fail_msg("row %zu, %s to %s: %s", i, rows[i].template_version, rows[i].asked,
                     why ? why : "it may");
        }
    }
}
TEST(each_row)

static void as_numbers(void **state)
{
    (void)state;
    assert_true(version_compare("3.6.9", "3.6.16") < 0);
    assert_true(version_compare("3.10.0", "3.9.9") > 0);
    assert_int_equal(version_compare("3.6.16", "3.6.16"), 0);
}

/* The highest among the members that answer is what need not wait: a version that cannot be had is
 * taken back although it has broken a member. */
static void a_mistake_is_taken_back_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");
    struct children children;

    world_set_spec(world, arena, "{\"version\": \"3.6.1\"}");
    world_make_children(world, arena);
    world_is_down(world, 2);
    world_set_spec(world, arena, "{\"version\": \"3.6.16\"}");
    assert_action(plan_of(world, arena), "ApplyObjects", ACTION_APPLY);
    world_set_spec(world, arena, "{\"version\": \"3.6.17\"}"); /* This one is new. */
    children_desired(world, arena, &children);
    assert_string_equal(children.version, "3.6.1");
    assert_contains(children.version_held, "c-2 does not serve");
}
TEST(a_mistake_is_taken_back)

static void what_runs_is_asked_of_all_in(struct arena *arena)
{
    struct world *world = world_running(arena, "{}");

    world_runs_version(world, 1, "3.5.35");
    world_set_spec(world, arena, "{\"version\": \"3.7.3\"}");
    struct plan *plan = plan_of(world, arena);
    assert_string_equal(plan->status.target_version, "3.6.16");
    assert_contains(plan->status.conditions[CONDITION_SPEC_APPLIED].message,
                    "the step to 3.6 is not complete yet");
}
TEST(what_runs_is_asked_of_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row),
        cmocka_unit_test(as_numbers),
        cmocka_unit_test(a_mistake_is_taken_back),
        cmocka_unit_test(what_runs_is_asked_of_all),
    };
    return cmocka_run_group_tests_name("version guard", tests, NULL, NULL);
}
