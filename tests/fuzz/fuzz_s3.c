/* Feeds S3's answers through the XML reader, and the same text through the reader of keys. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "store/s3_credentials.h"
#include "store/s3_xml.h"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_S3_CREDENTIALS struct s3_credentials keys = {0};
    AUTO_FREE char *text = strndup((const char *)data, size);
    struct s3_answer answer;
    struct error error = {0};

    if (s3_xml_parse((const char *)data, size, arena, &answer, &error)) {
        must(error.kind == ERROR_RETRYABLE && *error.message);
    } else {
        must(answer.root != NULL && answer.n_rows <= S3_XML_MAX_ROWS);
    }
    for (size_t i = 0; i < answer.n_rows; i++) {
        must(answer.rows[i].key != NULL);
    }
    if (s3_credentials_parse(text, "fuzz", &keys, &error)) {
        must(error.kind == ERROR_INVALID && !keys.secret_key);
    } else {
        must(*keys.access_key && *keys.secret_key);
    }
    return 0;
}
