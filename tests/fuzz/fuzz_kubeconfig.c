/* Feeds kubeconfigs through reading, merging and resolving, and what a credential program printed
 * through its decoder.
 *
 * The input is cut at NULs: each piece is a file of its own, merged with those before it, and all
 * of them are also taken as an answer of such a program. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "kube/exec_plugin.h"
#include "kube/kubeconfig.h"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Of a file and its text at most one. */
static bool one(const char *file, const char *text)
{
    return !(file && text);
}

static void resolve(const json_t *merged, const char *context)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct kubeconfig out = {0};
    struct error error = {0};

    if (kubeconfig_resolve(merged, context, arena, &out, &error)) {
        must(error.kind && *error.message);
    } else {
        must(out.server && *out.server && out.server[strlen(out.server) - 1] != '/');
        must(one(out.ca_file, out.ca_pem) && one(out.certificate_file, out.certificate_pem));
        must(one(out.key_file, out.key_pem) && one(out.token_file, out.token));
        must(!out.exec || (out.exec->command && out.exec->args && out.exec->env));
    }
}

static void decode(const char *text, size_t size, const char *version)
{
    struct exec_credential out = {0};
    struct error error = {0};

    if (exec_plugin_decode(text, size, version, &out, &error)) {
        must(error.kind == ERROR_DENIED && *error.message);
    } else {
        must(out.token || (out.certificate_pem && out.key_pem));
        must(!out.certificate_pem == !out.key_pem);
    }
    exec_credential_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_JSON json_t *merged = json_object();
    struct error error;
    const char *text = (const char *)data;
    int result = 0;

    for (size_t at = 0; at < size && !result;) {
        size_t length = strnlen(text + at, size - at);
        AUTO_FREE char *piece = strndup(text + at, length);
        decode(piece, length, "client.authentication.k8s.io/v1");
        decode(piece, length, "client.authentication.k8s.io/v1beta1");
        result = kubeconfig_merge(merged, piece, length, "/home/f/config", &error);
        at += length + 1;
    }
    if (!result) {
        resolve(merged, NULL);
        resolve(merged, "other");
    }
    return 0;
}
