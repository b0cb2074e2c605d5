/* AWS Signature Version 4 in the Authorization header, over OpenSSL's HMAC and SHA-256.
 *
 * libcurl signs too (CURLOPT_AWS_SIGV4), but the version of Debian 12 signs queries and paths that
 * hold certain characters wrongly (curl's issues 11794, 8107, 13754), and it would hash a body of
 * which the digest is known already.
 *
 * Source: "Signature Calculations for the Authorization Header" in Amazon's S3 API reference. */
#ifndef STORE_SIGV4_H
#define STORE_SIGV4_H 1

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct sigv4_keys {
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* NULL: permanent keys. */
};

struct sigv4_request {
    const char *method;
    const char *path;           /* Encoded, as it is sent. */
    const char *query;          /* Encoded, as it is sent, in the order of names; may be NULL. */
    const char *const *headers; /* "name: value", names in lower case, `host` among them. All of
                                 * them are signed. Ended by NULL. */
    const char *payload_sha256; /* Hex. */
    const char *region, *service;
    int64_t now_ms; /* Since 1970. */
};

/* What to send: the headers of the request and those of the signature, ended by NULL. They live in
 * the arena; what is secret of them is wiped with it. */
const char *const *sigv4_sign(const struct sigv4_keys *keys, const struct sigv4_request *request,
                              struct arena *arena);

#endif
