/* What the operator is told when it starts.  One table of options gives the parser, the text of
 * --help and the reference page, so that they cannot differ.
 *
 * An option is "--name value" or "--name=value"; the environment variable ETCD_OPERATOR_NAME (upper
 * case, "_" for "-") says the same with less weight than the flag, and a configuration file
 * (manager/config_file.h) with less than both. */
#ifndef MANAGER_OPTIONS_H
#define MANAGER_OPTIONS_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "net/address.h"

struct manager_options {
    char *operator_image;
    bool helper_image_volume; /* Else an init container copies the helper. */
    size_t workers;
    struct net_address metrics_address, health_address;
    uint32_t api_per_second, api_burst;
    enum log_level log_level;
    enum log_format log_format;
    char **namespaces; /* Ended by NULL; none: all namespaces. */
    size_t n_namespaces;
    int64_t resync_ms;
    bool leader_elect;
    char *lease_namespace; /* NULL: the pod's. */
    char *lease_name;
    char *kubeconfig, *context;    /* NULL: not given. */
    char *config;                  /* Likewise: the configuration file. */
    bool help, version, reference; /* Only this was asked for; the rest may be incomplete. */
};

/* Fills `options` from the file, the environment and argv[0] to argv[argc - 1] (the program's name
 * is not among them). ERROR_INVALID names the wrong option and what is allowed. Call
 * manager_options_fini() in either case. */
int manager_options_parse(struct manager_options *options, int argc, char **argv,
                          struct error *error);
void manager_options_fini(struct manager_options *options);

/* The text of --help. */
void manager_options_help(struct buffer *out);
/* The same as a page of Markdown: docs/options.md. */
void manager_options_reference(struct buffer *out);

#endif
