/* Backups in a store: what counts as one, and what is pruned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "net/http.h"
#include "net/server.h"
#include "snapshot/progress.h"
#include "snapshot/prune.h"
#include "store/options.h"

static char directory[] = "/tmp/test-stored-XXXXXX";

static struct store *open_store(void)
{
    AUTO_FREE char *url = xasprintf("file://%s", directory);
    const struct store_destination destination = {.url = url};
    struct store *store = NULL;
    struct error error = {0};

    if (store_open(&destination, &store, &error)) {
        fail_msg("%s", error.message);
    }
    return store;
}

static int set_up(void **state)
{
    snprintf(directory, sizeof directory, "/tmp/test-stored-XXXXXX");
    assert_non_null(mkdtemp(directory));
    *state = open_store();
    return 0;
}

static int tear_down(void **state)
{
    AUTO_FREE char *command = xasprintf("rm -r '%s'", directory);

    store_close(*state);
    return system(command); /* NOLINT(cert-env33-c): the name is ours. */
}

static void put(struct store *store, const char *name, const char *text)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STORE_PUT struct store_put *put = NULL;
    struct store_object stored;
    struct error error = {0};

    if (store_put_begin(store, name, NULL, &put, &error) ||
        store_put_write(put, text, strlen(text), &error) ||
        store_put_finish(put, arena, &stored, &error)) {
        fail_msg("%s", error.message);
    }
}

/* An object of three bytes and its manifest. */
static void back_up(struct store *store, const char *name, const char *cluster,
                    const char *schedule, int64_t taken_at_ms)
{
    const struct snapshot_manifest manifest = {.name = name,
                                               .size = 3,
                                               .sha256 = "00",
                                               .cluster = cluster,
                                               .schedule = schedule,
                                               .taken_at_ms = taken_at_ms};
    struct error error = {0};

    put(store, name, "abc");
    assert_int_equal(snapshot_stored_commit(store, &manifest, &error), 0);
}

static void test_a_backup_is_its_manifest(void **state)
{
    struct store *store = *state;
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest manifest;
    struct error error = {0};

    put(store, "a/b", "abc");
    assert_int_equal(snapshot_stored_load(store, "a/b", arena, &manifest, &error),
                     -(int)ERROR_NOT_FOUND);
    back_up(store, "a/b", "ns/c", NULL, 1000);
    assert_int_equal(snapshot_stored_load(store, "a/b", arena, &manifest, &error), 0);
    assert_string_equal(manifest.cluster, "ns/c");
    assert_int_equal(snapshot_stored_confirm(store, &manifest, &error), 0);
    put(store, "a/b", "abcd");
    assert_int_equal(snapshot_stored_confirm(store, &manifest, &error), -(int)ERROR_INVALID);
    assert_int_equal(snapshot_stored_remove(store, "a/b", &error), 0);
    assert_int_equal(snapshot_stored_confirm(store, &manifest, &error), -(int)ERROR_NOT_FOUND);
    assert_int_equal(snapshot_stored_load(store, "a/b", arena, &manifest, &error),
                     -(int)ERROR_NOT_FOUND);
    assert_int_equal(snapshot_stored_remove(store, "a/b", &error), 0);
}

static void test_what_is_no_manifest_takes_the_name(void **state)
{
    struct store *store = *state;
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest manifest;
    struct error error = {0};

    put(store, "n.json", "{}");
    assert_int_equal(snapshot_stored_load(store, "n", arena, &manifest, &error),
                     -(int)ERROR_EXISTS);
    /* One that was copied to another name. */
    back_up(store, "m", NULL, NULL, 1000);
    put(store, "n.json",
        "{\"v\":1,\"name\":\"m\",\"size\":3,\"databaseSize\":0,\"sha256\":\"00\",\"revision\":0,"
        "\"records\":0,\"compressed\":false,\"takenAt\":\"2026-11-24T00:00:00Z\"}");
    assert_int_equal(snapshot_stored_load(store, "n", arena, &manifest, &error),
                     -(int)ERROR_EXISTS);
    assert_non_null(strstr(error.message, "manifest of m"));
    assert_int_equal(snapshot_stored_load(store, "n.json", arena, &manifest, &error),
                     -(int)ERROR_INVALID);
}

static void test_a_list_has_whole_backups(void **state)
{
    struct store *store = *state;
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest *manifests;
    struct error error = {0};
    size_t n;

    assert_int_equal(snapshot_stored_list(store, "", arena, &manifests, &n, &error), 0);
    assert_int_equal(n, 0);
    back_up(store, "a", NULL, NULL, 1000);
    back_up(store, "a-1", NULL, NULL, 1000);
    back_up(store, "b/a", NULL, NULL, 1000);
    back_up(store, "lost", NULL, NULL, 1000);
    assert_int_equal(store_remove(store, "lost", &error), 0);
    back_up(store, "other", NULL, NULL, 1000);
    put(store, "other", "another size");
    put(store, "unfinished", "abc");
    put(store, "settings.json", "[1]");
    assert_int_equal(snapshot_stored_list(store, "", arena, &manifests, &n, &error), 0);
    assert_int_equal(n, 3);
    assert_string_equal(manifests[0].name, "a-1"); /* "a-1.json" comes before "a.json". */
    assert_string_equal(manifests[1].name, "a");
    assert_string_equal(manifests[2].name, "b/a");
    assert_int_equal(snapshot_stored_list(store, "b/", arena, &manifests, &n, &error), 0);
    assert_int_equal(n, 1);
}

