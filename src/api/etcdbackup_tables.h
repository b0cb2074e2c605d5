/* The parts that etcdbackup_kind is put together from.  Private to api/. */
#ifndef API_ETCDBACKUP_TABLES_H
#define API_ETCDBACKUP_TABLES_H 1

#include "api/etcdbackup.h"

extern const struct api_field etcdbackup_spec_fields[], etcdbackup_status_fields[];
extern const struct api_rule etcdbackup_object_rules[];

/* What says where a backup lies, which EtcdRestore has as well: of struct etcdbackup_spec's s3,
 * local and encryption. */
extern const char *const etcdbackup_storage_types[];
extern const struct api_field etcdbackup_s3_fields[], etcdbackup_local_fields[],
    etcdbackup_encryption_fields[];

/* The rules that do not compare with oldSelf, on a decoded spec. `name` may be NULL (unknown). */
int etcdbackup_check_rules(const char *name, const struct etcdbackup_spec *spec,
                           struct error *error);

#endif
