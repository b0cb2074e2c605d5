/* Keys of encrypted snapshots.
 *
 * A key file holds 32 random bytes: as they are, as 64 hex digits or as base64, the latter two with
 * or without a line break at the end. What encrypts and the key's id are both derived from them
 * (libsodium's crypto_kdf, context "etcdsnap", subkeys 1 and 2), so the id, which stands readable
 * in each container, says nothing of the key, and a person need not name keys. */
#ifndef SNAPSHOT_KEY_H
#define SNAPSHOT_KEY_H 1

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

#define SNAPSHOT_KEY_SIZE    32
#define SNAPSHOT_KEY_ID_SIZE 8
#define SNAPSHOT_KEY_ID_TEXT (2 * SNAPSHOT_KEY_ID_SIZE + 1)

struct snapshot_key {
    uint8_t secret[SNAPSHOT_KEY_SIZE]; /* What encrypts. */
    uint8_t id[SNAPSHOT_KEY_ID_SIZE];
};

/* The first one encrypts; with any of them a container can be opened. */
struct snapshot_keys {
    struct snapshot_key *items;
    size_t n;
};

void snapshot_key_derive(struct snapshot_key *key, const uint8_t bytes[SNAPSHOT_KEY_SIZE]);

/* Adds the key of a file. ERROR_NOT_FOUND, or ERROR_INVALID with what a key file may hold; nothing
 * of its content is said. */
int snapshot_keys_read(struct snapshot_keys *keys, const char *path, struct error *error);
/* NULL: none has this id. */
const struct snapshot_key *snapshot_keys_find(const struct snapshot_keys *keys, const uint8_t *id);
void snapshot_key_id_text(const uint8_t *id, char text[SNAPSHOT_KEY_ID_TEXT]);
void snapshot_keys_fini(struct snapshot_keys *keys); /* Wipes them. */

#endif
