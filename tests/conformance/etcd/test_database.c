/* The helper's judgement of a database against etcd's own: a real database is damaged in many ways,
 * and a copy of each goes to both. What is judged bad must never start, or a member that could
 * serve would be thrown away. The other way around is counted: etcd may end where the judgement
 * found nothing, for it also reads what is in the database, and then nothing is thrown away.
 *
 * DATABASE_ROUNDS (40) and DATABASE_SEED (random, and told) are for digging. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "fixture.h"
#include "member/database.h"

#define TIMEOUT_MS  3000
#define DEADLINE_MS 30000
#define PAGE        4096
#define KEYS        40 /* In a transaction. */
#define TXNS        60
#define VALUE_MAX   20000
/* A damaged count of pages would make etcd fill the machine's memory. */
#define MEMORY_MAX (UINT64_C(1) << 30)

struct world {
    struct real_cluster cluster;
    struct etcd_client *client;
    const struct etcd_api *api;
    struct arena *arena;
    struct etcd_look look;
    bool ended; /* The member did, by itself. */
    int64_t revision;
    struct etcd_hash hash;
    char *data, *master;
    uint64_t random;
};

static uint64_t pick(struct world *world, uint64_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return world->random % below;
}

static bool has_ended(void *context)
{
    struct world *world = context;
    struct real_member *member = &world->cluster.members[0];

    if (waitpid(member->pid, NULL, WNOHANG) == member->pid) {
        member->pid = 0;
        world->ended = true;
    }
    return world->ended;
}

static bool serves_or_ended(void *context)
{
    struct world *world = context;

    return has_ended(world) ||
           real_cluster_serves(&world->cluster, world->api, 1, world->arena, &world->look);
}

/* True when it serves; it is left running then. */
static bool run(struct world *world)
{
    world->ended = false;
    real_member_start(&world->cluster, 0);
    bool told = wait_until(serves_or_ended, world, DEADLINE_MS);
    return told && !world->ended;
}

static void shell(const char *command)
{
    if (system(command) != 0) {
        fail_msg("%s", command);
    }
}

static struct etcd_target target_of(const struct world *world)
{
    return (struct etcd_target){&world->cluster.credentials, world->cluster.endpoints, 1,
                                TIMEOUT_MS};
}

/* Small values and some that need pages of their own, in an order that splits pages. */
static void write_keys(struct world *world)
{
    static char value[VALUE_MAX];
    const struct etcd_target target = target_of(world);
    struct etcd_txn_result result;
    struct error error = {0};

    memset(value, 'v', sizeof value);
    for (int t = 0; t < TXNS; t++) {
        char names[KEYS][32];
        struct etcd_op ops[KEYS];
        for (int i = 0; i < KEYS; i++) {
            int length = snprintf(names[i], sizeof names[i], "key-%04d-%02d", t * 37 % TXNS, i);
            size_t size = pick(world, 50) ? pick(world, 300) : pick(world, VALUE_MAX);
            ops[i] = (struct etcd_op){
                .type = ETCD_OP_PUT, .key = {names[i], (size_t)length}, .value = {value, size}};
        }
        struct etcd_txn txn = {.success = ops, .n_success = KEYS};
        if (world->api->txn(world->api->context, &target, &txn, world->arena, &result, &error)) {
            fail_msg("%s", error.message);
        }
    }
}

static void read_hash(struct world *world, struct etcd_hash *hash)
{
    const struct etcd_target target = target_of(world);
    struct error error = {0};

    if (world->api->hash_kv(world->api->context, &target, world->revision, hash, &error)) {
        *hash = (struct etcd_hash){0}; /* It ended meanwhile, or lost the revision. */
    }
}

static int start(void **state)
{
    static struct world world;
    const struct rlimit limit = {MEMORY_MAX, MEMORY_MAX};
    const char *seed = getenv("DATABASE_SEED");

    world.random = seed ? strtoull(seed, NULL, 10) : (uint64_t)clock_wall_ms() | 1;
    print_message("# DATABASE_SEED=%llu\n", (unsigned long long)world.random);
    assert_int_equal(setrlimit(RLIMIT_DATA, &limit), 0);
    real_cluster_init_plain(&world.cluster, 1);
    world.client = etcd_client_new();
    world.api = etcd_client_api(world.client);
    world.arena = arena_new();
    world.data = xasprintf("%s/c-0.data", world.cluster.directory);
    world.master = xasprintf("%s/master", world.cluster.directory);
    *state = &world;
    assert_true(run(&world));
    write_keys(&world);
    assert_true(real_cluster_serves(&world.cluster, world.api, 1, world.arena, &world.look));
    world.revision = world.look.status.revision;
    read_hash(&world, &world.hash);
    assert_true(world.hash.hash != 0);
    real_member_signal(&world.cluster, 0, SIGTERM); /* It writes down all that it has. */
    assert_true(wait_until(has_ended, &world, DEADLINE_MS));
    AUTO_FREE char *move = xasprintf("mv %s %s", world.data, world.master);
    shell(move);
    return 0;
}

static int stop(void **state)
{
    struct world *world = *state;

    etcd_client_free(world->client);
    arena_free(world->arena);
    real_cluster_fini(&world->cluster);
    free(world->data);
    free(world->master);
    return 0;
}

