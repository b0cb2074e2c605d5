/* The options that say which store is meant, for every command that has to do with one: one table,
 * so that a store is named in the same words everywhere. */
#ifndef STORE_OPTIONS_H
#define STORE_OPTIONS_H 1

#include <stdbool.h>
#include <stddef.h>

#include "store/store.h"

struct store_option {
    const char *name; /* Without the dashes; NULL ends the table. */
    bool is_flag;     /* It has no value. */
    size_t offset;    /* Of what it sets in struct store_destination: const char *, or bool. */
};

extern const struct store_option store_options[];

/* What it says of them in a --help. */
extern const char store_options_help[];

/* `value` is borrowed by the destination. */
void store_option_set(const struct store_option *option, const char *value,
                      struct store_destination *destination);

#endif
