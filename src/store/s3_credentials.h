/* S3's keys from a file in the format that AWS's tools share: "name = value" lines under
 * "[profile]".
 *
 * Source: "Configuration and credential file settings" in the AWS CLI's user guide. */
#ifndef STORE_S3_CREDENTIALS_H
#define STORE_S3_CREDENTIALS_H 1

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/error.h"

struct s3_credentials {
    char *access_key, *secret_key;
    char *session_token; /* NULL: permanent keys. */
};

/* From the profile `default`, or from lines before any profile. `source` names the text. */
int s3_credentials_parse(const char *text, const char *source, struct s3_credentials *out,
                         struct error *error);
int s3_credentials_read(const char *path, struct s3_credentials *out, struct error *error);
/* No blank and no control character, which would end a header. */
bool s3_credentials_plain(const char *text);
void s3_credentials_fini(struct s3_credentials *credentials); /* Wipes them. */

#define AUTO_S3_CREDENTIALS CLEANUP(s3_credentials_fini)

#endif
