/* What members must dial each other with: a client certificate without names and with the one
 * common name that is allowed. A certificate with names is held against the dialler's address,
 * which DNS does not know yet when a pod is new. */
#include <stdio.h>

#include "fixture.h"

#define DEADLINE_MS 30000

struct formation {
    struct real_cluster cluster;
    struct etcd_client *client;
    const char *words; /* Looked for in the members' logs. */
};

static void begin(struct formation *formation, const char *server_cn,
                  const struct pki_leaf *peer_client)
{
    real_cluster_init(&formation->cluster, server_cn, peer_client);
    formation->client = etcd_client_new();
    for (size_t i = 0; i < MEMBERS; i++) {
        real_member_start(&formation->cluster, i);
    }
}

static void end(struct formation *formation)
{
    etcd_client_free(formation->client);
    real_cluster_fini(&formation->cluster);
}

static bool formed(void *context)
{
    struct formation *formation = context;
    const struct etcd_api *api = etcd_client_api(formation->client);
    struct arena *arena AUTO_ARENA = arena_new();
    struct etcd_look looks[MEMBERS];
    size_t serving = 0;

    api->look(api->context, &formation->cluster.credentials, formation->cluster.endpoints, MEMBERS,
              2000, arena, looks);
    for (size_t i = 0; i < MEMBERS; i++) {
        serving += !looks[i].status_error.kind && !looks[i].read_error.kind;
    }
    return serving == MEMBERS;
}

static bool logged(void *context)
{
    struct formation *formation = context;

    for (size_t i = 0; i < MEMBERS; i++) {
        if (real_member_logged(&formation->cluster, i, formation->words)) {
            return true;
        }
    }
    return false;
}

static void test_certificate_without_names_joins(void **state)
{
    struct pki_leaf leaf = {.common_name = PEER_CN, .client_auth = true};
    struct formation formation = {.words = "rejected connection"};

    (void)state;
    begin(&formation, PEER_CN, &leaf);
    bool joined = wait_until(formed, &formation, DEADLINE_MS);
    bool rejected = logged(&formation);
    end(&formation);
    assert_true(joined);
    assert_false(rejected);
}

static void expect_refusal(const char *server_cn, const struct pki_leaf *leaf, const char *words)
{
    struct formation formation = {.words = words};

    begin(&formation, server_cn, leaf);
    bool rejected = wait_until(logged, &formation, DEADLINE_MS);
    bool joined = formed(&formation);
    end(&formation);
    assert_true(rejected);
    assert_false(joined);
}

static void test_wrong_common_name_is_refused(void **state)
{
    struct pki_leaf leaf = {.common_name = "someone", .client_auth = true};

    (void)state;
    expect_refusal(PEER_CN, &leaf, "client certificate authentication failed");
}

/* The reason for a certificate of its own: the server's names do not resolve to the dialler. */
static void test_names_that_do_not_resolve_are_refused(void **state)
{
    static const char *const names[] = {"*.c-peer.ns.svc", NULL};
    struct pki_leaf leaf = {.common_name = PEER_CN, .dns_names = names, .client_auth = true};

    (void)state;
    expect_refusal(PEER_CN, &leaf, "does not match any of DNSNames");
}

/* --peer-cert-allowed-cn holds in both directions: the dialler checks the server's name as well. */
static void test_server_certificate_needs_the_name_too(void **state)
{
    struct pki_leaf leaf = {.common_name = PEER_CN, .client_auth = true};

    (void)state;
    expect_refusal("c", &leaf, "client certificate authentication failed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificate_without_names_joins),
        cmocka_unit_test(test_wrong_common_name_is_refused),
        cmocka_unit_test(test_names_that_do_not_resolve_are_refused),
        cmocka_unit_test(test_server_certificate_needs_the_name_too),
    };
    return real_etcd() ? cmocka_run_group_tests(tests, NULL, NULL) : SKIPPED;
}
