#include "manager/options.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "manager/config_file.h"
#include "manager/option_table.h"

#define MAX_NAME    64
#define ENVIRONMENT "ETCD_OPERATOR_"

static void environment_name(const struct manager_option *option, char *out, size_t size)
{
    snprintf(out, size, ENVIRONMENT "%s", option->name);
    for (char *c = out; *c; c++) {
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
    }
}

static int set_from_environment(struct manager_options *options, struct error *error)
{
    char name[MAX_NAME];
    int r = 0;

    for (size_t i = 0; i < manager_option_count && r == 0; i++) {
        const struct manager_option *option = &manager_option_table[i];
        environment_name(option, name, sizeof name);
        const char *value = option->argument ? getenv(name) : NULL;
        if (value) {
            r = manager_option_set(option, options, name, value, error);
        }
    }
    return r;
}

static int unknown(const char *argument, struct error *error)
{
    AUTO_BUFFER struct buffer names = {0};

    for (size_t i = 0; i < manager_option_count; i++) {
        buffer_printf(&names, "%s--%s", i ? ", " : "", manager_option_table[i].name);
    }
    return error_set(error, ERROR_INVALID, "'%s' is unknown; there are %s", argument, names.data);
}

/* One option at argv[*index], and its value if that is the next argument. */
static int set_from_argument(struct manager_options *options, int argc, char **argv, int *index,
                             struct error *error)
{
    const char *argument = argv[*index];
    char where[MAX_NAME + 2];

    if (strncmp(argument, "--", 2) != 0) {
        return unknown(argument, error);
    }
    size_t length = strcspn(argument + 2, "=");
    const struct manager_option *option = manager_option_find(argument + 2, length);
    const char *value = argument[2 + length] ? argument + 2 + length + 1 : NULL;
    if (!option) {
        return unknown(argument, error);
    }
    snprintf(where, sizeof where, "--%s", option->name);
    if (!option->argument) {
        return value ? error_set(error, ERROR_INVALID, "%s takes no value", where)
                     : manager_option_set(option, options, where, "", error);
    }
    if (!value) {
        if (*index + 1 >= argc) {
            return error_set(error, ERROR_INVALID, "%s needs a value: %s", where, option->allowed);
        }
        value = argv[++*index];
    }
    return manager_option_set(option, options, where, value, error);
}

/* What says the same with more weight comes later. */
static int read_all(struct manager_options *options, const char *config, int argc, char **argv,
                    struct error *error)
{
    *options = (struct manager_options){0};
    for (size_t i = 0; i < manager_option_count; i++) {
        const struct manager_option *option = &manager_option_table[i];
        if (option->standard) {
            option->set(options, option->standard);
        }
    }
    int r = config ? config_file_read(config, options, error) : 0;
    if (r == 0) {
        r = set_from_environment(options, error);
    }
    for (int i = 0; i < argc && r == 0; i++) {
        r = set_from_argument(options, argc, argv, &i, error);
    }
    return r;
}

int manager_options_parse(struct manager_options *options, int argc, char **argv,
                          struct error *error)
{
    int r = read_all(options, NULL, argc, argv, error);
    bool only_shows = options->help || options->version || options->reference;

    if (r || only_shows) {
        return r;
    }
    if (options->config) { /* Now that the file is known: once more, with it beneath. */
        AUTO_FREE char *config = xstrdup(options->config);
        manager_options_fini(options);
        r = read_all(options, config, argc, argv, error);
    }
    if (r == 0 && !options->operator_image) {
        r = error_set(error, ERROR_INVALID,
                      "--operator-image is missing: give this operator's own image, by the flag, "
                      "as " ENVIRONMENT "OPERATOR_IMAGE or in the configuration file");
    }
    return r;
}

void manager_options_fini(struct manager_options *options)
{
    free(options->operator_image);
    free(options->config);
    free(options->kubeconfig);
    free(options->context);
    free(options->metrics_address.host);
    free(options->health_address.host);
    free(options->lease_namespace);
    free(options->lease_name);
    manager_options_free_namespaces(options);
    *options = (struct manager_options){0};
}

void manager_options_help(struct buffer *out)
{
    char name[MAX_NAME];

    buffer_printf(out, "Usage: etcd-operator [run] [OPTIONS]\n"
                       "       etcd-operator explain NAMESPACE/NAME (see explain --help)\n\n"
                       "Runs etcd clusters on Kubernetes as their EtcdCluster objects say.\n\n");
    for (size_t i = 0; i < manager_option_count; i++) {
        const struct manager_option *option = &manager_option_table[i];
        buffer_printf(out, "  --%s%s%s\n        %s\n", option->name, option->argument ? " " : "",
                      option->argument ? option->argument : "", option->help);
        if (!option->argument) {
            continue;
        }
        environment_name(option, name, sizeof name);
        buffer_printf(out, "        Allowed: %s.\n        ", option->allowed);
        if (option->standard && *option->standard) {
            buffer_printf(out, "Default: %s. ", option->standard);
        }
        buffer_printf(out, "Environment: %s\n", name);
    }
}

static void reference_of_file(struct buffer *out)
{
    buffer_printf(out,
                  "\n## Configuration file\n\n"
                  "YAML, named by `--config`. Its keys are the options' names; a list is a list "
                  "of YAML or the text that the flag takes. A key that does not exist, stands "
                  "twice or has a value that is not allowed is an error. It is read when the "
                  "operator starts. With every default:\n\n"
                  "    apiVersion: " CONFIG_FILE_API_VERSION "\n"
                  "    kind: " CONFIG_FILE_KIND "\n");
    for (size_t i = 0; i < manager_option_count; i++) {
        const struct manager_option *option = &manager_option_table[i];
        if (!config_file_takes(option)) {
            continue;
        }
        if (option->standard) {
            const char *empty = *option->standard ? "" : "\"\"";
            buffer_printf(out, "    %s: %s%s\n", option->name, option->standard, empty);
        } else {
            buffer_printf(out, "    # %s: %s\n", option->name, option->argument);
        }
    }
}

void manager_options_reference(struct buffer *out)
{
    char name[MAX_NAME];

    buffer_printf(out, "# Options of the operator\n\n"
                       "Made by `etcd-operator --reference`; do not edit. A flag overrides its "
                       "environment variable, and both override the "
                       "[configuration file](#configuration-file).\n\n"
                       "| Option | Environment | Default | Allowed | Meaning |\n"
                       "|---|---|---|---|---|\n");
    for (size_t i = 0; i < manager_option_count; i++) {
        const struct manager_option *option = &manager_option_table[i];
        if (!option->argument) {
            buffer_printf(out, "| `--%s` | | | | %s |\n", option->name, option->help);
            continue;
        }
        environment_name(option, name, sizeof name);
        const char *quote = option->standard && *option->standard ? "`" : "";
        buffer_printf(out, "| `--%s %s` | `%s` | %s%s%s | %s | %s |\n", option->name,
                      option->argument, name, quote, option->standard ? option->standard : "",
                      quote, option->allowed, option->help);
    }
    reference_of_file(out);
}
