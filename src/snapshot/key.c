#include "snapshot/key.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/memory.h"

#define CONTEXT   "etcdsnap"
#define FILE_SIZE 256 /* More than any form of a key. */

enum { SUBKEY_SECRET = 1, SUBKEY_ID = 2 };

void snapshot_key_derive(struct snapshot_key *key, const uint8_t bytes[SNAPSHOT_KEY_SIZE])
{
    uint8_t id[crypto_kdf_BYTES_MIN];

    if (sodium_init() < 0) {
        abort(); /* Without randomness of the kernel nothing is safe. */
    }
    crypto_kdf_derive_from_key(key->secret, sizeof key->secret, SUBKEY_SECRET, CONTEXT, bytes);
    crypto_kdf_derive_from_key(id, sizeof id, SUBKEY_ID, CONTEXT, bytes);
    memcpy(key->id, id, sizeof key->id);
}

/* The bytes read, or -1 with errno. */
static ssize_t read_some(const char *path, char out[FILE_SIZE])
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = 0, got = fd < 0 ? -1 : 1;

    while (got > 0 && size < FILE_SIZE) {
        got = read(fd, out + size, (size_t)(FILE_SIZE - size));
        size += got > 0 ? got : 0;
    }
    return got < 0 ? -1 : size;
}

static int decode(const char *text, size_t size, uint8_t bytes[SNAPSHOT_KEY_SIZE])
{
    const char *end;
    size_t length;

    if (size == SNAPSHOT_KEY_SIZE) {
        memcpy(bytes, text, size);
        return 0;
    }
    while (size && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
        size--;
    }
    bool is_hex = size == (size_t)2 * SNAPSHOT_KEY_SIZE;
    int result = is_hex ? sodium_hex2bin(bytes, SNAPSHOT_KEY_SIZE, text, size, NULL, &length, &end)
                        : sodium_base642bin(bytes, SNAPSHOT_KEY_SIZE, text, size, NULL, &length,
                                            &end, sodium_base64_VARIANT_ORIGINAL);
    return result || length != SNAPSHOT_KEY_SIZE || end != text + size ? -1 : 0;
}

int snapshot_keys_read(struct snapshot_keys *keys, const char *path, struct error *error)
{
    char text[FILE_SIZE];
    uint8_t bytes[SNAPSHOT_KEY_SIZE];
    ssize_t size = read_some(path, text);

    if (size < 0) {
        return error_set(error, errno == ENOENT ? ERROR_NOT_FOUND : ERROR_INVALID,
                         "read the key file %s: %s", path, strerror(errno));
    }
    int result = decode(text, (size_t)size, bytes);
    if (!result) {
        /* Not realloc, which would leave copies of secrets behind. */
        struct snapshot_key *items = xcalloc(keys->n + 1, sizeof *items);
        for (size_t i = 0; i < keys->n; i++) {
            items[i] = keys->items[i];
        }
        snapshot_key_derive(&items[keys->n], bytes);
        size_t n = keys->n + 1;
        snapshot_keys_fini(keys);
        *keys = (struct snapshot_keys){items, n};
    }
    memory_wipe(text, sizeof text);
    memory_wipe(bytes, sizeof bytes);
    return result ? error_set(error, ERROR_INVALID,
                              "the key file %s (%zd bytes) is no key: 32 bytes are needed, as they "
                              "are, as 64 hex digits or as base64",
                              path, size)
                  : 0;
}

const struct snapshot_key *snapshot_keys_find(const struct snapshot_keys *keys, const uint8_t *id)
{
    for (size_t i = 0; i < keys->n; i++) {
        if (!memcmp(keys->items[i].id, id, SNAPSHOT_KEY_ID_SIZE)) {
            return &keys->items[i];
        }
    }
    return NULL;
}

void snapshot_key_id_text(const uint8_t *id, char text[SNAPSHOT_KEY_ID_TEXT])
{
    sodium_bin2hex(text, SNAPSHOT_KEY_ID_TEXT, id, SNAPSHOT_KEY_ID_SIZE);
}

void snapshot_keys_fini(struct snapshot_keys *keys)
{
    if (keys->items) {
        memory_wipe(keys->items, keys->n * sizeof *keys->items);
    }
    free(keys->items);
    *keys = (struct snapshot_keys){0};
}
