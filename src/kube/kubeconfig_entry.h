/* One cluster, user or context of a kubeconfig, and its fields in words.  Private to kubeconfig*.c.
 *
 * Each function fills `*out` with NULL when the field is not given (absent, null or empty) and
 * fails with ERROR_INVALID and 'FILE: user "NAME": FIELD ...'. */
#ifndef KUBE_KUBECONFIG_ENTRY_H
#define KUBE_KUBECONFIG_ENTRY_H 1

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"

struct kubeconfig_entry {
    const char *file;     /* The kubeconfig that it stands in. */
    const char *kind;     /* "cluster", "user", "context" */
    const char *name;     /* As in the list. */
    const char *prefix;   /* Of its fields' names: "" or "exec." */
    const json_t *fields; /* NULL: none. */
    struct arena *arena;  /* For what is handed out; wiped when it ends. */
};

int kubeconfig_entry_refuse(const struct kubeconfig_entry *entry, const char *field,
                            struct error *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A string in the arena, which wipes it. NULL gives NULL. */
const char *kubeconfig_keep(struct arena *arena, const char *text);

int kubeconfig_entry_text(const struct kubeconfig_entry *entry, const char *field, const char **out,
                          struct error *error);
/* A path; a relative one is taken from where the kubeconfig is. */
int kubeconfig_entry_path(const struct kubeconfig_entry *entry, const char *field, const char **out,
                          struct error *error);
/* Text in base64. */
int kubeconfig_entry_data(const struct kubeconfig_entry *entry, const char *field, const char **out,
                          struct error *error);
int kubeconfig_entry_flag(const struct kubeconfig_entry *entry, const char *field, bool *out,
                          struct error *error);
/* Fails if the field is given, with what to do instead. */
int kubeconfig_entry_forbid(const struct kubeconfig_entry *entry, const char *field,
                            const char *instead, struct error *error);

/* `path`, or where it leads from the directory of `file`; in the arena. */
const char *kubeconfig_relative(struct arena *arena, const char *file, const char *path);

#endif
