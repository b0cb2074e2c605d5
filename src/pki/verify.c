#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "base/memory.h"
#include "pki/internal.h"

PKI_OWNER(store, X509_STORE, X509_STORE_free)
PKI_OWNER(context, X509_STORE_CTX, X509_STORE_CTX_free)

/* Any certificate in `ca_pem` is trusted by itself (PARTIAL_CHAIN), as it is by Go's x509 and so by
 * etcd; dates are the caller's affair. */
static X509_STORE *store_of(STACK_OF(X509) * authorities)
{
    X509_STORE *store = X509_STORE_new();

    if (!store ||
        !X509_STORE_set_flags(store, X509_V_FLAG_NO_CHECK_TIME | X509_V_FLAG_PARTIAL_CHAIN)) {
        memory_exhausted();
    }
    for (int i = 0; i < sk_X509_num(authorities); i++) {
        if (!X509_STORE_add_cert(store, sk_X509_value(authorities, i))) {
            memory_exhausted();
        }
    }
    return store;
}

static int verify_chain(STACK_OF(X509) * chain, const char *ca_pem, struct error *error)
{
    STACK_OF(X509) *authorities AUTO_CERTIFICATES = pki_pem_certificates(ca_pem);

    if (!authorities) {
        return pki_openssl_error(error, ERROR_INVALID, "the CA's certificates do not parse");
    }
    X509_STORE *store CLEANUP(pki_cleanup_store) = store_of(authorities);
    X509_STORE_CTX *context CLEANUP(pki_cleanup_context) = X509_STORE_CTX_new();
    if (!context || !X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain)) {
        memory_exhausted();
    }
    if (X509_verify_cert(context) != 1) {
        const char *reason = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
        ERR_clear_error();
        return error_set(error, ERROR_INVALID, "none of the CAs signed the certificate: %s",
                         reason);
    }
    /* What stands in the list itself is trusted, but nobody signed it. */
    if (sk_X509_num(X509_STORE_CTX_get0_chain(context)) < 2) {
        return error_set(error, ERROR_INVALID, "the certificate is one of the CAs, not a leaf");
    }
    return 0;
}

int pki_verify(const char *certificate_pem, const char *key_pem, const char *ca_pem,
               struct error *error)
{
    STACK_OF(X509) *chain AUTO_CERTIFICATES = pki_pem_certificates(certificate_pem);
    EVP_PKEY *key AUTO_KEY = NULL;

    if (!chain) {
        return pki_openssl_error(error, ERROR_INVALID, "the certificate does not parse");
    }
    if (!(key = pki_pem_key(key_pem))) {
        return pki_openssl_error(error, ERROR_INVALID, "the key does not parse");
    }
    if (!X509_check_private_key(sk_X509_value(chain, 0), key)) {
        return pki_openssl_error(error, ERROR_INVALID, "the key is not the certificate's");
    }
    return verify_chain(chain, ca_pem, error);
}
