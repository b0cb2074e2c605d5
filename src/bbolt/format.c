#include "bbolt/format.h"

#include <stddef.h>

#define META_MAGIC   0xED0CDAED
#define META_VERSION 2

static uint64_t fnv64a(const void *data, size_t size)
{
    const uint8_t *bytes = data;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++) {
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

bool bbolt_meta_is_valid(const struct bbolt_meta *meta)
{
    return meta->magic == META_MAGIC && meta->version == META_VERSION &&
           meta->checksum == fnv64a(meta, offsetof(struct bbolt_meta, checksum));
}
