/* What etcd is asked for, of whom, and what is made of its answer: done, asked again, or an error.
 */
#include "base/log.h"
#include "cluster/act.h"
#include "etcd/errors.h"

#include <stdio.h>

#include "world_builder.h"

/* An etcd that answers `answer`, and keeps what it was asked. */
struct etcd {
    struct etcd_api api;
    enum etcd_error answer;
    int calls;
    uint64_t id;
    char url[64], endpoints[256]; /* "c-0.c-peer.ns.svc c-1..." */
    const struct etcd_credentials *credentials;
    int64_t timeout_ms;
    bool learner;
};

static int take(void *context, const struct etcd_target *target, uint64_t id, struct error *error)
{
    struct etcd *etcd = context;

    etcd->calls++;
    etcd->id = id;
    etcd->credentials = target->credentials;
    etcd->timeout_ms = target->timeout_ms;
    etcd->endpoints[0] = '\0';
    for (size_t i = 0; i < target->n; i++) {
        size_t length = strlen(etcd->endpoints);
        snprintf(etcd->endpoints + length, sizeof etcd->endpoints - length, "%s%.3s", i ? " " : "",
                 target->endpoints[i].server_name);
        assert_string_equal(target->endpoints[i].address, "10.0.0.1");
        assert_int_equal(target->endpoints[i].port, 2379);
    }
    return etcd->answer ? etcd_error_set(error, etcd->answer) : 0;
}

static int take_addition(void *context, const struct etcd_target *target, const char *url,
                         bool learner, struct arena *arena, uint64_t *id,
                         struct etcd_member_list *list, struct error *error)
{
    struct etcd *etcd = context;

    (void)arena, (void)id, (void)list;
    snprintf(etcd->url, sizeof etcd->url, "%s", url);
    etcd->learner = learner;
    return take(context, target, 0, error);
}

static void etcd_init(struct etcd *etcd)
{
    *etcd = (struct etcd){.answer = ETCD_ERROR_NONE};
    etcd->api = (struct etcd_api){.context = etcd,
                                  .member_add = take_addition,
                                  .member_promote = take,
                                  .member_remove = take,
                                  .move_leader = take};
}

/* c-3 is a learner; c-0 leads. */
static struct world *world_of(struct arena *arena)
{
    static const struct etcd_credentials credentials = {.tls = true};
    struct world *world = world_resizing(arena, 3, 5);

    world_serves(world, arena, 3);
    world_list(world, arena, 3)->is_learner = true;
    world->credentials = &credentials;
    return world;
}

static int act_on(struct etcd *etcd, struct memo *memo, const struct world *world,
                  enum action_kind kind, int ordinal, struct error *error)
{
    const struct reconciler_options options = {.etcd = &etcd->api};
    struct plan plan = {.rule = "Some", .action = {.kind = kind, .ordinal = ordinal}};

    plan.action.successor = 1;
    return act_on_etcd(&options, memo, world, &plan, error);
}

enum outcome { DONE, ASKED_AGAIN, FAILED };

static const struct {
    enum action_kind kind;
    enum etcd_error answer;
    enum outcome outcome;
} rows[] = {
    {ACTION_ADD_MEMBER, ETCD_ERROR_NONE, DONE},
    {ACTION_ADD_MEMBER, ETCD_ERROR_PEER_URL_EXISTS, DONE}, /* An answer was lost. */
    {ACTION_ADD_MEMBER, ETCD_ERROR_MEMBER_EXISTS, ASKED_AGAIN},
    {ACTION_ADD_MEMBER, ETCD_ERROR_TOO_MANY_LEARNERS, ASKED_AGAIN},
    {ACTION_ADD_MEMBER, ETCD_ERROR_UNHEALTHY_CLUSTER, ASKED_AGAIN},
    {ACTION_ADD_MEMBER, ETCD_ERROR_NOT_ENOUGH_STARTED_MEMBERS, ASKED_AGAIN},
    {ACTION_ADD_MEMBER, ETCD_ERROR_MEMBER_BAD_URLS, FAILED},
    {ACTION_ADD_MEMBER, ETCD_ERROR_PERMISSION_DENIED, FAILED},
    {ACTION_PROMOTE_MEMBER, ETCD_ERROR_NONE, DONE},
    {ACTION_PROMOTE_MEMBER, ETCD_ERROR_NOT_A_LEARNER, DONE},
    {ACTION_PROMOTE_MEMBER, ETCD_ERROR_LEARNER_NOT_IN_SYNC, ASKED_AGAIN},
    {ACTION_PROMOTE_MEMBER, ETCD_ERROR_MEMBER_NOT_FOUND, ASKED_AGAIN},
    {ACTION_REMOVE_MEMBER, ETCD_ERROR_NONE, DONE},
    {ACTION_REMOVE_MEMBER, ETCD_ERROR_MEMBER_NOT_FOUND, DONE},
    {ACTION_REMOVE_MEMBER, ETCD_ERROR_TIMEOUT, ASKED_AGAIN},
    {ACTION_REMOVE_MEMBER, ETCD_ERROR_UNHEALTHY_CLUSTER, ASKED_AGAIN},
    {ACTION_MOVE_LEADER, ETCD_ERROR_NONE, DONE},
    {ACTION_MOVE_LEADER, ETCD_ERROR_NOT_LEADER, ASKED_AGAIN},
    {ACTION_MOVE_LEADER, ETCD_ERROR_BAD_TRANSFEREE, ASKED_AGAIN},
    {ACTION_MOVE_LEADER, ETCD_ERROR_AUTH_FAILED, FAILED},
};

