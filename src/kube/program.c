#include "kube/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

/* How often it is looked whether a program has ended that has closed its output already. */
#define REAP_POLL_MS 5

/* --- Start ------------------------------------------------------------------------------- */

static bool overridden(const char *line, const char *const *by)
{
    size_t length = strcspn(line, "=") + 1;

    for (; *by; by++) {
        if (!strncmp(line, *by, length)) {
            return true;
        }
    }
    return false;
}

static char **environment(const char *const *additions, struct arena *arena)
{
    size_t count = 1, used = 0;

    for (char **line = environ; *line; line++) {
        count++;
    }
    for (const char *const *line = additions; *line; line++) {
        count++;
    }
    char **made = arena_alloc(arena, count * sizeof *made);
    for (char **line = environ; *line; line++) {
        if (!overridden(*line, additions)) {
            made[used++] = *line;
        }
    }
    for (const char *const *line = additions; *line; line++) {
        made[used++] = (char *)*line;
    }
    return made;
}

/* Signals as a program finds them at its start, and a group of its own, to be killed as one. */
static void set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(attributes);
    posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(attributes, &none);
    posix_spawnattr_setsigdefault(attributes, &all);
    posix_spawnattr_setpgroup(attributes, 0);
}

/* 0, or errno. */
static int spawn(const struct program *program, int output, pid_t *pid)
{
    AUTO_ARENA struct arena *arena = arena_new();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;

    set_attributes(&attributes);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
    int problem = posix_spawnp(pid, program->argv[0], &actions, &attributes,
                               (char *const *)program->argv, environment(program->env, arena));
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return problem;
}

/* --- Output and end ---------------------------------------------------------------------- */

enum outcome { OUTCOME_ENDED, OUTCOME_LATE, OUTCOME_LONG };

/* Fills `text`, of the size `limit`, until the end of the output. */
static enum outcome collect(int fd, char *text, size_t limit, int64_t deadline_ms)
{
    size_t used = 0;

    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        int64_t left_ms = deadline_ms - clock_boot_ms();
        if (left_ms <= 0) {
            return OUTCOME_LATE;
        }
        if (poll(&ready, 1, left_ms < 1000 ? (int)left_ms : 1000) <= 0) {
            continue;
        }
        ssize_t got = read(fd, text + used, limit - used);
        if (got < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (got <= 0) {
            text[used] = '\0';
            return OUTCOME_ENDED;
        }
        used += (size_t)got;
        if (used == limit) {
            return OUTCOME_LONG;
        }
    }
}

/* False if the program has not ended by then; `*status` is then not set. */
static bool reap(pid_t pid, int64_t deadline_ms, int *status)
{
    const struct timespec pause = {.tv_nsec = REAP_POLL_MS * 1000000L};

    for (;;) {
        pid_t ended = waitpid(pid, status, WNOHANG);
        if (ended == pid) {
            return true;
        }
        if (clock_boot_ms() >= deadline_ms) {
            return false;
        }
        nanosleep(&pause, NULL);
    }
}

static void kill_group(pid_t pid)
{
    int status;

    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
}

static int judge(const char *name, enum outcome outcome, int status, const struct program *program,
                 struct error *error)
{
    switch (outcome) {
    case OUTCOME_LATE:
        return error_set(error, ERROR_RETRYABLE, "%s did not end within %lld ms", name,
                         (long long)program->timeout_ms);
    case OUTCOME_LONG:
        return error_set(error, ERROR_INVALID, "%s prints %zu bytes and more", name,
                         program->limit);
    default:
        break;
    }
    if (WIFSIGNALED(status)) {
        return error_set(error, ERROR_RETRYABLE, "%s was ended by signal %d", name,
                         WTERMSIG(status));
    }
    return WEXITSTATUS(status) == 0 ? 0
                                    : error_set(error, ERROR_RETRYABLE,
                                                "%s failed with status %d; what it said is on our "
                                                "standard error",
                                                name, WEXITSTATUS(status));
}

int program_output(const struct program *program, char **text, struct error *error)
{
    const char *name = program->argv[0];
    int64_t deadline_ms = clock_boot_ms() + program->timeout_ms;
    int ends[2], status = 0;
    pid_t pid;

    *text = NULL;
    if (pipe2(ends, O_CLOEXEC)) {
        return error_set(error, ERROR_RETRYABLE, "start %s: %s", name, strerror(errno));
    }
    AUTO_CLOSE int output = ends[0];
    int problem = spawn(program, ends[1], &pid);
    close(ends[1]);
    if (problem) {
        return error_set(error, problem == ENOENT ? ERROR_NOT_FOUND : ERROR_RETRYABLE,
                         "start %s: %s", name, strerror(problem));
    }
    char *got = xcalloc(1, program->limit);
    enum outcome outcome = collect(output, got, program->limit, deadline_ms);
    if (outcome == OUTCOME_ENDED && !reap(pid, deadline_ms, &status)) {
        outcome = OUTCOME_LATE;
    }
    if (outcome != OUTCOME_ENDED) {
        kill_group(pid);
    }
    int result = judge(name, outcome, status, program, error);
    if (result) {
        memory_wipe(got, program->limit);
        free(got);
        return result;
    }
    *text = got;
    return 0;
}
