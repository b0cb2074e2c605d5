/* What the files of this room share: ownership of OpenSSL's objects by scope, PEM in and out, and
 * the steps that a CA and a leaf have in common. Nothing outside src/pki/ includes it. */
#ifndef PKI_INTERNAL_H
#define PKI_INTERNAL_H 1

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "pki/pki.h"

/* OpenSSL's types share the pattern TYPE_free(TYPE *); NULL is allowed in all of them. */
#define PKI_OWNER(name, type, function)                                                            \
    static inline void pki_cleanup_##name(type **pointer)                                          \
    {                                                                                              \
        function(*pointer);                                                                        \
    }

static inline void pki_certificates_free(STACK_OF(X509) * certificates)
{
    sk_X509_pop_free(certificates, X509_free);
}

PKI_OWNER(bio, BIO, BIO_free_all)
PKI_OWNER(x509, X509, X509_free)
PKI_OWNER(key, EVP_PKEY, EVP_PKEY_free)
PKI_OWNER(names, GENERAL_NAMES, GENERAL_NAMES_free)
PKI_OWNER(certificates, STACK_OF(X509), pki_certificates_free)

#define AUTO_BIO          CLEANUP(pki_cleanup_bio)
#define AUTO_X509         CLEANUP(pki_cleanup_x509)
#define AUTO_KEY          CLEANUP(pki_cleanup_key)
#define AUTO_NAMES        CLEANUP(pki_cleanup_names)
#define AUTO_CERTIFICATES CLEANUP(pki_cleanup_certificates)

/* An error of `kind` that ends with OpenSSL's own reason; empties this thread's OpenSSL queue. */
int pki_openssl_error(struct error *error, enum error_kind kind, const char *what);

/* pem.c: new objects, or NULL with nothing left in OpenSSL's queue but the reason. Encrypted keys
 * are refused (nobody could be asked for a password). */
X509 *pki_pem_certificate(const char *pem);
EVP_PKEY *pki_pem_key(const char *pem);
/* Every certificate of the text, in its order; NULL if there is none or one of them is damaged. */
STACK_OF(X509) * pki_pem_certificates(const char *pem);
/* Fills `out` from a certificate and its key. */
int pki_pem_write(X509 *certificate, EVP_PKEY *key, struct pki_pair *out, struct error *error);

/* issue.c: the parts of a certificate. */
struct pki_subject {
    const char *common_name, *organization; /* NULL or "": left out. */
};

/* Version 3, random serial number, subject, validity (milliseconds since 1970), public key and
 * subject key id. */
int pki_draft(const struct pki_subject *subject, int64_t not_before_ms, int64_t not_after_ms,
              EVP_PKEY *key, X509 **out, struct error *error);
/* One extension in the words of x509v3_config(5); only for constant values. */
int pki_extend(X509 *certificate, X509 *issuer, int nid, const char *value, struct error *error);
int pki_sign(X509 *certificate, EVP_PKEY *issuer_key, struct error *error);

/* names.c: the alternative names as OpenSSL's list, ERROR_INVALID naming the one that is wrong.
 * `*out` is NULL when both lists are empty. */
int pki_names_build(const char *const *dns_names, const char *const *ip_names, GENERAL_NAMES **out,
                    struct error *error);

/* inspect.c: a certificate's time in milliseconds since 1970; false if it is no valid time. */
bool pki_time_ms(const ASN1_TIME *time, int64_t *out_ms);

/* Clocks of machines differ: what is issued is valid from this much earlier. */
#define PKI_BACKDATE_MS (60 * 60 * 1000)

#endif
