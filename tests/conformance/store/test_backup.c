/* `etcd-operator snapshot save --store` for real: a TLS cluster of three members on one side, an S3
 * server that verifies signatures on the other, at times behind the proxy of faulty_wire.py.
 * However a run ends, every manifest has its object, and no upload is left. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../etcd/fixture.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/memory.h"
#include "wire.h"

#define TIMEOUT_MS  10000
#define DEADLINE_MS 60000
#define VALUES      40
#define VALUE_SIZE  ((size_t)1024 * 1024)
#define MOMENTS     12

static const char *program; /* etcd-operator */
static const char *guide;   /* docs/storage.md */

struct world {
    struct real_cluster cluster;
    struct etcd_client *client;
    const struct etcd_api *api;
    struct arena *arena;
    char *save;          /* `snapshot save` of this cluster, the leader first, into the bucket. */
    char *store;         /* The options of the bucket. */
    size_t leader, next; /* The member that is asked first, which is no leader. */
    int64_t duration_ms; /* That an undisturbed save takes. */
};

static void arm(const char *fault, int after, int times)
{
    wire_arm(getenv("S3_TEST_FAULTY_ENDPOINT"), fault, after, times);
}

static bool serves(void *context)
{
    struct world *world = context;
    struct etcd_look looks[MEMBERS];

    return real_cluster_serves(&world->cluster, world->api, MEMBERS, world->arena, looks);
}

static void put_values(struct world *world)
{
    const struct etcd_target target = {&world->cluster.credentials, world->cluster.endpoints,
                                       MEMBERS, TIMEOUT_MS};
    AUTO_FREE char *value = xmalloc(VALUE_SIZE);
    uint32_t random = 1;

    for (int i = 0; i < VALUES; i++) {
        char name[16];
        int length = snprintf(name, sizeof name, "key-%04d", i);
        struct error error = {0};
        for (size_t at = 0; at < VALUE_SIZE; at++) {
            random = random * 1664525 + 1013904223;
            value[at] = (char)(random >> 24);
        }
        int result = -(int)ERROR_RETRYABLE;
        for (int tries = 0; result == -(int)ERROR_RETRYABLE && tries < 5; tries++) {
            result = world->api->put(world->api->context, &target,
                                     (struct etcd_bytes){name, (size_t)length},
                                     (struct etcd_bytes){value, VALUE_SIZE}, NULL, &error);
        }
        if (result) {
            fail_msg("%s", error.message);
        }
    }
}

/* What a shell in the cluster's directory prints, on both outputs. */
static char *output_of(struct world *world, int code, const char *command)
{
    AUTO_FREE char *line = xasprintf("cd %s && ( %s ) 2>&1", world->cluster.directory, command);
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
        fail_msg("%s: status %d: %s", command, status, out.data ? out.data : "");
    }
    return out.data ? out.data : xstrdup("");
}

__attribute__((format(printf, 3, 4))) static char *run(struct world *world, int code,
                                                       const char *format, ...)
{
    va_list arguments;
    char *command = NULL;

    va_start(arguments, format);
    assert_true(vasprintf(&command, format, arguments) > 0);
    va_end(arguments);
    char *output = output_of(world, code, command);
    free(command);
    return output;
}

static void expect_words(const char *output, const char *words)
{
    if (!strstr(output, words)) {
        fail_msg("'%s' is not in: %s", words, output);
    }
}

/* No upload is left, and each object has its manifest and each manifest its object. */
static void expect_clean(struct world *world)
{
    AUTO_FREE char *unfinished =
        run(world, 0, "%s snapshot list %s --unfinished", program, world->store);
    AUTO_FREE char *names =
        run(world, 0,
            "%s snapshot list %s | awk '{print $3}' | sed 's/[.]json$//' | sort | uniq -c | "
            "awk '$1 != 2'",
            program, world->store);

    assert_string_equal(unfinished, "");
    assert_string_equal(names, "");
}

static void expect_good(struct world *world, const char *name)
{
    AUTO_FREE char *said =
        run(world, 0, "%s snapshot verify %s --name %s", program, world->store, name);
}

