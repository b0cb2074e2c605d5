#include <openssl/err.h>

#include "pki/internal.h"

static int load_ca(const struct pki_pair *ca, X509 **certificate, EVP_PKEY **key,
                   struct error *error)
{
    if (!(*certificate = pki_pem_certificate(ca->certificate_pem))) {
        return pki_openssl_error(error, ERROR_INVALID, "the CA's certificate does not parse");
    }
    if (!(*key = pki_pem_key(ca->key_pem))) {
        return pki_openssl_error(error, ERROR_INVALID, "the CA's key does not parse");
    }
    if (X509_check_ca(*certificate) != 1) {
        return error_set(error, ERROR_INVALID, "the signing certificate is not a CA's (CA:TRUE)");
    }
    if (!X509_check_private_key(*certificate, *key)) {
        return pki_openssl_error(error, ERROR_INVALID, "the CA's key is not its certificate's");
    }
    return 0;
}

/* A leaf that outlives its CA would be refused before its own date, so it ends with it. */
static int validity_end(const X509 *ca, int64_t now_ms, int64_t lifetime_ms, int64_t *end_ms,
                        struct error *error)
{
    int64_t ca_end_ms;

    if (lifetime_ms <= 0) {
        return error_set(error, ERROR_INVALID, "a certificate needs a lifetime");
    }
    if (!pki_time_ms(X509_get0_notAfter(ca), &ca_end_ms)) {
        return error_set(error, ERROR_INVALID, "the CA's certificate has no valid end date");
    }
    if (ca_end_ms <= now_ms) {
        return error_set(error, ERROR_INVALID, "the CA has expired: it must be renewed first");
    }
    *end_ms = now_ms + lifetime_ms < ca_end_ms ? now_ms + lifetime_ms : ca_end_ms;
    return 0;
}

static int extend_usage(X509 *certificate, const struct pki_leaf *leaf, struct error *error)
{
    int result = pki_extend(certificate, NULL, NID_basic_constraints, "critical,CA:FALSE", error);

    if (!result) {
        result = pki_extend(certificate, NULL, NID_key_usage, "critical,digitalSignature", error);
    }
    if (!result && (leaf->server_auth || leaf->client_auth)) {
        const char *usages = !leaf->client_auth   ? "serverAuth"
                             : !leaf->server_auth ? "clientAuth"
                                                  : "serverAuth,clientAuth";
        result = pki_extend(certificate, NULL, NID_ext_key_usage, usages, error);
    }
    return result;
}

/* RFC 5280 4.2.1.6: critical if and only if the subject is empty, since it is then the only name.
 */
static int extend_names(X509 *certificate, const struct pki_leaf *leaf, struct error *error)
{
    GENERAL_NAMES *names AUTO_NAMES = NULL;
    int result = pki_names_build(leaf->dns_names, leaf->ip_names, &names, error);

    if (result) {
        return result;
    }
    int critical = X509_NAME_entry_count(X509_get_subject_name(certificate)) == 0;
    if (!names) {
        return critical ? error_set(error, ERROR_INVALID, "it has neither subject nor SAN") : 0;
    }
    if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names, critical, 0) != 1) {
        return pki_openssl_error(error, ERROR_TERMINAL, "writing the alternative names");
    }
    return 0;
}

static int fill(X509 *certificate, X509 *ca, const struct pki_leaf *leaf, struct error *error)
{
    if (!X509_set_issuer_name(certificate, X509_get_subject_name(ca))) {
        return pki_openssl_error(error, ERROR_TERMINAL, "naming the issuer");
    }
    int result = extend_usage(certificate, leaf, error);
    /* `keyid` alone copies what the CA has and adds nothing if a foreign CA has none. */
    if (!result && X509_get0_subject_key_id(ca)) {
        result = pki_extend(certificate, ca, NID_authority_key_identifier, "keyid", error);
    }
    return result ? result : extend_names(certificate, leaf, error);
}

int pki_leaf_new(const struct pki_pair *ca, const struct pki_leaf *leaf, int64_t now_ms,
                 struct pki_pair *out, struct error *error)
{
    struct pki_subject subject = {leaf->common_name, leaf->organization};
    X509 *ca_certificate AUTO_X509 = NULL;
    X509 *certificate AUTO_X509 = NULL;
    EVP_PKEY *ca_key AUTO_KEY = NULL;
    EVP_PKEY *key AUTO_KEY = EVP_EC_gen("P-256");
    int64_t end_ms = 0;

    *out = (struct pki_pair){0};
    if (!key) {
        return pki_openssl_error(error, ERROR_TERMINAL, "making a P-256 key");
    }
    int result = load_ca(ca, &ca_certificate, &ca_key, error);
    if (!result) {
        result = validity_end(ca_certificate, now_ms, leaf->lifetime_ms, &end_ms, error);
    }
    if (!result) {
        result = pki_draft(&subject, now_ms - PKI_BACKDATE_MS, end_ms, key, &certificate, error);
    }
    if (!result) {
        result = fill(certificate, ca_certificate, leaf, error);
    }
    if (!result) {
        result = pki_sign(certificate, ca_key, error);
    }
    return result ? error_wrap(error, "certificate \"%.80s\"",
                               leaf->common_name ? leaf->common_name : "")
                  : pki_pem_write(certificate, key, out, error);
}
