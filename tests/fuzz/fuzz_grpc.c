/* An answer from the network: the input is an HTTP status digit, header lines up to an empty line,
 * and a body. It goes through the status, the framing, and every message that we decode. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "etcd/errors.h"
#include "etcd/grpc_reader.h"
#include "etcd/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    if (!grpc_utf8_valid(text, strlen(text))) {
        abort();
    }
}

/* Every decoder in turn; those whose result has texts or pieces are looked at. */
static void decode(const struct grpc_frame *frame)
{
    static etcd_decode_function *const others[] = {
        etcd_done_decode,        etcd_header_decode,       etcd_alarms_decode,
        etcd_hash_decode,        etcd_member_added_decode, etcd_range_decode,
        etcd_put_decode,         etcd_deleted_decode,      etcd_txn_decode,
        etcd_auth_status_decode, etcd_token_decode,        etcd_permissions_decode,
        etcd_watch_decode,
    };
    struct arena *arena AUTO_ARENA = arena_new();
    struct etcd_status status;
    struct etcd_member_list list;
    struct etcd_names names;
    struct etcd_snapshot_piece piece;
    union {
        struct etcd_member_added added;
        struct etcd_txn_result txn;
        struct etcd_watch_answer watch;
        struct etcd_range range;
    } out;
    struct error error = {0};

    if (!etcd_status_decode(frame, arena, &status, &error)) {
        check_text(status.version);
        check_text(status.storage_version);
        for (size_t i = 0; i < status.n_errors; i++) {
            check_text(status.errors[i]);
        }
    }
    if (!etcd_member_list_decode(frame, arena, &list, &error)) {
        for (size_t i = 0; i < list.n_members; i++) {
            check_text(list.members[i].name);
            for (size_t j = 0; j < list.members[i].n_peer_urls; j++) {
                check_text(list.members[i].peer_urls[j]);
            }
        }
    }
    if (!etcd_names_decode(frame, arena, &names, &error)) {
        for (size_t i = 0; i < names.n; i++) {
            check_text(names.items[i]);
        }
    }
    if (!etcd_snapshot_decode(frame, arena, &piece, &error) && piece.blob.size > frame->size) {
        abort();
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        others[i](frame, arena, &out, &error);
    }
}

static int count(void *context, const struct grpc_frame *frame, struct error *error)
{
    size_t *bytes = context;

    (void)error;
    *bytes += GRPC_PREFIX_SIZE + frame->size;
    return 0;
}

/* Cut into pieces of any size, a stream has the same frames as in one. */
static void check_reader(const uint8_t *data, size_t size)
{
    size_t step = size ? data[size - 1] % 11 + 1 : 1, whole = 0, cut = 0;
    struct grpc_reader one AUTO_GRPC_READER = {.limit = ETCD_MESSAGE_LIMIT};
    struct grpc_reader many AUTO_GRPC_READER = {.limit = ETCD_MESSAGE_LIMIT};
    struct error error = {0};
    int result = grpc_reader_take(&one, data, size, count, &whole, &error), again = 0;

    for (size_t at = 0; at < size && !again; at += step) {
        size_t piece = size - at < step ? size - at : step;
        again = grpc_reader_take(&many, data + at, piece, count, &cut, &error);
    }
    if (result != again || whole != cut ||
        (!result && grpc_reader_is_empty(&one) != grpc_reader_is_empty(&many))) {
        abort();
    }
}

/* A stream of frames, as one after another is taken from a growing buffer. */
static void scan(const uint8_t *data, size_t size)
{
    struct grpc_frame frame;
    struct error error = {0};

    while (grpc_frame_scan(data, size, ETCD_MESSAGE_LIMIT, &frame, &error) == 1) {
        if (frame.data < data || frame.size > size - GRPC_PREFIX_SIZE) {
            abort();
        }
        decode(&frame);
        data += GRPC_PREFIX_SIZE + frame.size;
        size -= GRPC_PREFIX_SIZE + frame.size;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_response response AUTO_HTTP_RESPONSE = {0};
    struct grpc_frame frame;
    struct error error = {0};

    if (!size) {
        return 0;
    }
    response.status = data[0] == '2' ? 200 : data[0] * 4;
    const uint8_t *headers = data + 1, *end = memmem(headers, size - 1, "\r\n\r\n", 4);
    size_t headers_size = end ? (size_t)(end - headers) + 2 : size - 1;
    const uint8_t *body = end ? end + 4 : data + size;
    size_t body_size = (size_t)(data + size - body);
    if (!buffer_append(&response.headers, headers, headers_size) ||
        (body_size && !buffer_append(&response.body, body, body_size))) {
        abort();
    }
    if (!grpc_unary_answer(&response, ETCD_MESSAGE_LIMIT, &frame, &error)) {
        decode(&frame);
    } else {
        check_text(error.message);
        etcd_error_of(&error);
    }
    scan(body, body_size);
    check_reader(body, body_size);
    return 0;
}
