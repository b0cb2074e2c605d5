/* Issued certificates, as OpenSSL reads them. */
#include "fixture.h"

static const char *const dns[] = {"*.c-peer.ns.svc", "c-client.ns.svc", "localhost", NULL};
static const char *const ips[] = {"127.0.0.1", "::1", NULL};

/* The verdict of OpenSSL's chain verification at `at_ms` for `purpose` (X509_PURPOSE_...). */
static int chain_verdict(const char *leaf_pem, const char *ca_pem, int64_t at_ms, int purpose)
{
    X509 *leaf = parse(leaf_pem), *ca = parse(ca_pem);
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();

    X509_STORE_add_cert(store, ca);
    X509_STORE_CTX_init(context, store, leaf, NULL);
    X509_STORE_CTX_set_flags(context, X509_V_FLAG_X509_STRICT);
    X509_STORE_CTX_set_time(context, 0, (time_t)(at_ms / 1000));
    X509_STORE_CTX_set_purpose(context, purpose);
    X509_verify_cert(context);
    int verdict = X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_STORE_free(store);
    X509_free(leaf);
    X509_free(ca);
    return verdict;
}

static int verdict(const char *leaf_pem, const char *ca_pem, int purpose)
{
    return chain_verdict(leaf_pem, ca_pem, NOW_MS, purpose);
}

static void test_ca_extensions(void **state)
{
    struct pki_pair ca AUTO_PKI_PAIR = {0};

    (void)state;
    new_ca("etcd peer CA", &ca);
    X509 *certificate = parse(ca.certificate_pem);
    assert_int_equal(X509_check_ca(certificate), 1);
    assert_int_equal(X509_get_pathlen(certificate), 0);
    assert_int_equal(X509_get_key_usage(certificate), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_non_null(X509_get0_subject_key_id(certificate));
    assert_int_equal(X509_get_version(certificate), X509_VERSION_3);
    assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(certificate)), 256);
    assert_int_equal(
        X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)), 0);
    for (int nid = 0; nid < 2; nid++) {
        int at = X509_get_ext_by_NID(certificate, nid ? NID_key_usage : NID_basic_constraints, -1);
        assert_true(X509_EXTENSION_get_critical(X509_get_ext(certificate, at)));
    }
    X509_free(certificate);
    assert_non_null(strstr(ca.key_pem, "-----BEGIN PRIVATE KEY-----"));
}

static void test_serials_are_random_and_positive(void **state)
{
    struct pki_pair a AUTO_PKI_PAIR = {0}, b AUTO_PKI_PAIR = {0};

    (void)state;
    new_ca("a", &a);
    new_ca("a", &b);
    X509 *first = parse(a.certificate_pem), *second = parse(b.certificate_pem);
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(first), NULL);
    assert_true(BN_num_bits(number) > 64); /* Fails by chance once in 2^64 runs. */
    assert_false(BN_is_negative(number));
    assert_int_not_equal(
        ASN1_INTEGER_cmp(X509_get0_serialNumber(first), X509_get0_serialNumber(second)), 0);
    BN_free(number);
    X509_free(first);
    X509_free(second);
}

