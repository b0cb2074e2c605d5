/* A kubeconfig: which API server, and who we are there, as kubectl is told.
 *
 * Understood are: of a cluster server, certificate-authority(-data), tls-server-name; of a user
 * client-certificate(-data), client-key(-data), token, tokenFile and exec; contexts,
 * current-context.  What would be wrong to ignore (insecure-skip-tls-verify, proxy-url, username,
 * password, auth-provider, as...) is refused with the field's name and with what to write instead.
 *
 * Source: client-go, tools/clientcmd (api/v1/types.go, and loader.go for the merging). */
#ifndef KUBE_KUBECONFIG_H
#define KUBE_KUBECONFIG_H 1

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"

/* A program that gives credentials (client.authentication.k8s.io). */
struct kubeconfig_exec {
    const char *api_version;
    const char *command;      /* With a slash: absolute; else to be found in PATH. */
    const char *const *args;  /* Ended by NULL. */
    const char *const *env;   /* "NAME=value", added to ours; ended by NULL. */
    const char *install_hint; /* What to tell who has no such program, or NULL. */
    const char *cluster;      /* JSON of spec.cluster of KUBERNETES_EXEC_INFO, or NULL. */
};

/* One context, resolved. Of a file and its text (..._pem, token) at most one is set; files are
 * absolute paths, if the kubeconfig's own was. NULL: not given. */
struct kubeconfig {
    const char *context;
    const char *server; /* Without a slash at its end. */
    const char *tls_server_name;
    const char *ca_file, *ca_pem;
    const char *certificate_file, *certificate_pem;
    const char *key_file, *key_pem;
    const char *token, *token_file;
    const struct kubeconfig_exec *exec;
};

/* What kubectl reads without --kubeconfig, malloc'ed: the list of files in KUBECONFIG, else
 * ~/.kube/config if there is such a file, else NULL. */
char *kubeconfig_default_files(void);

/* Reads `files` (paths separated by ':'; of several, those that do not exist are left out) and
 * resolves `context`, or with NULL the current-context. Strings live in the arena, which wipes
 * them. ERROR_INVALID names file, entry and field; a secret is never in the message. */
int kubeconfig_load(const char *files, const char *context, struct arena *arena,
                    struct kubeconfig *out, struct error *error);

/* The steps of it, without files: adds the text of `path` to `merged` (an object, in which what is
 * there already wins), then resolves. */
int kubeconfig_merge(json_t *merged, const char *text, size_t size, const char *path,
                     struct error *error);
int kubeconfig_resolve(const json_t *merged, const char *context, struct arena *arena,
                       struct kubeconfig *out, struct error *error);

#endif
