#include "snapshot/manifest.h"

#include <stddef.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define VERSION_OF_FORMAT 1

enum form { TEXT, HEX, NUMBER, YES_NO };

/* The fields in the order of the document; those of the hash and the time are not rows. */
static const struct field {
    const char *name;
    enum form form;
    size_t offset;
    bool required;
} fields[] = {
#define FIELD(name, form, member, required)                                                        \
    {                                                                                              \
        name, form, offsetof(struct snapshot_manifest, member), required                           \
    }
    FIELD("name", TEXT, name, true),
    FIELD("size", NUMBER, size, true),
    FIELD("checksum", TEXT, checksum, false),
    FIELD("databaseSize", NUMBER, database_size, true),
    FIELD("sha256", HEX, sha256, true),
    FIELD("revision", NUMBER, revision, true),
    FIELD("records", NUMBER, records, true),
    FIELD("storageVersion", TEXT, storage_version, false),
    FIELD("compressed", YES_NO, compressed, true),
    FIELD("encryptionKey", HEX, encryption_key, false),
    FIELD("etcdVersion", TEXT, etcd_version, false),
    FIELD("clusterID", HEX, cluster_id, false),
    FIELD("member", HEX, member, false),
    FIELD("role", TEXT, role, false),
    FIELD("cluster", TEXT, cluster, false),
    FIELD("uid", TEXT, uid, false),
    FIELD("schedule", TEXT, schedule, false),
#undef FIELD
};

#define N_FIELDS (sizeof fields / sizeof *fields)

static json_t *value_of(const struct field *field, const struct snapshot_manifest *manifest)
{
    const void *member = (const char *)manifest + field->offset;

    if (field->form == NUMBER) {
        return json_integer((json_int_t) * (const uint64_t *)member);
    }
    if (field->form == YES_NO) {
        return json_boolean(*(const bool *)member);
    }
    const char *text = *(const char *const *)member;
    return text ? json_string(text) : NULL;
}

json_t *snapshot_manifest_json(const struct snapshot_manifest *manifest)
{
    json_t *json = json_pack("{s:i}", "v", VERSION_OF_FORMAT);
    char time[CLOCK_RFC3339_SIZE];

    for (size_t i = 0; i < N_FIELDS; i++) {
        json_t *value = value_of(&fields[i], manifest);
        if (value) {
            json_object_set_new(json, fields[i].name, value);
        }
    }
    if (manifest->has_hash) {
        json_object_set_new(json, "hashKV",
                            json_pack("{s:I, s:I, s:I}", "hash", (json_int_t)manifest->hash,
                                      "revision", (json_int_t)manifest->hash_revision,
                                      "compactRevision",
                                      (json_int_t)manifest->hash_compact_revision));
    }
    if (manifest->taken_at_ms) {
        clock_rfc3339(manifest->taken_at_ms, time, sizeof time);
        json_object_set_new(json, "takenAt", json_string(time));
    }
    return json ? json : (memory_exhausted(), NULL);
}

static int bad(struct error *error, const char *name, const char *what)
{
    return error_set(error, ERROR_INVALID, "the manifest's %s is %s", name, what);
}

static int take(const struct field *field, const json_t *value, struct arena *arena,
                struct snapshot_manifest *manifest, struct error *error)
{
    void *member = (char *)manifest + field->offset;

    if (!value) {
        return field->required ? bad(error, field->name, "missing") : 0;
    }
    if (field->form == NUMBER) {
        /* A database of 2^53 bytes is none, so a sign or an overflow is all that has to be seen. */
        if (!json_is_integer(value) || json_integer_value(value) < 0) {
            return bad(error, field->name, "no number that could be one");
        }
        *(uint64_t *)member = (uint64_t)json_integer_value(value);
        return 0;
    }
    if (field->form == YES_NO) {
        *(bool *)member = json_is_true(value);
        return json_is_boolean(value) ? 0 : bad(error, field->name, "neither true nor false");
    }
    const char *text = json_string_value(value);
    if (!text || !*text) {
        return bad(error, field->name, "no text");
    }
    if (field->form == HEX && text[strspn(text, "0123456789abcdef")]) {
        return bad(error, field->name, "not in hex");
    }
    *(const char **)member = arena_strdup(arena, text);
    return 0;
}

static int take_hash(const json_t *hash, struct snapshot_manifest *manifest, struct error *error)
{
    json_int_t value = json_path_integer(hash, -1, "hash", NULL);

    manifest->hash_revision = json_path_integer(hash, -1, "revision", NULL);
    manifest->hash_compact_revision = json_path_integer(hash, -2, "compactRevision", NULL);
    if (value < 0 || value > UINT32_MAX || manifest->hash_revision < 0 ||
        manifest->hash_compact_revision < -1) { /* -1: never compacted. */
        return bad(error, "hashKV", "no hash of a revision");
    }
    manifest->has_hash = true;
    manifest->hash = (uint32_t)value;
    return 0;
}

int snapshot_manifest_parse(const char *text, size_t size, struct arena *arena,
                            struct snapshot_manifest *manifest, struct error *error)
{
    *manifest = (struct snapshot_manifest){0};
    if (size > SNAPSHOT_MANIFEST_LIMIT) {
        return error_set(error, ERROR_INVALID, "a manifest of %zu bytes is none of ours", size);
    }
    AUTO_JSON json_t *json = json_parse(text, size, "the manifest", error);
    if (!json) {
        return -(int)error->kind;
    }
    if (json_path_integer(json, 0, "v", NULL) != VERSION_OF_FORMAT) {
        return bad(error, "v", "not 1: a later version may have written it");
    }
    int result = 0;
    for (size_t i = 0; !result && i < N_FIELDS; i++) {
        result = take(&fields[i], json_object_get(json, fields[i].name), arena, manifest, error);
    }
    const char *time = json_path_string(json, "takenAt", NULL);
    manifest->taken_at_ms = time ? clock_parse_rfc3339(time) : -1;
    if (!result && manifest->taken_at_ms < 0) {
        result = bad(error, "takenAt", "no time");
    }
    const json_t *hash = json_object_get(json, "hashKV");
    return result || !hash ? result : take_hash(hash, manifest, error);
}
