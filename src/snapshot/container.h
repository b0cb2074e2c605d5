/* How a snapshot is stored: as it is, compressed (a plain zstd file), or encrypted
 * (snapshot/seal.h) with either inside.  The decoder knows them apart by how they begin. One
 * thread. */
#ifndef SNAPSHOT_CONTAINER_H
#define SNAPSHOT_CONTAINER_H 1

#include <stdbool.h>

#include "snapshot/key.h"
#include "snapshot/sink.h"

struct snapshot_encoder;

/* `key` NULL: not encrypted; it is copied. */
struct snapshot_encoder *snapshot_encoder_new(bool compress, const struct snapshot_key *key,
                                              struct snapshot_sink out);
struct snapshot_sink snapshot_encoder_sink(const struct snapshot_encoder *encoder);
/* What the stages still hold goes out; without it the end is missing. */
int snapshot_encoder_finish(struct snapshot_encoder *encoder, struct error *error);
void snapshot_encoder_free(struct snapshot_encoder *encoder); /* NULL is allowed. */

struct snapshot_decoder;

struct snapshot_form {
    bool compressed, encrypted;
    uint8_t key_id[SNAPSHOT_KEY_ID_SIZE];
};

/* `keys` are borrowed. */
struct snapshot_decoder *snapshot_decoder_new(const struct snapshot_keys *keys,
                                              struct snapshot_sink out);
/* Fails as the stages do: ERROR_DENIED without the key, ERROR_INVALID for what was changed. */
struct snapshot_sink snapshot_decoder_sink(struct snapshot_decoder *decoder);
/* ERROR_INVALID when it was cut short. */
int snapshot_decoder_finish(struct snapshot_decoder *decoder, struct snapshot_form *form,
                            struct error *error);
void snapshot_decoder_free(struct snapshot_decoder *decoder); /* NULL is allowed. */

#endif
