/* CRC-32C (Castagnoli), as etcd's write-ahead log and Google Cloud Storage use it. */
#ifndef BASE_CRC32C_H
#define BASE_CRC32C_H 1

#include <stddef.h>
#include <stdint.h>

/* Continues `crc` (0 to begin with) over `size` bytes. */
uint32_t crc32c_update(uint32_t crc, const void *data, size_t size);

#endif