static void remove_backup(struct world *world, const char *name)
{
    free(run(world, 0, "%s snapshot remove %s %s", program, world->store, name));
}

static char *url_of(const struct world *world, size_t index)
{
    return xasprintf("https://127.0.0.1:%u", world->cluster.members[index].client_port);
}

static char *save_from(const char *urls)
{
    return xasprintf("%s snapshot save --endpoints %s --cacert client-ca.crt --cert server.crt "
                     "--key server.key",
                     program, urls);
}

static void find_leader(struct world *world)
{
    struct etcd_look looks[MEMBERS];

    assert_true(real_cluster_serves(&world->cluster, world->api, MEMBERS, world->arena, looks));
    for (size_t i = 0; i < MEMBERS; i++) {
        if (looks[i].status.leader_id == looks[i].status.member_id) {
            world->leader = i;
        }
    }
    world->next = (world->leader + 1) % MEMBERS;
    AUTO_FREE char *first = url_of(world, world->leader), *second = url_of(world, world->next),
                   *third = url_of(world, (world->leader + 2) % MEMBERS);
    AUTO_FREE char *urls = xasprintf("%s,%s,%s", first, second, third);
    free(world->save);
    world->save = save_from(urls);
}

static char *store_at(const char *endpoint)
{
    return xasprintf("--store s3://backups/saves --endpoint %s --region %s --path-style "
                     "--credentials-file %s",
                     endpoint, getenv("S3_TEST_REGION"), getenv("S3_TEST_CREDENTIALS"));
}

static int start(void **state)
{
    static struct world world;
    const struct pki_leaf peer = {.common_name = PEER_CN, .client_auth = true};

    real_cluster_init(&world.cluster, PEER_CN, &peer);
    world.client = etcd_client_new();
    world.api = etcd_client_api(world.client);
    world.arena = arena_new();
    world.store = store_at(getenv("S3_TEST_ENDPOINT"));
    for (size_t i = 0; i < MEMBERS; i++) {
        real_member_start(&world.cluster, i);
    }
    *state = &world;
    assert_true(wait_until(serves, &world, DEADLINE_MS));
    put_values(&world);
    find_leader(&world);
    return 0;
}

static int stop(void **state)
{
    struct world *world = *state;

    etcd_client_free(world->client);
    arena_free(world->arena);
    real_cluster_fini(&world->cluster);
    free(world->save);
    free(world->store);
    return 0;
}

static void test_over_tls_from_a_follower(void **state)
{
    struct world *world = *state;
    int64_t begun_ms = clock_boot_ms();
    AUTO_FREE char *text = run(world, 0,
                               "%s %s --name tls --uid u-1 --cluster ns/c --schedule s-1 "
                               "--compress zstd --format json --result-file result",
                               world->save, world->store);
    struct error error = {0};

    world->duration_ms = clock_boot_ms() - begun_ms;
    AUTO_JSON json_t *json = json_parse(text, strlen(text), "result", &error);
    assert_non_null(json);
    assert_string_equal(json_path_string(json, "role", NULL), "follower");
    assert_string_equal(json_path_string(json, "schedule", NULL), "s-1");
    assert_string_equal(json_path_string(json, "location", NULL), "s3://backups/saves/tls");
    assert_int_equal(json_path_integer(json, 0, "revision", NULL), 1 + VALUES);
    assert_int_equal(json_path_integer(json, 0, "hashKV", "revision", NULL), 1 + VALUES);
    AUTO_FREE char *result = run(world, 0, "cat result");
    AUTO_JSON json_t *same = json_parse(result, strlen(result), "the file", &error);
    assert_true(json_equal(json, same));
    expect_good(world, "tls");
    free(run(world, 0, "%s snapshot decrypt %s --name tls --output plain.db", program,
             world->store));
    AUTO_FREE char *etcd = xstrdup(real_etcd());
    *strrchr(etcd, '/') = '\0';
    free(run(world, 0, "%s/etcdutl snapshot restore plain.db --data-dir restored", etcd));
}

