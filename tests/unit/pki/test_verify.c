#include "fixture.h"

struct world {
    struct pki_pair ca, other, leaf, second;
};

static int make_world(void **state)
{
    static struct world world;
    struct pki_leaf leaf = {.common_name = "c", .server_auth = true, .lifetime_ms = DAY_MS};

    new_ca("etcd CA", &world.ca);
    new_ca("etcd CA", &world.other); /* The same name, as after a rotation. */
    new_leaf(&world.ca, &leaf, &world.leaf);
    new_leaf(&world.ca, &leaf, &world.second);
    *state = &world;
    return 0;
}

static int drop_world(void **state)
{
    struct world *world = *state;

    pki_pair_fini(&world->ca);
    pki_pair_fini(&world->other);
    pki_pair_fini(&world->leaf);
    pki_pair_fini(&world->second);
    return 0;
}

static void expect_refusal(const char *certificate, const char *key, const char *ca,
                           const char *word)
{
    struct error error = {0};

    assert_int_equal(pki_verify(certificate, key, ca, &error), -ERROR_INVALID);
    if (!strstr(error.message, word)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, word);
    }
}

static void test_accepts(void **state)
{
    struct world *world = *state;
    struct error error = {0};
    char bundle[8192];

    assert_int_equal(pki_verify(world->leaf.certificate_pem, world->leaf.key_pem,
                                world->ca.certificate_pem, &error),
                     0);
    snprintf(bundle, sizeof bundle, "%s%s", world->other.certificate_pem,
             world->ca.certificate_pem);
    assert_int_equal(pki_verify(world->leaf.certificate_pem, world->leaf.key_pem, bundle, &error),
                     0);
}

/* NOW_MS may be any distance from the real clock. */
static void test_ignores_dates(void **state)
{
    struct pki_leaf leaf = {.common_name = "c", .server_auth = true, .lifetime_ms = DAY_MS};
    struct pki_pair ca AUTO_PKI_PAIR = {0}, pair AUTO_PKI_PAIR = {0};

    (void)state;
    assert_int_equal(pki_ca_new("old", 1000000 * HOUR_MS / 10, DAY_MS, &ca, NULL), 0);
    assert_int_equal(pki_leaf_new(&ca, &leaf, 1000000 * HOUR_MS / 10, &pair, NULL), 0);
    assert_int_equal(pki_verify(pair.certificate_pem, pair.key_pem, ca.certificate_pem, NULL), 0);
}

static void test_refuses(void **state)
{
    struct world *world = *state;
    const char *certificate = world->leaf.certificate_pem, *key = world->leaf.key_pem;
    const char *ca = world->ca.certificate_pem;
    static const char encrypted[] = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAo=\n"
                                    "-----END ENCRYPTED PRIVATE KEY-----\n";

    expect_refusal(certificate, world->second.key_pem, ca, "key is not");
    expect_refusal(certificate, key, world->other.certificate_pem, "signed");
    expect_refusal(certificate, key, certificate, "not a leaf");
    expect_refusal(ca, world->ca.key_pem, ca, "not a leaf");
    expect_refusal(certificate, key, "", "CA's certificates do not parse");
    expect_refusal(certificate, "", ca, "key does not parse");
    expect_refusal(certificate, encrypted, ca, "key does not parse");
    expect_refusal("", key, ca, "certificate does not parse");
}

/* A CA bundle with a damaged part is refused as a whole: etcd refuses it too. */
static void test_refuses_damaged_bundle(void **state)
{
    struct world *world = *state;
    char bundle[8192];

    snprintf(bundle, sizeof bundle,
             "%s-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
             world->ca.certificate_pem);
    expect_refusal(world->leaf.certificate_pem, world->leaf.key_pem, bundle, "CA's");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts),
        cmocka_unit_test(test_ignores_dates),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_damaged_bundle),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
