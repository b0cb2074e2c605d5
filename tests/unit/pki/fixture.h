/* What the tests of this room share: one fixed day, one CA, and OpenSSL's own view of a PEM. */
#ifndef TEST_PKI_FIXTURE_H
#define TEST_PKI_FIXTURE_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "pki/pki.h"

#define NOW_MS  INT64_C(1795448404000) /* 2026-11-23T15:40:04Z */
#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

static inline void new_ca(const char *name, struct pki_pair *out)
{
    struct error error = {0};
    if (pki_ca_new(name, NOW_MS, 365 * DAY_MS, out, &error)) {
        fail_msg("%s", error.message);
    }
}

static inline void new_leaf(const struct pki_pair *ca, const struct pki_leaf *leaf,
                            struct pki_pair *out)
{
    struct error error = {0};
    if (pki_leaf_new(ca, leaf, NOW_MS, out, &error)) {
        fail_msg("%s", error.message);
    }
}

/* The caller frees it. */
static inline X509 *parse(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(certificate);
    return certificate;
}

#endif
