#include "kube/kubeconfig_user.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "pki/base64.h"

/* The name under which a cluster's entry holds what its plugin wants to know (client-go,
 * tools/clientcmd/client_config.go). */
#define PLUGIN_EXTENSION "client.authentication.k8s.io/exec"

/* --- The program ------------------------------------------------------------------------- */

static int refuse_version(const struct kubeconfig_entry *exec, const char *version,
                          struct error *error)
{
    return kubeconfig_entry_refuse(exec, "apiVersion", error,
                                   "is \"%s\", but must be client.authentication.k8s.io/v1 or "
                                   "client.authentication.k8s.io/v1beta1",
                                   version ? version : "");
}

static int resolve_version(const struct kubeconfig_entry *exec, const char **out,
                           struct error *error)
{
    const char *mode = NULL;
    int result = kubeconfig_entry_text(exec, "apiVersion", out, error);

    if (!result) {
        result = kubeconfig_entry_text(exec, "interactiveMode", &mode, error);
    }
    if (result) {
        return result;
    }
    bool stable = *out && !strcmp(*out, "client.authentication.k8s.io/v1");
    if (!stable && (!*out || strcmp(*out, "client.authentication.k8s.io/v1beta1") != 0)) {
        return refuse_version(exec, *out, error);
    }
    if (mode && !strcmp(mode, "Always")) {
        return kubeconfig_entry_refuse(
            exec, "interactiveMode", error,
            "is Always, but there is nobody to ask: use a user whose plugin needs no terminal");
    }
    if (mode ? strcmp(mode, "Never") != 0 && strcmp(mode, "IfAvailable") != 0 : stable) {
        return kubeconfig_entry_refuse(exec, "interactiveMode", error,
                                       "must be Never or IfAvailable");
    }
    return 0;
}

static int resolve_command(const struct kubeconfig_entry *exec, const char **out,
                           struct error *error)
{
    int result = kubeconfig_entry_text(exec, "command", out, error);

    if (!result && !*out) {
        return kubeconfig_entry_refuse(exec, "command", error, "is missing");
    }
    if (!result && strchr(*out, '/')) {
        *out = kubeconfig_relative(exec->arena, exec->file, *out);
    }
    return result;
}

static int resolve_args(const struct kubeconfig_entry *exec, const char *const **out,
                        struct error *error)
{
    const json_t *args = json_object_get(exec->fields, "args");
    const char **made =
        arena_alloc(exec->arena, (json_array_size(args) + 1) * sizeof(const char *));

    if (args && !json_is_array(args) && !json_is_null(args)) {
        return kubeconfig_entry_refuse(exec, "args", error, "must be a list of texts");
    }
    for (size_t i = 0; i < json_array_size(args); i++) {
        const char *arg = json_string_value(json_array_get(args, i));
        if (!arg) {
            return kubeconfig_entry_refuse(exec, "args", error, "must be a list of texts");
        }
        made[i] = kubeconfig_keep(exec->arena, arg);
    }
    *out = made;
    return 0;
}

static int resolve_env(const struct kubeconfig_entry *exec, const char *const **out,
                       struct error *error)
{
    const json_t *env = json_object_get(exec->fields, "env");
    const char **made = arena_alloc(exec->arena, (json_array_size(env) + 1) * sizeof(const char *));

    if (env && !json_is_array(env) && !json_is_null(env)) {
        return kubeconfig_entry_refuse(exec, "env", error, "must be a list of names and values");
    }
    for (size_t i = 0; i < json_array_size(env); i++) {
        const json_t *pair = json_array_get(env, i);
        const char *name = json_path_string(pair, "name", NULL);
        const json_t *value = json_object_get(pair, "value");
        if (!name || !*name || strchr(name, '=') ||
            (value && !json_is_string(value) && !json_is_null(value))) {
            return kubeconfig_entry_refuse(exec, "env", error,
                                           "must be a list of names and values");
        }
        const char *text = json_string_value(value);
        CLEANUP(memory_wipe_text) char *line = xasprintf("%s=%s", name, text ? text : "");
        made[i] = kubeconfig_keep(exec->arena, line);
    }
    *out = made;
    return 0;
}

/* The extension that is meant for the plugin, borrowed. */
static json_t *plugin_config(const struct kubeconfig_entry *cluster)
{
    size_t index;
    json_t *extension;

    json_array_foreach(json_object_get(cluster->fields, "extensions"), index, extension)
    {
        const char *name = json_path_string(extension, "name", NULL);
        if (name && !strcmp(name, PLUGIN_EXTENSION)) {
            return json_object_get(extension, "extension");
        }
    }
    return NULL;
}

/* spec.cluster of an ExecCredential. A CA that is a file is named in the kubeconfig only; the API
 * has no field for it but its content, which the plugin is not given then. */
