#include "store/download.h"

#include <inttypes.h>
#include <stdio.h>

const char *download_range(const struct download *download, char out[DOWNLOAD_RANGE_SIZE])
{
    if (download->end) {
        snprintf(out, DOWNLOAD_RANGE_SIZE, "range: bytes=%" PRIu64 "-%" PRIu64, download->at,
                 download->end - 1);
    } else {
        snprintf(out, DOWNLOAD_RANGE_SIZE, "range: bytes=%" PRIu64 "-", download->at);
    }
    return download->at || download->end ? out : NULL;
}

int download_take(void *context, const void *data, size_t size, struct error *error)
{
    struct download *download = context;
    char range[64];
    uint64_t begin = 0;

    if (!download->checked) {
        if (http_response_header(&download->response, "Content-Range", range, sizeof range)) {
            sscanf(range, "bytes %" SCNu64 "-", &begin);
        }
        if (begin != download->at) {
            download->refused = true;
            return error_set(error, ERROR_INVALID,
                             "the store does not give what was asked for: byte %" PRIu64
                             " instead of %" PRIu64,
                             begin, download->at);
        }
        download->checked = true;
    }
    int result = download->write(download->write_context, data, size, error);
    download->refused = result != 0;
    download->at += size;
    return result;
}

int download_run(struct download *download, const struct store *store,
                 const struct store_range *range, struct error *error)
{
    struct store_retry retry = {0};
    bool again;
    int result;

    download->at = range->offset;
    download->end = range->size ? range->offset + range->size : 0;
    do {
        const uint64_t began = download->at;
        download->response = (struct http_response){0};
        download->checked = false;
        result = download->attempt(download->context, download, &download->response, error);
        http_response_fini(&download->response);
        if (download->at > began) {
            retry = (struct store_retry){0}; /* It gets on. */
        }
        again = result && !download->refused && (!download->end || download->at < download->end) &&
                store_retry(store, &retry, false, error);
    } while (again);
    return result ? -(int)error->kind : 0;
}
