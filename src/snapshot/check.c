#include "snapshot/check.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

struct snapshot_check {
    struct snapshot_reader *reader;
    struct snapshot_decoder *decoder;
    struct snapshot_sink proof, out;
    uint64_t size;
    bool out_failed, failed;
};

/* What comes out of the decoder. */
static int take_plain(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_check *check = context;
    int result = snapshot_sink_write(&check->proof, data, size, error);

    if (result || !check->out.write) {
        return result;
    }
    result = snapshot_sink_write(&check->out, data, size, error);
    check->out_failed = result != 0;
    return result;
}

struct snapshot_check *snapshot_check_new(const struct snapshot_keys *keys,
                                          struct snapshot_sink out)
{
    struct snapshot_check *check = xcalloc(1, sizeof *check);

    check->reader = snapshot_reader_new();
    check->proof = snapshot_reader_sink(check->reader);
    check->out = out;
    check->decoder = snapshot_decoder_new(keys, (struct snapshot_sink){take_plain, check});
    return check;
}

void snapshot_check_free(struct snapshot_check *check)
{
    if (check) {
        snapshot_decoder_free(check->decoder);
        snapshot_reader_free(check->reader);
        free(check);
    }
}

static int noted(struct snapshot_check *check, int result)
{
    check->failed = check->failed || result;
    return result;
}

static int take_stored(void *context, const void *data, size_t size, struct error *error)
{
    struct snapshot_check *check = context;
    const struct snapshot_sink decoder = snapshot_decoder_sink(check->decoder);

    check->size += size;
    return noted(check, snapshot_sink_write(&decoder, data, size, error));
}

struct snapshot_sink snapshot_check_sink(struct snapshot_check *check)
{
    return (struct snapshot_sink){take_stored, check};
}

int snapshot_check_finish(struct snapshot_check *check, struct snapshot_form *form,
                          struct snapshot_facts *facts, struct error *error)
{
    int result = snapshot_decoder_finish(check->decoder, form, error);

    return noted(check, result ? result : snapshot_reader_finish(check->reader, facts, error));
}

bool snapshot_check_refused(const struct snapshot_check *check)
{
    return check->failed && !check->out_failed;
}

uint64_t snapshot_check_size(const struct snapshot_check *check)
{
    return check->size;
}

void snapshot_check_describe(const struct snapshot_facts *facts, const struct snapshot_form *form,
                             struct arena *arena, struct snapshot_manifest *manifest)
{
    char sha256[2 * SNAPSHOT_SHA256_SIZE + 1], id[SNAPSHOT_KEY_ID_TEXT];
    const char *version = facts->contents.storage_version;

    sodium_bin2hex(sha256, sizeof sha256, facts->sha256, sizeof facts->sha256);
    snapshot_key_id_text(form->key_id, id);
    manifest->sha256 = arena_strdup(arena, sha256);
    manifest->database_size = facts->size;
    manifest->revision = facts->contents.revision;
    manifest->records = facts->contents.records;
    manifest->storage_version = *version ? arena_strdup(arena, version) : NULL;
    manifest->compressed = form->compressed;
    manifest->encryption_key = form->encrypted ? arena_strdup(arena, id) : NULL;
}

/* A good snapshot, but another one than was stored under this name. */
static int compare(const struct snapshot_facts *facts, const struct snapshot_form *form,
                   const struct snapshot_manifest *manifest, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest found = {0};

    snapshot_check_describe(facts, form, arena, &found);
    return !strcmp(found.sha256, manifest->sha256) && found.revision == manifest->revision &&
                   found.database_size == manifest->database_size
               ? 0
               : error_set(error, ERROR_INVALID,
                           "it is a snapshot, but not the one of its manifest: revision %lld with "
                           "SHA-256 %s, and revision %lld with %s was stored",
                           (long long)found.revision, found.sha256, (long long)manifest->revision,
                           manifest->sha256);
}

int snapshot_check_stored(struct store *store, const struct snapshot_manifest *manifest,
                          const struct snapshot_keys *keys, struct snapshot_sink out, bool *refused,
                          struct error *error)
{
    struct snapshot_check *check = snapshot_check_new(keys, out);
    const struct snapshot_sink sink = snapshot_check_sink(check);
    struct snapshot_facts facts;
    struct snapshot_form form;

    int result = store_get(store, manifest->name, NULL, sink.write, sink.context, error);
    if (!result) {
        result = snapshot_check_finish(check, &form, &facts, error);
    }
    if (!result) {
        result = noted(check, compare(&facts, &form, manifest, error));
    }
    *refused = snapshot_check_refused(check);
    snapshot_check_free(check);
    return *refused ? error_wrap(error, "%s", manifest->name) : result;
}
