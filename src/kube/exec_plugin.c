#include "kube/exec_plugin.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/credentials.h"
#include "kube/program.h"

/* A certificate chain and a key have about 10 kB. */
#define MAX_OUTPUT ((size_t)256 * 1024)

void exec_credential_fini(struct exec_credential *credential)
{
    memory_wipe_text(&credential->token);
    memory_wipe_text(&credential->certificate_pem);
    memory_wipe_text(&credential->key_pem);
}

static void free_secrets(json_t **json)
{
    json_wipe(*json);
    json_decref(*json);
}

static char *copy_of(const json_t *status, const char *field)
{
    const char *text = json_path_string(status, field, NULL);
    return text && *text ? xstrdup(text) : NULL;
}

static int check_version(const json_t *answer, const char *api_version, struct error *error)
{
    const char *kind = json_path_string(answer, "kind", NULL);
    const char *version = json_path_string(answer, "apiVersion", NULL);

    if (!kind || strcmp(kind, "ExecCredential") != 0) {
        return error_set(error, ERROR_DENIED, "its output is no ExecCredential");
    }
    if (!version || strcmp(version, api_version) != 0) {
        return error_set(error, ERROR_DENIED, "its output has apiVersion %s, exec.apiVersion is %s",
                         version ? version : "(none)", api_version);
    }
    return 0;
}

/* jansson's message may quote the text: it is not passed on. */
int exec_plugin_decode(const char *text, size_t size, const char *api_version,
                       struct exec_credential *out, struct error *error)
{
    CLEANUP(free_secrets) json_t *answer = json_parse(text, size, "", NULL);
    const json_t *status = json_object_get(answer, "status");
    const char *expires = json_path_string(status, "expirationTimestamp", NULL);

    *out = (struct exec_credential){0};
    if (!answer) {
        return error_set(error, ERROR_DENIED, "its output is no JSON");
    }
    int result = check_version(answer, api_version, error);
    if (result) {
        return result;
    }
    out->token = copy_of(status, "token");
    out->certificate_pem = copy_of(status, "clientCertificateData");
    out->key_pem = copy_of(status, "clientKeyData");
    if (!out->token && !out->certificate_pem) {
        return error_set(error, ERROR_DENIED,
                         "its output has neither a token nor a clientCertificateData");
    }
    if (!out->certificate_pem != !out->key_pem) {
        return error_set(error, ERROR_DENIED,
                         "its output has one of clientCertificateData and clientKeyData only");
    }
    if (out->token && !kube_token_ok(out->token)) {
        return error_set(error, ERROR_DENIED, "its token has characters that no token has");
    }
    out->expires_ms = expires ? clock_parse_rfc3339(expires) : 0;
    return out->expires_ms < 0
               ? error_set(error, ERROR_DENIED, "its expirationTimestamp is no date")
               : 0;
}

/* The variable through which the program learns what is wanted. */
static const char *exec_info(const struct kubeconfig_exec *exec, struct arena *arena)
{
    AUTO_JSON json_t *cluster = exec->cluster ? json_loads(exec->cluster, 0, NULL) : NULL;
    AUTO_JSON json_t *info =
        json_pack("{s:s, s:s, s:{s:b, s:O*}}", "kind", "ExecCredential", "apiVersion",
                  exec->api_version, "spec", "interactive", 0, "cluster", cluster);
    AUTO_FREE char *text = json_canonical(info);
    return arena_printf(arena, "KUBERNETES_EXEC_INFO=%s", text);
}

static size_t length_of(const char *const *list)
{
    size_t length = 0;

    while (list[length]) {
        length++;
    }
    return length;
}

int exec_plugin_run(const struct kubeconfig_exec *exec, struct exec_credential *out,
                    struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    size_t n_args = length_of(exec->args), n_env = length_of(exec->env);
    const char **argv = arena_alloc(arena, (n_args + 2) * sizeof *argv);
    const char **env = arena_alloc(arena, (n_env + 2) * sizeof *env);
    CLEANUP(memory_wipe_text) char *text = NULL;
    struct error own = {0};

    *out = (struct exec_credential){0};
    argv[0] = exec->command;
    memcpy(argv + 1, exec->args, n_args * sizeof *argv);
    memcpy(env, exec->env, n_env * sizeof *env);
    env[n_env] = exec_info(exec, arena);
    const struct program program = {
        .argv = argv, .env = env, .timeout_ms = EXEC_PLUGIN_TIMEOUT_MS, .limit = MAX_OUTPUT};
    if (program_output(&program, &text, &own)) {
        bool missing = own.kind == ERROR_NOT_FOUND && exec->install_hint;
        return error_set(error, ERROR_DENIED, "get credentials from the exec plugin: %s%s%s",
                         own.message, missing ? ": " : "", missing ? exec->install_hint : "");
    }
    if (exec_plugin_decode(text, strlen(text), exec->api_version, out, &own)) {
        return error_set(error, ERROR_DENIED, "get credentials from the exec plugin %s: %s",
                         exec->command, own.message);
    }
    return 0;
}
