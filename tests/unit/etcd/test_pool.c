#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "etcd/client.h"
#include "etcd/pool.h"
#include "pki/pki.h"

static struct etcd_credentials plain(const char *key)
{
    return (struct etcd_credentials){.key = key};
}

static struct etcd_pool_entry *get(struct etcd_pool *pool,
                                   const struct etcd_credentials *credentials, int64_t now_ms)
{
    struct etcd_pool_entry *entry = NULL;
    struct error error = {0};

    if (etcd_pool_get(pool, credentials, 1, now_ms, &entry, &error)) {
        fail_msg("%s", error.message);
    }
    return entry;
}

static void test_reuse_and_forget(void **state)
{
    struct etcd_pool *pool = etcd_pool_new();
    struct etcd_credentials a = plain("ns/a"), b = plain("ns/b");

    (void)state;
    struct etcd_pool_entry *first = get(pool, &a, 0);
    assert_ptr_equal(get(pool, &a, 0), first); /* Two passes may hold one. */
    struct etcd_pool_entry *second = get(pool, &b, 0);
    assert_ptr_not_equal(second, first);
    assert_int_equal(etcd_pool_length(pool), 2);
    etcd_pool_put(pool, second, 1);

    etcd_pool_forget(pool, "ns/a");
    etcd_pool_forget(pool, "ns/unknown");
    assert_int_equal(etcd_pool_length(pool), 1);
    assert_non_null(etcd_pool_client(first)); /* Still there for its holders. */
    etcd_pool_put(pool, first, 1);
    etcd_pool_put(pool, first, 1);
    assert_int_equal(etcd_pool_length(pool), 1);
    etcd_pool_free(pool);
}

static void test_changed_credentials_replace(void **state)
{
    struct pki_pair ca AUTO_PKI_PAIR = {0}, other AUTO_PKI_PAIR = {0};
    struct pki_pair leaf AUTO_PKI_PAIR = {0};
    struct pki_leaf request = {.common_name = "root", .client_auth = true, .lifetime_ms = 3600000};
    struct etcd_pool *pool = etcd_pool_new();
    struct error error = {0};

    (void)state;
    assert_int_equal(pki_ca_new("a", 1795448404000, 3600000, &ca, &error), 0);
    assert_int_equal(pki_ca_new("b", 1795448404000, 3600000, &other, &error), 0);
    assert_int_equal(pki_leaf_new(&ca, &request, 1795448404000, &leaf, &error), 0);
    struct etcd_credentials credentials = {.tls = true,
                                           .key = "ns/a",
                                           .ca_pem = ca.certificate_pem,
                                           .certificate_pem = leaf.certificate_pem,
                                           .key_pem = leaf.key_pem};

    struct etcd_pool_entry *before = get(pool, &credentials, 0);
    credentials.ca_pem = other.certificate_pem;
    struct etcd_pool_entry *after = get(pool, &credentials, 0);
    assert_ptr_not_equal(before, after);
    assert_int_equal(etcd_pool_length(pool), 1);
    etcd_pool_put(pool, before, 1);
    etcd_pool_put(pool, after, 1);

    /* A damaged renewal takes the old entry out as well: it would speak for credentials that the
     * caller no longer has. */
    struct etcd_pool_entry *none = NULL;
    credentials.key_pem = "garbage";
    assert_int_equal(etcd_pool_get(pool, &credentials, 1, 0, &none, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "ns/a"));
    assert_int_equal(etcd_pool_length(pool), 0);
    etcd_pool_free(pool);
}

static void test_idle_are_forgotten(void **state)
{
    struct etcd_pool *pool = etcd_pool_new();
    struct etcd_credentials idle = plain("idle"), held = plain("held"), busy = plain("busy");

    (void)state;
    etcd_pool_put(pool, get(pool, &idle, 0), 1);
    struct etcd_pool_entry *kept = get(pool, &held, 0);
    etcd_pool_put(pool, get(pool, &busy, ETCD_POOL_IDLE_MS), 1);
    assert_int_equal(etcd_pool_length(pool), 3);
    etcd_pool_put(pool, get(pool, &busy, ETCD_POOL_IDLE_MS + 1), 1);
    assert_int_equal(etcd_pool_length(pool), 2); /* Who is held is not idle. */
    etcd_pool_put(pool, kept, 1);
    etcd_pool_free(pool);
}

