#include "etcd/grpc.h"

#include <string.h>
#include <strings.h>

/* Bytes of grpc-message that are looked at, and that are kept once they are decoded: with the call
 * and the longest DNS name in front they fit into an error, which would cut through a character. */
#define MESSAGE_SIZE 1024
#define MESSAGE_KEPT 200

static const struct {
    const char *name;
    enum error_kind kind;
} statuses[] = {
    [GRPC_OK] = {"OK", ERROR_NONE},
    /* The server gave up; nobody here asked it to stop. */
    [GRPC_CANCELLED] = {"CANCELLED", ERROR_RETRYABLE},
    [GRPC_UNKNOWN] = {"UNKNOWN", ERROR_RETRYABLE},
    [GRPC_INVALID_ARGUMENT] = {"INVALID_ARGUMENT", ERROR_INVALID},
    [GRPC_DEADLINE_EXCEEDED] = {"DEADLINE_EXCEEDED", ERROR_RETRYABLE},
    [GRPC_NOT_FOUND] = {"NOT_FOUND", ERROR_NOT_FOUND},
    [GRPC_ALREADY_EXISTS] = {"ALREADY_EXISTS", ERROR_EXISTS},
    [GRPC_PERMISSION_DENIED] = {"PERMISSION_DENIED", ERROR_DENIED},
    [GRPC_RESOURCE_EXHAUSTED] = {"RESOURCE_EXHAUSTED", ERROR_RETRYABLE},
    [GRPC_FAILED_PRECONDITION] = {"FAILED_PRECONDITION", ERROR_CONFLICT},
    [GRPC_ABORTED] = {"ABORTED", ERROR_CONFLICT},
    [GRPC_OUT_OF_RANGE] = {"OUT_OF_RANGE", ERROR_INVALID},
    [GRPC_UNIMPLEMENTED] = {"UNIMPLEMENTED", ERROR_TERMINAL},
    [GRPC_INTERNAL] = {"INTERNAL", ERROR_RETRYABLE},
    [GRPC_UNAVAILABLE] = {"UNAVAILABLE", ERROR_RETRYABLE},
    [GRPC_DATA_LOSS] = {"DATA_LOSS", ERROR_TERMINAL},
    [GRPC_UNAUTHENTICATED] = {"UNAUTHENTICATED", ERROR_DENIED},
};

bool grpc_frame_append(struct buffer *out, const void *message, size_t size)
{
    if (size > UINT32_MAX) {
        return false;
    }
    const uint8_t prefix[GRPC_PREFIX_SIZE] = {0, (uint8_t)(size >> 24), (uint8_t)(size >> 16),
                                              (uint8_t)(size >> 8), (uint8_t)size};
    return buffer_append(out, prefix, sizeof prefix) &&
           (size == 0 || buffer_append(out, message, size));
}

int grpc_frame_scan(const void *data, size_t size, size_t limit, struct grpc_frame *frame,
                    struct error *error)
{
    const uint8_t *bytes = data;

    if (size > 0 && bytes[0] != 0) {
        return error_set(error, ERROR_RETRYABLE,
                         bytes[0] == 1 ? "the answer is compressed, which was not asked for"
                                       : "the answer is not gRPC (flag %u)",
                         bytes[0]);
    }
    if (size < GRPC_PREFIX_SIZE) {
        return 0;
    }
    size_t length =
        (size_t)bytes[1] << 24 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 8 | (size_t)bytes[4];
    if (length > limit) {
        return error_set(error, ERROR_RETRYABLE,
                         "the answer announces %zu bytes, and %zu are the limit", length, limit);
    }
    if (size - GRPC_PREFIX_SIZE < length) {
        return 0;
    }
    *frame = (struct grpc_frame){bytes + GRPC_PREFIX_SIZE, length};
    return 1;
}

/* The length of the UTF-8 character at `text`, 0 if it is none. */
static size_t utf8_length(const unsigned char *text, size_t size)
{
    static const struct {
        unsigned char mask, lead;
        uint32_t least; /* A smaller value has a shorter form. */
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

    for (size_t more = 0; more < sizeof forms / sizeof *forms; more++) {
        if (size <= more || (text[0] & forms[more].mask) != forms[more].lead) {
            continue;
        }
        uint32_t value = text[0] & (unsigned char)~forms[more].mask;
        for (size_t i = 1; i <= more; i++) {
            if ((text[i] & 0xc0) != 0x80) {
                return 0;
            }
            value = value << 6 | (text[i] & 0x3f);
        }
        bool surrogate = value >= 0xd800 && value <= 0xdfff;
        return value < forms[more].least || value > 0x10ffff || surrogate ? 0 : more + 1;
    }
    return 0;
}

bool grpc_utf8_valid(const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t length = utf8_length((const unsigned char *)text + at, size - at);
        if (!length) {
            return false;
        }
        at += length;
    }
    return true;
}

