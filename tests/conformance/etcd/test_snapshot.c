/* Snapshots of a real member: saved by the program while it serves, proven, and held against what
 * etcdutl of the same version says of them and restores. */
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "fixture.h"

#define TIMEOUT_MS  10000
#define DEADLINE_MS 30000
#define KEYS_OF_TXN 100

static const char *program; /* etcd-operator */
static const char *guide;   /* docs/backup.md */

struct world {
    struct real_cluster cluster;
    struct etcd_client *client;
    const struct etcd_api *api;
    struct arena *arena;
    char *url, *utl;
};

static bool serves(void *context)
{
    struct world *world = context;
    struct etcd_look look;

    return real_cluster_serves(&world->cluster, world->api, 1, world->arena, &look);
}

static int start(void **state)
{
    static struct world world;

    AUTO_FREE char *etcd = xstrdup(real_etcd());
    *strrchr(etcd, '/') = '\0';
    world.utl = xasprintf("%s/etcdutl", etcd);
    real_cluster_init_plain(&world.cluster, 1);
    world.url = xasprintf("http://127.0.0.1:%u", world.cluster.endpoints[0].port);
    world.client = etcd_client_new();
    world.api = etcd_client_api(world.client);
    world.arena = arena_new();
    *state = &world;
    real_member_start(&world.cluster, 0);
    assert_true(wait_until(serves, &world, DEADLINE_MS));
    return 0;
}

static int stop(void **state)
{
    struct world *world = *state;

    etcd_client_free(world->client);
    arena_free(world->arena);
    real_cluster_fini(&world->cluster);
    free(world->url);
    free(world->utl);
    return 0;
}

/* What a shell prints for the command, which runs in the world's directory. */
static char *output_of(struct world *world, int code, const char *command)
{
    AUTO_FREE char *line =
        xasprintf("cd %s && OPERATOR=%s UTL=%s URL=%s && %s", world->cluster.directory, program,
                  world->utl, world->url, command);
    struct buffer out = {0};
    char piece[4096];
    size_t got;
    FILE *pipe = popen(line, "re");

    assert_non_null(pipe);
    while ((got = fread(piece, 1, sizeof piece, pipe)) > 0) {
        buffer_printf(&out, "%.*s", (int)got, piece);
    }
    int status = pclose(pipe);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code) {
        fail_msg("%s: status %d: %s", command, status, out.data);
    }
    return out.data ? out.data : xstrdup("");
}

static json_t *json_of(struct world *world, const char *command)
{
    AUTO_FREE char *text = output_of(world, 0, command);
    struct error error = {0};
    json_t *json = json_parse(text, strlen(text), command, &error);

    if (!json) {
        fail_msg("%s", error.message);
    }
    return json;
}

static void same(const json_t *ours, const char *name, const json_t *theirs, const char *their_name)
{
    json_int_t left = json_path_integer(ours, -1, name, NULL);
    json_int_t right = json_path_integer(theirs, -2, their_name, NULL);

    if (left != right) {
        fail_msg("%s is %lld, %s is %lld", name, (long long)left, their_name, (long long)right);
    }
}

/* Saves, and compares with etcdutl; the counting one is 3.5's, see snapshot/pages.h. */
static void save_and_compare(struct world *world)
{
    const char *counter = getenv("ETCDUTL_3_5");
    AUTO_JSON json_t *ours =
        json_of(world, "$OPERATOR snapshot save --endpoints $URL --output s.db --format json");
    AUTO_JSON json_t *theirs = json_of(world, "$UTL snapshot status s.db -w json 2>/dev/null");
    AUTO_JSON json_t *proven = json_of(world, "$OPERATOR snapshot verify s.db --format json");

    same(ours, "revision", theirs, "revision");
    same(ours, "databaseSize", theirs, "totalSize");
    same(ours, "revision", proven, "revision");
    same(ours, "records", proven, "records");
    if (json_path_string(theirs, "version", NULL)) {
        const char *version = json_path_string(ours, "storageVersion", NULL);
        assert_string_equal(version ? version : "", json_path_string(theirs, "version", NULL));
    } else {
        same(ours, "records", theirs, "totalKey");
    }
    if (counter) {
        AUTO_FREE char *command = xasprintf("%s snapshot status s.db -w json 2>/dev/null", counter);
        AUTO_JSON json_t *counted = json_of(world, command);
        same(ours, "records", counted, "totalKey");
    }
}

