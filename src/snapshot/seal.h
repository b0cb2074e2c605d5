/* The encrypted container, streaming both ways.
 *
 *     0   8  magic "etcdSNAP"
 *     8   1  version, 1
 *     9   1  what is inside: 0 a snapshot, 1 one compressed with zstd
 *    10   2  zeros
 *    12   8  id of the key (snapshot/key.h)
 *    20  24  header of the stream: its random nonce
 *    44      chunks: 4 bytes of length (little endian), and that many of ciphertext
 *
 * The chunks are libsodium's crypto_secretstream_xchacha20poly1305, which was made for files: each
 * is authenticated together with its place in the stream, and the last one bears a mark.  So a
 * changed, lost, repeated or moved chunk is noticed, and so is an end too early.  The head and the
 * chunk's length are authenticated with each chunk.  A chunk has 1 MiB of content at most, which is
 * what is kept in memory; nothing is handed on before it is authenticated.  One thread. */
#ifndef SNAPSHOT_SEAL_H
#define SNAPSHOT_SEAL_H 1

#include "snapshot/key.h"
#include "snapshot/sink.h"

#define SNAPSHOT_SEAL_MAGIC      "etcdSNAP"
#define SNAPSHOT_SEAL_MAGIC_SIZE 8
#define SNAPSHOT_SEAL_CHUNK      1048576

enum snapshot_seal_content { SNAPSHOT_SEAL_PLAIN, SNAPSHOT_SEAL_ZSTD };

struct snapshot_sealer;

/* `key` is copied. */
struct snapshot_sealer *snapshot_sealer_new(const struct snapshot_key *key,
                                            enum snapshot_seal_content content,
                                            struct snapshot_sink out);
int snapshot_sealer_write(void *sealer, const void *data, size_t size, struct error *error);
/* Writes the last chunk; without it the container is cut short. */
int snapshot_sealer_finish(struct snapshot_sealer *sealer, struct error *error);
void snapshot_sealer_free(struct snapshot_sealer *sealer); /* NULL is allowed. */

struct snapshot_opener;

/* `keys` are borrowed. */
struct snapshot_opener *snapshot_opener_new(const struct snapshot_keys *keys,
                                            struct snapshot_sink out);
/* ERROR_DENIED when no key fits, ERROR_INVALID when the container is not what was written; both say
 * where. */
int snapshot_opener_write(void *opener, const void *data, size_t size, struct error *error);
/* ERROR_INVALID when it was cut short. */
int snapshot_opener_finish(struct snapshot_opener *opener, struct error *error);
/* What the head says, from the first byte that went out on. */
enum snapshot_seal_content snapshot_opener_content(const struct snapshot_opener *opener);
const uint8_t *snapshot_opener_key_id(const struct snapshot_opener *opener);
void snapshot_opener_free(struct snapshot_opener *opener); /* NULL is allowed. */

#endif
