/* Google's credentials from a file of JSON: a service account's key, or a workload identity
 * federation, by which a token in a file (such as Kubernetes gives to a pod) stands for an account.
 *
 * Sources: "Service account credentials"; google.aip.dev/auth/4117 (external accounts). */
#ifndef STORE_GCS_CREDENTIALS_H
#define STORE_GCS_CREDENTIALS_H 1

#include "base/cleanup.h"
#include "base/error.h"

struct gcs_credentials {
    char *token_url; /* Whom to ask for an access token. */
    /* A service account's; else NULL. */
    char *email, *key_pem;
    char *key_id; /* May be NULL. */
    /* An external account's; else NULL. */
    char *audience, *subject_token_type, *token_file;
    char *token_field;       /* Of the JSON in token_file; NULL: all of it is the token. */
    char *impersonation_url; /* Of the service account to become; or NULL. */
};

/* `source` names the text. Both return ERROR_INVALID when they cannot be used. */
int gcs_credentials_parse(const char *text, const char *source, struct gcs_credentials *out,
                          struct error *error);
int gcs_credentials_read(const char *path, struct gcs_credentials *out, struct error *error);
void gcs_credentials_fini(struct gcs_credentials *credentials); /* Wipes them. */

#define AUTO_GCS_CREDENTIALS CLEANUP(gcs_credentials_fini)

#endif
