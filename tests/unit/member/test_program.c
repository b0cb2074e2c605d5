/* The program as it is in a pod, with a directory in front of every path and a script in etcd's
 * place: it waits and answers, starts by permit, starts again without one, and waits when the data
 * is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "api/permit.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"
#include "database_sample.h"
#include "scratch.h"

#define DEADLINE_MS 20000
#define MEMBER_ID   UINT64_C(15587145470751260116) /* In the sample of a log. */

static const char *program, *sample;

/* Records its arguments and leaves a log behind, as etcd does. */
static const char fake_etcd[] =
    "#!/bin/sh\n"
    "root=${0%/usr/local/bin/etcd}\n"
    "wal=$root/var/lib/etcd/data/member/wal\n"
    "mkdir -p \"$wal\"\n"
    "cp \"$root/sample\" \"$wal/0000000000000000-0000000000000000.wal\"\n"
    "printf '%s\\n' \"$@\" >\"$root/arguments\"\n";

struct pod {
    struct scratch scratch;
    uint16_t port;
    pid_t pid; /* 0: not running. */
};

static uint16_t free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static struct pod pod_make(void)
{
    struct pod pod = {.scratch = scratch_make(), .port = free_port()};
    char path[512];
    char bytes[1024];

    AUTO_FILE FILE *file = fopen(sample, "rb");
    assert_non_null(file);
    scratch_write(&pod.scratch, "/sample", bytes, fread(bytes, 1, sizeof bytes, file));
    scratch_text(&pod.scratch, MEMBER_ETCD_PATH, fake_etcd);
    snprintf(path, sizeof path, "%s" MEMBER_ETCD_PATH, pod.scratch.root);
    assert_int_equal(chmod(path, 0755), 0);
    scratch_text(&pod.scratch, MEMBER_CONFIG_PATH,
                 "{\"v\":1,\"clusterUID\":\"cluster\",\"args\":[\"--name={name}\"]}");
    scratch_text(&pod.scratch, MEMBER_PERMIT_PATH, "");
    scratch_text(&pod.scratch, MEMBER_HELPER_PATH, "");
    scratch_text(&pod.scratch, MEMBER_VOLUME_DIR "/.keep", "");
    return pod;
}

static void pod_remove(struct pod *pod)
{
    if (pod->pid) {
        kill(pod->pid, SIGKILL);
        waitpid(pod->pid, NULL, 0);
    }
    scratch_remove(&pod->scratch);
}
#define AUTO_POD CLEANUP(pod_remove)

static void pod_start(struct pod *pod)
{
    char port[16];

    snprintf(port, sizeof port, "%u", (unsigned)pod->port);
    pod->pid = fork();
    assert_true(pod->pid >= 0);
    if (!pod->pid) {
        setenv("POD_NAME", "c-0", 1);
        setenv("POD_UID", "pod", 1);
        execl(program, program, "run", "--root", pod->scratch.root, "--port", port, (char *)NULL);
        _exit(127);
    }
}

/* Waits for the end of the process; its wait status. */
static int pod_wait(struct pod *pod)
{
    int64_t end_ms = clock_boot_ms() + DEADLINE_MS;
    int status;

    while (waitpid(pod->pid, &status, WNOHANG) == 0) {
        if (clock_boot_ms() > end_ms) {
            fail_msg("the process did not end");
        }
        usleep(10000);
    }
    pod->pid = 0;
    return status;
}

/* One request; false when nobody listens. The answer is cut at `size`. */
static bool ask(const struct pod *pod, const char *method, const char *path, char *answer,
                size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(pod->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    AUTO_FREE char *request = xasprintf("%s %s HTTP/1.1\r\nHost: x\r\n\r\n", method, path);
    size_t length = 0;
    ssize_t got;

    if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
        return false;
    }
    /* In two parts: a request does not always come whole. */
    if (send(fd, request, 5, MSG_NOSIGNAL) < 0 ||
        send(fd, request + 5, strlen(request) - 5, MSG_NOSIGNAL) < 0) {
        return false;
    }
    while ((got = recv(fd, answer + length, size - 1 - length, 0)) > 0) {
        length += (size_t)got;
    }
    answer[length] = '\0';
    return length > 0;
}

/* The report, once it gives this reason; strings in the arena. */
static struct report wait_for_report(const struct pod *pod, enum report_reason reason,
                                     struct arena *arena)
{
    int64_t end_ms = clock_boot_ms() + DEADLINE_MS;
    char answer[8192] = "";
    struct report report = {0};

    while (clock_boot_ms() < end_ms) {
        if (ask(pod, "GET", "/", answer, sizeof answer)) {
            const char *body = strstr(answer, "\r\n\r\n");
            assert_non_null(body);
            assert_int_equal(report_decode(body + 4, strlen(body + 4), arena, &report, NULL), 0);
            if (report.waiting && report.reason == reason) {
                return report;
            }
        }
        usleep(10000);
    }
    fail_msg("no report %s; the last answer was: %s", report_reason_name(reason), answer);
    return report;
}

