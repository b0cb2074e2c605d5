#include "backup/destination.h"

#include <string.h>

#include "base/json.h"

#define CREDENTIALS_DIR "/etc/etcd-backup/credentials"
#define CA_DIR          "/etc/etcd-backup/ca"
#define VOLUME_DIR      "/backup"

static void add(json_t *arguments, const char *name, const char *value)
{
    if (value) {
        json_array_append_new(arguments, json_string(name));
        json_array_append_new(arguments, json_string(value));
    }
}

void destination_add_secret(json_t *volumes, json_t *mounts, const char *volume, const char *secret,
                            const char *key, const char *path)
{
    json_array_append_new(volumes, json_pack("{s:s, s:{s:s, s:i, s:[{s:s, s:s}]}}", "name", volume,
                                             "secret", "secretName", secret, "defaultMode", 0440,
                                             "items", "key", key, "path", key));
    json_array_append_new(
        mounts, json_pack("{s:s, s:s, s:b}", "name", volume, "mountPath", path, "readOnly", 1));
}

/* --- S3 --- */

static const char *s3_url(struct arena *arena, const struct etcdbackup_spec *spec)
{
    return arena_printf(arena, "s3://%s%s%s", spec->s3.bucket, *spec->s3.prefix ? "/" : "",
                        spec->s3.prefix);
}

static void s3_arguments(const struct etcdbackup_spec *spec, json_t *arguments)
{
    add(arguments, "--region", spec->s3.region);
    add(arguments, "--endpoint", spec->s3.endpoint);
    if (spec->s3.force_path_style) {
        json_array_append_new(arguments, json_string("--path-style"));
    }
    add(arguments, "--credentials-file",
        spec->s3.credentials_secret ? CREDENTIALS_DIR "/credentials" : NULL);
    add(arguments, "--ca-file", spec->s3.ca_secret ? CA_DIR "/ca.crt" : NULL);
    add(arguments, "--encryption", spec->s3.encryption);
    add(arguments, "--encryption-key", spec->s3.kms_key_id);
}

static void s3_volumes(const struct etcdbackup_spec *spec, json_t *volumes, json_t *mounts)
{
    if (spec->s3.credentials_secret) {
        destination_add_secret(volumes, mounts, "credentials", spec->s3.credentials_secret,
                               "credentials", CREDENTIALS_DIR);
    }
    if (spec->s3.ca_secret) {
        destination_add_secret(volumes, mounts, "ca", spec->s3.ca_secret, "ca.crt", CA_DIR);
    }
}

/* --- Local --- */

/* The path is part of the names: it need not be there before. */
static const char *local_url(struct arena *arena, const struct etcdbackup_spec *spec)
{
    (void)spec;
    return arena_strdup(arena, "file://" VOLUME_DIR);
}

static void local_arguments(const struct etcdbackup_spec *spec, json_t *arguments)
{
    (void)spec, (void)arguments;
}

static void local_volumes(const struct etcdbackup_spec *spec, json_t *volumes, json_t *mounts)
{
    json_array_append_new(volumes,
                          json_pack("{s:s, s:{s:s}}", "name", "backup", "persistentVolumeClaim",
                                    "claimName", spec->local.claim));
    json_array_append_new(mounts,
                          json_pack("{s:s, s:s}", "name", "backup", "mountPath", VOLUME_DIR));
}

/* By spec.storageType: one row for each. */
static const struct destination {
    const char *type;
    const char *(*url)(struct arena *arena, const struct etcdbackup_spec *spec);
    void (*arguments)(const struct etcdbackup_spec *spec, json_t *arguments);
    void (*volumes)(const struct etcdbackup_spec *spec, json_t *volumes, json_t *mounts);
} destinations[] = {
    {"S3", s3_url, s3_arguments, s3_volumes},
    {"Local", local_url, local_arguments, local_volumes},
};

/* The decoder lets no other type through. */
static const struct destination *find(const struct etcdbackup_spec *spec)
{
    const struct destination *found = destinations;

    while (strcmp(found->type, spec->storage_type) != 0) {
        found++;
    }
    return found;
}

const char *destination_location(struct arena *arena, const struct etcdbackup_spec *spec,
                                 const char *name)
{
    return arena_printf(arena, "%s/%s", find(spec)->url(arena, spec), name);
}

void destination_arguments(const struct etcdbackup_spec *spec, struct arena *arena,
                           json_t *arguments)
{
    const struct destination *destination = find(spec);

    add(arguments, "--store", destination->url(arena, spec));
    destination->arguments(spec, arguments);
}

void destination_volumes(const struct etcdbackup_spec *spec, json_t *volumes, json_t *mounts)
{
    find(spec)->volumes(spec, volumes, mounts);
}