static void put(struct world *world, int first, int n, size_t size)
{
    const struct etcd_target target = {&world->cluster.credentials, world->cluster.endpoints, 1,
                                       TIMEOUT_MS};
    AUTO_FREE char *value = xmalloc(size);
    struct etcd_txn_result answer;
    struct error error = {0};

    memset(value, 'v', size);
    for (int done = 0; done < n; done += KEYS_OF_TXN) {
        char names[KEYS_OF_TXN][32];
        struct etcd_op ops[KEYS_OF_TXN];
        int some = n - done < KEYS_OF_TXN ? n - done : KEYS_OF_TXN;
        for (int i = 0; i < some; i++) {
            int length = snprintf(names[i], sizeof names[i], "key-%08d", first + done + i);
            ops[i] = (struct etcd_op){
                .type = ETCD_OP_PUT, .key = {names[i], (size_t)length}, .value = {value, size}};
        }
        const struct etcd_txn txn = {.success = ops, .n_success = (size_t)some};
        int result =
            world->api->txn(world->api->context, &target, &txn, world->arena, &answer, &error);
        /* The same again does no harm here: what is compared is the snapshot alone. */
        for (int again = 0; result == -(int)ERROR_RETRYABLE && again < 3; again++) {
            result =
                world->api->txn(world->api->context, &target, &txn, world->arena, &answer, &error);
        }
        if (result) {
            fail_msg("%s", error.message);
        }
    }
}

static void test_no_key(void **state)
{
    save_and_compare(*state);
}

static void test_one_key(void **state)
{
    put(*state, 0, 1, 10);
    save_and_compare(*state);
}

/* Records larger than a page, two and more of them in one leaf. */
static void test_values_over_a_page(void **state)
{
    for (int i = 0; i < 12; i++) {
        put(*state, i, 1, 3000 + (size_t)i * 7000);
        save_and_compare(*state);
    }
}

/* Free pages that are newer than some in use. */
static void test_many_keys_deleted_and_compacted(void **state)
{
    struct world *world = *state;
    const struct etcd_target target = {&world->cluster.credentials, world->cluster.endpoints, 1,
                                       TIMEOUT_MS};
    struct error error = {0};
    int64_t deleted, revision;
    struct etcd_look look;

    put(world, 0, 100000, 100);
    save_and_compare(world);
    if (world->api->delete_range(world->api->context, &target, (struct etcd_bytes){"key-0001", 8},
                                 (struct etcd_bytes){"key-0007", 8}, &deleted, &error)) {
        fail_msg("%s", error.message);
    }
    assert_int_equal(deleted, 60000);
    save_and_compare(world);
    assert_true(real_cluster_serves(&world->cluster, world->api, 1, world->arena, &look));
    revision = look.status.revision;
    if (world->api->compact(world->api->context, &target, revision, true, &error)) {
        fail_msg("%s", error.message);
    }
    for (int round = 0; round < 10; round++) {
        put(world, round * 50, 200, 500);
        save_and_compare(world);
    }
}

