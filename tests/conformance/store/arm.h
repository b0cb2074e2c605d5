/* What the proxy of faulty_wire.py is to do next. Include after cmocka.h. */
#ifndef TESTS_CONFORMANCE_STORE_ARM_H
#define TESTS_CONFORMANCE_STORE_ARM_H 1

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "net/http.h"

/* The request of this number, counted from 0, and all like it until `times` are done, meets the
 * fault. */
static inline void arm(const char *fault, int after, int times)
{
    AUTO_FREE char *body = xasprintf("%s %d %d", fault, after, times);
    AUTO_FREE char *url = xasprintf("%s/-/arm", getenv("S3_TEST_FAULTY_ENDPOINT"));
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
}

#endif
