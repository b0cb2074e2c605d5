#include "snapshot/pages.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "snapshot/pages_internal.h"

#define HEAD_SIZE        sizeof(struct bbolt_page)
#define KEY_SIZE         17 /* Of a revision; one more for a deletion. */
#define REVISION_SIZE    8
#define VERSION_KEY      "storageVersion"
#define VERSION_KEY_SIZE (sizeof VERSION_KEY - 1)

/* A page, or the page within the value of a small bucket. */
struct span {
    const uint8_t *bytes;
    size_t size;
};

struct snapshot_pages *snapshot_pages_new(uint32_t page_size)
{
    struct snapshot_pages *pages = xcalloc(1, sizeof *pages);

    pages->page_size = page_size;
    return pages;
}

void snapshot_pages_free(struct snapshot_pages *pages)
{
    if (pages) {
        free(pages->notes);
        free(pages->children);
        free(pages->specials);
        free(pages->wants);
        free(pages);
    }
}

/* Room for one more; what is not yet used of a large block is no resident memory. */
static void *grow(void *items, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity) {
        return items;
    }
    *capacity = *capacity ? 2 * *capacity : 64;
    return xrealloc(items, *capacity * size);
}

static void add_child(struct snapshot_pages *pages, uint64_t id)
{
    pages->children = grow(pages->children, pages->n_children, &pages->children_capacity,
                           sizeof *pages->children);
    /* A page that cannot be is as wrong as one that is not there. */
    pages->children[pages->n_children++] = id < UINT32_MAX ? (uint32_t)id : UINT32_MAX;
}

static void swap_wants(struct want *a, struct want *b)
{
    struct want held = *a;

    *a = *b;
    *b = held;
}

