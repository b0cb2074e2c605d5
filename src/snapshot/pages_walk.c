#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/memory.h"
#include "snapshot/pages_internal.h"

#define MAX_DEPTH 64 /* A real tree has a handful. */

struct walk {
    const struct snapshot_pages *pages;
    struct snapshot_contents *contents;
    uint8_t *seen;         /* A bit for each page. */
    int64_t last_revision; /* Of the last leaf that was passed. */
    uint32_t last_leaf;
    bool has_key;
    struct error *error;
};

enum tree { TREE_OF_BUCKETS, TREE_META, TREE_OTHER };

static int not_whole(struct walk *walk, uint32_t id, const char *what)
{
    return error_set(walk->error, ERROR_INVALID, "page %u of %zu %s", id, walk->pages->n, what);
}

static int claim(struct walk *walk, uint32_t id)
{
    size_t n = walk->pages->n;

    if (id < 2 || id >= n || walk->pages->notes[id].overflow >= n - id) {
        return not_whole(walk, id, "is in use and out of range");
    }
    for (size_t i = id; i <= (size_t)id + walk->pages->notes[id].overflow; i++) {
        if (walk->seen[i / 8] & 1 << i % 8) {
            return not_whole(walk, (uint32_t)i, "is in two places of the trees");
        }
        walk->seen[i / 8] |= (uint8_t)(1 << i % 8);
    }
    return 0;
}

static int visit(struct walk *walk, uint32_t id, enum tree tree, int depth);

static int take_key_bucket(struct walk *walk, int64_t revision, uint32_t page)
{
    if (revision == REVISION_UNKNOWN) {
        return not_whole(walk, page, "ends the bucket \"key\" without a revision");
    }
    walk->has_key = true;
    walk->contents->revision = revision;
    return 0;
}

static int visit_buckets(struct walk *walk, uint32_t id, const struct special *special, int depth)
{
    if (*special->storage_version) {
        memcpy(walk->contents->storage_version, special->storage_version,
               sizeof special->storage_version);
    }
    walk->contents->records += special->inline_keys;
    if (special->has_small_key) {
        int result = take_key_bucket(walk, special->small_revision, id);
        if (result) {
            return result;
        }
    }
    for (uint32_t i = 0; i < special->n_children; i++) {
        uint32_t root = walk->pages->children[special->children + i];
        walk->last_revision = 0;
        int result =
            visit(walk, root, root == special->meta_root ? TREE_META : TREE_OTHER, depth + 1);
        if (!result && root == special->key_root) {
            result = take_key_bucket(walk, walk->last_revision, walk->last_leaf);
        }
        if (result) {
            return result;
        }
    }
    return 0;
}

static int visit_leaf(struct walk *walk, uint32_t id, enum tree tree, int depth)
{
    const struct note *note = &walk->pages->notes[id];
    const struct special *special =
        note->kind == NOTE_SPECIAL ? &walk->pages->specials[note->special] : NULL;

    if (tree == TREE_OF_BUCKETS) {
        return special       ? visit_buckets(walk, id, special, depth)
               : note->count ? not_whole(walk, id, "is where buckets should be and has none")
                             : 0;
    }
    if (special && tree == TREE_META) {
        memcpy(walk->contents->storage_version, special->storage_version,
               sizeof special->storage_version);
    }
    walk->contents->records += note->count;
    walk->last_revision = special ? REVISION_UNKNOWN : note->revision;
    walk->last_leaf = id;
    return 0;
}

static int visit(struct walk *walk, uint32_t id, enum tree tree, int depth)
{
    int claimed = claim(walk, id);

    if (claimed) {
        return claimed;
    }
    const struct note *note = &walk->pages->notes[id];
    if (note->kind == NOTE_OTHER) {
        return not_whole(walk, id, "is in use and is no branch or leaf of a tree");
    }
    if (depth > MAX_DEPTH) {
        return not_whole(walk, id, "is deeper than any tree");
    }
    if (note->kind != NOTE_BRANCH) {
        return visit_leaf(walk, id, tree, depth);
    }
    for (unsigned i = 0; i < note->count; i++) {
        int result = visit(walk, walk->pages->children[note->children + i], tree, depth + 1);
        if (result) {
            return result;
        }
    }
    return 0;
}

int snapshot_pages_walk(const struct snapshot_pages *pages, struct snapshot_contents *contents,
                        struct error *error)
{
    const struct bbolt_meta *meta = snapshot_pages_meta(pages);
    AUTO_FREE uint8_t *seen = xcalloc(pages->n / 8 + 1, 1);
    struct error unwanted;
    struct walk walk = {
        .pages = pages, .contents = contents, .seen = seen, .error = error ? error : &unwanted};

    *contents = (struct snapshot_contents){0};
    if (!meta) {
        return error_set(error, ERROR_INVALID, "neither of the first two pages is a valid head");
    }
    uint64_t root = meta->root.root;
    int result = visit(&walk, root < UINT32_MAX ? (uint32_t)root : UINT32_MAX, TREE_OF_BUCKETS, 0);
    if (!result && !walk.has_key) {
        return error_set(error, ERROR_INVALID,
                         "it has no bucket \"key\": this is no database of etcd");
    }
    return result;
}