static void answers_in(struct arena *arena)
{
    const struct world *world = world_of(arena);

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct memo memo = {.etcd_says = "what it said before"};
        struct error error = {0};
        struct etcd etcd;
        etcd_init(&etcd);
        etcd.answer = rows[i].answer;
        int result = act_on(&etcd, &memo, world, rows[i].kind, 3, &error);
        if ((result != 0) != (rows[i].outcome == FAILED)) {
            fail_msg("row %zu: %d, %s", i, result, error.message);
        }
        if (rows[i].outcome == ASKED_AGAIN) {
            assert_contains(memo.etcd_says, etcd_error_text(rows[i].answer));
        } else {
            assert_string_equal(memo.etcd_says, "");
        }
        assert_int_equal(etcd.calls, 1);
    }
}
TEST(answers)

static void an_addition_in(struct arena *arena)
{
    struct world *world = world_of(arena);
    struct memo memo = {.busy_passes = 0};
    struct error error;
    struct etcd etcd;

    etcd_init(&etcd);
    assert_int_equal(act_on(&etcd, &memo, world, ACTION_ADD_MEMBER, 4, &error), 0);
    assert_string_equal(etcd.url, "https://c-4.c-peer.ns.svc:2380");
    assert_true(etcd.learner);
    assert_string_equal(etcd.endpoints, "c-0 c-1 c-2"); /* No learner is asked. */
    assert_ptr_equal(etcd.credentials, world->credentials);
    assert_int_equal(etcd.timeout_ms, world->spec.health_check.timeout_ms);
}
TEST(an_addition)

static void whom_it_is_about_in(struct arena *arena)
{
    struct world *world = world_of(arena);
    struct memo memo = {.busy_passes = 0};
    struct error error;
    struct etcd etcd;

    etcd_init(&etcd);
    act_on(&etcd, &memo, world, ACTION_PROMOTE_MEMBER, 3, &error);
    assert_true(etcd.id == 0xa3);
    assert_string_equal(etcd.endpoints, "c-0 c-1 c-2");
    world_leads(world, 2);
    act_on(&etcd, &memo, world, ACTION_PROMOTE_MEMBER, 3, &error);
    assert_string_equal(etcd.endpoints,
                        "c-2 c-1 c-0"); /* The leader need not be asked by others. */
    world_leads(world, 0);
    world_is_down(world, 0);
    act_on(&etcd, &memo, world, ACTION_REMOVE_MEMBER, 1, &error);
    assert_true(etcd.id == 0xa1);
    assert_string_equal(etcd.endpoints, "c-2"); /* Not by way of the one that goes. */
    world_is_down(world, 2);
    act_on(&etcd, &memo, world, ACTION_REMOVE_MEMBER, 1, &error);
    assert_string_equal(etcd.endpoints, "c-1"); /* But when there is no other. */
}
TEST(whom_it_is_about)

static void a_hand_over_in(struct arena *arena)
{
    struct world *world = world_of(arena);
    struct memo memo = {.busy_passes = 0};
    struct error error;
    struct etcd etcd;

    etcd_init(&etcd);
    act_on(&etcd, &memo, world, ACTION_MOVE_LEADER, 0, &error);
    assert_string_equal(etcd.endpoints, "c-0"); /* The leader is asked, and no other. */
    assert_true(etcd.id == 0xa1);
}
TEST(a_hand_over)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(an_addition),
        cmocka_unit_test(whom_it_is_about),
        cmocka_unit_test(a_hand_over),
    };
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT);
    return cmocka_run_group_tests_name("act on etcd", tests, NULL, NULL);
}
