/* The rules between an EtcdBackup's fields: as etcdcluster_rules.c has them for EtcdCluster. */
#include <string.h>

#include "api/etcdbackup_tables.h"

#define MESSAGE_NAME                                                                               \
    "metadata.name must be at most 52 lower-case letters, digits and dashes, begin with a letter " \
    "and not end with a dash, because the names of Jobs are made from it"
#define MESSAGE_S3                                                                                 \
    "spec.s3 must be given when spec.storageType is S3 (s3.bucket at least), and only then"
#define MESSAGE_LOCAL                                                                              \
    "spec.local must be given when spec.storageType is Local (local.persistentVolumeClaim at "     \
    "least), and only then"
#define MESSAGE_KMS                                                                                \
    "s3.kmsKeyID names a key for s3.serverSideEncryption aws:kms: set both, or leave it out"
#define MESSAGE_FIXED                                                                              \
    "what a backup is of and where it lies cannot be changed (clusterName, storageType, s3, "      \
    "local, compression, encryption), but of a schedule: create another EtcdBackup"

#define MESSAGE_SCHEDULE_NAME                                                                      \
    "metadata.name must be at most 42 characters with a schedule: each backup's name is this one " \
    "and its time"
#define MESSAGE_RETENTION                                                                          \
    "spec.retentionPolicy is for the backups of a schedule: set spec.schedule too, or leave it "   \
    "out"
#define MESSAGE_BOTH                                                                               \
    "spec.schedule may be changed, but neither added nor taken away: create another EtcdBackup"

#define NAME_PATTERN "^[a-z]([-a-z0-9]*[a-z0-9])?$"
#define SAME(field)  "self.spec." field " == oldSelf.spec." field
#define SAME_IF_ANY(field)                                                                         \
    "has(self.spec." field ") == has(oldSelf.spec." field ") && (!has(self.spec." field            \
    ") || " SAME(field) ")"

const struct api_rule etcdbackup_object_rules[] = {
    {"self.metadata.name.size() <= 52 && self.metadata.name.matches('" NAME_PATTERN "')",
     MESSAGE_NAME},
    {"(self.spec.storageType == 'S3') == has(self.spec.s3)", MESSAGE_S3},
    {"(self.spec.storageType == 'Local') == has(self.spec.local)", MESSAGE_LOCAL},
    {"!has(self.spec.s3) || !has(self.spec.s3.kmsKeyID) || "
     "(has(self.spec.s3.serverSideEncryption) && self.spec.s3.serverSideEncryption == 'aws:kms')",
     MESSAGE_KMS},
    {"!has(self.spec.schedule) || self.metadata.name.size() <= 42", MESSAGE_SCHEDULE_NAME},
    {"has(self.spec.schedule) || !has(self.spec.retentionPolicy)", MESSAGE_RETENTION},
    {"has(self.spec.schedule) == has(oldSelf.spec.schedule)", MESSAGE_BOTH},
    {"has(self.spec.schedule) || (" SAME("clusterName") " && " SAME("storageType") " && " SAME(
         "compression") " && " SAME_IF_ANY("s3") " && " SAME_IF_ANY("local") " && " SAME_IF_ANY("en"
                                                                                                "cr"
                                                                                                "yp"
                                                                                                "ti"
                                                                                                "o"
                                                                                                "n") ")",
     MESSAGE_FIXED},
    {0}};

/* NAME_PATTERN */
static bool is_name(const char *text)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    size_t length = strlen(text);

    return length && length <= ETCDBACKUP_MAX_NAME && strchr(letters, *text) &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == length &&
           text[length - 1] != '-';
}

static bool has_retention(const struct etcdbackup_retention *retention)
{
    return retention->max_backups || retention->max_age_ms || retention->daily ||
           retention->weekly || retention->monthly;
}

int etcdbackup_check_rules(const char *name, const struct etcdbackup_spec *spec,
                           struct error *error)
{
    const char *broken = NULL;

    if (name && !is_name(name)) {
        broken = MESSAGE_NAME;
    } else if (name && spec->schedule && strlen(name) > ETCDBACKUP_MAX_SCHEDULE_NAME) {
        broken = MESSAGE_SCHEDULE_NAME;
    } else if (!spec->schedule && has_retention(&spec->retention)) {
        broken = MESSAGE_RETENTION;
    } else if (!strcmp(spec->storage_type, "S3") != (spec->s3.bucket != NULL)) {
        broken = MESSAGE_S3;
    } else if (!strcmp(spec->storage_type, "Local") != (spec->local.claim != NULL)) {
        broken = MESSAGE_LOCAL;
    } else if (spec->s3.kms_key_id &&
               (!spec->s3.encryption || strcmp(spec->s3.encryption, "aws:kms") != 0)) {
        broken = MESSAGE_KMS;
    }
    return broken ? error_set(error, ERROR_INVALID, "%s", broken) : 0;
}
