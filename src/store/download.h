/* A download over as many connections as it takes: it goes on at the byte where it was cut.  What a
 * request looks like, and that the object is still the same, is the backend's business. */
#ifndef STORE_DOWNLOAD_H
#define STORE_DOWNLOAD_H 1

#include <stdbool.h>

#include "net/http.h"
#include "store/backend.h"

struct download {
    /* One request, which asks for download_range() and gives what arrives to download_take(). */
    int (*attempt)(void *context, struct download *download, struct http_response *response,
                   struct error *error);
    void *context; /* Of attempt. */
    int (*write)(void *context, const void *data, size_t size, struct error *error);
    void *write_context;
    uint64_t at;  /* The next byte of the object. */
    uint64_t end; /* The first that is not wanted; 0: all are. */
    /* Private. */
    struct http_response response;
    bool checked; /* That this answer begins there. */
    bool refused; /* By `write`, or because it does not. */
};

int download_run(struct download *download, const struct store *store,
                 const struct store_range *range, struct error *error);

#define DOWNLOAD_RANGE_SIZE 64

/* "range: bytes=5-" for the request that comes next; NULL when the whole object is wanted. */
const char *download_range(const struct download *download, char out[DOWNLOAD_RANGE_SIZE]);
/* An on_body of struct http_request, whose context is the download. */
int download_take(void *context, const void *data, size_t size, struct error *error);

#endif