/* The same again is done already; another backup of this name is refused, in the file too. */
static void test_the_same_again(void **state)
{
    struct world *world = *state;
    AUTO_FREE char *first = run(world, 0, "cat result");

    free(
        run(world, 0, "%s %s --name tls --uid u-1 --result-file again", world->save, world->store));
    AUTO_FREE char *again = run(world, 0, "cat again");
    assert_string_equal(again, first);
    AUTO_FREE char *taken =
        run(world, 4, "%s %s --name tls --uid u-2 --result-file again", world->save, world->store);
    expect_words(taken, "taken by another backup");
    AUTO_FREE char *said = run(world, 0, "cat again");
    expect_words(said, "\"retry\":false");
    expect_words(said, "\"step\":\"Connecting\"");
    expect_clean(world);
}

/* An object that is no longer what the manifest says is taken again. */
static void test_a_lost_object_is_taken_again(void **state)
{
    struct world *world = *state;

    free(run(world, 0, "%s snapshot upload %s client-ca.crt tls", program, world->store));
    free(run(world, 3, "%s snapshot verify %s --name tls", program, world->store));
    free(run(world, 0, "%s %s --name tls --uid u-1", world->save, world->store));
    expect_good(world, "tls");
    expect_clean(world);
}

static pid_t spawn(struct world *world, const char *command)
{
    AUTO_FREE char *line =
        xasprintf("cd %s && exec %s >said 2>&1", world->cluster.directory, command);
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (!pid) {
        execl("/bin/sh", "sh", "-c", line, NULL);
        _exit(127);
    }
    return pid;
}

static int end_of(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* A signal at moments spread evenly over a run and a little beyond. */
static int end_at(struct world *world, int moment, int signal, const char *name)
{
    AUTO_FREE char *command =
        xasprintf("%s %s --name %s --uid u-1", world->save, world->store, name);
    pid_t pid = spawn(world, command);

    usleep((useconds_t)(world->duration_ms * 1000 * moment / (MOMENTS - 2)));
    kill(pid, signal);
    return end_of(pid);
}

static void test_interrupted_at_any_moment(void **state)
{
    struct world *world = *state;
    int interrupted = 0;

    for (int moment = 1; moment < MOMENTS; moment++) {
        int status = end_at(world, moment, moment % 2 ? SIGTERM : SIGINT, "interrupted");
        /* Before main() has begun, the signal ends the process by itself. */
        bool at_once = WIFSIGNALED(status);
        assert_true(at_once || WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 1);
        if (WIFEXITED(status) && WEXITSTATUS(status) == 1) {
            AUTO_FREE char *said = run(world, 0, "cat said");
            print_message("# %s", said);
            expect_words(said, "save: ");
            free(run(world, 4, "%s snapshot verify %s --name interrupted", program, world->store));
            interrupted++;
        }
        expect_clean(world);
        if (!at_once && WEXITSTATUS(status) == 0) {
            expect_good(world, "interrupted");
            remove_backup(world, "interrupted");
        }
    }
    print_message("# %d of %d runs were interrupted\n", interrupted, MOMENTS - 1);
    assert_true(interrupted > 0);
}

static void test_killed_at_any_moment(void **state)
{
    struct world *world = *state;

    for (int moment = 1; moment < MOMENTS; moment++) {
        end_at(world, moment, SIGKILL, "killed");
        free(run(world, 0, "%s %s --name killed --uid u-1", world->save, world->store));
        expect_clean(world);
        expect_good(world, "killed");
        remove_backup(world, "killed");
    }
    end_at(world, MOMENTS / 2, SIGKILL, "killed");
    free(run(world, 0, "%s snapshot abort %s --older-than 0s", program, world->store));
    AUTO_FREE char *unfinished =
        run(world, 0, "%s snapshot list %s --unfinished", program, world->store);
    assert_string_equal(unfinished, "");
    remove_backup(world, "killed");
    expect_clean(world);
}

static void test_faults_of_the_store(void **state)
{
    static const char *const faults[] = {"500",      "503",      "slow-down",  "html",
                                         "cut-head", "cut-body", "cut-answer", "cut-after"};
    struct world *world = *state;
    AUTO_FREE char *faulty = store_at(getenv("S3_TEST_FAULTY_ENDPOINT"));

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        /* Of some 15 requests, each fault meets others. */
        arm(faults[i], (int)i * 2, 2);
        free(run(world, 0, "%s %s --name faulty-%zu --uid u-1 --cluster ns/faulty --keep-last 1",
                 world->save, faulty, i));
        arm("500", 0, 0);
        AUTO_FREE char *name = xasprintf("faulty-%zu", i);
        expect_good(world, name);
        expect_clean(world);
        if (i) {
            free(run(world, 4, "%s snapshot verify %s --name faulty-%zu", program, world->store,
                     i - 1));
        }
    }
}

