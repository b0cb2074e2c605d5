/* What the two ways of the container (seal.c, open.c) share; nobody else includes it. */
#ifndef SNAPSHOT_SEAL_INTERNAL_H
#define SNAPSHOT_SEAL_INTERNAL_H 1

#include <sodium.h>

#include "snapshot/seal.h"

enum {
    SEAL_VERSION = 1,
    SEAL_VERSION_AT = 8,
    SEAL_CONTENT_AT = 9,
    SEAL_KEY_ID_AT = 12,
    SEAL_STREAM_AT = 20,
    SEAL_HEAD_SIZE = SEAL_STREAM_AT + crypto_secretstream_xchacha20poly1305_HEADERBYTES,
    SEAL_LENGTH_SIZE = 4,
    SEAL_OVERHEAD = crypto_secretstream_xchacha20poly1305_ABYTES,
    SEAL_BODY_MAX = SNAPSHOT_SEAL_CHUNK + SEAL_OVERHEAD,
};

/* What is authenticated with a chunk and not encrypted. */
struct seal_bound {
    uint8_t head[SEAL_HEAD_SIZE];
    uint8_t length[SEAL_LENGTH_SIZE];
};

#endif
