#include "store/sigv4.h"

#include <assert.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "pki/pki.h"

#define DATE_SIZE  9  /* 20130524 */
#define STAMP_SIZE 17 /* 20130524T000000Z */

struct signing {
    const struct sigv4_request *request;
    const char **headers; /* Sorted by name. */
    size_t n_headers;
    char stamp[STAMP_SIZE], date[DATE_SIZE];
    char *scope;        /* "20130524/us-east-1/s3/aws4_request" */
    char *signed_names; /* "host;x-amz-date" */
};

static void wipe_text(void *text)
{
    memory_wipe(text, strlen(text));
}

static size_t name_length(const char *header)
{
    return strcspn(header, ":");
}

static int by_name(const void *a, const void *b)
{
    const char *one = *(const char *const *)a, *other = *(const char *const *)b;
    size_t length = name_length(one), other_length = name_length(other);
    int order = memcmp(one, other, length < other_length ? length : other_length);

    return order ? order : (length > other_length) - (length < other_length);
}

static void collect_headers(struct signing *signing, const struct sigv4_keys *keys,
                            struct arena *arena)
{
    const struct sigv4_request *request = signing->request;
    size_t given = 0, n;

    while (request->headers[given]) {
        given++;
    }
    /* Room for the four of the signature, and the end. */
    signing->headers = arena_alloc(arena, (given + 5) * sizeof *signing->headers);
    memcpy(signing->headers, request->headers, given * sizeof *signing->headers);
    n = given;
    signing->headers[n++] = arena_printf(arena, "x-amz-date: %s", signing->stamp);
    signing->headers[n++] =
        arena_printf(arena, "x-amz-content-sha256: %s", request->payload_sha256);
    if (keys->session_token) {
        char *token = arena_printf(arena, "x-amz-security-token: %s", keys->session_token);
        arena_defer(arena, wipe_text, token);
        signing->headers[n++] = token;
    }
    qsort(signing->headers, n, sizeof *signing->headers, by_name);
    signing->n_headers = n;
}

/* The value without blanks around it; runs of blanks within count as one. */
static void append_value(struct buffer *out, const char *value)
{
    bool blank = false, begun = false;

    for (; *value; value++) {
        if (*value == ' ' || *value == '\t') {
            blank = begun;
            continue;
        }
        buffer_printf(out, blank ? " %c" : "%c", *value);
        blank = false;
        begun = true;
    }
}

static char *signed_names(const struct signing *signing, struct arena *arena)
{
    AUTO_BUFFER struct buffer names = {0};

    for (size_t i = 0; i < signing->n_headers; i++) {
        const char *header = signing->headers[i];
        buffer_printf(&names, "%s%.*s", i ? ";" : "", (int)name_length(header), header);
    }
    return arena_strdup(arena, names.data);
}

static void canonical_digest(const struct signing *signing, char digest[PKI_SHA256_HEX_SIZE])
{
    const struct sigv4_request *request = signing->request;
    AUTO_BUFFER struct buffer text = {0};

    buffer_printf(&text, "%s\n%s\n%s\n", request->method, request->path,
                  request->query ? request->query : "");
    for (size_t i = 0; i < signing->n_headers; i++) {
        const char *header = signing->headers[i];
        size_t length = name_length(header);
        assert(header[length] == ':');
        buffer_printf(&text, "%.*s:", (int)length, header);
        append_value(&text, header + length + 1);
        buffer_printf(&text, "\n");
    }
    buffer_printf(&text, "\n%s\n%s", signing->signed_names, request->payload_sha256);
    pki_sha256_hex(text.data, text.size, digest);
    memory_wipe(text.data, text.size); /* The session token is in it. */
}

static void hmac(const void *key, size_t key_size, const char *text,
                 unsigned char out[SHA256_DIGEST_LENGTH])
{
    if (!HMAC(EVP_sha256(), key, (int)key_size, (const unsigned char *)text, strlen(text), out,
              NULL)) {
        abort(); /* A libcrypto without SHA-256 cannot run this program. */
    }
}

static void signature(const struct signing *signing, const char *secret_key,
                      const char *string_to_sign, char out[2 * SHA256_DIGEST_LENGTH + 1])
{
    unsigned char key[SHA256_DIGEST_LENGTH], next[SHA256_DIGEST_LENGTH];
    char *first = xasprintf("AWS4%s", secret_key);
    const char *const steps[] = {signing->request->region, signing->request->service,
                                 "aws4_request", string_to_sign};

    hmac(first, strlen(first), signing->date, key);
    memory_wipe_text(&first);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        hmac(key, sizeof key, steps[i], next);
        memcpy(key, next, sizeof key);
    }
    for (size_t i = 0; i < sizeof key; i++) {
        snprintf(out + 2 * i, 3, "%02x", key[i]);
    }
    memory_wipe(key, sizeof key);
    memory_wipe(next, sizeof next);
}

const char *const *sigv4_sign(const struct sigv4_keys *keys, const struct sigv4_request *request,
                              struct arena *arena)
{
    struct signing signing = {.request = request};
    char digest[PKI_SHA256_HEX_SIZE], hex[2 * SHA256_DIGEST_LENGTH + 1];
    time_t seconds = (time_t)(request->now_ms / 1000);
    struct tm utc;

    gmtime_r(&seconds, &utc);
    strftime(signing.stamp, sizeof signing.stamp, "%Y%m%dT%H%M%SZ", &utc);
    strftime(signing.date, sizeof signing.date, "%Y%m%d", &utc);
    signing.scope = arena_printf(arena, "%s/%s/%s/aws4_request", signing.date, request->region,
                                 request->service);
    collect_headers(&signing, keys, arena);
    signing.signed_names = signed_names(&signing, arena);
    canonical_digest(&signing, digest);
    AUTO_FREE char *string_to_sign =
        xasprintf("AWS4-HMAC-SHA256\n%s\n%s\n%s", signing.stamp, signing.scope, digest);
    signature(&signing, keys->secret_key, string_to_sign, hex);
    signing.headers[signing.n_headers] = arena_printf(
        arena, "Authorization: AWS4-HMAC-SHA256 Credential=%s/%s,SignedHeaders=%s,Signature=%s",
        keys->access_key, signing.scope, signing.signed_names, hex);
    return signing.headers;
}