static void test_bound_drops_the_oldest(void **state)
{
    struct etcd_pool *pool = etcd_pool_new();
    struct etcd_credentials first = plain("key-0");
    struct etcd_pool_entry *held[ETCD_POOL_LENGTH_MAX + 3];

    (void)state;
    for (size_t i = 0; i < ETCD_POOL_LENGTH_MAX + 3; i++) {
        char key[16];
        snprintf(key, sizeof key, "key-%zu", i);
        struct etcd_credentials credentials = plain(key);
        etcd_pool_put(pool, get(pool, &credentials, (int64_t)i), 1);
        /* key-0 is used all the time. */
        etcd_pool_put(pool, get(pool, &first, (int64_t)i), 1);
    }
    assert_int_equal(etcd_pool_length(pool), ETCD_POOL_LENGTH_MAX);
    struct etcd_pool_entry *again = get(pool, &first, 100);
    etcd_pool_put(pool, again, 1);
    assert_int_equal(etcd_pool_length(pool), ETCD_POOL_LENGTH_MAX);

    /* Nobody's connection is taken from under a running call. */
    for (size_t i = 0; i < ETCD_POOL_LENGTH_MAX + 3; i++) {
        char key[16];
        snprintf(key, sizeof key, "held-%zu", i);
        struct etcd_credentials credentials = plain(key);
        held[i] = get(pool, &credentials, 100);
    }
    assert_int_equal(etcd_pool_length(pool), ETCD_POOL_LENGTH_MAX + 3);
    for (size_t i = 0; i < ETCD_POOL_LENGTH_MAX + 3; i++) {
        etcd_pool_put(pool, held[i], 1);
    }
    etcd_pool_put(pool, get(pool, &first, 100), 1);
    assert_int_equal(etcd_pool_length(pool), ETCD_POOL_LENGTH_MAX);
    etcd_pool_free(pool);
}

static void *hammer(void *context)
{
    struct etcd_pool *pool = context;

    for (size_t i = 0; i < 2000; i++) {
        struct etcd_credentials credentials = plain(i % 3 ? "shared" : "other");
        credentials.ca_pem = NULL;
        credentials.tls = i % 5 == 0; /* Changes back and forth. */
        struct etcd_pool_entry *entry = NULL;
        if (etcd_pool_get(pool, &credentials, 1, (int64_t)i, &entry, NULL)) {
            return (void *)1;
        }
        if (i % 7 == 0) {
            etcd_pool_forget(pool, "shared");
        }
        etcd_pool_put(pool, entry, 1);
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct etcd_pool *pool = etcd_pool_new();
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hammer, pool), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    etcd_pool_free(pool);
}

/* What a real etcd (3.6.16) gave itself; tests/conformance/etcd checks the rule on every version.
 */
static void test_static_member_id(void **state)
{
    (void)state;
    assert_true(etcd_static_member_id("https://c-0.c-peer.ns.svc:2380",
                                      "0f4b2a1c-9d3e-4f7a-8b6d-5c1e2a3f4b5d-1") ==
                UINT64_C(0x77da3461fb8eab38));
}

/* A stream counts as long as it lasts. */
static void test_connections_of_a_cluster_are_bounded(void **state)
{
    struct etcd_pool *pool = etcd_pool_new();
    struct etcd_credentials a = plain("ns/a"), b = plain("ns/b");
    struct etcd_pool_entry *held, *more;
    struct error error = {0};

    (void)state;
    assert_int_equal(etcd_pool_get(pool, &a, ETCD_POOL_CONNECTIONS_MAX - 1, 0, &held, &error), 0);
    assert_int_equal(etcd_pool_get(pool, &a, 2, 0, &more, &error), -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "63 connections to etcd \"ns/a\" are busy"));
    assert_int_equal(etcd_pool_get(pool, &a, 1, 0, &more, &error), 0);
    etcd_pool_put(pool, more, 1);
    assert_int_equal(etcd_pool_get(pool, &b, 2, 0, &more, &error), 0);
    etcd_pool_put(pool, more, 2);
    etcd_pool_put(pool, held, ETCD_POOL_CONNECTIONS_MAX - 1);
    assert_int_equal(etcd_pool_get(pool, &a, ETCD_POOL_CONNECTIONS_MAX, 0, &held, &error), 0);
    etcd_pool_put(pool, held, ETCD_POOL_CONNECTIONS_MAX);
    etcd_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reuse_and_forget),
        cmocka_unit_test(test_changed_credentials_replace),
        cmocka_unit_test(test_idle_are_forgotten),
        cmocka_unit_test(test_bound_drops_the_oldest),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_connections_of_a_cluster_are_bounded),
        cmocka_unit_test(test_static_member_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
