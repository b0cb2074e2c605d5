#include <string.h>

#include <openssl/bn.h>
#include <openssl/err.h>

#include "base/random.h"
#include "pki/internal.h"

#define SERIAL_SIZE 16

PKI_OWNER(bignum, BIGNUM, BN_free)

/* 128 random bits, so that certificates of one CA need no counter that could be lost; RFC 5280
 * 4.1.2.2 allows 20 octets and wants a positive number. */
static bool set_serial(X509 *certificate)
{
    unsigned char bytes[SERIAL_SIZE];

    random_bytes(bytes, sizeof bytes);
    BIGNUM *number CLEANUP(pki_cleanup_bignum) = BN_bin2bn(bytes, sizeof bytes, NULL);
    return number && (!BN_is_zero(number) || BN_one(number)) &&
           BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
}

static int set_name(X509 *certificate, int nid, const char *value, struct error *error)
{
    if (!value || !*value) {
        return 0;
    }
    if (!X509_NAME_add_entry_by_NID(X509_get_subject_name(certificate), nid, MBSTRING_UTF8,
                                    (const unsigned char *)value, -1, -1, 0)) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID,
                         "the certificate's %s \"%.80s\" is longer than 64 characters or not UTF-8",
                         OBJ_nid2ln(nid), value);
    }
    return 0;
}

/* Whole seconds; ASN1_TIME_set() picks the type that RFC 5280 wants (four digit years from 2050).
 */
static bool set_validity(X509 *certificate, int64_t not_before_ms, int64_t not_after_ms)
{
    return ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)(not_before_ms / 1000)) &&
           ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)(not_after_ms / 1000));
}

int pki_draft(const struct pki_subject *subject, int64_t not_before_ms, int64_t not_after_ms,
              EVP_PKEY *key, X509 **out, struct error *error)
{
    X509 *certificate AUTO_X509 = X509_new();

    if (not_after_ms <= not_before_ms) {
        return error_set(error, ERROR_INVALID, "a certificate must end after it begins");
    }
    if (!certificate || !X509_set_version(certificate, X509_VERSION_3) ||
        !set_serial(certificate) || !set_validity(certificate, not_before_ms, not_after_ms) ||
        !X509_set_pubkey(certificate, key)) {
        return pki_openssl_error(error, ERROR_TERMINAL, "making a certificate");
    }
    int result = set_name(certificate, NID_organizationName, subject->organization, error);
    if (!result) {
        result = set_name(certificate, NID_commonName, subject->common_name, error);
    }
    if (!result) {
        result = pki_extend(certificate, NULL, NID_subject_key_identifier, "hash", error);
    }
    if (!result) {
        *out = certificate;
        certificate = NULL;
    }
    return result;
}

int pki_extend(X509 *certificate, X509 *issuer, int nid, const char *value, struct error *error)
{
    X509V3_CTX context;

    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    int added = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    if (!added) {
        return pki_openssl_error(error, ERROR_TERMINAL, OBJ_nid2ln(nid));
    }
    return 0;
}

int pki_sign(X509 *certificate, EVP_PKEY *issuer_key, struct error *error)
{
    if (!X509_sign(certificate, issuer_key, EVP_sha256())) {
        return pki_openssl_error(error, ERROR_TERMINAL, "signing a certificate");
    }
    return 0;
}