static void put_garbage(struct world *world, int fd, uint64_t offset, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)pick(world, 256);
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)(offset + i)), 1);
    }
}

/* Pages that were ever used, from the head in page 0 or 1: etcd makes the file longer than that. */
static uint64_t used_pages(int fd)
{
    uint64_t used[2];

    for (int i = 0; i < 2; i++) {
        assert_int_equal(pread(fd, &used[i], sizeof used[i], i * PAGE + 56), sizeof used[i]);
    }
    return used[0] > used[1] ? used[0] : used[1];
}

static void copy_page(int fd, uint64_t from, uint64_t to)
{
    uint8_t bytes[PAGE];

    assert_int_equal(pread(fd, bytes, PAGE, (off_t)(from * PAGE)), PAGE);
    assert_int_equal(pwrite(fd, bytes, PAGE, (off_t)(to * PAGE)), PAGE);
}

enum damage { BYTE, BYTES, PAGE_GARBAGE, PAGE_ZEROS, PAGE_HEAD, PAGE_COPY, BEGINNING, CUT, KINDS };
static const char *const damage_names[] = {
    "a byte",        "16 bytes",     "a page of garbage", "a page of zeros",
    "a page's head", "another page", "the beginning",     "cut"};

static void damage(struct world *world, enum damage kind)
{
    static const uint8_t zeros[PAGE];
    AUTO_FREE char *path = xasprintf("%s/member/snap/db", world->data);
    AUTO_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
    uint64_t pages = used_pages(fd), page = pick(world, pages);

    switch (kind) {
    case BYTE:
        put_garbage(world, fd, page * PAGE + pick(world, PAGE), 1);
        break;
    case BYTES:
        put_garbage(world, fd, page * PAGE + pick(world, PAGE - 16), 16);
        break;
    case PAGE_GARBAGE:
        put_garbage(world, fd, page * PAGE, PAGE);
        break;
    case PAGE_ZEROS:
        assert_int_equal(pwrite(fd, zeros, PAGE, (off_t)(page * PAGE)), PAGE);
        break;
    case PAGE_HEAD:
        put_garbage(world, fd, page * PAGE + pick(world, 160), 1);
        break;
    case PAGE_COPY:
        copy_page(fd, pick(world, pages), page);
        break;
    case BEGINNING:
        put_garbage(world, fd, 0, 1 + pick(world, (uint64_t)2 * PAGE));
        break;
    case CUT:
        assert_int_equal(ftruncate(fd, (off_t)pick(world, pages * PAGE)), 0);
        break;
    case KINDS:
        break;
    }
}

struct tally {
    int rounds, bad_at_once, bad, ended, other;
};

static void round_of(struct world *world, enum damage kind, struct tally *tally)
{
    AUTO_FREE char *again =
        xasprintf("rm -rf %s && cp -a %s %s", world->data, world->master, world->data);
    struct database_memory memory = {0};
    struct etcd_hash hash;

    shell(again);
    damage(world, kind);
    struct database_facts quick = database_inspect(world->data, false, &memory);
    struct database_facts facts = database_inspect(world->data, true, &memory);
    bool served = run(world);
    if (served) {
        read_hash(world, &hash);
        tally->other += hash.hash != world->hash.hash;
    }
    if (world->cluster.members[0].pid) {
        real_member_signal(&world->cluster, 0, SIGKILL);
    }
    tally->rounds++;
    tally->bad_at_once += quick.state == DATABASE_BAD;
    tally->bad += facts.state == DATABASE_BAD;
    tally->ended += !served;
    if (facts.state == DATABASE_BAD && served) {
        fail_msg("%s: etcd serves, and it was judged bad: %s", damage_names[kind], facts.problem);
    }
    if (quick.state == DATABASE_BAD && facts.state != DATABASE_BAD) {
        fail_msg("%s: bad only at a glance: %s", damage_names[kind], quick.problem);
    }
}

static void test_what_is_bad_never_starts(void **state)
{
    struct world *world = *state;
    const char *asked = getenv("DATABASE_ROUNDS");
    int rounds = asked ? atoi(asked) : 40;
    struct tally tallies[KINDS] = {0};
    int bad = 0;

    for (int i = 0; i < rounds; i++) {
        round_of(world, (enum damage)(i % KINDS), &tallies[i % KINDS]);
    }
    for (int i = 0; i < KINDS; i++) {
        struct tally *tally = &tallies[i];
        print_message("# %-18s %3d rounds: %3d judged bad (%3d at a glance), etcd ended %3d times "
                      "and served other data %d times\n",
                      damage_names[i], tally->rounds, tally->bad, tally->bad_at_once, tally->ended,
                      tally->other);
        bad += tally->bad;
    }
    assert_true(bad > 0);
}

static void test_an_intact_database_is_not_bad(void **state)
{
    struct world *world = *state;
    struct database_memory memory = {0};

    assert_int_equal(database_inspect(world->master, false, &memory).state, DATABASE_OK);
    struct database_facts facts = database_inspect(world->master, true, &memory);
    assert_string_equal(facts.problem, "");
    assert_int_equal(facts.state, DATABASE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_intact_database_is_not_bad),
        cmocka_unit_test(test_what_is_bad_never_starts),
    };

    if (!real_etcd()) {
        print_message("ETCD_BIN does not name an etcd: skipped\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, start, stop);
}
