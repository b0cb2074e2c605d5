#include "manager/option_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/field.h"
#include "base/memory.h"
#include "kube/path.h"

#define MAX_WORKERS    64
#define MAX_API_QPS    10000
#define MIN_RESYNC_MS  10000
#define NAMESPACE_SIZE 63 /* RFC 1123 label */

static bool set_image(struct manager_options *options, const char *value)
{
    if (!*value || strpbrk(value, " \t\n\"'")) {
        return false;
    }
    free(options->operator_image);
    options->operator_image = xstrdup(value);
    return true;
}

static bool set_helper_delivery(struct manager_options *options, const char *value)
{
    options->helper_image_volume = !strcmp(value, "image-volume");
    return options->helper_image_volume || !strcmp(value, "init-container");
}

/* Decimal digits only, from `minimum` to `maximum`. */
static bool parse_number(const char *text, long minimum, long maximum, long *out)
{
    char *end;

    if (!isdigit((unsigned char)*text)) {
        return false;
    }
    errno = 0;
    *out = strtol(text, &end, 10);
    return !errno && !*end && *out >= minimum && *out <= maximum;
}

static bool set_workers(struct manager_options *options, const char *value)
{
    long workers;

    if (!parse_number(value, 1, MAX_WORKERS, &workers)) {
        return false;
    }
    options->workers = (size_t)workers;
    return true;
}

static bool set_rate(uint32_t *rate, const char *value)
{
    long number;

    if (!parse_number(value, 1, MAX_API_QPS, &number)) {
        return false;
    }
    *rate = (uint32_t)number;
    return true;
}

static bool set_api_qps(struct manager_options *options, const char *value)
{
    return set_rate(&options->api_per_second, value);
}

static bool set_api_burst(struct manager_options *options, const char *value)
{
    return set_rate(&options->api_burst, value);
}

static bool set_metrics_address(struct manager_options *options, const char *value)
{
    return net_address_parse(&options->metrics_address, value);
}

static bool set_health_address(struct manager_options *options, const char *value)
{
    return net_address_parse(&options->health_address, value);
}

static bool set_log_level(struct manager_options *options, const char *value)
{
    return log_level_parse(value, &options->log_level);
}

static bool set_log_format(struct manager_options *options, const char *value)
{
    return log_format_parse(value, &options->log_format);
}

void manager_options_free_namespaces(struct manager_options *options)
{
    for (size_t i = 0; i < options->n_namespaces; i++) {
        free(options->namespaces[i]);
    }
    free(options->namespaces);
    options->namespaces = NULL;
    options->n_namespaces = 0;
}

