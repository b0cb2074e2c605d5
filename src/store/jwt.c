#include "store/jwt.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/memory.h"
#include "pki/base64.h"

static void free_key(EVP_PKEY **key)
{
    EVP_PKEY_free(*key);
}

static void free_context(EVP_MD_CTX **context)
{
    EVP_MD_CTX_free(*context);
}

/* Base64 for URLs and file names (RFC 4648, section 5), without padding. */
static char *base64_url(const void *data, size_t size)
{
    char *text = base64_encode(data, size);

    for (char *c = text; *c; c++) {
        if (*c == '=') {
            *c = '\0';
            break;
        }
        *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
    }
    return text;
}

static char *encode(const json_t *json)
{
    AUTO_FREE char *text = json_canonical(json);

    return base64_url(text, strlen(text));
}

/* An encrypted key is refused: nobody could be asked for its password. */
static int no_password(char *out, int size, int writing, void *context)
{
    (void)out, (void)size, (void)writing, (void)context;
    return -1;
}

static EVP_PKEY *read_key(const char *pem)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL) : NULL;

    BIO_free(bio);
    if (key && !EVP_PKEY_is_a(key, "RSA")) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    ERR_clear_error();
    return key;
}

/* malloc'ed, in base64; NULL when OpenSSL cannot. */
static char *sign(EVP_PKEY *key, const char *text)
{
    CLEANUP(free_context) EVP_MD_CTX *context = EVP_MD_CTX_new();
    size_t size = 0;

    if (!context || EVP_DigestSignInit_ex(context, NULL, "SHA256", NULL, NULL, key, NULL) != 1 ||
        EVP_DigestSign(context, NULL, &size, (const unsigned char *)text, strlen(text)) != 1) {
        return NULL;
    }
    AUTO_FREE unsigned char *signature = xmalloc(size);
    if (EVP_DigestSign(context, signature, &size, (const unsigned char *)text, strlen(text)) != 1) {
        return NULL;
    }
    return base64_url(signature, size);
}

int jwt_sign(const char *key_pem, const char *key_id, const json_t *claims, char **token,
             struct error *error)
{
    CLEANUP(free_key) EVP_PKEY *key = read_key(key_pem);
    AUTO_JSON json_t *header =
        json_pack("{s:s, s:s, s:s*}", "alg", "RS256", "typ", "JWT", "kid", key_id);

    *token = NULL;
    if (!key) {
        return error_set(error, ERROR_INVALID, "the private key is no RSA key in PEM");
    }
    AUTO_FREE char *head = encode(header);
    AUTO_FREE char *body = encode(claims);
    AUTO_FREE char *text = xasprintf("%s.%s", head, body);
    AUTO_FREE char *signature = sign(key, text);
    if (!signature) {
        ERR_clear_error();
        return error_set(error, ERROR_INVALID, "OpenSSL cannot sign with the private key");
    }
    *token = xasprintf("%s.%s", text, signature);
    return 0;
}
