/* The operator's configuration file: YAML, whose keys are the options' names.
 *
 *     apiVersion: etcd.etcd.io/v1alpha1
 *     kind: OperatorConfiguration
 *     log-level: debug
 *     namespaces: [a, b]
 *
 * It is not an object of Kubernetes, but looks like one, so that a later version can be told apart.
 */
#ifndef MANAGER_CONFIG_FILE_H
#define MANAGER_CONFIG_FILE_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "manager/option_table.h"

#define CONFIG_FILE_API_VERSION "etcd.etcd.io/v1alpha1"
#define CONFIG_FILE_KIND        "OperatorConfiguration"

/* Whether the option may stand in the file: all that have a value, but the file's own path. */
bool config_file_takes(const struct manager_option *option);

/* Sets the options of the file at `path` on top of those that are there. ERROR_INVALID names file,
 * line, key, value and what is allowed. */
int config_file_read(const char *path, struct manager_options *options, struct error *error);

/* The same with the file's text; `path` is for messages. */
int config_file_apply(const char *text, size_t size, const char *path,
                      struct manager_options *options, struct error *error);

#endif
