#include "kube/kubeconfig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "base/yaml_read.h"
#include "kube/kubeconfig_entry.h"
#include "kube/kubeconfig_user.h"

/* The lists, and what an entry has beside its name. */
static const struct list {
    const char *plural, *singular;
} lists[] = {{"clusters", "cluster"}, {"users", "user"}, {"contexts", "context"}};
#define N_LISTS (sizeof lists / sizeof *lists)

/* Put into each entry while merging: the file that it is from. No file can say it, since no key of
 * kubectl's begins with a space. */
#define FILE_KEY " file"
/* Put into what is merged: all that was read, so that it is wiped too where it has lost. */
#define READ_KEY " read"

/* --- Files ------------------------------------------------------------------------------- */

char *kubeconfig_default_files(void)
{
    const char *files = getenv("KUBECONFIG");
    const char *home = getenv("HOME");

    if (files && *files) {
        return xstrdup(files);
    }
    if (!home || !*home) {
        return NULL;
    }
    char *standard = xasprintf("%s/.kube/config", home);
    if (access(standard, F_OK) == 0) {
        return standard;
    }
    free(standard);
    return NULL;
}

static int merge_file(json_t *merged, const char *path, bool optional, struct error *error)
{
    struct error own = {0};
    CLEANUP(memory_wipe_text) char *text = text_file_read(path, YAML_READ_MAX_SIZE, &own);

    if (text) {
        return kubeconfig_merge(merged, text, strlen(text), path, error);
    }
    if (optional && own.kind == ERROR_NOT_FOUND) {
        return 0;
    }
    return error_set(error, ERROR_INVALID, "kubeconfig: %s", own.message);
}

static int merge_files(json_t *merged, const char *files, struct error *error)
{
    bool several = strchr(files, ':') != NULL;
    int result = 0;

    while (*files && !result) {
        size_t length = strcspn(files, ":");
        if (length) {
            AUTO_FREE char *path = xasprintf("%.*s", (int)length, files);
            result = merge_file(merged, path, several, error);
        }
        files += length + (files[length] == ':');
    }
    return result;
}

static void free_secrets(json_t **json)
{
    json_wipe(*json);
    json_decref(*json);
}

int kubeconfig_load(const char *files, const char *context, struct arena *arena,
                    struct kubeconfig *out, struct error *error)
{
    CLEANUP(free_secrets) json_t *merged = json_object();
    int result = merge_files(merged, files, error);

    if (!result && !json_object_size(merged)) {
        result = error_set(error, ERROR_INVALID, "kubeconfig: there is nothing in %s", files);
    }
    return result ? result : kubeconfig_resolve(merged, context, arena, out, error);
}

/* --- Merging ----------------------------------------------------------------------------- */

static json_t *find_entry(const json_t *entries, const char *name)
{
    size_t index;
    json_t *entry;

    json_array_foreach(entries, index, entry)
    {
        const char *other = json_path_string(entry, "name", NULL);
        if (other && !strcmp(other, name)) {
            return entry;
        }
    }
    return NULL;
}

static int merge_list(json_t *merged, json_t *one, const struct list *list, const char *path,
                      struct error *error)
{
    json_t *from = json_object_get(one, list->plural);
    json_t *to = json_object_get(merged, list->plural);
    size_t index;
    json_t *entry;

    if (from && !json_is_null(from) && !json_is_array(from)) {
        return error_set(error, ERROR_INVALID, "%s: %s must be a list", path, list->plural);
    }
    json_array_foreach(from, index, entry)
    {
        const char *name = json_path_string(entry, "name", NULL);
        const json_t *fields = json_object_get(entry, list->singular);
        if (!name || !*name) {
            return error_set(error, ERROR_INVALID, "%s: number %zu of %s has no name", path,
                             index + 1, list->plural);
        }
        if (fields && !json_is_null(fields) && !json_is_object(fields)) {
            return error_set(error, ERROR_INVALID, "%s: %s \"%s\": %s must have fields", path,
                             list->singular, name, list->singular);
        }
        if (!find_entry(to, name)) {
            json_object_set_new(entry, FILE_KEY, json_string(path));
            json_array_append(to, entry);
        }
    }
    return 0;
}

int kubeconfig_merge(json_t *merged, const char *text, size_t size, const char *path,
                     struct error *error)
{
    json_t *one = yaml_read(text, size, path, NULL, error);
    int result = one ? 0 : -(int)ERROR_INVALID;

