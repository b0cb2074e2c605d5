#include "pki/base64.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

char *base64_encode(const void *data, size_t size)
{
    char *text = xmalloc((size + 2) / 3 * 4 + 1);
    EVP_EncodeBlock((unsigned char *)text, data, (int)size);
    return text;
}

unsigned char *base64_decode(const char *text, size_t *size)
{
    size_t length = strlen(text);
    unsigned char *data = xmalloc(length / 4 * 3 + 1);
    int decoded = EVP_DecodeBlock(data, (const unsigned char *)text, (int)length);

    if (decoded < 0 || length % 4) {
        free(data);
        return NULL;
    }
    *size = (size_t)decoded; /* EVP_DecodeBlock() counts the padding too. */
    for (size_t i = length; i > 0 && length - i < 2 && text[i - 1] == '='; i--) {
        --*size;
    }
    data[*size] = '\0';
    return data;
}