static void test_revoked_credentials_leave_nothing(void **state)
{
    struct world *world = *state;
    AUTO_FREE char *faulty = store_at(getenv("S3_TEST_FAULTY_ENDPOINT"));

    for (int step = 4; step < 10; step += 2) {
        arm("revoked", step, 1000);
        free(run(world, 4, "%s %s --name revoked --result-file revoked", world->save, faulty));
        arm("500", 0, 0);
        AUTO_FREE char *said = run(world, 0, "cat revoked");
        expect_words(said, "\"retry\":false");
        free(run(world, 4, "%s snapshot verify %s --name revoked", program, world->store));
        expect_clean(world);
    }
}

/* Whether a progress that is asked for says that bytes are streaming. */
struct asking {
    struct world *world;
    uint16_t port;
};

static bool streams(void *context)
{
    const struct asking *asking = context;
    AUTO_FREE char *url = xasprintf("http://127.0.0.1:%u/progress", asking->port);
    const struct http_options options = {0};
    const struct http_request request = {.method = "GET", .url = url};
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    struct http_client *client = NULL;
    struct error error = {0};
    bool streaming = false;

    assert_int_equal(http_client_new(&options, &client, &error), 0);
    if (!http_do(client, &request, &response, &error)) {
        AUTO_JSON json_t *json =
            json_parse(response.body.data, response.body.size, "progress", &error);
        const char *step = json_path_string(json, "step", NULL);
        streaming = step && !strcmp(step, "Streaming") &&
                    json_path_integer(json, 0, "bytes", NULL) > 0 &&
                    json_path_integer(json, 0, "total", NULL) >= (int)(VALUES * VALUE_SIZE);
    }
    http_client_free(client);
    return streaming;
}

/* The store refuses for a while, so that the stream stands still; the member that gives it is
 * killed then. */
