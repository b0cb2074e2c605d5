/* The database of unit/member/database_sample.h as etcd fills it, and its hash behind it. */
#ifndef TEST_SNAPSHOT_SAMPLE_H
#define TEST_SNAPSHOT_SAMPLE_H 1

#include <openssl/sha.h>

#include "unit/member/database_sample.h"

enum {
    SNAPSHOT_SIZE = SAMPLE_SIZE + 32,
    SNAPSHOT_REVISION = 5,
    SNAPSHOT_RECORDS = 5, /* Two in each leaf, and one in the bucket "meta". */
    SNAPSHOT_STRADDLE = SAMPLE_PAGE - 4 - 32,
};

struct snapshot_sample {
    uint8_t bytes[SNAPSHOT_SIZE];
};

/* A change; the key is `position` bytes behind the element. */
static inline void sample_record(struct sample *sample, unsigned page, unsigned index,
                                 uint32_t position, uint64_t revision)
{
    size_t at = sample_element(page, index);

    sample_u32(sample, at, 0);
    sample_u32(sample, at + 4, position);
    sample_u32(sample, at + 8, 17);
    sample_u32(sample, at + 12, 1);
    memset(sample->bytes + at + position, 0, 18);
    for (int i = 0; i < 8; i++) {
        sample->bytes[at + position + i] = (uint8_t)(revision >> 8 * (7 - i));
    }
    sample->bytes[at + position + 8] = '_';
}

static inline struct sample sample_of_etcd(void)
{
    struct sample sample = sample_make();
    /* A bucket without a page of its own: root and sequence, a page's head, an element. */
    uint8_t meta[16 + 16 + 16 + 14 + 5] = {0};

    meta[24] = 0x02;
    meta[26] = 1;
    meta[36] = 16;
    meta[40] = 14;
    meta[44] = 5;
    memcpy(meta + 48, "storageVersion3.6.0", 19);
    sample_leaf(&sample, SAMPLE_ROOT, 1, 1, 200, "meta", meta, sizeof meta);
    sample_record(&sample, SAMPLE_LEAF, 0, 100, 2);
    sample_record(&sample, SAMPLE_LEAF, 1, 200, 3);
    sample_record(&sample, SAMPLE_LARGE, 0, 100, 4);
    /* The last key begins in one page and ends in the next. */
    sample_record(&sample, SAMPLE_LARGE, 1, SNAPSHOT_STRADDLE, SNAPSHOT_REVISION);
    /* Newer than what is in use: a commit that did not come to its end. */
    memset(sample.bytes + (size_t)SAMPLE_FREE * SAMPLE_PAGE, 0, SAMPLE_PAGE);
    sample_page(&sample, SAMPLE_FREE, 0x02, 1, 0);
    sample_record(&sample, SAMPLE_FREE, 0, 100, 99);
    return sample;
}

static inline struct snapshot_sample snapshot_sample_of(const struct sample *sample)
{
    struct snapshot_sample snapshot;

    memcpy(snapshot.bytes, sample->bytes, SAMPLE_SIZE);
    SHA256(sample->bytes, SAMPLE_SIZE, snapshot.bytes + SAMPLE_SIZE);
    return snapshot;
}

#endif
