/* Percent-encoding as the object stores want it (RFC 3986, section 2.3: all but unreserved
 * characters, upper-case digits). What is signed must be what is sent, byte for byte. */
#ifndef STORE_URI_H
#define STORE_URI_H 1

#include <stdbool.h>

#include "base/buffer.h"

/* Appends `text`, encoded; `keep_slash` leaves '/' as it is, for paths. */
void uri_encode(struct buffer *out, const char *text, bool keep_slash);

/* Appends "name=value&..." from the pairs, ended by NULL, in their order. */
void uri_query(struct buffer *out, const char *const *pairs);

#endif
