/* Where the API server is and how we show who we are: from options or, in a pod, from what the
 * kubelet put there (environment and the service account's volume). */
#ifndef KUBE_CREDENTIALS_H
#define KUBE_CREDENTIALS_H 1

#include <stdbool.h>

#include "base/error.h"

/* The URL of the API server without a slash at its end, malloc'ed: `server` or, if NULL, from
 * KUBERNETES_SERVICE_HOST (also an IPv6 address) and KUBERNETES_SERVICE_PORT. NULL with `error`
 * filled (ERROR_INVALID). */
char *kube_credentials_server(const char *server, struct error *error);

/* The service account's files in a pod. */
const char *kube_credentials_ca_file(void);
const char *kube_credentials_token_file(void);

/* The pod's namespace, malloc'ed: POD_NAMESPACE of the environment, or the service account's file.
 * NULL with `error` filled (ERROR_INVALID). */
char *kube_credentials_namespace(struct error *error);

/* A bearer token from a file that the kubelet renews. Any thread. */
struct kube_token;

/* `file` NULL: no token. The file is read on first use. */
struct kube_token *kube_token_new(const char *file);
void kube_token_free(struct kube_token *token);

/* The header "Authorization: Bearer ...", malloc'ed: wipe it (kube_token_wipe) after use. `*header`
 * is NULL without a file. The file is read again when the last time is a minute past, or at once
 * with `now` (after a 401). While it cannot be read, the token read before is used; ERROR_DENIED
 * when there is none. */
int kube_token_header(struct kube_token *token, bool now, char **header, struct error *error);
void kube_token_wipe(char **header);

#endif