/* Which go, as one text. */
static void expect_gone(struct store *store, const struct snapshot_group *group, uint32_t last,
                        const char *gone)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct snapshot_retention retention = {.last = last};
    struct snapshot_kept *items;
    struct error error = {0};
    char text[256] = "";
    size_t n;

    assert_int_equal(
        snapshot_prune_plan(store, group, &retention, 100000, arena, &items, &n, &error), 0);
    for (size_t i = 0; i < n; i++) {
        if (items[i].goes) {
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", items[i].name);
        }
    }
    assert_string_equal(text, gone);
}

static void test_only_its_own_group_is_pruned(void **state)
{
    struct store *store = *state;

    back_up(store, "s-1", "ns/c", "u1", 1000);
    back_up(store, "s-2", "ns/c", "u1", 2000);
    back_up(store, "s-3", "ns/other", "u1", 3000); /* The cluster was renamed: still its own. */
    back_up(store, "t-1", "ns/c", "u2", 1000);
    back_up(store, "hand-1", "ns/c", NULL, 1000);
    back_up(store, "hand-2", "ns/c", NULL, 2000);
    back_up(store, "other-1", "ns/d", NULL, 1000);
    back_up(store, "none-1", NULL, NULL, 1000);
    back_up(store, "none-2", NULL, NULL, 2000);
    /* The newest one is lost, and counts for nothing. */
    back_up(store, "s-4", "ns/c", "u1", 4000);
    struct error error = {0};
    assert_int_equal(store_remove(store, "s-4", &error), 0);
    expect_gone(store, &(struct snapshot_group){"u1", "ns/c"}, 1, "s-2 s-1 ");
    expect_gone(store, &(struct snapshot_group){"u1", NULL}, 2, "s-1 ");
    expect_gone(store, &(struct snapshot_group){"u2", "ns/c"}, 1, "");
    expect_gone(store, &(struct snapshot_group){NULL, "ns/c"}, 1, "hand-1 ");
    expect_gone(store, &(struct snapshot_group){NULL, NULL}, 1, "none-1 ");
    expect_gone(store, &(struct snapshot_group){"u3", "ns/c"}, 1, "");
}

static char *get(uint16_t port, const char *path, long *status)
{
    AUTO_FREE char *url = xasprintf("http://127.0.0.1:%u%s", port, path);
    const struct http_options options = {0};
    const struct http_request request = {.method = "GET", .url = url};
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    struct http_client *client = NULL;
    struct error error = {0};

    assert_int_equal(http_client_new(&options, &client, &error), 0);
    assert_int_equal(http_do(client, &request, &response, &error), 0);
    http_client_free(client);
    *status = response.status;
    return xstrdup(response.body.data);
}

static void test_progress(void **state)
{
    struct snapshot_progress progress = {
        .step = SNAPSHOT_STREAMING, .bytes = 5, .total = 5000000000};
    struct net_address address = {0}, wrong = {0};
    struct error error = {0};
    long status;

    (void)state;
    assert_true(net_address_parse(&address, "127.0.0.1:0"));
    assert_true(net_address_parse(&wrong, "192.0.2.1:1"));
    assert_int_equal(snapshot_progress_serve(&progress, &address, &error), 0);
    uint16_t port = http_server_port(progress.server);
    AUTO_FREE char *said = get(port, "/progress", &status);
    assert_int_equal(status, 200);
    assert_string_equal(said, "{\"step\":\"Streaming\",\"bytes\":5,\"total\":5000000000}\n");
    progress.step = SNAPSHOT_PRUNING;
    AUTO_FREE char *later = get(port, "/progress", &status);
    assert_non_null(strstr(later, "Pruning"));
    AUTO_FREE char *other = get(port, "/", &status);
    assert_int_equal(status, 404);
    snapshot_progress_stop(&progress);
    assert_int_equal(snapshot_progress_serve(&progress, &wrong, &error), -(int)ERROR_TERMINAL);
    free(address.host);
    free(wrong.host);
}

static void test_options_of_stores(void **state)
{
    struct store_destination destination = {0};
    size_t n = 0;

    (void)state;
    for (const struct store_option *option = store_options; option->name; option++, n++) {
        AUTO_FREE char *words = xasprintf("  --%s ", option->name);
        store_option_set(option, option->name, &destination);
        assert_non_null(strstr(store_options_help, words));
    }
    assert_true(n >= 8);
    assert_string_equal(destination.url, "store");
    assert_string_equal(destination.encryption_key_id, "encryption-key");
    assert_string_equal(destination.ca_file, "ca-file");
    assert_true(destination.path_style);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_backup_is_its_manifest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_no_manifest_takes_the_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_list_has_whole_backups, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_only_its_own_group_is_pruned, set_up, tear_down),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_options_of_stores),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
