/* Randomness from the kernel, for jitter, nonces and serial numbers. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H 1

#include <stddef.h>

void random_bytes(void *out, size_t size);

/* Uniform in [0, 1). */
double random_chance(void);

/* Writes `2 * bytes` lower-case hex digits and a NUL to `out`. */
void random_hex(char *out, size_t bytes);

#endif
