/* Reports of the start helper, from small servers on the loopback, and endpoints where no etcd is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "etcd/client.h"
#include "net/server.h"

#define REPORT "{\"state\": \"waiting\", \"why\": \"no permit\"}"

/* What one server answers to GET /: the body, followed by blanks up to `size` bytes. */
struct page {
    unsigned status;
    const char *content_type, *body;
    size_t body_size, size;
};

static void serve(void *context, const struct http_server_request *request,
                  struct http_server_answer *answer)
{
    const struct page *page = context;
    bool root = !strcmp(request->path, "/") && !strcmp(request->method, "GET");

    answer->status = root ? page->status : 404;
    answer->content_type = page->content_type;
    assert_true(buffer_append(&answer->body, page->body, page->body_size));
    while (answer->body.size < page->size) {
        assert_true(buffer_append(&answer->body, " ", 1));
    }
}

#define BODY(text) text, sizeof text - 1

static const struct page pages[] = {
    {200, "application/json", BODY(REPORT), 0},
    {200, "application/json; charset=utf-8", BODY(REPORT), 0},
    {200, "application/json", BODY(REPORT), 64 * 1024},
    {503, "application/json", BODY(REPORT), 0},
    {200, "text/plain", BODY(REPORT), 0},
    {200, "application/jsonp", BODY(REPORT), 0},
    {200, "application/json", BODY(REPORT), 64 * 1024 + 1},
    {200, "application/json", BODY("{\0}"), 0},
};
#define N_READABLE 3 /* The first ones. */
#define N          (sizeof pages / sizeof *pages)

static void test_reports(void **state)
{
    struct http_server *servers[N];
    struct etcd_endpoint endpoints[N + 1];
    const char *reports[N + 1];
    struct etcd_client *client = etcd_client_new();
    const struct etcd_api *api = etcd_client_api(client);
    struct arena *arena AUTO_ARENA = arena_new();

    (void)state;
    for (size_t i = 0; i < N; i++) {
        struct http_server_options options = {
            .address = "127.0.0.1", .handle = serve, .context = (void *)(uintptr_t)&pages[i]};
        struct error error = {0};
        if (http_server_start(&options, &servers[i], &error)) {
            fail_msg("%s", error.message);
        }
        endpoints[i] =
            (struct etcd_endpoint){"c-0.c-peer.ns.svc", "127.0.0.1", http_server_port(servers[i])};
    }
    endpoints[N] = (struct etcd_endpoint){"c-1.c-peer.ns.svc", "127.0.0.1", 1}; /* Nobody. */
    api->reports(api->context, endpoints, N + 1, 5000, arena, reports);
    for (size_t i = 0; i < N; i++) {
        if (i < N_READABLE) {
            size_t size = pages[i].size ? pages[i].size : strlen(REPORT);
            assert_non_null(reports[i]);
            assert_int_equal(strlen(reports[i]), size);
            assert_memory_equal(reports[i], REPORT, strlen(REPORT));
        } else if (reports[i]) {
            fail_msg("page %zu was taken for a report", i);
        }
        http_server_stop(servers[i]);
    }
    assert_null(reports[N]);
    api->reports(api->context, NULL, 0, 5000, arena, NULL);
    etcd_client_free(client);
}

/* Something listens, but it does not speak HTTP/2; and nothing listens. */
static void test_no_etcd_there(void **state)
{
    struct http_server_options options = {
        .address = "127.0.0.1", .handle = serve, .context = (void *)(uintptr_t)&pages[0]};
    struct http_server *server = NULL;
    struct etcd_client *client = etcd_client_new();
    const struct etcd_api *api = etcd_client_api(client);
    struct arena *arena AUTO_ARENA = arena_new();
    struct etcd_credentials credentials = {.key = "ns/c"};
    struct etcd_look looks[2];
    struct etcd_member_list list;
    struct etcd_alarm *alarms;
    struct error error = {0};
    size_t n;

    (void)state;
    assert_int_equal(http_server_start(&options, &server, &error), 0);
    struct etcd_endpoint endpoints[] = {
        {"c-0.c-peer.ns.svc", "127.0.0.1", http_server_port(server)},
        {"c-1.c-peer.ns.svc", "127.0.0.1", 1}};
    api->look(api->context, &credentials, endpoints, 2, 2000, arena, looks);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(looks[i].status_error.kind, ERROR_RETRYABLE);
        assert_int_equal(looks[i].read_error.kind, ERROR_RETRYABLE);
    }
    assert_non_null(strstr(looks[1].status_error.message, "c-1.c-peer.ns.svc:1"));
    const struct etcd_target two = {&credentials, endpoints, 2, 2000};
    const struct etcd_target none = {&credentials, NULL, 0, 2000};
    assert_int_equal(api->member_list(api->context, &two, arena, &list, &error), -ERROR_RETRYABLE);
    assert_int_equal(api->alarms(api->context, &none, arena, &alarms, &n, &error),
                     -ERROR_RETRYABLE);
    assert_non_null(strstr(error.message, "no endpoint"));

    credentials = (struct etcd_credentials){.tls = true, .key = "ns/c", .ca_pem = "garbage"};
    api->look(api->context, &credentials, endpoints, 2, 2000, arena, looks);
    assert_int_equal(looks[0].status_error.kind, ERROR_INVALID);
    assert_int_equal(looks[1].read_error.kind, ERROR_INVALID);
    api->forget(api->context, "ns/c");
    http_server_stop(server);
    etcd_client_free(client);
}

static bool forbid(void *context)
{
    (void)context;
    return false;
}

/* A replica that may change nothing does not speak to etcd; the reports of helpers are no etcd. */
static void test_guard(void **state)
{
    struct http_server_options options = {
        .address = "127.0.0.1", .handle = serve, .context = (void *)(uintptr_t)&pages[0]};
    struct http_server *server = NULL;
    struct etcd_client *client = etcd_client_new();
    const struct etcd_api *api = etcd_client_api(client);
    struct arena *arena AUTO_ARENA = arena_new();
    struct etcd_credentials credentials = {.key = "ns/c"};
    struct etcd_member_list list;
    struct error error = {0};
    const char *report;

    (void)state;
    etcd_client_guard(client, forbid, NULL);
    assert_int_equal(http_server_start(&options, &server, &error), 0);
    struct etcd_endpoint endpoint = {"c-0.c-peer.ns.svc", "127.0.0.1", http_server_port(server)};
    const struct etcd_target target = {&credentials, &endpoint, 1, 2000};
    assert_int_equal(api->member_list(api->context, &target, arena, &list, &error),
                     -ERROR_CANCELLED);
    api->reports(api->context, &endpoint, 1, 2000, arena, &report);
    assert_non_null(report);
    etcd_client_free(client);
    http_server_stop(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_no_etcd_there),
        cmocka_unit_test(test_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