/* Several keys, wrong ones, and what is only compressed. */
static void test_restores_what_was_encrypted(void **state)
{
    struct world *world = *state;

    free(output_of(
        world, 0,
        "umask 077 && head -c 32 /dev/urandom >key && head -c 32 /dev/urandom | base64 >old"));
    free(output_of(world, 0,
                   "$OPERATOR snapshot save --endpoints $URL --output e --compress zstd "
                   "--encryption-key-file key"));
    free(output_of(world, 3, "$OPERATOR snapshot verify e 2>&1"));
    free(output_of(world, 3, "$OPERATOR snapshot verify e --encryption-key-file old 2>&1"));
    free(output_of(world, 0,
                   "$OPERATOR snapshot verify e --encryption-key-file old "
                   "--encryption-key-file key"));
    free(output_of(world, 0,
                   "$OPERATOR snapshot decrypt e --output plain "
                   "--encryption-key-file key"));
    free(output_of(world, 0, "$UTL snapshot restore plain --data-dir restored 2>&1"));
    free(output_of(world, 0, "test -s restored/member/snap/db"));
    free(
        output_of(world, 0, "$OPERATOR snapshot save --endpoints $URL --output z --compress zstd"));
    free(output_of(world, 0, "$OPERATOR snapshot decrypt z --output plain"));
    free(output_of(world, 0, "$UTL snapshot restore plain --data-dir again 2>&1"));
}

/* Each indented line of the guide, with our paths for the programs and our URL. */
static void test_the_guide(void **state)
{
    struct world *world = *state;
    FILE *file AUTO_FILE = fopen(guide, "re");
    char *line AUTO_FREE = NULL;
    size_t size = 0;
    int commands = 0;

    assert_non_null(file);
    free(output_of(world, 0,
                   "mkdir -m 700 bin guide guide/backups && ln -s $OPERATOR bin/etcd-operator && "
                   "ln -s $UTL bin/etcdutl"));
    while (getline(&line, &size, file) > 0) {
        if (strncmp(line, "    ", 4) == 0) {
            line[strcspn(line, "\n")] = '\0';
            AUTO_FREE char *command = xasprintf("cd guide && PATH=../bin:$PATH && CMD=$(echo '%s' "
                                                "| sed -e s,http://127.0.0.1:2379,$URL, "
                                                "-e s,file:///var,file://$PWD,)"
                                                " && eval \"$CMD\" 2>&1",
                                                line + 4);
            free(output_of(world, 0, command));
            commands++;
        }
    }
    assert_int_equal(commands, 15);
    free(output_of(world, 0, "test -s guide/restored/member/snap/db"));
}

static void test_leaves_no_half_file(void **state)
{
    struct world *world = *state;

    free(output_of(world, 0, "head -c 100000 z >cut && cp cut kept"));
    free(output_of(world, 3, "$OPERATOR snapshot verify cut 2>&1"));
    free(output_of(world, 3, "$OPERATOR snapshot decrypt cut --output kept 2>&1"));
    free(output_of(world, 0, "cmp cut kept && test ! -e kept.partial"));
    free(output_of(world, 1,
                   "$OPERATOR snapshot save --endpoints http://127.0.0.1:1 "
                   "--output kept 2>&1"));
    free(output_of(world, 0, "cmp cut kept && test ! -e kept.partial"));
    free(output_of(world, 2, "$OPERATOR snapshot save --output kept 2>&1"));
    free(output_of(world, 3, "$OPERATOR snapshot verify restored/member/snap/db 2>&1"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_key),
        cmocka_unit_test(test_one_key),
        cmocka_unit_test(test_values_over_a_page),
        cmocka_unit_test(test_many_keys_deleted_and_compacted),
        cmocka_unit_test(test_restores_what_was_encrypted),
        cmocka_unit_test(test_the_guide),
        cmocka_unit_test(test_leaves_no_half_file),
    };

    if (!real_etcd() || argc != 3) {
        print_message("ETCD_BIN does not name an etcd: skipped\n");
        return SKIPPED;
    }
    program = realpath(argv[1], NULL); /* Its commands run elsewhere. */
    guide = argv[2];
    int failures = cmocka_run_group_tests(tests, start, stop);
    free((char *)program);
    return failures;
}