static void test_server_leaf(void **state)
{
    struct pki_leaf leaf = {.common_name = "c",
                            .organization = "etcd",
                            .dns_names = dns,
                            .ip_names = ips,
                            .server_auth = true,
                            .client_auth = true,
                            .lifetime_ms = 90 * DAY_MS};
    struct pki_pair ca AUTO_PKI_PAIR = {0}, pair AUTO_PKI_PAIR = {0};

    (void)state;
    new_ca("etcd CA", &ca);
    new_leaf(&ca, &leaf, &pair);
    assert_int_equal(verdict(pair.certificate_pem, ca.certificate_pem, X509_PURPOSE_SSL_SERVER),
                     X509_V_OK);
    assert_int_equal(verdict(pair.certificate_pem, ca.certificate_pem, X509_PURPOSE_SSL_CLIENT),
                     X509_V_OK);

    X509 *certificate = parse(pair.certificate_pem);
    assert_int_equal(X509_check_host(certificate, "c-0.c-peer.ns.svc", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(certificate, "localhost", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(certificate, "c-0.other.ns.svc", 0, 0, NULL), 0);
    assert_int_equal(X509_check_host(certificate, "a.b.c-peer.ns.svc", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(certificate, "127.0.0.1", 0), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "::1", 0), 1);
    assert_int_equal(X509_check_ip_asc(certificate, "127.0.0.2", 0), 0);
    assert_int_equal(X509_get_key_usage(certificate), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_extended_key_usage(certificate), XKU_SSL_SERVER | XKU_SSL_CLIENT);
    assert_int_equal(X509_check_ca(certificate), 0);
    assert_non_null(X509_get0_subject_key_id(certificate));
    int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    assert_false(X509_EXTENSION_get_critical(X509_get_ext(certificate, at)));

    X509 *issuer = parse(ca.certificate_pem);
    assert_int_equal(ASN1_OCTET_STRING_cmp(X509_get0_authority_key_id(certificate),
                                           X509_get0_subject_key_id(issuer)),
                     0);
    X509_free(issuer);
    X509_free(certificate);
}

static void test_usage_is_as_asked(void **state)
{
    struct pki_leaf leaf = {.common_name = "root", .client_auth = true, .lifetime_ms = DAY_MS};
    struct pki_pair ca AUTO_PKI_PAIR = {0}, pair AUTO_PKI_PAIR = {0};

    (void)state;
    new_ca("etcd CA", &ca);
    new_leaf(&ca, &leaf, &pair);
    assert_int_equal(verdict(pair.certificate_pem, ca.certificate_pem, X509_PURPOSE_SSL_CLIENT),
                     X509_V_OK);
    assert_int_equal(verdict(pair.certificate_pem, ca.certificate_pem, X509_PURPOSE_SSL_SERVER),
                     X509_V_ERR_INVALID_PURPOSE);
    /* No SAN at all: etcd checks the dialler's address as soon as there is one. */
    X509 *certificate = parse(pair.certificate_pem);
    assert_int_equal(X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1), -1);
    X509_free(certificate);
}

static void test_san_is_critical_without_subject(void **state)
{
    struct pki_leaf leaf = {.dns_names = dns, .server_auth = true, .lifetime_ms = DAY_MS};
    struct pki_pair ca AUTO_PKI_PAIR = {0}, pair AUTO_PKI_PAIR = {0};

    (void)state;
    new_ca("etcd CA", &ca);
    new_leaf(&ca, &leaf, &pair);
    X509 *certificate = parse(pair.certificate_pem);
    int at = X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1);
    assert_true(X509_EXTENSION_get_critical(X509_get_ext(certificate, at)));
    X509_free(certificate);
    assert_int_equal(verdict(pair.certificate_pem, ca.certificate_pem, X509_PURPOSE_SSL_SERVER),
                     X509_V_OK);
}

static void test_validity(void **state)
{
    struct pki_leaf leaf = {.common_name = "c", .server_auth = true, .lifetime_ms = 2 * DAY_MS};
    struct pki_pair ca AUTO_PKI_PAIR = {0}, pair AUTO_PKI_PAIR = {0};
    const struct {
        int64_t at_ms;
        int verdict;
    } cases[] = {
        {NOW_MS - HOUR_MS - 1000, X509_V_ERR_CERT_NOT_YET_VALID},
        {NOW_MS - HOUR_MS + 1000, X509_V_OK},
        {NOW_MS + 2 * DAY_MS - 1000, X509_V_OK},
        {NOW_MS + 2 * DAY_MS + 1000, X509_V_ERR_CERT_HAS_EXPIRED},
    };

    (void)state;
    new_ca("etcd CA", &ca);
    new_leaf(&ca, &leaf, &pair);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(chain_verdict(pair.certificate_pem, ca.certificate_pem, cases[i].at_ms,
                                       X509_PURPOSE_SSL_SERVER),
                         cases[i].verdict);
    }
}

