/* An answer from the network: the input is an HTTP status digit, header lines up to an empty line,
 * and a body. It goes through the status, the framing, and every message that we decode. */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "etcd/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text)
{
    if (!grpc_utf8_valid(text, strlen(text))) {
        abort();
    }
}

static void decode(const struct grpc_frame *frame)
{
    struct arena *arena AUTO_ARENA = arena_new();
    struct etcd_status status;
    struct etcd_member_list list;
    struct etcd_alarm *alarms;
    struct error error = {0};
    size_t n;

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
    etcd_alarms_decode(frame, arena, &alarms, &n, &error);
    etcd_read_decode(frame, &error);
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
    }
    scan(body, body_size);
    return 0;
}
