/* Restores with the real programs: a snapshot of a real etcd, of the version before (ETCD_BIN_OLD)
 * too, goes through fetch, etcdutl and commit onto three volumes, and etcd-member starts etcd on
 * them without a permit. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "fixture.h"

#define DEADLINE_MS 30000
#define N_KEYS      500
#define BUMP        INT64_C(1000000000)
#define UID         "1f0c4c1e-95e4-4a9d-8f53-6d2f4f0f9d6a"
#define NEW_TOKEN   UID "-1"

static const char *operator_program, *member_program;

struct world {
    struct etcd_client *client;
    const struct etcd_api *api;
    struct arena *arena;
    struct real_cluster source, restored;
    char *utl;
};

/* In the directory of the source. */
static char *shell(struct world *world, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static char *shell(struct world *world, int code, const char *format, ...)
{
    char command[2048], piece[4096];
    struct buffer out = {0};
    va_list arguments;
    size_t got;

    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    AUTO_FREE char *line =
        xasprintf("cd %s && OPERATOR=%s UTL=%s && { %s; } 2>&1", world->source.directory,
                  operator_program, world->utl, command);
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

static bool source_serves(void *context)
{
    struct world *world = context;
    struct etcd_look look;

    return real_cluster_serves(&world->source, world->api, 1, world->arena, &look);
}

static bool restored_serves(void *context)
{
    struct world *world = context;
    struct etcd_look looks[MEMBERS];

    return real_cluster_serves(&world->restored, world->api, MEMBERS, world->arena, looks);
}

static void put_keys(struct world *world)
{
    const struct etcd_target target = {&world->source.credentials, world->source.endpoints, 1,
                                       DEADLINE_MS};
    struct etcd_txn_result answer;
    struct error error = {0};

    for (int i = 0; i < N_KEYS; i++) {
        char name[32];
        int length = snprintf(name, sizeof name, "key-%04d", i);
        struct etcd_op op = {
            .type = ETCD_OP_PUT, .key = {name, (size_t)length}, .value = {name, (size_t)length}};
        const struct etcd_txn txn = {.success = &op, .n_success = 1};
        if (world->api->txn(world->api->context, &target, &txn, world->arena, &answer, &error)) {
            fail_msg("%s", error.message);
        }
    }
}

/* A member of the source of which a compressed and encrypted backup is in the store. */
static void back_up(struct world *world, const char *etcd)
{
    const char *now = real_etcd();

    real_cluster_init_plain(&world->source, 1);
    setenv("ETCD_BIN", etcd, 1);
    real_member_start(&world->source, 0);
    assert_true(wait_until(source_serves, world, DEADLINE_MS));
    setenv("ETCD_BIN", now, 1);
    put_keys(world);
    free(shell(world, 0,
               "mkdir store && umask 077 && head -c 32 /dev/urandom >key && "
               "$OPERATOR snapshot save --endpoints http://127.0.0.1:%u --store file://$PWD/store "
               "--name b --compress zstd --encryption-key-file key --format json >facts && "
               "sed -n 's/.*\"revision\": \\([0-9]*\\).*/\\1/p' facts >revision",
               world->source.endpoints[0].port));
    real_member_signal(&world->source, 0, SIGKILL);
}

static char *initial_cluster(const struct real_cluster *cluster)
{
    struct buffer text = {0};

    for (size_t i = 0; i < MEMBERS; i++) {
        buffer_printf(&text, "%sc-%zu=%s", i ? "," : "", i, cluster->members[i].peer_url);
    }
    return text.data;
}

/* The three steps of the pod of member `i`, on the volume under `root`. */
static void restore_member(struct world *world, size_t i, const char *root)
{
    const char *url = world->restored.members[i].peer_url;
    AUTO_FREE char *initial = initial_cluster(&world->restored);

    free(shell(world, 0,
               "mkdir -p %s/var/lib/etcd && "
               "$OPERATOR restore fetch --store file://$PWD/store --name b --root %s "
               "--encryption-key-file key --etcd-version $($UTL version | "
               "sed -n 's/etcdutl version: //p') --result-file fetched && "
               "grep -q '\"revision\":'$(cat revision) fetched",
               root, root));
    free(shell(world, 0,
               "$UTL snapshot restore %s/var/lib/etcd/restore/snapshot.db "
               "--data-dir %s/var/lib/etcd/restore/data --name c-%zu --initial-cluster %s "
               "--initial-cluster-token " NEW_TOKEN " --initial-advertise-peer-urls %s "
               "--bump-revision %lld --mark-compacted",
               root, root, i, initial, url, (long long)BUMP));
    free(shell(world, 0,
               "$OPERATOR restore commit --root %s --cluster-uid " UID " --generation 1 "
               "--ordinal %zu --member-id %016llx --result-file done && grep -q clusterID done",
               root, i, (unsigned long long)etcd_static_member_id(url, NEW_TOKEN)));
}

static void write_config(const struct world *world, size_t i, const char *root)
{
    const struct real_member *member = &world->restored.members[i];
    AUTO_FREE char *path = xasprintf("%s/etc/etcd-config/member.json", root);
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fprintf(file,
            "{\"v\":1,\"clusterUID\":\"" UID "\",\"args\":[\"--name={name}\","
            "\"--data-dir=%s/var/lib/etcd/data\",\"--listen-client-urls=http://127.0.0.1:%u\","
            "\"--advertise-client-urls=http://127.0.0.1:%u\",\"--listen-peer-urls=%s\","
            "\"--initial-advertise-peer-urls=%s\"]}",
            root, member->client_port, member->client_port, member->peer_url, member->peer_url);
    fclose(file);
}

static void start_member(struct world *world, size_t i, const char *root)
{
    AUTO_FREE char *pod = xasprintf("c-%zu", i);
    AUTO_FREE char *port = xasprintf("%u", world->restored.members[i].metrics_port);
    AUTO_FREE char *log = xasprintf("%s/log", root);

    free(shell(world, 0,
               "mkdir -p %s/etc/etcd-config %s/etc/etcd-permit %s/usr/local/bin "
               "%s/run/etcd-member && ln -s %s %s/usr/local/bin/etcd",
               root, root, root, root, real_etcd(), root));
    write_config(world, i, root);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(fd, STDOUT_FILENO);
        dup2(fd, STDERR_FILENO);
        setenv("POD_NAME", pod, 1);
        setenv("POD_UID", "pod-uid", 1);
        execl(member_program, member_program, "run", "--root", root, "--port", port, NULL);
        _exit(127);
    }
    world->restored.members[i].pid = pid;
}

static void expect_all_keys(struct world *world)
{
    struct error error = {0};

    for (int i = 0; i < N_KEYS; i++) {
        const struct etcd_target target = {&world->restored.credentials,
                                           &world->restored.endpoints[i % MEMBERS], 1, DEADLINE_MS};
        char name[32];
        int length = snprintf(name, sizeof name, "key-%04d", i);
        struct etcd_range answer;
        const struct etcd_range_request range = {.key = {name, (size_t)length}};
        if (world->api->range(world->api->context, &target, &range, world->arena, &answer,
                              &error)) {
            fail_msg("%s", error.message);
        }
        assert_int_equal(answer.n, 1);
        assert_int_equal(answer.items[0].value.size, length);
        assert_memory_equal(answer.items[0].value.data, name, (size_t)length);
        assert_true(answer.revision > BUMP);
    }
}

static void restore_and_compare(struct world *world, const char *etcd)
{
    back_up(world, etcd);
    real_cluster_init_plain(&world->restored, MEMBERS);
    for (size_t i = 0; i < MEMBERS; i++) {
        AUTO_FREE char *root = xasprintf("%s/root-%zu", world->restored.directory, i);
        restore_member(world, i, root);
        start_member(world, i, root);
    }
    if (!wait_until(restored_serves, world, DEADLINE_MS)) {
        fail_msg("%s", shell(world, 0, "tail -n 5 %s/root-*/log", world->restored.directory));
    }
    expect_all_keys(world);
    real_cluster_fini(&world->restored);
}

static void test_same_version(void **state)
{
    struct world *world = *state;

    restore_and_compare(world, real_etcd());
    real_cluster_fini(&world->source);
}

static void test_from_earlier_versions(void **state)
{
    struct world *world = *state;
    const char *old = getenv("ETCD_BIN_OLD");

    if (old && *old) {
        restore_and_compare(world, old);
        real_cluster_fini(&world->source);
    }
}

static void fetch_fails(struct world *world, int code, const char *options, const char *words)
{
    AUTO_FREE char *said =
        shell(world, code,
              "mkdir -p volume/var/lib/etcd && $OPERATOR restore fetch --store file://$PWD/store "
              "--root $PWD/volume --result-file result %s; code=$?; cat result; "
              "! test -e volume/var/lib/etcd/restore/snapshot.db || exit 9; exit $code",
              options);

    if (!strstr(said, words)) {
        fail_msg("%s: %s", options, said);
    }
}

static void test_refuses(void **state)
{
    struct world *world = *state;
    const char *version = "--etcd-version 3.7.3";
    AUTO_FREE char *good = xasprintf("%s --name b --encryption-key-file key", version);
    AUTO_FREE char *keyless = xasprintf("%s --name b", version);
    AUTO_FREE char *missing = xasprintf("%s --name c", version);

    back_up(world, real_etcd());
    fetch_fails(world, 3, keyless, "given: no key");
    fetch_fails(world, 4, missing, "c.json is not there");
    fetch_fails(world, 4, "--etcd-version 3.4.1 --name b --encryption-key-file key",
                "not into 3.4.1");
    fetch_fails(world, 2, version, "");
    free(shell(world, 0, "cp store/b b && printf x | dd of=store/b bs=1 seek=5000 conv=notrunc"));
    fetch_fails(world, 3, good, "was changed");
    free(shell(world, 0, "head -c 5000 b >store/b"));
    fetch_fails(world, 3, good, "not what its manifest says");
    real_cluster_fini(&world->source);
}

static int set_up(void **state)
{
    static struct world world;
    AUTO_FREE char *etcd = xstrdup(real_etcd());

    *strrchr(etcd, '/') = '\0';
    world = (struct world){.client = etcd_client_new(), .arena = arena_new()};
    world.utl = xasprintf("%s/etcdutl", etcd);
    world.api = etcd_client_api(world.client);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    etcd_client_free(world->client);
    arena_free(world->arena);
    free(world->utl);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_version),
        cmocka_unit_test(test_from_earlier_versions),
        cmocka_unit_test(test_refuses),
    };

    if (!real_etcd() || argc != 3) {
        print_message("ETCD_BIN does not name an etcd: skipped\n");
        return SKIPPED;
    }
    operator_program = realpath(argv[1], NULL); /* Its commands run elsewhere. */
    member_program = realpath(argv[2], NULL);
    int failures = cmocka_run_group_tests(tests, set_up, tear_down);
    free((char *)operator_program);
    free((char *)member_program);
    return failures;
}
