/* The HTTP client against our own server: what a request says arrives, and what the answer says
 * comes back. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/http.h"
#include "net/server.h"

struct fixture {
    struct http_server *server;
    struct http_client *client;
    char url[64];
};

static void append_text(struct buffer *out, const char *text, size_t size)
{
    assert_true(buffer_append(out, text, size));
}

/* /echo: the method, a blank and the body. /big: 300000 bytes. /missing: 404. */
static void handle(void *context, const struct http_server_request *request,
                   struct http_server_answer *answer)
{
    (void)context;
    answer->status = 200;
    answer->content_type = "text/plain";
    if (!strcmp(request->path, "/echo")) {
        buffer_printf(&answer->body, "%s ", request->method);
        append_text(&answer->body, request->body, request->body_size);
    } else if (!strcmp(request->path, "/big")) {
        for (int i = 0; i < 3000; i++) {
            buffer_printf(&answer->body, "%0100d", i);
        }
    } else if (strcmp(request->path, "/empty") != 0) {
        answer->status = 404;
        buffer_printf(&answer->body, "nothing at %s", request->path);
    }
}

static int set_up(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct http_server_options server = {
        .address = "127.0.0.1", .max_body = 1000, .handle = handle};
    struct http_options options = {0};
    struct error error = {0};

    assert_int_equal(http_server_start(&server, &f->server, &error), 0);
    assert_int_equal(http_client_new(&options, &f->client, &error), 0);
    snprintf(f->url, sizeof f->url, "http://127.0.0.1:%u", http_server_port(f->server));
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    http_client_free(f->client);
    http_server_stop(f->server);
    free(f);
    return 0;
}

static void do_expect(struct fixture *f, const char *method, const char *path, const char *body,
                      long status, const char *answer)
{
    AUTO_FREE char *url = xasprintf("%s%s", f->url, path);
    struct http_request request = {
        .method = method, .url = url, .body = body, .body_size = body ? strlen(body) : 0};
    AUTO_HTTP_RESPONSE struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(f->client, &request, &response, &error), 0);
    assert_int_equal(response.status, status);
    assert_string_equal(response.body.data ? response.body.data : "", answer);
}

static void test_methods_and_bodies(void **state)
{
    struct fixture *f = *state;

    do_expect(f, "GET", "/echo", NULL, 200, "GET ");
    do_expect(f, "POST", "/echo", "abc", 200, "POST abc");
    do_expect(f, "POST", "/echo", NULL, 200, "POST ");
    do_expect(f, "PUT", "/echo", "abc", 200, "PUT abc");
    do_expect(f, "PATCH", "/echo?force=true", "{}", 200, "PATCH {}");
    do_expect(f, "DELETE", "/echo", NULL, 200, "DELETE ");
    do_expect(f, "DELETE", "/echo", "{\"a\":1}", 200, "DELETE {\"a\":1}");
    do_expect(f, "GET", "/echo", NULL, 200, "GET "); /* Nothing of the earlier ones stuck. */
    do_expect(f, "HEAD", "/echo", NULL, 200, "");
    do_expect(f, "GET", "/empty", NULL, 200, "");
    do_expect(f, "GET", "/nowhere", NULL, 404, "nothing at /nowhere");
}

static void test_response_headers(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *url = xasprintf("%s/echo", f->url);
    struct http_request request = {.method = "GET", .url = url};
    AUTO_HTTP_RESPONSE struct http_response response;
    struct error error = {0};
    char value[64];

    assert_int_equal(http_do(f->client, &request, &response, &error), 0);
    assert_true(http_response_header(&response, "content-TYPE", value, sizeof value));
    assert_string_equal(value, "text/plain");
    assert_false(http_response_header(&response, "content", value, sizeof value));
    assert_false(http_response_header(&response, "text/plain", value, sizeof value));
}

static void test_server_refuses_large_bodies(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *body = xcalloc(1, 1002);

    memset(body, 'x', 1000);
    AUTO_FREE char *answer = xasprintf("POST %s", body);
    do_expect(f, "POST", "/echo", body, 200, answer);
    body[1000] = 'x';
    do_expect(f, "POST", "/echo", body, 413, "The request is larger than 1000 bytes.\n");
}

/* A body whose size nobody announced is counted as it comes. */
static void test_server_counts_chunked_bodies(void **state)
{
    struct fixture *f = *state;
    static const char *const headers[] = {"Transfer-Encoding: chunked", NULL};
    AUTO_FREE char *url = xasprintf("%s/echo", f->url);
    char body[1001];
    struct http_request request = {
        .method = "POST", .url = url, .headers = headers, .body = body, .body_size = 1000};
    struct http_response response;
    struct error error = {0};

    memset(body, 'x', sizeof body);
    assert_int_equal(http_do(f->client, &request, &response, &error), 0);
    assert_int_equal(response.status, 200);
    assert_int_equal(response.body.size, 1005);
    http_response_fini(&response);
    request.body_size = 1001;
    assert_int_equal(http_do(f->client, &request, &response, &error), 0);
    assert_int_equal(response.status, 413);
    http_response_fini(&response);
}

