/* The text of a stored object: compact JSON, deflated (RFC 1951) to a third of its bytes.  A
 * fleet's objects are most of what the operator holds, and at rest hardly any of them is read. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST 1 /* next_in is const. */
#include <zlib.h>

#include "base/memory.h"
#include "kube/store_internal.h"

/* Objects are a few kB: a window of 4 kB serves them as well as zlib's own 32 kB, and takes a tenth
 * of the memory while it works. */
#define WINDOW_BITS  (-12) /* Negative: without header and check sum. */
#define MEMORY_LEVEL 5

/* Returns the bytes written; `out` has room for the worst case. */
static size_t pack(const char *data, size_t size, unsigned char *out, size_t capacity)
{
    z_stream stream = {.next_in = (const unsigned char *)data,
                       .avail_in = (uInt)size,
                       .next_out = out,
                       .avail_out = (uInt)capacity};

    if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&stream, Z_FINISH) != Z_STREAM_END) {
        memory_exhausted(); /* Nothing else can fail here, nor below: the text is our own. */
    }
    deflateEnd(&stream);
    return capacity - stream.avail_out;
}

static void unpack(const struct text *text, char *out)
{
    z_stream stream = {.next_in = (const unsigned char *)text->data,
                       .avail_in = (uInt)text->size,
                       .next_out = (unsigned char *)out,
                       .avail_out = (uInt)text->length};

    if (inflateInit2(&stream, WINDOW_BITS) != Z_OK || inflate(&stream, Z_FINISH) != Z_STREAM_END) {
        memory_exhausted();
    }
    inflateEnd(&stream);
}

struct text *kube_text_new(const json_t *object)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    size_t length = json_dumpb(object, NULL, 0, flags);
    AUTO_FREE char *plain = xmalloc(length + 1);
    size_t capacity = length + length / 1000 + 64; /* More than deflate can need (zlib.h). */
    AUTO_FREE unsigned char *packed = xmalloc(capacity);

    json_dumpb(object, plain, length, flags);
    size_t size = pack(plain, length, packed, capacity);
    struct text *text = xmalloc(sizeof *text + size);
    text->size = size;
    text->length = length;
    memcpy(text->data, packed, size);
    return text;
}

json_t *kube_text_parse(const struct text *text)
{
    AUTO_FREE char *plain = xmalloc(text->length + 1);

    unpack(text, plain);
    json_t *object = json_loadb(plain, text->length, JSON_DECODE_ANY, NULL);
    if (!object) {
        memory_exhausted();
    }
    return object;
}
