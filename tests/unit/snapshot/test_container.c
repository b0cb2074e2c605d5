/* Compression and encryption both ways, and every way to spoil what is stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "snapshot/container.h"
#include "snapshot/seal.h"

#define HEAD_SIZE 44
#define CHUNK     (4 + SNAPSHOT_SEAL_CHUNK + 17) /* As it is stored. */

static int keep(void *context, const void *data, size_t size, struct error *error)
{
    (void)error;
    assert_true(buffer_append(context, data, size));
    return 0;
}

static struct snapshot_key key_of(uint8_t byte)
{
    struct snapshot_key key;
    uint8_t bytes[SNAPSHOT_KEY_SIZE];

    memset(bytes, byte, sizeof bytes);
    snapshot_key_derive(&key, bytes);
    return key;
}

/* Bytes that repeat themselves, but not soon. */
static struct buffer content_of(size_t size)
{
    struct buffer content = {0};
    uint32_t random = 1;

    for (size_t i = 0; i < size; i++) {
        random = random * 1664525 + 1013904223;
        uint8_t byte = (uint8_t)(random >> 26);
        assert_true(buffer_append(&content, &byte, 1));
    }
    return content;
}

static void write_pieces(struct snapshot_sink sink, const struct buffer *from, size_t piece,
                         int *result, struct error *error)
{
    for (size_t at = 0; at < from->size && !*result; at += piece) {
        size_t some = from->size - at < piece ? from->size - at : piece;
        *result = snapshot_sink_write(&sink, from->data + at, some, error);
    }
}

static struct buffer encode(const struct buffer *content, bool compress,
                            const struct snapshot_key *key)
{
    struct buffer out = {0};
    struct error error = {0};
    int result = 0;
    struct snapshot_encoder *encoder =
        snapshot_encoder_new(compress, key, (struct snapshot_sink){keep, &out});

    write_pieces(snapshot_encoder_sink(encoder), content, 100000, &result, &error);
    assert_int_equal(result, 0);
    assert_int_equal(snapshot_encoder_finish(encoder, &error), 0);
    snapshot_encoder_free(encoder);
    return out;
}

static int decode(const struct buffer *stored, const struct snapshot_keys *keys, size_t piece,
                  struct buffer *out, struct snapshot_form *form, struct error *error)
{
    int result = 0;
    struct snapshot_decoder *decoder =
        snapshot_decoder_new(keys, (struct snapshot_sink){keep, out});

    *error = (struct error){0};
    write_pieces(snapshot_decoder_sink(decoder), stored, piece, &result, error);
    result = result ? result : snapshot_decoder_finish(decoder, form, error);
    snapshot_decoder_free(decoder);
    return result;
}

static void test_both_ways(void **state)
{
    (void)state;
    static const size_t sizes[] = {0,
                                   1,
                                   7,
                                   8,
                                   50000,
                                   SNAPSHOT_SEAL_CHUNK - 1,
                                   SNAPSHOT_SEAL_CHUNK,
                                   SNAPSHOT_SEAL_CHUNK + 1,
                                   2 * SNAPSHOT_SEAL_CHUNK + 5};
    struct snapshot_key items[] = {key_of(1), key_of(2)};
    const struct snapshot_keys keys = {items, 2};

    for (size_t i = 0; i < 4 * sizeof sizes / sizeof *sizes; i++) {
        bool compressed = i & 1, encrypted = i & 2;
        AUTO_BUFFER struct buffer content = content_of(sizes[i / 4]);
        AUTO_BUFFER struct buffer stored =
            encode(&content, compressed, encrypted ? &items[1] : NULL);
        for (size_t piece = 1000; piece < 10000000; piece *= 40) {
            AUTO_BUFFER struct buffer out = {0};
            struct snapshot_form form;
            struct error error;
            if (decode(&stored, &keys, piece, &out, &form, &error)) {
                fail_msg("%zu bytes: %s", content.size, error.message);
            }
            assert_int_equal(out.size, content.size);
            assert_true(!out.size || !memcmp(out.data, content.data, out.size));
            assert_int_equal(form.encrypted, encrypted);
            assert_int_equal(form.compressed, compressed);
            if (encrypted) {
                assert_memory_equal(form.key_id, items[1].id, sizeof form.key_id);
            }
        }
    }
}

static void expect_wrong(const struct buffer *stored, int kind, const char *words)
{
    struct snapshot_key key = key_of(1);
    const struct snapshot_keys keys = {&key, 1};
    AUTO_BUFFER struct buffer out = {0};
    struct snapshot_form form;
    struct error error;

    assert_int_equal(decode(stored, &keys, 65536, &out, &form, &error), -kind);
    if (!strstr(error.message, words)) {
        fail_msg("\"%s\" is not in: %s", words, error.message);
    }
}

