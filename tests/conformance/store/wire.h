/* How a test speaks to the proxies and servers around a store. Include after cmocka.h. */
#ifndef TESTS_CONFORMANCE_STORE_WIRE_H
#define TESTS_CONFORMANCE_STORE_WIRE_H 1

#include <string.h>

#include "base/memory.h"
#include "net/http.h"

/* The answer's body, malloc'ed. */
static inline char *wire_post(const char *endpoint, const char *path, const char *body)
{
    AUTO_FREE char *url = xasprintf("%s%s", endpoint, path);
    const struct http_options options = {0};
    const struct http_request request = {
        .method = "POST", .url = url, .body = body, .body_size = strlen(body)};
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    struct http_client *client = NULL;
    struct error error = {0};

    if (http_client_new(&options, &client, &error) ||
        http_do(client, &request, &response, &error)) {
        fail_msg("%s", error.message);
    }
    http_client_free(client);
    assert_int_equal(response.status, 200);
    return xstrdup(response.body.data ? response.body.data : "");
}

/* The request of this number, counted from 0, and all like it until `times` are done, meets the
 * fault (faulty_wire.py). */
static inline void wire_arm(const char *endpoint, const char *fault, int after, int times)
{
    AUTO_FREE char *body = xasprintf("%s %d %d", fault, after, times);

    free(wire_post(endpoint, "/-/arm", body));
}

#endif
