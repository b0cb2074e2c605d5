/* The table of the operator's options, for those who read them: from flags and the environment
 * (manager/options.h) and from a file (manager/config_file.h). */
#ifndef MANAGER_OPTION_TABLE_H
#define MANAGER_OPTION_TABLE_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "manager/options.h"

struct manager_option {
    const char *name;     /* Without the dashes. */
    const char *argument; /* What stands for the value in the help; NULL: a flag without one. */
    const char *standard; /* The default as text; NULL: none. */
    const char *allowed;
    const char *help;
    /* False if the value is not allowed. */
    bool (*set)(struct manager_options *options, const char *value);
    char separator; /* Of a list's elements in the text; 0: the value is no list. */
};

extern const struct manager_option manager_option_table[];
extern const size_t manager_option_count;

/* NULL: there is none of that name. */
const struct manager_option *manager_option_find(const char *name, size_t length);

/* `where` is how the user said it: "--workers" or "ETCD_OPERATOR_WORKERS". ERROR_INVALID names it,
 * the value and what is allowed. */
int manager_option_set(const struct manager_option *option, struct manager_options *options,
                       const char *where, const char *value, struct error *error);

void manager_options_free_namespaces(struct manager_options *options);

#endif
