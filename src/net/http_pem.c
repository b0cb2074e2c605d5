/* Whether PEM texts are what they shall be, checked when they are given and not at the first
 * connection, where libcurl's message would name neither text nor reason. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/memory.h"
#include "net/http_internal.h"

static void cleanup_bio(BIO **bio)
{
    BIO_free(*bio);
}

static void cleanup_x509(X509 **certificate)
{
    X509_free(*certificate);
}

static void cleanup_pkey(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static BIO *bio_of(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    if (!bio) {
        memory_exhausted();
    }
    return bio;
}

/* The newest OpenSSL error in words; leaves the queue empty. */
static const char *openssl_reason(void)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason ? reason : "no PEM block found";
}

int http_check_ca(const char *pem, const char *source, struct error *error)
{
    CLEANUP(cleanup_bio) BIO *bio = bio_of(pem);
    size_t found = 0;

    ERR_clear_error();
    for (;; found++) {
        CLEANUP(cleanup_x509) X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
        if (!certificate) {
            break;
        }
    }
    if (found && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) {
        ERR_clear_error();
        return 0; /* The end of the text. */
    }
    return error_set(error, ERROR_INVALID,
                     "certificate number %zu of the CAs to trust (%s) does not parse: %s",
                     found + 1, source, openssl_reason());
}

static int no_passphrase(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1; /* Never ask on the terminal. */
}

int http_check_identity(const char *certificate_pem, const char *key_pem, struct error *error)
{
    if (!certificate_pem && !key_pem) {
        return 0;
    }
    if (!certificate_pem || !key_pem) {
        return error_set(error, ERROR_INVALID, "the client %s is given without its %s",
                         key_pem ? "key" : "certificate", key_pem ? "certificate" : "key");
    }
    CLEANUP(cleanup_bio) BIO *certificate_bio = bio_of(certificate_pem);
    CLEANUP(cleanup_bio) BIO *key_bio = bio_of(key_pem);
    ERR_clear_error();
    CLEANUP(cleanup_x509)
    X509 *certificate = PEM_read_bio_X509(certificate_bio, NULL, no_passphrase, NULL);
    if (!certificate) {
        return error_set(error, ERROR_INVALID, "the client certificate does not parse: %s",
                         openssl_reason());
    }
    CLEANUP(cleanup_pkey)
    EVP_PKEY *key = PEM_read_bio_PrivateKey(key_bio, NULL, no_passphrase, NULL);
    if (!key) {
        return error_set(error, ERROR_INVALID, "the client key does not parse: %s",
                         openssl_reason());
    }
    if (!X509_check_private_key(certificate, key)) {
        return error_set(error, ERROR_INVALID,
                         "the client key does not belong to the client certificate: %s",
                         openssl_reason());
    }
    return 0;
}
