/* S3's and STS's XML answers, over expat: element by element, within limits, and without document
 * types (so no entities).
 *
 * expat, not libxml2: 170 KiB that need libc alone, against 1.8 MiB that draw in ICU, liblzma and
 * libstdc++. */
#ifndef STORE_S3_XML_H
#define STORE_S3_XML_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

#define S3_XML_MAX_ROWS 10000 /* S3 sends 1000 in a page, and a part list 10,000. */

/* One <Contents> of a list, or one <Upload>. */
struct s3_row {
    const char *key; /* Never NULL. */
    const char *upload_id;
    uint64_t size;
    int64_t time_ms; /* LastModified or Initiated; -1: none. */
};

/* Any of S3's answers that we ask for; what is not in it is NULL, false or 0. */
struct s3_answer {
    const char *root;                               /* The name of the outermost element. */
    const char *code, *message, *region, *endpoint; /* <Error> */
    const char *request_id;
    const char *upload_id, *checksum_sha256; /* Of an upload that begins or ends. */
    bool truncated;
    const char *next_token, *next_key_marker, *next_upload_marker;
    /* STS's <Credentials>; the secrets are wiped with the arena. */
    const char *access_key, *secret_key, *session_token;
    int64_t expires_ms;
    struct s3_row *rows;
    size_t n_rows;
};

/* All texts live in the arena. ERROR_RETRYABLE when it is no XML: what a proxy or a cut connection
 * makes of an answer. */
int s3_xml_parse(const char *text, size_t size, struct arena *arena, struct s3_answer *answer,
                 struct error *error);

#endif
