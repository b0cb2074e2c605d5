/* Where the API server is and how we show who we are.  From options; in a pod, from what the
 * kubelet put there (environment and the service account's volume); elsewhere from a kubeconfig.
 *
 * Whatever can be renewed is renewed by itself: files are read again once a minute, an exec plugin
 * is run again when its credential expires, and both at once after a 401. */
#ifndef KUBE_CREDENTIALS_H
#define KUBE_CREDENTIALS_H 1

#include <stdbool.h>

#include "base/error.h"
#include "kube/client.h"

/* The same for as long as the credentials live. */
struct kube_server {
    const char *url; /* Without a slash at its end; its host is what the certificate covers. */
    const char *connect_to;       /* The host to connect to instead of the URL's, or NULL. */
    const char *ca_file, *ca_pem; /* Of whom to trust; both NULL: the system's. */
};

/* Who we are at the moment; the caller's, until kube_identity_fini(). */
struct kube_identity {
    char *header;                    /* "Authorization: Bearer ...", or NULL. */
    char *certificate_pem, *key_pem; /* Both or neither. */
};

/* The pod's namespace, malloc'ed: POD_NAMESPACE of the environment, or the service account's file.
 * NULL with `error` filled (ERROR_INVALID). */
char *kube_credentials_namespace(struct error *error);

struct kube_credentials;

/* Takes server, ca_file, token_file, kubeconfig and context from the options. ERROR_INVALID says
 * what is missing or wrong. */
int kube_credentials_new(const struct kube_client_options *options, struct kube_credentials **out,
                         struct error *error);
void kube_credentials_free(struct kube_credentials *credentials); /* NULL is allowed. */

const struct kube_server *kube_credentials_server(const struct kube_credentials *credentials);

/* Any thread. `refused` is an identity that was just answered with 401, or NULL: then what it came
 * from is asked again. While a renewal fails, what was there before is used as long as it has not
 * expired; ERROR_DENIED when there is none. */
int kube_credentials_get(struct kube_credentials *credentials, const struct kube_identity *refused,
                         struct kube_identity *out, struct error *error);
bool kube_identity_equal(const struct kube_identity *a, const struct kube_identity *b);
void kube_identity_fini(struct kube_identity *identity); /* Wipes. */

/* Whether the text can stand in a header: printable, without spaces, and not empty. */
bool kube_token_ok(const char *text);

#endif