static void test_response_limit(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *url = xasprintf("%s/big", f->url);
    struct http_request request = {.method = "GET", .url = url, .max_response = 300000};
    struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(f->client, &request, &response, &error), 0);
    assert_int_equal(response.body.size, 300000);
    http_response_fini(&response);

    request.max_response = 299999;
    assert_int_equal(http_do(f->client, &request, &response, &error), -ERROR_INVALID);
    assert_non_null(strstr(error.message, "larger than the 299999 bytes"));
    http_response_fini(&response);
}

struct sink {
    size_t calls, bytes, stop_at;
};

static int sink_take(void *context, const void *data, size_t size, struct error *error)
{
    struct sink *sink = context;

    (void)data;
    sink->calls++;
    sink->bytes += size;
    if (sink->stop_at && sink->bytes >= sink->stop_at) {
        return error_set(error, ERROR_GONE, "enough");
    }
    return 0;
}

static void test_streaming(void **state)
{
    struct fixture *f = *state;
    AUTO_FREE char *url = xasprintf("%s/big", f->url);
    AUTO_FREE char *missing = xasprintf("%s/missing", f->url);
    struct sink sink = {0};
    struct http_request request = {.method = "GET",
                                   .url = url,
                                   .max_response = 1000, /* Does not bound what is streamed. */
                                   .on_body = sink_take,
                                   .on_body_context = &sink};
    struct http_response response;
    struct error error = {0};

    assert_int_equal(http_do(f->client, &request, &response, &error), 0);
    assert_int_equal(sink.bytes, 300000);
    assert_true(sink.calls > 1);
    assert_int_equal(response.body.size, 0);
    http_response_fini(&response);

    /* The receiver's own error is the result. */
    sink = (struct sink){.stop_at = 20000};
    assert_int_equal(http_do(f->client, &request, &response, &error), -ERROR_GONE);
    assert_int_equal(error.kind, ERROR_GONE);
    assert_string_equal(error.message, "enough");
    assert_true(sink.bytes < 300000);
    http_response_fini(&response);

    /* What a failed status says is kept and not streamed. */
    sink = (struct sink){0};
    request.url = missing;
    assert_int_equal(http_do(f->client, &request, &response, &error), 0);
    assert_int_equal(response.status, 404);
    assert_int_equal(sink.calls, 0);
    assert_string_equal(response.body.data, "nothing at /missing");
    http_response_fini(&response);
}

static void test_wrong_urls(void **state)
{
    static const char *const urls[] = {"nonsense://x/", "http://", "file:///etc/passwd",
                                       "http://127.0.0.1:99999/"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        struct http_request request = {.method = "GET", .url = urls[i]};
        AUTO_HTTP_RESPONSE struct http_response response;
        struct error error = {0};
        assert_int_equal(http_do(f->client, &request, &response, &error), -ERROR_INVALID);
        assert_int_equal(error.kind, ERROR_INVALID);
    }
}

/* The environment's proxy is for others. */
static void test_no_proxy(void **state)
{
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    do_expect(*state, "GET", "/echo", NULL, 200, "GET ");
    unsetenv("http_proxy");
    unsetenv("all_proxy");
}

static void test_server_address_in_use(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = {
        .address = "127.0.0.1", .port = http_server_port(f->server), .handle = handle};
    struct http_server *server = NULL;
    struct error error = {0};

    assert_int_equal(http_server_start(&options, &server, &error), -ERROR_TERMINAL);
    assert_non_null(strstr(error.message, "127.0.0.1"));
    assert_non_null(strstr(error.message, "in use"));
    options.address = "localhost.";
    assert_int_equal(http_server_start(&options, &server, &error), -ERROR_INVALID);
}

static void test_server_on_all_addresses(void **state)
{
    struct fixture *f = *state;
    struct http_server_options options = {.handle = handle};
    struct http_server *server = NULL;
    struct error error = {0};

    assert_int_equal(http_server_start(&options, &server, &error), 0);
    char url[64];
    static const char *const addresses[] = {"127.0.0.1", "::1"};
    snprintf(url, sizeof url, "http://operator.invalid:%u/echo", http_server_port(server));
    for (size_t i = 0; i < 2; i++) {
        struct http_request request = {.method = "GET", .url = url, .connect_to = addresses[i]};
        AUTO_HTTP_RESPONSE struct http_response response;
        int r = http_do(f->client, &request, &response, &error);
        if (i == 1 && r == -ERROR_RETRYABLE) {
            print_message("no IPv6 here\n");
            break;
        }
        assert_int_equal(r, 0);
        assert_int_equal(response.status, 200);
    }
    http_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_methods_and_bodies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_response_headers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_server_refuses_large_bodies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_server_counts_chunked_bodies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_response_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_streaming, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_urls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_proxy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_server_address_in_use, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_server_on_all_addresses, set_up, tear_down),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