    if (!json_object_get(merged, READ_KEY)) {
        json_object_set_new(merged, READ_KEY, json_array());
    }
    json_array_append_new(json_object_get(merged, READ_KEY), one);
    if (one && !json_is_object(one)) {
        result = error_set(error, ERROR_INVALID, "%s: this is no kubeconfig", path);
    }
    for (size_t i = 0; i < N_LISTS && !result; i++) {
        if (!json_object_get(merged, lists[i].plural)) {
            json_object_set_new(merged, lists[i].plural, json_array());
        }
        result = merge_list(merged, one, &lists[i], path, error);
    }
    const char *current = json_path_string(one, "current-context", NULL);
    if (!result && current && *current && !json_object_get(merged, "current-context")) {
        json_object_set_new(merged, "current-context", json_string(current));
    }
    return result;
}

/* --- Resolving --------------------------------------------------------------------------- */

/* `wanted_by` is the entry that names it, or NULL. */
static int find(const json_t *merged, const struct list *list, const char *name,
                const struct kubeconfig_entry *wanted_by, struct arena *arena,
                struct kubeconfig_entry *out, struct error *error)
{
    const json_t *entry = find_entry(json_object_get(merged, list->plural), name);

    if (!entry && wanted_by) {
        return kubeconfig_entry_refuse(wanted_by, list->singular, error,
                                       "is \"%s\", which is not among the %s", name, list->plural);
    }
    if (!entry) {
        return error_set(error, ERROR_INVALID, "kubeconfig: there is no context \"%s\"", name);
    }
    *out = (struct kubeconfig_entry){
        .file = json_path_string(entry, FILE_KEY, NULL),
        .kind = list->singular,
        .name = name,
        .prefix = "",
        .fields = json_object_get(entry, list->singular),
        .arena = arena,
    };
    return 0;
}

/* The text of a member of the context, which must be there. */
static int reference(const struct kubeconfig_entry *context, const char *field, const char **out,
                     struct error *error)
{
    int result = kubeconfig_entry_text(context, field, out, error);

    return result || *out ? result : kubeconfig_entry_refuse(context, field, error, "is missing");
}

static int resolve_server(const struct kubeconfig_entry *cluster, struct kubeconfig *out,
                          struct error *error)
{
    const char *server;
    int result = kubeconfig_entry_text(cluster, "server", &server, error);

    if (result) {
        return result;
    }
    if (!server || (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0)) {
        return kubeconfig_entry_refuse(cluster, "server", error,
                                       "must be a URL such as https://10.0.0.1:6443");
    }
    size_t length = strlen(server);
    out->server = arena_strndup(cluster->arena, server, length - (server[length - 1] == '/'));
    return kubeconfig_entry_text(cluster, "tls-server-name", &out->tls_server_name, error);
}

static int resolve_cluster(const struct kubeconfig_entry *cluster, struct kubeconfig *out,
                           struct error *error)
{
    bool insecure = false;
    int result = resolve_server(cluster, out, error);

    if (!result) {
        result = kubeconfig_entry_flag(cluster, "insecure-skip-tls-verify", &insecure, error);
    }
    if (!result && insecure) {
        result = kubeconfig_entry_refuse(
            cluster, "insecure-skip-tls-verify", error,
            "is not supported: without knowing the server nothing may be told to it; give "
            "certificate-authority, and tls-server-name where the certificate has another name");
    }
    if (!result) {
        result = kubeconfig_entry_forbid(
            cluster, "proxy-url", "connections are made directly; give the API server's address",
            error);
    }
    if (!result) {
        result = kubeconfig_entry_data(cluster, "certificate-authority-data", &out->ca_pem, error);
    }
    if (!result && !out->ca_pem) {
        result = kubeconfig_entry_path(cluster, "certificate-authority", &out->ca_file, error);
    }
    return result;
}

int kubeconfig_resolve(const json_t *merged, const char *context, struct arena *arena,
                       struct kubeconfig *out, struct error *error)
{
    struct kubeconfig_entry chosen = {0}, cluster = {0}, user = {0};
    const char *cluster_name, *user_name;

    *out = (struct kubeconfig){0};
    if (!context) {
        context = json_path_string(merged, "current-context", NULL);
    }
    if (!context) {
        return error_set(error, ERROR_INVALID,
                         "kubeconfig: it has no current-context; name one of its contexts");
    }
    out->context = arena_strdup(arena, context);
    int result = find(merged, &lists[2], context, NULL, arena, &chosen, error);
    if (!result) {
        result = reference(&chosen, "cluster", &cluster_name, error);
    }
    if (!result) {
        result = find(merged, &lists[0], cluster_name, &chosen, arena, &cluster, error);
    }
    if (!result) {
        result = resolve_cluster(&cluster, out, error);
    }
    if (!result) {
        result = reference(&chosen, "user", &user_name, error);
    }
    if (!result) {
        result = find(merged, &lists[1], user_name, &chosen, arena, &user, error);
    }
    return result ? result : kubeconfig_resolve_user(&user, &cluster, out, error);
}
