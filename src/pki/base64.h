/* Base64 (RFC 4648, section 4), over OpenSSL. */
#ifndef PKI_BASE64_H
#define PKI_BASE64_H 1

#include <stddef.h>

/* malloc'ed text. */
char *base64_encode(const void *data, size_t size);

/* malloc'ed bytes, followed by a NUL; NULL if the text is not base64. Line breaks are not allowed.
 */
unsigned char *base64_decode(const char *text, size_t *size);

#endif
