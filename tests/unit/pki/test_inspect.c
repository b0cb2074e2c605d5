#include "fixture.h"

static const char *const dns[] = {"*.c-peer.ns.svc", "localhost", NULL};
static const char *const ips[] = {"127.0.0.1", "::1", NULL};

static void test_facts(void **state)
{
    struct pki_leaf leaf = {.common_name = "root", .client_auth = true, .lifetime_ms = DAY_MS};
    struct pki_pair ca AUTO_PKI_PAIR = {0}, pair AUTO_PKI_PAIR = {0};
    struct pki_facts facts;
    struct error error = {0};

    (void)state;
    new_ca("etcd CA", &ca);
    new_leaf(&ca, &leaf, &pair);
    assert_int_equal(pki_inspect(ca.certificate_pem, &facts, &error), 0);
    assert_true(facts.is_ca);
    assert_string_equal(facts.common_name, "etcd CA");
    assert_true(facts.not_before_ms == NOW_MS - HOUR_MS);
    assert_true(facts.not_after_ms == NOW_MS + 365 * DAY_MS);

    assert_int_equal(pki_inspect(pair.certificate_pem, &facts, &error), 0);
    assert_false(facts.is_ca);
    assert_string_equal(facts.common_name, "root");
    assert_true(facts.not_after_ms == NOW_MS + DAY_MS);
}

static void test_first_of_several(void **state)
{
    struct pki_pair a AUTO_PKI_PAIR = {0}, b AUTO_PKI_PAIR = {0};
    struct pki_facts facts;
    char bundle[8192];

    (void)state;
    new_ca("first", &a);
    new_ca("second", &b);
    snprintf(bundle, sizeof bundle, "a comment\n%s%s", a.certificate_pem, b.certificate_pem);
    assert_int_equal(pki_inspect(bundle, &facts, NULL), 0);
    assert_string_equal(facts.common_name, "first");
}

/* 64 characters in 127 bytes do not fit; what is kept is whole characters. */
static void test_long_common_name_is_cut_at_a_character(void **state)
{
    struct pki_pair ca AUTO_PKI_PAIR = {0};
    struct pki_facts facts;
    char name[128] = "x";

    (void)state;
    for (size_t i = 1; i < 127; i += 2) {
        memcpy(name + i, "\xc3\xa9", 3);
    }
    new_ca(name, &ca);
    assert_int_equal(pki_inspect(ca.certificate_pem, &facts, NULL), 0);
    assert_int_equal(strlen(facts.common_name), 63);
    assert_memory_equal(facts.common_name, name, 63);
}

static void test_refuses_garbage(void **state)
{
    static const char *const bad[] = {
        "", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB", NULL};
    struct pki_facts facts;
    struct error error = {0};

    (void)state;
    assert_int_equal(pki_inspect(NULL, &facts, &error), -ERROR_INVALID);
    for (size_t i = 0; bad[i]; i++) {
        assert_int_equal(pki_inspect(bad[i], &facts, &error), -ERROR_INVALID);
        assert_false(pki_names_match(bad[i], NULL, NULL));
    }
}

static void test_names_match(void **state)
{
    static const char *const shuffled[] = {"LOCALHOST", "*.c-peer.ns.svc", NULL};
    static const char *const fewer[] = {"localhost", NULL};
    static const char *const more[] = {"*.c-peer.ns.svc", "localhost", "x.svc", NULL};
    static const char *const long_form[] = {"0:0:0:0:0:0:0:1", "127.0.0.1", NULL};
    static const char *const other_ip[] = {"127.0.0.1", "::2", NULL};
    static const char *const none[] = {NULL};
    struct pki_leaf leaf = {.common_name = "c",
                            .dns_names = dns,
                            .ip_names = ips,
                            .server_auth = true,
                            .lifetime_ms = DAY_MS};
    struct pki_pair ca AUTO_PKI_PAIR = {0}, pair AUTO_PKI_PAIR = {0};

    (void)state;
    new_ca("etcd CA", &ca);
    new_leaf(&ca, &leaf, &pair);
    assert_true(pki_names_match(pair.certificate_pem, dns, ips));
    assert_true(pki_names_match(pair.certificate_pem, shuffled, long_form));
    assert_false(pki_names_match(pair.certificate_pem, fewer, ips));
    assert_false(pki_names_match(pair.certificate_pem, more, ips));
    assert_false(pki_names_match(pair.certificate_pem, dns, other_ip));
    assert_false(pki_names_match(pair.certificate_pem, dns, NULL));
    assert_false(pki_names_match(pair.certificate_pem, NULL, ips));
    assert_false(pki_names_match(pair.certificate_pem, none, none));
    assert_true(pki_names_match(ca.certificate_pem, none, NULL));
    assert_false(pki_names_match(ca.certificate_pem, dns, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_first_of_several),
        cmocka_unit_test(test_long_common_name_is_cut_at_a_character),
        cmocka_unit_test(test_refuses_garbage),
        cmocka_unit_test(test_names_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
