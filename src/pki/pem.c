#include <limits.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "base/memory.h"
#include "pki/internal.h"

/* PEM texts come from Secrets, which Kubernetes limits to 1 MiB. */
#define PEM_LIMIT ((size_t)1024 * 1024)

int pki_openssl_error(struct error *error, enum error_kind kind, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    ERR_clear_error();
    return error_set(error, kind, "%s: %s", what, reason ? reason : "no reason given by OpenSSL");
}

/* Without this OpenSSL asks on the terminal. */
static int refuse_password(char *buffer, int size, int writing, void *context)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)context;
    return -1;
}

static BIO *open_text(const char *pem)
{
    size_t size = pem ? strnlen(pem, PEM_LIMIT + 1) : 0;

    return size > 0 && size <= PEM_LIMIT ? BIO_new_mem_buf(pem, (int)size) : NULL;
}

X509 *pki_pem_certificate(const char *pem)
{
    BIO *bio AUTO_BIO = open_text(pem);

    ERR_clear_error();
    return bio ? PEM_read_bio_X509(bio, NULL, refuse_password, NULL) : NULL;
}

EVP_PKEY *pki_pem_key(const char *pem)
{
    BIO *bio AUTO_BIO = open_text(pem);

    ERR_clear_error();
    return bio ? PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL) : NULL;
}

/* The end of the text is PEM_R_NO_START_LINE; any other reason is damage. */
static bool at_end(void)
{
    unsigned long code = ERR_peek_last_error();

    return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

STACK_OF(X509) * pki_pem_certificates(const char *pem)
{
    STACK_OF(X509) *list AUTO_CERTIFICATES = sk_X509_new_null();
    BIO *bio AUTO_BIO = open_text(pem);
    X509 *certificate;

    ERR_clear_error();
    if (!bio || !list) {
        return NULL;
    }
    while ((certificate = PEM_read_bio_X509(bio, NULL, refuse_password, NULL))) {
        if (!sk_X509_push(list, certificate)) {
            memory_exhausted();
        }
    }
    if (!at_end() || sk_X509_num(list) == 0) {
        return NULL;
    }
    ERR_clear_error();
    STACK_OF(X509) *result = list;
    list = NULL;
    return result;
}

/* A memory BIO is wiped when it is freed, so no copy of a key stays behind. */
static char *text_of(BIO *bio)
{
    char *data;
    long size = BIO_get_mem_data(bio, &data);

    char *text = xmalloc((size_t)size + 1);
    memcpy(text, data, (size_t)size);
    text[size] = '\0';
    return text;
}

int pki_pem_write(X509 *certificate, EVP_PKEY *key, struct pki_pair *out, struct error *error)
{
    BIO *certificate_bio AUTO_BIO = BIO_new(BIO_s_mem());
    BIO *key_bio AUTO_BIO = BIO_new(BIO_s_mem());

    if (!certificate_bio || !key_bio || !PEM_write_bio_X509(certificate_bio, certificate) ||
        !PEM_write_bio_PKCS8PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL)) {
        return pki_openssl_error(error, ERROR_TERMINAL, "writing a certificate and its key");
    }
    out->certificate_pem = text_of(certificate_bio);
    out->key_pem = text_of(key_bio);
    return 0;
}

void pki_pair_fini(struct pki_pair *pair)
{
    if (pair->key_pem) {
        memory_wipe(pair->key_pem, strlen(pair->key_pem));
    }
    free(pair->key_pem);
    free(pair->certificate_pem);
    *pair = (struct pki_pair){0};
}