static int hex_value(char digit)
{
    static const char digits[] = "0123456789abcdef";
    const char *at =
        digit ? strchr(digits, digit >= 'A' && digit <= 'F' ? digit + 32 : digit) : NULL;

    return at ? (int)(at - digits) : -1;
}

static size_t percent_decode(char *text)
{
    char *out = text;

    for (const char *in = text; *in; in++) {
        int high = *in == '%' ? hex_value(in[1]) : -1;
        int low = high >= 0 ? hex_value(in[2]) : -1;
        if (low >= 0) {
            *out++ = (char)(high << 4 | low);
            in += 2;
        } else {
            *out++ = *in;
        }
    }
    *out = '\0';
    return (size_t)(out - text);
}

void grpc_decode_message(char *text)
{
    size_t size = percent_decode(text);

    for (size_t at = 0; at < size;) {
        size_t length = utf8_length((unsigned char *)text + at, size - at);
        unsigned char first = (unsigned char)text[at];
        if (!length || first < ' ' || first == 0x7f) {
            text[at] = '?';
            length = 1;
        }
        at += length;
    }
}

static void shorten(char *text, size_t size)
{
    if (strlen(text) > size) {
        while (size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80) {
            size--; /* Not within a character. */
        }
        text[size] = '\0';
    }
}

/* Without a grpc-status the HTTP status says what stood in between: a proxy, a gateway, a server
 * that is not etcd. */
static int no_status(const struct http_response *response, struct error *error)
{
    enum error_kind kind =
        response->status == 401 || response->status == 403 ? ERROR_DENIED : ERROR_RETRYABLE;

    return error_set(error, kind,
                     "HTTP status %ld without grpc-status: cut short, or not answered by etcd",
                     response->status);
}

/* -1 if the header is absent; GRPC_UNKNOWN if it is no number that gRPC knows. */
static int status_of(const struct http_response *response)
{
    char text[16];

    if (!http_response_header(response, "grpc-status", text, sizeof text) || !*text) {
        return -1;
    }
    size_t digits = strspn(text, "0123456789");
    if (text[digits] || digits > 2) {
        return GRPC_UNKNOWN;
    }
    int status = text[0] - '0';
    if (digits == 2) {
        status = status * 10 + text[1] - '0';
    }
    return (size_t)status < sizeof statuses / sizeof *statuses ? status : GRPC_UNKNOWN;
}

bool grpc_has_status(const struct http_response *response)
{
    return status_of(response) >= 0;
}

int grpc_error_set(struct error *error, enum grpc_status status, const char *words)
{
    return error_set(error, statuses[status].kind, "%s: %s", statuses[status].name,
                     *words ? words : "the server gave no reason");
}

int grpc_check_status(const struct http_response *response, struct error *error)
{
    char message[MESSAGE_SIZE];
    int status = status_of(response);

    if (status < 0 || (status == GRPC_OK && response->status != 200)) {
        return no_status(response, error);
    }
    if (status == GRPC_OK) {
        return 0;
    }
    if (!http_response_header(response, "grpc-message", message, sizeof message)) {
        message[0] = '\0';
    }
    grpc_decode_message(message);
    shorten(message, MESSAGE_KEPT);
    return grpc_error_set(error, (enum grpc_status)status, message);
}

int grpc_unary_answer(const struct http_response *response, size_t limit, struct grpc_frame *frame,
                      struct error *error)
{
    int result = grpc_check_status(response, error);

    if (result) {
        return result;
    }
    result = grpc_frame_scan(response->body.data, response->body.size, limit, frame, error);
    if (result < 0) {
        return result;
    }
    if (result == 0) {
        return error_set(error, ERROR_RETRYABLE, "the answer ends within its first message");
    }
    if (response->body.size != GRPC_PREFIX_SIZE + frame->size) {
        return error_set(error, ERROR_RETRYABLE, "the answer holds more than one message");
    }
    return 0;
}