static bool is_namespace(const char *name, size_t length)
{
    if (!length || length > NAMESPACE_SIZE || name[0] == '-' || name[length - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (!(name[i] >= 'a' && name[i] <= 'z') && !(name[i] >= '0' && name[i] <= '9') &&
            name[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool has_namespace(const struct manager_options *options, const char *name, size_t length)
{
    for (size_t i = 0; i < options->n_namespaces; i++) {
        if (strlen(options->namespaces[i]) == length &&
            !strncmp(options->namespaces[i], name, length)) {
            return true;
        }
    }
    return false;
}

static bool set_namespaces(struct manager_options *options, const char *value)
{
    manager_options_free_namespaces(options);
    while (*value) {
        size_t length = strcspn(value, ",");
        if (!is_namespace(value, length)) {
            return false;
        }
        if (!has_namespace(options, value, length)) { /* A second watch would see it all again. */
            options->namespaces = xrealloc(options->namespaces, (options->n_namespaces + 2) *
                                                                    sizeof *options->namespaces);
            options->namespaces[options->n_namespaces++] = strndup(value, length);
            options->namespaces[options->n_namespaces] = NULL;
        }
        value += length;
        if (*value && !*++value) {
            return false; /* "a," */
        }
    }
    return true;
}

static bool set_text(char **text, const char *value)
{
    if (!*value) {
        return false;
    }
    free(*text);
    *text = xstrdup(value);
    return true;
}

static bool set_kubeconfig(struct manager_options *options, const char *value)
{
    return set_text(&options->kubeconfig, value);
}

static bool set_context(struct manager_options *options, const char *value)
{
    return set_text(&options->context, value);
}

static bool set_resync(struct manager_options *options, const char *value)
{
    return api_duration_parse(value, &options->resync_ms) && options->resync_ms >= MIN_RESYNC_MS;
}

static bool set_leader_elect(struct manager_options *options, const char *value)
{
    options->leader_elect = !strcmp(value, "true");
    return options->leader_elect || !strcmp(value, "false");
}

static bool set_lease_namespace(struct manager_options *options, const char *value)
{
    if (*value && !is_namespace(value, strlen(value))) {
        return false;
    }
    free(options->lease_namespace);
    options->lease_namespace = *value ? xstrdup(value) : NULL;
    return true;
}

static bool set_lease_name(struct manager_options *options, const char *value)
{
    if (!kube_path_name_ok(value)) {
        return false;
    }
    free(options->lease_name);
    options->lease_name = xstrdup(value);
    return true;
}

static bool set_config(struct manager_options *options, const char *value)
{
    return set_text(&options->config, value);
}

static bool set_help(struct manager_options *options, const char *value)
{
    (void)value;
    options->help = true;
    return true;
}

static bool set_version(struct manager_options *options, const char *value)
{
    (void)value;
    options->version = true;
    return true;
}

static bool set_reference(struct manager_options *options, const char *value)
{
    (void)value;
    options->reference = true;
    return true;
}

const struct manager_option manager_option_table[] = {
    {"operator-image", "IMAGE", NULL, "an image reference",
     "This operator's own image: the pods of members take their start helper from it. Required.",
     set_image},
    {"helper-delivery", "HOW", "init-container", "init-container or image-volume",
     "How the start helper comes into a member's pod. An image volume saves the init container's "
     "part of each start; Kubernetes and every node's container runtime must support it (tried: "
     "1.36 with containerd 2.3).",
     set_helper_delivery},
    {"workers", "N", "2", "a number from 1 to 64", "Clusters that are worked on at the same time.",
     set_workers},
    {"namespaces", "LIST", "", "names of namespaces separated by commas, or nothing for all",
     "Namespaces to look after; empty: all.", set_namespaces, ','},
    {"resync", "DURATION", "10m", "a duration of at least 10s, such as 10m or 1h30m",
     "How often each cluster is looked at although nothing seems to have changed.", set_resync},
    {"leader-elect", "BOOL", "true", "true or false",
     "Whether only the replica that holds the Lease works. Without it there must never be two.",
     set_leader_elect},
    {"lease-namespace", "NAMESPACE", "", "the name of a namespace, or nothing for the pod's own",
     "Where the Lease is.", set_lease_namespace},
    {"lease-name", "NAME", "etcd-operator", "the name of an object",
     "The Lease's name; operators for different namespaces need different ones if they share the "
     "Lease's namespace.",
     set_lease_name},
    {"metrics-address", "ADDRESS", ":8080", "[IP]:PORT, such as :8080 or [::1]:8080",
     "Where /metrics is served.", set_metrics_address},
    {"health-address", "ADDRESS", ":8081", "[IP]:PORT, such as :8081 or [::1]:8081",
     "Where /healthz and /readyz are served; may equal the metrics address.", set_health_address},
    {"config", "FILE", NULL, "the path of a file",
     "A configuration file, which says the options that neither a flag nor the environment says.",
     set_config},
    {"kubeconfig", "FILE", NULL, "paths of kubeconfigs separated by ':'",
     "Who the operator is and at which API server, outside a cluster. Without it a pod uses its "
     "service account, and other processes the file that kubectl would use.",
     set_kubeconfig, ':'},
    {"context", "NAME", NULL, "the name of a context of the kubeconfig",
     "The context to use instead of the kubeconfig's current one.", set_context},
    {"api-qps", "N", "50", "a number from 1 to 10000",
     "Requests a second to the API server, watches and the Lease's apart; what is more waits its "
     "turn.",
     set_api_qps},
    {"api-burst", "N", "100", "a number from 1 to 10000",
     "How many of these may go at once after a silence.", set_api_burst},
    {"log-level", "LEVEL", "info", "debug, info, warning or error", "What is logged.",
     set_log_level},
    {"log-format", "FORMAT", "json", "json or text", "How it is logged.", set_log_format},
    {"help", NULL, NULL, NULL, "Show this text and end.", set_help},
    {"version", NULL, NULL, NULL, "Show the version and end.", set_version},
    {"reference", NULL, NULL, NULL, "Show this list as a page of Markdown and end.", set_reference},
};
const size_t manager_option_count = sizeof manager_option_table / sizeof *manager_option_table;

const struct manager_option *manager_option_find(const char *name, size_t length)
{
    for (size_t i = 0; i < manager_option_count; i++) {
        const struct manager_option *option = &manager_option_table[i];
        if (strlen(option->name) == length && !strncmp(option->name, name, length)) {
            return option;
        }
    }
    return NULL;
}

int manager_option_set(const struct manager_option *option, struct manager_options *options,
                       const char *where, const char *value, struct error *error)
{
    if (option->set(options, value)) {
        return 0;
    }
    return error_set(error, ERROR_INVALID, "%s: '%s' is not allowed; allowed is %s", where, value,
                     option->allowed);
}