static void test_leaf_ends_with_its_ca(void **state)
{
    struct pki_leaf leaf = {.common_name = "c", .server_auth = true, .lifetime_ms = 4000 * DAY_MS};
    struct pki_pair ca AUTO_PKI_PAIR = {0}, pair AUTO_PKI_PAIR = {0}, late AUTO_PKI_PAIR = {0};
    struct pki_facts facts;
    struct error error = {0};

    (void)state;
    new_ca("etcd CA", &ca);
    new_leaf(&ca, &leaf, &pair);
    assert_int_equal(pki_inspect(pair.certificate_pem, &facts, &error), 0);
    assert_true(facts.not_after_ms == NOW_MS + 365 * DAY_MS);

    assert_int_equal(pki_leaf_new(&ca, &leaf, NOW_MS + 366 * DAY_MS, &late, &error),
                     -ERROR_INVALID);
    assert_non_null(strstr(error.message, "expired"));
}

static void test_after_2050(void **state)
{
    struct pki_pair ca AUTO_PKI_PAIR = {0};
    struct pki_facts facts;
    struct error error = {0};

    (void)state;
    assert_int_equal(pki_ca_new("old", NOW_MS, 36500 * DAY_MS, &ca, &error), 0);
    assert_int_equal(pki_inspect(ca.certificate_pem, &facts, &error), 0);
    assert_true(facts.not_after_ms == NOW_MS + 36500 * DAY_MS);
}

static void refuses(const struct pki_pair *ca, const struct pki_leaf *leaf, const char *word)
{
    struct pki_pair pair = {0};
    struct error error = {0};

    assert_int_equal(pki_leaf_new(ca, leaf, NOW_MS, &pair, &error), -ERROR_INVALID);
    if (!strstr(error.message, word)) {
        fail_msg("\"%s\" does not say \"%s\"", error.message, word);
    }
    assert_null(pair.certificate_pem);
    assert_null(pair.key_pem);
}

static void test_refuses_bad_input(void **state)
{
    static const char *const bad_dns[] = {"good.svc", "bad,DNS:evil", NULL};
    static const char *const star[] = {"a.*.svc", NULL};
    static const char *const bad_ip[] = {"300.1.1.1", NULL};
    char long_name[80] = {0};
    struct pki_pair ca AUTO_PKI_PAIR = {0}, other AUTO_PKI_PAIR = {0}, leaf AUTO_PKI_PAIR = {0};

    (void)state;
    memset(long_name, 'x', 65);
    new_ca("etcd CA", &ca);
    new_ca("other CA", &other);
    struct pki_leaf good = {.common_name = "c", .server_auth = true, .lifetime_ms = DAY_MS};
    new_leaf(&ca, &good, &leaf);

    refuses(&ca, &(struct pki_leaf){.dns_names = bad_dns, .lifetime_ms = DAY_MS}, "bad,DNS:evil");
    refuses(&ca, &(struct pki_leaf){.dns_names = star, .lifetime_ms = DAY_MS}, "a.*.svc");
    refuses(&ca, &(struct pki_leaf){.ip_names = bad_ip, .lifetime_ms = DAY_MS}, "300.1.1.1");
    refuses(&ca, &(struct pki_leaf){.common_name = long_name, .lifetime_ms = DAY_MS}, "64");
    refuses(&ca, &(struct pki_leaf){.lifetime_ms = DAY_MS}, "neither");
    refuses(&ca, &(struct pki_leaf){.common_name = "c"}, "lifetime");
    refuses(&leaf, &good, "not a CA");
    refuses(&(struct pki_pair){ca.certificate_pem, other.key_pem}, &good, "key");
    refuses(&(struct pki_pair){(char *)"", (char *)""}, &good, "parse");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ca_extensions),
        cmocka_unit_test(test_serials_are_random_and_positive),
        cmocka_unit_test(test_server_leaf),
        cmocka_unit_test(test_usage_is_as_asked),
        cmocka_unit_test(test_san_is_critical_without_subject),
        cmocka_unit_test(test_validity),
        cmocka_unit_test(test_leaf_ends_with_its_ca),
        cmocka_unit_test(test_after_2050),
        cmocka_unit_test(test_refuses_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
