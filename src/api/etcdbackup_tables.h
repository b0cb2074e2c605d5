/* The parts that etcdbackup_kind is put together from.  Private to api/. */
#ifndef API_ETCDBACKUP_TABLES_H
#define API_ETCDBACKUP_TABLES_H 1

#include "api/etcdbackup.h"

extern const struct api_field etcdbackup_spec_fields[], etcdbackup_status_fields[];
extern const struct api_rule etcdbackup_object_rules[];

/* The rules that do not compare with oldSelf, on a decoded spec. `name` may be NULL (unknown). */
int etcdbackup_check_rules(const char *name, const struct etcdbackup_spec *spec,
                           struct error *error);

#endif
