/* The parts that etcdrestore_kind is put together from.  Private to api/. */
#ifndef API_ETCDRESTORE_TABLES_H
#define API_ETCDRESTORE_TABLES_H 1

#include "api/field.h"

extern const struct api_field etcdrestore_status_fields[];

#endif
