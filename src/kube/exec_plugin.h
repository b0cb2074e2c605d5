/* Credentials from a program that a kubeconfig names (client.authentication.k8s.io, v1 and
 * v1beta1).  The program is run without a terminal.
 *
 * Source: client-go, plugin/pkg/client/auth/exec and pkg/apis/clientauthentication/v1. */
#ifndef KUBE_EXEC_PLUGIN_H
#define KUBE_EXEC_PLUGIN_H 1

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kube/kubeconfig.h"

/* Longer than the calls that such programs make to clouds; a request waits for it. */
#define EXEC_PLUGIN_TIMEOUT_MS 30000

/* A token, or a certificate with its key, or both; malloc'ed. */
struct exec_credential {
    char *token;
    char *certificate_pem, *key_pem;
    int64_t expires_ms; /* Since 1970; 0: until it is refused. */
};

/* Fails with ERROR_DENIED, whatever the reason; the message names the program and what to do. Call
 * exec_credential_fini() in either case. */
int exec_plugin_run(const struct kubeconfig_exec *exec, struct exec_credential *out,
                    struct error *error);
void exec_credential_fini(struct exec_credential *credential); /* Wipes. */

/* What it printed: an ExecCredential of the given version. */
int exec_plugin_decode(const char *text, size_t size, const char *api_version,
                       struct exec_credential *out, struct error *error);

#endif
