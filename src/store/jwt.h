/* JSON Web Tokens signed with RS256 (RFC 7515 and 7518, section 3.3), as Google wants them of a
 * service account. */
#ifndef STORE_JWT_H
#define STORE_JWT_H 1

#include <jansson.h>

#include "base/error.h"

/* malloc'ed text in `token`: whoever has it is the account for as long as it is valid, so end with
 * memory_wipe_text(). `key_id` may be NULL. ERROR_INVALID when the PEM is no RSA key. */
int jwt_sign(const char *key_pem, const char *key_id, const json_t *claims, char **token,
             struct error *error);

#endif