static int kill_member_in_the_stream(struct world *world, const char *save, const char *name)
{
    AUTO_FREE char *faulty = store_at(getenv("S3_TEST_FAULTY_ENDPOINT"));
    struct asking asking = {world, free_port()};
    AUTO_FREE char *command =
        xasprintf("%s %s --name %s --uid u-1 --format json --progress-address 127.0.0.1:%u", save,
                  faulty, name, asking.port);

    arm("503", 4, 5);
    pid_t pid = spawn(world, command);
    assert_true(wait_until(streams, &asking, DEADLINE_MS));
    real_member_signal(&world->cluster, world->next, SIGKILL);
    int status = end_of(pid);
    arm("500", 0, 0);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_a_member_that_dies_is_replaced_by_another(void **state)
{
    struct world *world = *state;
    AUTO_FREE char *only = url_of(world, world->next), *save = save_from(only);

    assert_int_equal(kill_member_in_the_stream(world, save, "dies"), 1);
    AUTO_FREE char *said = run(world, 0, "cat said");
    expect_words(said, only + strlen("https://"));
    expect_clean(world);
    free(run(world, 4, "%s snapshot verify %s --name dies", program, world->store));

    real_member_start(&world->cluster, world->next);
    assert_true(wait_until(serves, world, DEADLINE_MS));
    find_leader(world);
    assert_int_equal(kill_member_in_the_stream(world, world->save, "dies"), 0);
    AUTO_FREE char *warned = run(world, 0, "cat said");
    expect_words(warned, "begins anew with another member");
    expect_good(world, "dies");
    expect_clean(world);
    real_member_start(&world->cluster, world->next);
    assert_true(wait_until(serves, world, DEADLINE_MS));
}

static void test_no_member_and_wrong_certificates(void **state)
{
    struct world *world = *state;

    free(run(world, 1, "%s snapshot save --endpoints https://127.0.0.1:1 %s --name none", program,
             world->store));
    AUTO_FREE char *url = url_of(world, 0);
    free(run(world, 4,
             "%s snapshot save --endpoints %s --cacert peer-ca.crt --cert server.crt --key "
             "server.key %s --name none",
             program, url, world->store));
    expect_clean(world);
}

static void test_prune_and_remove(void **state)
{
    struct world *world = *state;

    for (int i = 0; i < 3; i++) {
        free(run(world, 0, "%s %s --name prune-%d --cluster ns/prune", world->save, world->store,
                 i));
    }
    free(run(world, 0, "%s snapshot upload %s client-ca.crt prune-not-ours.json", program,
             world->store));
    AUTO_FREE char *dry =
        run(world, 0, "%s snapshot prune %s --cluster ns/prune --keep-last 1 --dry-run", program,
            world->store);
    expect_words(dry, "prune-0");
    expect_good(world, "prune-0");
    free(run(world, 0, "%s snapshot prune %s --cluster ns/prune --keep-last 1", program,
             world->store));
    free(run(world, 4, "%s snapshot verify %s --name prune-1", program, world->store));
    expect_good(world, "prune-2");
    expect_good(world, "tls");
    free(run(world, 4, "%s snapshot verify %s --name prune-not-ours", program, world->store));
    free(run(world, 0, "%s snapshot remove %s prune-not-ours", program, world->store));
    remove_backup(world, "prune-2");
    remove_backup(world, "prune-2");
    expect_clean(world);
}

/* Each indented line of the guide, with our program, region and credentials. */
static void test_the_guide(void **state)
{
    struct world *world = *state;
    AUTO_FILE FILE *file = fopen(guide, "re");
    AUTO_FREE char *line = NULL;
    AUTO_FREE char *ours = xasprintf("--endpoint %s --path-style --region %s --credentials-file %s",
                                     getenv("S3_TEST_ENDPOINT"), getenv("S3_TEST_REGION"),
                                     getenv("S3_TEST_CREDENTIALS"));
    size_t size = 0;
    int commands = 0;

    assert_non_null(file);
    free(run(world, 0, "mkdir bin && ln -s %s bin/etcd-operator && test -s plain.db", program));
    while (getline(&line, &size, file) > 0) {
        if (!strncmp(line, "    ", 4)) {
            line[strcspn(line, "\n")] = '\0';
            free(run(world, 0,
                     "PATH=$PWD/bin:$PATH && CMD=$(echo '%s' | "
                     "sed 's|--region eu-west-1 --credentials-file keys|%s|') && eval \"$CMD\"",
                     line + 4, ours));
            commands++;
        }
    }
    assert_int_equal(commands, 6);
    free(run(world, 0, "cmp plain.db copy.db"));
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_over_tls_from_a_follower),
        cmocka_unit_test(test_the_same_again),
        cmocka_unit_test(test_a_lost_object_is_taken_again),
        cmocka_unit_test(test_interrupted_at_any_moment),
        cmocka_unit_test(test_killed_at_any_moment),
        cmocka_unit_test(test_faults_of_the_store),
        cmocka_unit_test(test_revoked_credentials_leave_nothing),
        cmocka_unit_test(test_a_member_that_dies_is_replaced_by_another),
        cmocka_unit_test(test_no_member_and_wrong_certificates),
        cmocka_unit_test(test_prune_and_remove),
        cmocka_unit_test(test_the_guide),
    };

    if (!getenv("S3_TEST_ENDPOINT") || !real_etcd() || argc != 3) {
        print_message("1..0 # skip tests/run_store starts what this needs\n");
        return SKIPPED;
    }
    program = realpath(argv[1], NULL); /* Its commands run elsewhere. */
    guide = argv[2];
    int failures = cmocka_run_group_tests(tests, start, stop);
    free((char *)program);
    return failures;
}
