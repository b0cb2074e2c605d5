#include "base/random.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t size)
{
    unsigned char *bytes = out;

    while (size) {
        ssize_t got = getrandom(bytes, size, 0);
        if (got <= 0) {
            continue;
        }
        bytes += got;
        size -= (size_t)got;
    }
}

double random_chance(void)
{
    uint64_t bits;
    random_bytes(&bits, sizeof bits);
    return (double)(bits >> 11) / 9007199254740992.0; /* 2^53 */
}

void random_hex(char *out, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte;
        random_bytes(&byte, 1);
        sprintf(out + 2 * i, "%02x", byte);
    }
}