/* What the last etcd was called with; it is read once. */
static char *take_arguments(const struct pod *pod, struct arena *arena)
{
    AUTO_FREE char *path = xasprintf("%s/arguments", pod->scratch.root);
    char *text = NULL;
    size_t size;

    assert_int_equal(file_read(path, 65536, arena, &text, &size, NULL), 0);
    unlink(path);
    return text;
}

/* As the kubelet: the new content appears at once. */
static void give_permit(const struct pod *pod, const char *pod_uid, const char *nonce)
{
    const struct permit permit = {.mode = PERMIT_NEW,
                                  .pod_uid = pod_uid,
                                  .nonce = nonce,
                                  .cluster_uid = "cluster",
                                  .generation = 1,
                                  .member_id = MEMBER_ID,
                                  .initial_cluster = "c-0=https://c-0:2380",
                                  .token = "cluster-1"};
    AUTO_FREE char *text = permit_encode(&permit);
    AUTO_FREE char *path = xasprintf("%s" MEMBER_PERMIT_PATH, pod->scratch.root);

    assert_int_equal(file_write(path, text, NULL), 0);
}

static void test_life_of_a_member(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_POD struct pod pod = pod_make();

    /* An empty volume waits, and says so. */
    pod_start(&pod);
    struct report report = wait_for_report(&pod, REPORT_NO_DATA, arena);
    assert_string_equal(report.pod, "c-0");
    assert_string_equal(report.pod_uid, "pod");
    assert_string_equal(report.cluster_uid, "cluster");
    assert_true(!report.has_wal && !report.used_nonce && !report.has_marker);

    /* A permit for another pod changes nothing but the reason. */
    give_permit(&pod, "another-pod", "n1");
    wait_for_report(&pod, REPORT_PERMIT_INVALID, arena);

    /* Its own starts etcd as a new member. */
    give_permit(&pod, "pod", "n1");
    assert_int_equal(pod_wait(&pod), 0);
    assert_string_equal(take_arguments(&pod, arena), "--name=c-0\n"
                                                     "--initial-cluster=c-0=https://c-0:2380\n"
                                                     "--initial-cluster-state=new\n"
                                                     "--initial-cluster-token=cluster-1\n");

    /* A restart needs nobody, whether the permit is still there or not. */
    pod_start(&pod);
    assert_int_equal(pod_wait(&pod), 0);
    assert_string_equal(take_arguments(&pod, arena), "--name=c-0\n");

    /* An emptied volume in the same pod does not start again by the same permit. */
    AUTO_FREE char *data = xasprintf("%s" MEMBER_DATA_DIR, pod.scratch.root);
    assert_int_equal(directory_remove(data, NULL), 0);
    pod_start(&pod);
    report = wait_for_report(&pod, REPORT_NO_DATA, arena);
    assert_string_equal(report.used_nonce, "n1");
    assert_true(report.has_marker);

    /* Another one does. */
    give_permit(&pod, "pod", "n2");
    assert_int_equal(pod_wait(&pod), 0);
    assert_non_null(strstr(take_arguments(&pod, arena), "--initial-cluster-state=new"));
}

static void make_database(const struct pod *pod, const struct sample *database)
{
    scratch_write(&pod->scratch, MEMBER_DATA_DIR "/member/snap/db", database->bytes, SAMPLE_SIZE);
}

/* Below the root a database is only looked at once etcd has ended in this pod. */
static void test_a_broken_database_is_noticed(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_POD struct pod pod = pod_make();
    AUTO_FREE char *started = xasprintf("%s" MEMBER_STARTED_PATH, pod.scratch.root);
    struct sample database = sample_make();

    give_permit(&pod, "pod", "n1");
    pod_start(&pod);
    assert_int_equal(pod_wait(&pod), 0);
    make_database(&pod, &database);
    pod_start(&pod);
    assert_int_equal(pod_wait(&pod), 0);

    sample_page(&database, SAMPLE_LEAF, 0x40, 2, 0);
    make_database(&pod, &database);
    assert_int_equal(unlink(started), 0); /* As in a new pod. */
    pod_start(&pod);
    assert_int_equal(pod_wait(&pod), 0);
    pod_start(&pod); /* And etcd ended. */
    struct report report = wait_for_report(&pod, REPORT_DATABASE_UNREADABLE, arena);
    assert_non_null(strstr(report.message, "page 4 has flags 0x40"));
    assert_true(report.has_wal && report.has_marker);

    kill(pod.pid, SIGKILL);
    pod_wait(&pod);
    memset(&database, 'x', sizeof database);
    make_database(&pod, &database);
    unlink(started);
    pod_start(&pod); /* A file of garbage is noticed at once, */
    report = wait_for_report(&pod, REPORT_DATABASE_UNREADABLE, arena);
    assert_non_null(strstr(report.message, "head of a database"));
    database = sample_make();
    make_database(&pod, &database);
    assert_int_equal(pod_wait(&pod), 0); /* and so is what mends it. */
}

