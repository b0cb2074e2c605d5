/* The EtcdRestore's spec: one row for each field; and the rules between them, as
 * etcdcluster_rules.c has them for EtcdCluster. */
#include "api/etcdrestore.h"

#include <string.h>

#include "api/etcdbackup_tables.h"
#include "api/etcdcluster_tables.h"
#include "api/etcdrestore_tables.h"
#include "base/json.h"

#define SPEC(member)          offsetof(struct etcdrestore_spec, member)
#define WITHIN(outer, member) (SPEC(outer.member) - SPEC(outer))

/* What a Secret or a claim may be called. */
#define OBJECT_NAME                                                                                \
    .minimum = 1, .maximum = 253, .pattern = "^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$",                   \
    .pattern_meaning = "the name of an object of the same namespace"

/* As etcdbackup.c makes them, and what a person may have uploaded. */
#define PATH_PATTERN "[A-Za-z0-9_=-][A-Za-z0-9._=-]*(/[A-Za-z0-9_=-][A-Za-z0-9._=-]*)*"

#define MESSAGE_NAME                                                                               \
    "metadata.name must be at most 52 lower-case letters, digits and dashes, begin with a letter " \
    "and not end with a dash, because the names of pods are made from it"
#define MESSAGE_S3                                                                                 \
    "source.s3 must be given when source.storageType is S3 (s3.bucket at least), and only then"
#define MESSAGE_LOCAL                                                                              \
    "source.local must be given when source.storageType is Local (local.persistentVolumeClaim at " \
    "least), and only then"
#define MESSAGE_SOURCE                                                                             \
    "either spec.backupName says which EtcdBackup is restored, or spec.source where a backup lies"
#define MESSAGE_FIXED "a restore is done once and cannot be changed: create another EtcdRestore"

#define NAME_PATTERN "^[a-z]([-a-z0-9]*[a-z0-9])?$"

static const char *const restore_types[] = {"New", NULL};

static const struct api_field source_fields[] = {
    {.name = "storageType",
     .type = API_STRING,
     .offset = WITHIN(source, place.storage_type),
     .documentation = "Where the backup is kept; the field of that name says more.",
     .required = true,
     .one_of = etcdbackup_storage_types},
    {.name = "name",
     .type = API_STRING,
     .offset = WITHIN(source, name),
     .documentation = "The name of the stored backup, behind the prefix or in the directory. Its "
                      "manifest is NAME.json.",
     .required = true,
     .minimum = 1,
     .maximum = 256,
     .pattern = "^" PATH_PATTERN "$",
     .pattern_meaning = "a name of letters, digits and ._=-, with slashes between parts"},
    {.name = "s3",
     .type = API_OBJECT,
     .offset = WITHIN(source, place.s3),
     .fields = etcdbackup_s3_fields,
     .documentation = "A bucket of Amazon S3, or of a store that speaks its protocol."},
    {.name = "local",
     .type = API_OBJECT,
     .offset = WITHIN(source, place.local),
     .fields = etcdbackup_local_fields,
     .documentation = "A volume."},
    {.name = "encryption",
     .type = API_OBJECT,
     .offset = WITHIN(source, place.encryption),
     .fields = etcdbackup_encryption_fields,
     .documentation = "How to open an encrypted backup."},
    {0}};

static const struct api_field spec_fields[] = {
    {.name = "clusterName",
     .type = API_STRING,
     .offset = SPEC(cluster_name),
     .documentation = "The EtcdCluster, in the same namespace, that the data is for. With New it "
                      "must not exist, nor any claim of a cluster of this name.",
     .required = true,
     .minimum = 1,
     .maximum = ETCDCLUSTER_MAX_NAME,
     .pattern = NAME_PATTERN,
     .pattern_meaning = "the name of an EtcdCluster"},
    {.name = "restoreType",
     .type = API_STRING,
     .offset = SPEC(restore_type),
     .documentation = "New: an EtcdCluster is made from clusterTemplate and founded on the "
                      "backup's data.",
     .required = true,
     .one_of = restore_types},
    {.name = "backupName",
     .type = API_STRING,
     .offset = SPEC(backup_name),
     .documentation = "The EtcdBackup, in the same namespace, that is restored.",
     OBJECT_NAME},
    {.name = "source",
     .type = API_OBJECT,
     .offset = SPEC(source),
     .fields = source_fields,
     .documentation = "Where the backup lies, when there is no EtcdBackup of it any more."},
    {.name = "clusterTemplate",
     .type = API_OBJECT,
     .offset = SPEC(cluster_template),
     .fields = etcdcluster_spec_fields,
     .documentation = "The spec of the EtcdCluster. Its version must be of the minor version that "
                      "the backup was taken with, or a later one.",
     .required = true},
    {0}};

