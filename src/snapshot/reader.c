#include "snapshot/reader.h"

#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define PAGE_SIZE_MAX                                                                              \
    65536 /* Of memory on any machine that etcd runs on, and so of its databases. */
#define HEAD_SIZE (PAGE_SIZE_MAX + BBOLT_META_OFFSET + sizeof(struct bbolt_meta))

struct snapshot_reader {
    EVP_MD_CTX *digest;
    uint64_t size;                      /* Of all that came. */
    uint8_t tail[SNAPSHOT_SHA256_SIZE]; /* The last bytes are held back: they may be the hash. */
    size_t tail_size;
    struct snapshot_pages *pages; /* NULL until the page size is known. */
    uint32_t page_size;
    uint8_t *part; /* Of a page; before its size is known, of the head. */
    size_t part_size;
};

struct snapshot_reader *snapshot_reader_new(void)
{
    struct snapshot_reader *reader = xcalloc(1, sizeof *reader);

    reader->digest = EVP_MD_CTX_new();
    if (!reader->digest || !EVP_DigestInit_ex(reader->digest, EVP_sha256(), NULL)) {
        memory_exhausted();
    }
    reader->part = xmalloc(HEAD_SIZE);
    return reader;
}

void snapshot_reader_free(struct snapshot_reader *reader)
{
    if (reader) {
        EVP_MD_CTX_free(reader->digest);
        snapshot_pages_free(reader->pages);
        free(reader->part);
        free(reader);
    }
}

static void take_pages(struct snapshot_reader *reader, const uint8_t *bytes, size_t size)
{
    while (size) {
        if (!reader->part_size && size >= reader->page_size) {
            snapshot_pages_take(reader->pages, bytes);
            bytes += reader->page_size;
            size -= reader->page_size;
            continue;
        }
        size_t lacking = reader->page_size - reader->part_size;
        size_t taken = size < lacking ? size : lacking;
        memcpy(reader->part + reader->part_size, bytes, taken);
        reader->part_size += taken;
        bytes += taken;
        size -= taken;
        if (reader->part_size == reader->page_size) {
            snapshot_pages_take(reader->pages, reader->part);
            reader->part_size = 0;
        }
    }
}

/* The page size that the meta record at `offset` of the head tells, or 0. */
static uint32_t page_size_at(const struct snapshot_reader *reader, size_t offset)
{
    struct bbolt_meta meta;

    if (reader->part_size < offset + BBOLT_META_OFFSET + sizeof meta) {
        return 0;
    }
    memcpy(&meta, reader->part + offset + BBOLT_META_OFFSET, sizeof meta);
    bool fits = bbolt_meta_is_valid(&meta) && meta.page_size >= BBOLT_PAGE_SIZE_MIN &&
                meta.page_size <= PAGE_SIZE_MAX && !(meta.page_size & (meta.page_size - 1)) &&
                (!offset || offset == meta.page_size);
    return fits ? meta.page_size : 0;
}

/* With a broken page 0 nothing says where page 1 begins; `all` looks for it. */
static void find_pages(struct snapshot_reader *reader, bool all)
{
    uint32_t page_size = page_size_at(reader, 0);

    for (size_t at = BBOLT_PAGE_SIZE_MIN; all && !page_size && at <= PAGE_SIZE_MAX; at *= 2) {
        page_size = page_size_at(reader, at);
    }
    if (page_size) {
        uint8_t *head = reader->part;
        size_t size = reader->part_size;
        reader->part = xmalloc(page_size);
        reader->part_size = 0;
        reader->page_size = page_size;
        reader->pages = snapshot_pages_new(page_size);
        take_pages(reader, head, size);
        free(head);
    }
}

static void take_database(struct snapshot_reader *reader, const uint8_t *bytes, size_t size)
{
    if (!EVP_DigestUpdate(reader->digest, bytes, size)) {
        memory_exhausted();
    }
    if (!reader->pages && reader->part_size < HEAD_SIZE) {
        size_t lacking = HEAD_SIZE - reader->part_size, taken = size < lacking ? size : lacking;
        memcpy(reader->part + reader->part_size, bytes, taken);
        reader->part_size += taken;
        bytes += taken;
        size -= taken;
        find_pages(reader, reader->part_size == HEAD_SIZE);
    }
    if (reader->pages) {
        take_pages(reader, bytes, size);
    }
}

static int take(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_reader *reader = context;
    const uint8_t *bytes = data;
    size_t all = reader->tail_size + size;
    size_t keep = all < sizeof reader->tail ? all : sizeof reader->tail, release = all - keep;
    size_t of_tail = release < reader->tail_size ? release : reader->tail_size;

    (void)error;
    reader->size += size;
    take_database(reader, reader->tail, of_tail);
    reader->tail_size -= of_tail;
    memmove(reader->tail, reader->tail + of_tail, reader->tail_size);
    take_database(reader, bytes, release - of_tail);
    memcpy(reader->tail + reader->tail_size, bytes + (release - of_tail), keep - reader->tail_size);
    reader->tail_size = keep;
    return 0;
}

struct snapshot_sink snapshot_reader_sink(struct snapshot_reader *reader)
{
    return (struct snapshot_sink){take, reader};
}

/* That the whole database came, and its hash behind it. */
static int check_size(const struct snapshot_reader *reader, struct error *error)
{
    const struct bbolt_meta *meta = snapshot_pages_meta(reader->pages);
    uint64_t page_size = reader->page_size, pages = reader->size / page_size;

    if (!meta) {
        return error_set(error, ERROR_INVALID, "truncated: it ends within its first pages");
    }
    if (pages < meta->high_water) {
        return error_set(error, ERROR_INVALID,
                         "truncated: %llu bytes, and its head tells of %llu pages of %llu",
                         (unsigned long long)reader->size, (unsigned long long)meta->high_water,
                         (unsigned long long)page_size);
    }
    if (reader->size % page_size == 0) {
        return error_set(error, ERROR_INVALID,
                         "hash missing: the database ends without its SHA-256; a copy of a "
                         "member's file is none that can be proven");
    }
    if (reader->size % page_size != SNAPSHOT_SHA256_SIZE) {
        return error_set(error, ERROR_INVALID,
                         "truncated or grown: %llu bytes are no pages of %llu and a SHA-256",
                         (unsigned long long)reader->size, (unsigned long long)page_size);
    }
    return 0;
}

static int check_hash(struct snapshot_reader *reader, struct snapshot_facts *facts,
                      struct error *error)
{
    if (!EVP_DigestFinal_ex(reader->digest, facts->sha256, NULL)) {
        memory_exhausted();
    }
    if (memcmp(facts->sha256, reader->tail, sizeof reader->tail) != 0) {
        return error_set(error, ERROR_INVALID,
                         "hash differs: the database is not what its SHA-256 was made of");
    }
    return 0;
}

int snapshot_reader_finish(struct snapshot_reader *reader, struct snapshot_facts *facts,
                           struct error *error)
{
    *facts = (struct snapshot_facts){0};
    if (!reader->pages) {
        /* One that is cut short before its hash may have its head in what was held back. */
        find_pages(reader, true);
    }
    if (!reader->pages) {
        return error_set(error, ERROR_INVALID,
                         "no snapshot of etcd: neither of its first two pages is a valid head");
    }
    int result = check_size(reader, error);
    result = result ? result : check_hash(reader, facts, error);
    if (result) {
        return result;
    }
    facts->size = reader->size - SNAPSHOT_SHA256_SIZE;
    return snapshot_pages_walk(reader->pages, &facts->contents, error);
}
