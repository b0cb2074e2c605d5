/* What Google Cloud Storage and Google's token servers answer, read within limits.
 *
 * Sources: "Cloud Storage JSON API", the resources Objects and Objects: list, and its error
 * responses; RFC 6749, section 5 (tokens). */
#ifndef STORE_GCS_JSON_H
#define STORE_GCS_JSON_H 1

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "store/store.h"

#define GCS_CHECKSUM_SIZE 16 /* "crc32c:01234567" */

struct gcs_object {
    const char *key; /* Never NULL. */
    uint64_t size;
    int64_t modified_ms;               /* -1: none. */
    const char *checksum;              /* "crc32c:HEX", or NULL. */
    const char *generation;            /* Of its content, a number; or NULL. */
    const struct store_pair *metadata; /* Ended by a NULL name. */
};

struct gcs_page {
    struct gcs_object *objects;
    size_t n_objects;
    const char *next; /* The token of the next page; NULL: this is the last. */
};

struct gcs_refusal {
    const char *reason, *message; /* Either may be NULL. */
};

/* What they return lives in the arena. ERROR_RETRYABLE when it is not such an answer: what a proxy
 * or a cut connection makes of one. */
int gcs_json_object(const char *text, size_t size, struct arena *arena, struct gcs_object *object,
                    struct error *error);
int gcs_json_page(const char *text, size_t size, struct arena *arena, struct gcs_page *page,
                  struct error *error);
/* Of the store ({"error": {"message": ..., "errors": [{"reason": ...}]}}) or of a token server
 * ({"error": REASON, "error_description": MESSAGE}). */
void gcs_json_refusal(const char *text, size_t size, struct arena *arena,
                      struct gcs_refusal *refusal);
/* `token` is malloc'ed and a secret. `*lifetime_ms` is how long it is valid from now on. */
int gcs_json_token(const char *text, size_t size, char **token, int64_t *lifetime_ms,
                   struct error *error);

void gcs_checksum(uint32_t crc32c, char out[GCS_CHECKSUM_SIZE]);

#endif