static int resolve_cluster_info(const struct kubeconfig_entry *exec,
                                const struct kubeconfig_entry *cluster,
                                const struct kubeconfig *config, const char **out,
                                struct error *error)
{
    bool wanted;
    int result = kubeconfig_entry_flag(exec, "provideClusterInfo", &wanted, error);

    *out = NULL;
    if (result || !wanted) {
        return result;
    }
    AUTO_FREE char *ca =
        config->ca_pem ? base64_encode(config->ca_pem, strlen(config->ca_pem)) : NULL;
    AUTO_JSON json_t *info =
        json_pack("{s:s, s:s*, s:s*, s:O*}", "server", config->server, "tls-server-name",
                  config->tls_server_name, "certificate-authority-data", ca, "config",
                  plugin_config(cluster));
    AUTO_FREE char *text = json_canonical(info);
    *out = arena_strdup(exec->arena, text);
    return 0;
}

static int resolve_exec(const struct kubeconfig_entry *user, const struct kubeconfig_entry *cluster,
                        struct kubeconfig *out, struct error *error)
{
    const json_t *fields = json_object_get(user->fields, "exec");
    struct kubeconfig_entry exec = *user;
    struct kubeconfig_exec *made = arena_alloc(user->arena, sizeof *made);

    if (!fields || json_is_null(fields)) {
        return 0;
    }
    if (!json_is_object(fields)) {
        return kubeconfig_entry_refuse(user, "exec", error, "must have fields");
    }
    exec.prefix = "exec.";
    exec.fields = fields;
    int result = resolve_version(&exec, &made->api_version, error);
    if (!result) {
        result = resolve_command(&exec, &made->command, error);
    }
    if (!result) {
        result = resolve_args(&exec, &made->args, error);
    }
    if (!result) {
        result = resolve_env(&exec, &made->env, error);
    }
    if (!result) {
        result = kubeconfig_entry_text(&exec, "installHint", &made->install_hint, error);
    }
    if (!result) {
        result = resolve_cluster_info(&exec, cluster, out, &made->cluster, error);
    }
    out->exec = result ? NULL : made;
    return result;
}

/* --- The user ---------------------------------------------------------------------------- */

static int refuse_unsupported(const struct kubeconfig_entry *user, struct error *error)
{
    static const struct {
        const char *field, *instead;
    } unsupported[] = {
        {"username", "API servers take no passwords since Kubernetes 1.19; give a client "
                     "certificate, a token or an exec plugin"},
        {"password", "API servers take no passwords since Kubernetes 1.19; give a client "
                     "certificate, a token or an exec plugin"},
        {"auth-provider", "clients lost it with Kubernetes 1.26; give an exec plugin"},
        {"as", "give credentials of the account itself"},
        {"as-uid", "give credentials of the account itself"},
        {"as-groups", "give credentials of the account itself"},
        {"as-user-extra", "give credentials of the account itself"},
    };
    int result = 0;

    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported && !result; i++) {
        result = kubeconfig_entry_forbid(user, unsupported[i].field, unsupported[i].instead, error);
    }
    return result;
}

/* A text (in base64) or else a file, as client-go prefers them. */
static int resolve_pem(const struct kubeconfig_entry *user, const char *data_field,
                       const char *file_field, const char **pem, const char **file,
                       struct error *error)
{
    int result = kubeconfig_entry_data(user, data_field, pem, error);

    return result || *pem ? result : kubeconfig_entry_path(user, file_field, file, error);
}

static int resolve_certificate(const struct kubeconfig_entry *user, struct kubeconfig *out,
                               struct error *error)
{
    int result = resolve_pem(user, "client-certificate-data", "client-certificate",
                             &out->certificate_pem, &out->certificate_file, error);

    if (!result) {
        result = resolve_pem(user, "client-key-data", "client-key", &out->key_pem, &out->key_file,
                             error);
    }
    bool certificate = out->certificate_pem || out->certificate_file;
    bool key = out->key_pem || out->key_file;
    if (!result && certificate != key) {
        result = kubeconfig_entry_refuse(user, certificate ? "client-key" : "client-certificate",
                                         error, "is missing: each of the two needs the other");
    }
    return result;
}

int kubeconfig_resolve_user(const struct kubeconfig_entry *user,
                            const struct kubeconfig_entry *cluster, struct kubeconfig *out,
                            struct error *error)
{
    int result = refuse_unsupported(user, error);

    if (!result) {
        result = resolve_certificate(user, out, error);
    }
    if (!result) { /* client-go prefers the file too. */
        result = kubeconfig_entry_path(user, "tokenFile", &out->token_file, error);
    }
    if (!result && !out->token_file) {
        result = kubeconfig_entry_text(user, "token", &out->token, error);
    }
    if (!result) {
        result = resolve_exec(user, cluster, out, error);
    }
    if (!result && out->exec &&
        (out->token || out->token_file || out->certificate_pem || out->certificate_file)) {
        result = kubeconfig_entry_refuse(user, "exec", error,
                                         "stands beside another credential: leave one of the two");
    }
    return result;
}