static void test_a_waiting_member_answers_probes_and_ends_at_once(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_POD struct pod pod = pod_make();
    char answer[8192];

    pod_start(&pod);
    wait_for_report(&pod, REPORT_NO_DATA, arena);
    assert_true(ask(&pod, "GET", "/", answer, sizeof answer));
    assert_non_null(strstr(answer, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"));
    assert_true(ask(&pod, "GET", "/livez", answer, sizeof answer));
    assert_non_null(strstr(answer, "HTTP/1.1 503 "));
    assert_non_null(strstr(answer, "waiting for a start permit"));
    assert_true(ask(&pod, "GET", "/readyz?verbose", answer, sizeof answer));
    assert_non_null(strstr(answer, "HTTP/1.1 503 "));
    assert_true(ask(&pod, "GET", "/metrics", answer, sizeof answer));
    assert_non_null(strstr(answer, "HTTP/1.1 404 "));
    assert_true(ask(&pod, "POST", "/", answer, sizeof answer));
    assert_non_null(strstr(answer, "HTTP/1.1 405 "));
    kill(pod.pid, SIGTERM);
    int status = pod_wait(&pod);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 143);
}

static void test_silent_and_endless_clients_do_not_block_it(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_POD struct pod pod = pod_make();
    AUTO_FREE char *path = xmalloc(8192);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(pod.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char answer[1024];
    int silent[40];

    pod_start(&pod);
    wait_for_report(&pod, REPORT_NO_DATA, arena);
    memset(path, 'a', 8191);
    path[0] = '/';
    path[8191] = '\0';
    assert_true(ask(&pod, "GET", path, answer, sizeof answer));
    assert_non_null(strstr(answer, "HTTP/1.1 431 "));
    for (int i = 0; i < 40; i++) {
        silent[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        connect(silent[i], (struct sockaddr *)&address, sizeof address);
    }
    give_permit(&pod, "other", "n1");                    /* It still sees what comes, */
    wait_for_report(&pod, REPORT_PERMIT_INVALID, arena); /* and answers when their time is over. */
    give_permit(&pod, "pod", "n1");
    assert_int_equal(pod_wait(&pod), 0);
    for (int i = 0; i < 40; i++) {
        close(silent[i]);
    }
}

static void test_a_volume_that_cannot_be_written_is_tried_again(void **state)
{
    (void)state;
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_POD struct pod pod = pod_make();
    AUTO_FREE char *obstacle = xasprintf("%s" MEMBER_MARKER_PATH ".tmp", pod.scratch.root);

    assert_int_equal(mkdir(obstacle, 0755), 0); /* Stops root, too. */
    give_permit(&pod, "pod", "n1");
    pod_start(&pod);
    struct report report = wait_for_report(&pod, REPORT_VOLUME_UNWRITABLE, arena);
    assert_non_null(strstr(report.message, "Is a directory"));
    assert_int_equal(rmdir(obstacle), 0);
    assert_int_equal(pod_wait(&pod), 0);
    assert_non_null(strstr(take_arguments(&pod, arena), "--initial-cluster-state=new"));
}

static void test_install_makes_a_copy_that_runs(void **state)
{
    (void)state;
    AUTO_SCRATCH struct scratch scratch = scratch_make();
    AUTO_FREE char *install = xasprintf("%s install %s", program, scratch.root);
    AUTO_FREE char *copy = xasprintf("%s/etcd-member --version >/dev/null", scratch.root);
    AUTO_FREE char *path = xasprintf("%s/etcd-member", scratch.root);
    struct stat info;

    assert_int_equal(system(install), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0755);
    assert_int_equal(system(copy), 0);
    assert_int_equal(system(install), 0); /* A restarted init container installs again. */
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life_of_a_member),
        cmocka_unit_test(test_a_broken_database_is_noticed),
        cmocka_unit_test(test_a_waiting_member_answers_probes_and_ends_at_once),
        cmocka_unit_test(test_silent_and_endless_clients_do_not_block_it),
        cmocka_unit_test(test_a_volume_that_cannot_be_written_is_tried_again),
        cmocka_unit_test(test_install_makes_a_copy_that_runs),
    };
    if (argc != 3) {
        fprintf(stderr, "usage: %s ETCD-MEMBER SAMPLE-LOG\n", argv[0]);
        return 2;
    }
    program = argv[1];
    sample = argv[2];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
