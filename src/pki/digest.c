#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/log.h"
#include "pki/pki.h"

/* A libcrypto without SHA-1 or SHA-256 (a provider configured away) cannot run this program. */
static void digest(const char *name, const void *data, size_t size, unsigned char *out)
{
    size_t length;

    if (!EVP_Q_digest(NULL, name, NULL, size ? data : "", size, out, &length)) {
        log_error("OpenSSL refuses a digest that is needed", "digest", name, NULL);
        abort();
    }
}

void pki_sha256_text(const unsigned char *sum, char out[PKI_SHA256_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SHA256_DIGEST_LENGTH; i++) {
        out[2 * i] = digits[sum[i] >> 4];
        out[2 * i + 1] = digits[sum[i] & 15];
    }
    out[2 * SHA256_DIGEST_LENGTH] = '\0';
}

void pki_sha256_hex(const void *data, size_t size, char out[PKI_SHA256_HEX_SIZE])
{
    unsigned char sum[SHA256_DIGEST_LENGTH];

    digest("SHA256", data, size, sum);
    pki_sha256_text(sum, out);
}

uint64_t pki_sha1_prefix64(const void *data, size_t size)
{
    unsigned char sum[SHA_DIGEST_LENGTH];
    uint64_t prefix = 0;

    digest("SHA1", data, size, sum);
    for (size_t i = 0; i < sizeof prefix; i++) {
        prefix = prefix << 8 | sum[i];
    }
    return prefix;
}