static void cut_to(const struct buffer *stored, size_t size, const char *words)
{
    struct buffer cut = {.data = stored->data, .size = size};

    expect_wrong(&cut, ERROR_INVALID, words);
}

static void test_cut_short(void **state)
{
    (void)state;
    struct snapshot_key key = key_of(1);
    AUTO_BUFFER struct buffer content = content_of(2 * SNAPSHOT_SEAL_CHUNK + 100);
    AUTO_BUFFER struct buffer sealed = encode(&content, false, &key);
    AUTO_BUFFER struct buffer compressed = encode(&content, true, NULL);
    AUTO_BUFFER struct buffer both = encode(&content, true, &key);

    cut_to(&sealed, 20, "within its head");
    cut_to(&sealed, HEAD_SIZE, "before chunk 0");
    cut_to(&sealed, HEAD_SIZE + 2, "within chunk 0");
    cut_to(&sealed, HEAD_SIZE + CHUNK, "before chunk 1");
    cut_to(&sealed, HEAD_SIZE + 2 * CHUNK, "before chunk 2");
    cut_to(&sealed, sealed.size - 1, "within chunk 2");
    cut_to(&compressed, compressed.size - 1, "truncated: the compressed data has no end");
    cut_to(&both, both.size - 1, "truncated");
}

static void test_changed(void **state)
{
    (void)state;
    struct snapshot_key key = key_of(1);
    AUTO_BUFFER struct buffer content = content_of(2 * SNAPSHOT_SEAL_CHUNK + 100);
    AUTO_BUFFER struct buffer sealed = encode(&content, false, &key);

    for (size_t at = 0; at < sealed.size; at += at < HEAD_SIZE + 20 ? 1 : 99991) {
        sealed.data[at] ^= 16;
        bool is_magic = at < SNAPSHOT_SEAL_MAGIC_SIZE, is_id = at >= 12 && at < 20;
        if (!is_magic) {
            expect_wrong(&sealed, is_id ? ERROR_DENIED : ERROR_INVALID,
                         is_id                    ? "encrypted with key"
                         : at < 10                ? "container"
                         : at < HEAD_SIZE + CHUNK ? "chunk 0"
                                                  : "chunk");
        }
        sealed.data[at] ^= 16;
    }
    AUTO_BUFFER struct buffer compressed = encode(&content, true, NULL);
    compressed.data[compressed.size / 2] ^= 1;
    expect_wrong(&compressed, ERROR_INVALID, "the compressed data is damaged");
}

static void test_moved_lost_and_added(void **state)
{
    (void)state;
    struct snapshot_key key = key_of(1);
    AUTO_BUFFER struct buffer content = content_of(3 * SNAPSHOT_SEAL_CHUNK);
    AUTO_BUFFER struct buffer sealed = encode(&content, false, &key);
    AUTO_BUFFER struct buffer other = encode(&content, false, &key);
    char *first = sealed.data + HEAD_SIZE;
    AUTO_FREE char *held = xmalloc(CHUNK);

    memcpy(held, first, CHUNK);
    memcpy(first, first + CHUNK, CHUNK);
    memcpy(first + CHUNK, held, CHUNK);
    expect_wrong(&sealed, ERROR_INVALID, "chunk 0 was changed, or is not in its place");
    memcpy(first, held, CHUNK);
    expect_wrong(&sealed, ERROR_INVALID, "chunk 1 was changed, or is not in its place");
    /* Of another container of the same key and content. */
    memcpy(first + CHUNK, other.data + HEAD_SIZE + CHUNK, CHUNK);
    expect_wrong(&sealed, ERROR_INVALID, "chunk 1 was changed, or is not in its place");
    assert_true(buffer_append(&other, "x", 1));
    expect_wrong(&other, ERROR_INVALID, "something follows the last chunk");
}

static void test_wrong_key(void **state)
{
    (void)state;
    struct snapshot_key key = key_of(3);
    AUTO_BUFFER struct buffer content = content_of(100);
    AUTO_BUFFER struct buffer sealed = encode(&content, true, &key);
    char id[SNAPSHOT_KEY_ID_TEXT];

    snapshot_key_id_text(key.id, id);
    expect_wrong(&sealed, ERROR_DENIED, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_ways), cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_changed),   cmocka_unit_test(test_moved_lost_and_added),
        cmocka_unit_test(test_wrong_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
