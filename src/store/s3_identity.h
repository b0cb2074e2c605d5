/* Keys for S3 in exchange for a token that somebody else signed, such as Kubernetes gives to a pod
 * (STS's AssumeRoleWithWebIdentity). They are kept until shortly before they expire; the token is
 * read from its file for each exchange, as it is renewed there.
 *
 * Source: Amazon's "AWS Security Token Service API Reference", 2011-06-15. */
#ifndef STORE_S3_IDENTITY_H
#define STORE_S3_IDENTITY_H 1

#include <stdint.h>

#include "net/http.h"
#include "store/backend.h"
#include "store/s3_credentials.h"

struct s3_identity {
    struct http_client *http;
    const struct store *store;  /* Whose `cancelled` is polled. */
    char *role_arn;             /* NULL: there is no such identity. */
    char *token_file;           /* Likewise. */
    char *endpoint;             /* Of STS. */
    struct s3_credentials kept; /* Without access_key: none are. */
    int64_t renew_ms;           /* CLOCK_BOOTTIME. */
};

/* From the destination, or where it names neither keys nor a role from the variables that EKS sets
 * in a pod: AWS_ROLE_ARN, AWS_WEB_IDENTITY_TOKEN_FILE and, if no region is given, AWS_REGION.
 * `*region` is what the destination or EKS says, or NULL. ERROR_INVALID: half of it is missing. */
int s3_identity_init(struct s3_identity *identity, const struct store_destination *destination,
                     const char **region, struct error *error);
/* They live until the next call. */
int s3_identity_keys(struct s3_identity *identity, bool uncancelled,
                     const struct s3_credentials **keys, struct error *error);
void s3_identity_fini(struct s3_identity *identity);

#endif
