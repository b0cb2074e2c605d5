/* A database of eight small pages, written by hand as bbolt would write it. */
#ifndef TEST_DATABASE_SAMPLE_H
#define TEST_DATABASE_SAMPLE_H 1

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
    SAMPLE_PAGE = 1024,
    SAMPLE_PAGES = 8,
    SAMPLE_ROOT = 2,   /* A leaf: the bucket "key" in page 3, the small bucket "meta" within. */
    SAMPLE_BRANCH = 3, /* Of "key": a leaf for each of the next two. */
    SAMPLE_LEAF = 4,   /* Keys "a" and "b". */
    SAMPLE_LARGE = 5,  /* Keys "m" and "n", in this page and the next. */
    SAMPLE_FREE = 7,   /* Old bytes that nothing refers to. */
    SAMPLE_SIZE = SAMPLE_PAGE * SAMPLE_PAGES,
};

struct sample {
    uint8_t bytes[SAMPLE_SIZE];
};

static inline void sample_u16(struct sample *sample, size_t offset, uint16_t value)
{
    memcpy(sample->bytes + offset, &value, sizeof value);
}

static inline void sample_u32(struct sample *sample, size_t offset, uint32_t value)
{
    memcpy(sample->bytes + offset, &value, sizeof value);
}

static inline void sample_u64(struct sample *sample, size_t offset, uint64_t value)
{
    memcpy(sample->bytes + offset, &value, sizeof value);
}

static inline size_t sample_page(struct sample *sample, unsigned id, uint16_t flags, uint16_t count,
                                 uint32_t overflow)
{
    size_t at = (size_t)id * SAMPLE_PAGE;

    sample_u64(sample, at, id);
    sample_u16(sample, at + 8, flags);
    sample_u16(sample, at + 10, count);
    sample_u32(sample, at + 12, overflow);
    return at;
}

/* Where element `index` of a page is. */
static inline size_t sample_element(unsigned page, unsigned index)
{
    return (size_t)page * SAMPLE_PAGE + 16 + (size_t)index * 16;
}

/* The key is `position` bytes behind the element, the value behind the key. */
static inline void sample_leaf(struct sample *sample, unsigned page, unsigned index, uint32_t flags,
                               uint32_t position, const char *key, const void *value, uint32_t size)
{
    size_t at = sample_element(page, index);

    sample_u32(sample, at, flags);
    sample_u32(sample, at + 4, position);
    sample_u32(sample, at + 8, (uint32_t)strlen(key));
    sample_u32(sample, at + 12, size);
    memcpy(sample->bytes + at + position, key, strlen(key));
    memcpy(sample->bytes + at + position + strlen(key), value, size);
}

static inline void sample_branch(struct sample *sample, unsigned page, unsigned index,
                                 uint32_t position, const char *key, uint64_t child)
{
    size_t at = sample_element(page, index);

    sample_u32(sample, at, position);
    sample_u32(sample, at + 4, (uint32_t)strlen(key));
    sample_u64(sample, at + 8, child);
    memcpy(sample->bytes + at + position, key, strlen(key));
}

/* Makes the checksum of meta record 0 or 1 right. */
static inline void sample_seal(struct sample *sample, unsigned meta)
{
    const uint8_t *record = sample->bytes + (size_t)meta * SAMPLE_PAGE + 16;
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < 56; i++) {
        hash = (hash ^ record[i]) * UINT64_C(0x100000001b3);
    }
    sample_u64(sample, (size_t)meta * SAMPLE_PAGE + 16 + 56, hash);
}

static inline void sample_meta(struct sample *sample, unsigned meta, uint64_t root, uint64_t txid)
{
    size_t at = sample_page(sample, meta, 0x04, 0, 0) + 16;

    sample_u32(sample, at, 0xED0CDAED);
    sample_u32(sample, at + 4, 2);
    sample_u32(sample, at + 8, SAMPLE_PAGE);
    sample_u64(sample, at + 16, root);
    sample_u64(sample, at + 32, UINT64_MAX); /* No list of free pages. */
    sample_u64(sample, at + 40, SAMPLE_PAGES);
    sample_u64(sample, at + 48, txid);
    sample_seal(sample, meta);
}

static inline struct sample sample_make(void)
{
    struct sample sample = {0};
    uint64_t bucket[2] = {SAMPLE_BRANCH, 0};
    uint8_t small[32] = {0};

    sample_meta(&sample, 0, SAMPLE_ROOT, 6);
    sample_meta(&sample, 1, SAMPLE_FREE, 5); /* The commit before: its root is gone. */
    sample_page(&sample, SAMPLE_ROOT, 0x02, 2, 0);
    sample_leaf(&sample, SAMPLE_ROOT, 0, 1, 100, "key", bucket, sizeof bucket);
    sample_leaf(&sample, SAMPLE_ROOT, 1, 1, 200, "meta", small, sizeof small);
    sample_page(&sample, SAMPLE_BRANCH, 0x01, 2, 0);
    sample_branch(&sample, SAMPLE_BRANCH, 0, 100, "a", SAMPLE_LEAF);
    sample_branch(&sample, SAMPLE_BRANCH, 1, 100, "m", SAMPLE_LARGE);
    sample_page(&sample, SAMPLE_LEAF, 0x02, 2, 0);
    sample_leaf(&sample, SAMPLE_LEAF, 0, 0, 100, "a", "1", 1);
    sample_leaf(&sample, SAMPLE_LEAF, 1, 0, 100, "b", "2", 1);
    sample_page(&sample, SAMPLE_LARGE, 0x02, 2, 1);
    sample_leaf(&sample, SAMPLE_LARGE, 0, 0, 100, "m", "3", 1);
    sample_leaf(&sample, SAMPLE_LARGE, 1, 0, 1500, "n", "4", 1);
    memset(sample.bytes + (size_t)SAMPLE_FREE * SAMPLE_PAGE, 0xa5, SAMPLE_PAGE);
    return sample;
}

#endif