static const char *const short_names[] = {"etcdr", NULL};

static const struct api_column columns[] = {
    {"Cluster", "string", ".spec.clusterName", "The EtcdCluster", 0},
    {"Phase", "string", ".status.phase", "What the restore is doing", 0},
    {"Step", "string", ".status.step", "The step that it has reached", 0},
    {"Revision", "integer", ".status.restoredRevision", "The newest revision of the backup", 0},
    {"Message", "string", ".status.message", "What is wrong or awaited", 0},
    {"Age", "date", ".metadata.creationTimestamp", "Time since its creation", 0},
    {0}};

static const struct api_rule object_rules[] = {
    {"self.metadata.name.size() <= 52 && self.metadata.name.matches('" NAME_PATTERN "')",
     MESSAGE_NAME},
    {"has(self.spec.backupName) != has(self.spec.source)", MESSAGE_SOURCE},
    {"!has(self.spec.source) || "
     "(self.spec.source.storageType == 'S3') == has(self.spec.source.s3)",
     MESSAGE_S3},
    {"!has(self.spec.source) || "
     "(self.spec.source.storageType == 'Local') == has(self.spec.source.local)",
     MESSAGE_LOCAL},
    {"self.spec == oldSelf.spec", MESSAGE_FIXED},
    {0}};

const struct api_kind etcdrestore_kind = {
    .group = ETCDCLUSTER_GROUP,
    .version = ETCDCLUSTER_VERSION,
    .kind = "EtcdRestore",
    .list_kind = "EtcdRestoreList",
    .plural = "etcdrestores",
    .singular = "etcdrestore",
    .short_names = short_names,
    .documentation = "A restore of a backup. It is done once.",
    .spec = spec_fields,
    .status = etcdrestore_status_fields,
    .spec_size = sizeof(struct etcdrestore_spec),
    .rules = object_rules,
    .columns = columns,
};

/* NAME_PATTERN */
static bool is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    size_t length = strlen(text);

    return length && length <= ETCDRESTORE_MAX_NAME && strchr(letters, *text) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
           text[length - 1] != '-';
}

int etcdrestore_decode(json_t *object, struct arena *arena, struct etcdrestore_spec *out,
                       struct error *error)
{
    const struct etcdbackup_spec *place = &out->source.place;
    const char *name = json_path_string(object, "metadata", "name", NULL), *broken = NULL;

    *out = (struct etcdrestore_spec){0};
    int status =
        api_decode(spec_fields, json_object_get(object, "spec"), "spec", arena, out, error);
    if (status) {
        return status;
    }
    if (name && !is_name(name)) {
        broken = MESSAGE_NAME;
    } else if (!out->backup_name == !out->source.name) {
        broken = MESSAGE_SOURCE;
    } else if (out->source.name &&
               !strcmp(place->storage_type, "S3") != (place->s3.bucket != NULL)) {
        broken = MESSAGE_S3;
    } else if (out->source.name &&
               !strcmp(place->storage_type, "Local") != (place->local.claim != NULL)) {
        broken = MESSAGE_LOCAL;
    }
    if (broken) {
        return error_set(error, ERROR_INVALID, "%s", broken);
    }
    return etcdcluster_check_rules(out->cluster_name, &out->cluster_template, error)
               ? error_wrap(error, "clusterTemplate")
               : 0;
}
