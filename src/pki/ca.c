#include <openssl/err.h>

#include "pki/internal.h"

static int extend_ca(X509 *certificate, struct error *error)
{
    int result =
        pki_extend(certificate, NULL, NID_basic_constraints, "critical,CA:TRUE,pathlen:0", error);

    return result ? result
                  : pki_extend(certificate, NULL, NID_key_usage, "critical,keyCertSign,cRLSign",
                               error);
}

int pki_ca_new(const char *common_name, int64_t now_ms, int64_t lifetime_ms, struct pki_pair *out,
               struct error *error)
{
    struct pki_subject subject = {.common_name = common_name};
    X509 *certificate AUTO_X509 = NULL;
    EVP_PKEY *key AUTO_KEY = EVP_EC_gen("P-256");

    *out = (struct pki_pair){0};
    if (!key) {
        return pki_openssl_error(error, ERROR_TERMINAL, "making a P-256 key");
    }
    if (!common_name || !*common_name || lifetime_ms <= 0) {
        /* RFC 5280 4.1.2.6: an issuer has a name. */
        return error_set(error, ERROR_INVALID, "a CA needs a common name and a lifetime");
    }
    int result = pki_draft(&subject, now_ms - PKI_BACKDATE_MS, now_ms + lifetime_ms, key,
                           &certificate, error);
    if (!result && !X509_set_issuer_name(certificate, X509_get_subject_name(certificate))) {
        result = pki_openssl_error(error, ERROR_TERMINAL, "naming a CA");
    }
    if (!result) {
        result = extend_ca(certificate, error);
    }
    if (!result) {
        result = pki_sign(certificate, key, error);
    }
    return result ? error_wrap(error, "CA \"%.80s\"", common_name)
                  : pki_pem_write(certificate, key, out, error);
}