static void push_want(struct snapshot_pages *pages, const struct want *want)
{
    pages->wants = grow(pages->wants, pages->n_wants, &pages->wants_capacity, sizeof *pages->wants);
    size_t i = pages->n_wants++;
    pages->wants[i] = *want;
    while (i && pages->wants[i].offset < pages->wants[(i - 1) / 2].offset) {
        swap_wants(&pages->wants[i], &pages->wants[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
}

static struct want pop_want(struct snapshot_pages *pages)
{
    struct want *wants = pages->wants, first = wants[0];

    wants[0] = wants[--pages->n_wants];
    for (size_t i = 0;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
            least =
                child < pages->n_wants && wants[child].offset < wants[least].offset ? child : least;
        }
        if (least == i) {
            return first;
        }
        swap_wants(&wants[i], &wants[least]);
        i = least;
    }
}

static int64_t revision_of(const uint8_t *bytes)
{
    uint64_t revision = 0;

    for (int i = 0; i < REVISION_SIZE; i++) {
        revision = revision << 8 | bytes[i];
    }
    return revision <= INT64_MAX ? (int64_t)revision : REVISION_UNKNOWN;
}

/* Takes what the page that begins at `start` has of it. */
static void serve_want(struct snapshot_pages *pages, struct want want, const uint8_t *bytes,
                       uint64_t start)
{
    uint64_t end = start + pages->page_size;

    for (; want.have < REVISION_SIZE && want.offset < end; want.offset++) {
        want.bytes[want.have++] = bytes[want.offset - start];
    }
    if (want.have < REVISION_SIZE) {
        push_want(pages, &want);
    } else {
        pages->notes[want.page].revision = revision_of(want.bytes);
    }
}

/* False when the element does not lie in the span. `*key` is where its key begins, which may be
 * behind the span. */
static bool leaf_element(struct span span, unsigned index, struct bbolt_leaf_element *element,
                         uint64_t *key)
{
    uint64_t offset = HEAD_SIZE + (uint64_t)index * BBOLT_ELEMENT_SIZE;

    if (offset + BBOLT_ELEMENT_SIZE > span.size) {
        return false;
    }
    memcpy(element, span.bytes + offset, sizeof *element);
    *key = offset + element->position;
    return true;
}

static bool is_revision_key(const struct bbolt_leaf_element *element)
{
    return element->key_size == KEY_SIZE || element->key_size == KEY_SIZE + 1;
}

/* Of the last key of a page that is whole; 0: it has none. */
static int64_t last_revision(struct span span, unsigned count)
{
    struct bbolt_leaf_element element;
    uint64_t key;

    if (!count) {
        return 0;
    }
    if (!leaf_element(span, count - 1, &element, &key) || !is_revision_key(&element) ||
        key + KEY_SIZE > span.size) {
        return REVISION_UNKNOWN;
    }
    return revision_of(span.bytes + key);
}

/* Keeps the version if the element is the one that holds it. */
static void take_version(struct span span, unsigned index, char out[16])
{
    struct bbolt_leaf_element element;
    uint64_t key;

    if (!leaf_element(span, index, &element, &key) || element.key_size != VERSION_KEY_SIZE ||
        element.value_size > 15 || key + VERSION_KEY_SIZE + element.value_size > span.size ||
        memcmp(span.bytes + key, VERSION_KEY, VERSION_KEY_SIZE) != 0) {
        return;
    }
    const char *value = (const char *)span.bytes + key + VERSION_KEY_SIZE;
    for (unsigned i = 0; i < element.value_size; i++) {
        if (!((value[i] >= '0' && value[i] <= '9') || value[i] == '.')) {
            return;
        }
    }
    memcpy(out, value, element.value_size);
    out[element.value_size] = '\0';
}

static bool is_named(struct span span, const struct bbolt_leaf_element *element, uint64_t key,
                     const char *name)
{
    return element->key_size == strlen(name) && !memcmp(span.bytes + key, name, element->key_size);
}

/* A small bucket's page. */
static bool take_small(struct special *special, struct span value, bool is_key, bool is_meta)
{
    struct span span = {value.bytes + sizeof(struct bbolt_bucket),
                        value.size - sizeof(struct bbolt_bucket)};
    struct bbolt_page head;

    if (span.size < sizeof head) {
        return false;
    }
    memcpy(&head, span.bytes, sizeof head);
    special->inline_keys += head.count;
    if (is_key) {
        special->has_small_key = true;
        special->small_revision = last_revision(span, head.count);
    }
    for (unsigned i = 0; is_meta && i < head.count; i++) {
        take_version(span, i, special->storage_version);
    }
    return true;
}

/* False when it is not whole within the page: a leaf of buckets has no large values. */
static bool take_bucket(struct snapshot_pages *pages, struct special *special, struct span page,
                        unsigned index)
{
    struct bbolt_leaf_element element;
    struct bbolt_bucket bucket;
    uint64_t key;

    if (!leaf_element(page, index, &element, &key)) {
        return false;
    }
    if (!(element.flags & BBOLT_ELEMENT_IS_BUCKET)) {
        return true;
    }
    if (element.value_size < sizeof bucket ||
        key + element.key_size + element.value_size > page.size) {
        return false;
    }
    const uint8_t *value = page.bytes + key + element.key_size;
    bool is_key = is_named(page, &element, key, "key"),
         is_meta = is_named(page, &element, key, "meta");
    memcpy(&bucket, value, sizeof bucket);
    if (!bucket.root) {
        return take_small(special, (struct span){value, element.value_size}, is_key, is_meta);
    }
    add_child(pages, bucket.root);
    special->n_children++;
    if (is_key) {
        special->key_root = pages->children[pages->n_children - 1];
    }
    if (is_meta) {
        special->meta_root = pages->children[pages->n_children - 1];
    }
    return true;
}

static void take_special(struct snapshot_pages *pages, struct note *note, struct span page)
{
    struct special special = {.children = (uint32_t)pages->n_children};

    note->kind = NOTE_SPECIAL;
    for (unsigned i = 0; i < note->count; i++) {
        if (!take_bucket(pages, &special, page, i)) {
            note->kind = NOTE_OTHER;
            return;
        }
        take_version(page, i, special.storage_version);
    }
    pages->specials = grow(pages->specials, pages->n_specials, &pages->specials_capacity,
                           sizeof *pages->specials);
    note->special = (uint32_t)pages->n_specials;
    pages->specials[pages->n_specials++] = special;
}

static bool is_special(struct span page, unsigned count)
{
    struct bbolt_leaf_element element;
    uint64_t key;

    for (unsigned i = 0; i < count && leaf_element(page, i, &element, &key); i++) {
        if (element.flags & BBOLT_ELEMENT_IS_BUCKET ||
            (element.key_size == VERSION_KEY_SIZE && key + VERSION_KEY_SIZE <= page.size &&
             !memcmp(page.bytes + key, VERSION_KEY, VERSION_KEY_SIZE))) {
            return true;
        }
    }
    return false;
}

/* What is behind a large value comes with a later page. */
static void take_leaf(struct snapshot_pages *pages, struct note *note, struct span page)
{
    struct bbolt_leaf_element element;
    uint64_t key, whole = ((uint64_t)note->overflow + 1) * pages->page_size;
    uint32_t id = (uint32_t)(pages->n - 1);

    note->kind = NOTE_LEAF;
    note->revision = note->count ? REVISION_UNKNOWN : 0;
    if (!note->count || !leaf_element(page, note->count - 1, &element, &key) ||
        !is_revision_key(&element) || key + KEY_SIZE > whole) {
        return;
    }
    uint64_t start = (uint64_t)id * pages->page_size;
    struct want want = {.offset = start + key, .page = id};
    serve_want(pages, want, page.bytes, start);
}

static void take_branch(struct snapshot_pages *pages, struct note *note, struct span page)
{
    struct bbolt_branch_element element;

    if (HEAD_SIZE + (uint64_t)note->count * BBOLT_ELEMENT_SIZE > page.size) {
        return;
    }
    note->kind = NOTE_BRANCH;
    note->children = (uint32_t)pages->n_children;
    for (unsigned i = 0; i < note->count; i++) {
        memcpy(&element, page.bytes + HEAD_SIZE + (size_t)i * BBOLT_ELEMENT_SIZE, sizeof element);
        add_child(pages, element.page);
    }
}

static void take_meta(struct snapshot_pages *pages, unsigned index, const uint8_t *bytes)
{
    struct bbolt_meta *meta = &pages->metas[index];

    memcpy(meta, bytes + BBOLT_META_OFFSET, sizeof *meta);
    pages->has_meta[index] = bbolt_meta_is_valid(meta) && meta->page_size == pages->page_size;
}

void snapshot_pages_take(struct snapshot_pages *pages, const uint8_t *bytes)
{
    const struct span page = {bytes, pages->page_size};
    uint64_t id = pages->n, start = id * pages->page_size;
    struct bbolt_page head;

    pages->notes = grow(pages->notes, pages->n, &pages->capacity, sizeof *pages->notes);
    struct note *note = &pages->notes[pages->n++];
    memcpy(&head, bytes, sizeof head);
    *note = (struct note){.overflow = head.overflow, .count = head.count};
    while (pages->n_wants && pages->wants[0].offset < start + pages->page_size) {
        serve_want(pages, pop_want(pages), bytes, start);
    }
    if (id < 2) {
        take_meta(pages, (unsigned)id, bytes);
    } else if (head.id != id) {
        note->kind = NOTE_OTHER; /* Most often the middle of a large value. */
    } else if (head.flags == BBOLT_BRANCH) {
        take_branch(pages, note, page);
    } else if (head.flags == BBOLT_LEAF && is_special(page, head.count)) {
        take_special(pages, note, page);
    } else if (head.flags == BBOLT_LEAF) {
        take_leaf(pages, note, page);
    }
}

const struct bbolt_meta *snapshot_pages_meta(const struct snapshot_pages *pages)
{
    const struct bbolt_meta *metas = pages->metas;
    bool second = pages->has_meta[1] && (!pages->has_meta[0] || metas[1].txid > metas[0].txid);

    return second ? &metas[1] : pages->has_meta[0] ? &metas[0] : NULL;
}
