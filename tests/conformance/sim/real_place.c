#include "real_place.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "../etcd/fixture.h"
#include "base/clock.h"
#include "base/memory.h"

#define FLAGS_MAX 24
#define REMOVED   "the member has been permanently removed from the cluster"

static struct real_place *real_of(struct place *place)
{
    return (struct real_place *)place;
}

static char *path_of(const struct real_place *real, size_t index, const char *suffix)
{
    return xasprintf("%s/c-%zu.%s", real->directory, index, suffix);
}

/* Only what is safe between fork and exec. */
static void run_etcd(char *const *arguments, const char *log)
{
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execv(arguments[0], arguments);
    _exit(127);
}

static long file_size(const char *path)
{
    FILE *file AUTO_FILE = fopen(path, "re");

    return file && !fseek(file, 0, SEEK_END) ? ftell(file) : 0;
}

static void real_start(struct place *place, size_t index, char *const *flags, bool old)
{
    struct real_place *real = real_of(place);
    struct real_process *process = &real->processes[index];
    char *log AUTO_FREE = path_of(real, index, "log"), *data AUTO_FREE = path_of(real, index, "d");
    struct arena *arena = place->arena;
    char *arguments[FLAGS_MAX + 8] = {
        arena_strdup(arena, old ? real->old_binary : real->binary),
        arena_printf(arena, "--data-dir=%s", data),
        arena_printf(arena, "--listen-peer-urls=%s", place->peer_urls[index]),
        arena_printf(arena, "--listen-client-urls=http://127.0.0.1:%u", process->client_port),
        arena_printf(arena, "--advertise-client-urls=http://127.0.0.1:%u", process->client_port),
    };
    size_t length = 5;

    for (size_t i = 0; flags[i]; i++) {
        assert_true(i < FLAGS_MAX);
        arguments[length++] = flags[i];
    }
    assert_int_equal(process->pid, 0);
    process->ended = false;
    process->log_from = file_size(log);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        run_etcd(arguments, log);
    }
    process->pid = pid;
}

static void real_signal(struct real_place *real, size_t index, int number)
{
    struct real_process *process = &real->processes[index];

    assert_int_equal(kill(process->pid, number), 0);
    if (number == SIGKILL || number == SIGSTOP) {
        while (waitpid(process->pid, NULL, WUNTRACED) < 0 && errno == EINTR) {
        }
    }
    if (number == SIGKILL) {
        process->pid = 0;
    }
}

static void real_kill(struct place *place, size_t index)
{
    if (real_of(place)->processes[index].pid) {
        real_signal(real_of(place), index, SIGKILL);
    }
}

static void real_freeze(struct place *place, size_t index, bool frozen)
{
    real_signal(real_of(place), index, frozen ? SIGSTOP : SIGCONT);
}

static void real_wipe(struct place *place, size_t index)
{
    char *data AUTO_FREE = path_of(real_of(place), index, "d");

    remove_tree(data);
}

/* The words of a log line that ends a process, or NULL: the error of a JSON line (or else its
 * message), and of others all that is no usage text. */
static const char *words_of(const char *line, char *words, size_t size)
{
    json_t *json = *line == '{' ? json_loads(line, 0, NULL) : NULL;
    const char *level = json_string_value(json_object_get(json, "level"));
    const char *text = json_string_value(json_object_get(json, "error"));
    const char *found = NULL;

    text = text ? text : json_string_value(json_object_get(json, "msg"));
    if (level && text &&
        (!strcmp(level, "fatal") || !strcmp(level, "panic") || !strcmp(level, "warn"))) {
        snprintf(words, size, "%s", text);
        found = words;
    }
    json_decref(json);
    return found;
}

/* Lines in which a process says why it ends, the best reason first: fatal and panic lines, the
 * complaint about a flag. */
static void last_words(const char *path, long from, char *words, size_t size)
{
    FILE *file AUTO_FILE = fopen(path, "re");
    char *line AUTO_FREE = NULL;
    size_t capacity = 0;
    int best = 0;

    words[0] = '\0';
    if (!file || fseek(file, from, SEEK_SET)) {
        return;
    }
    while (getline(&line, &capacity, file) > 0) {
        int rank = strstr(line, "permanently removed")                                          ? 5
                   : strstr(line, "\"level\":\"fatal\"") || strstr(line, "\"level\":\"panic\"") ? 4
                   : *line != '{' && (strstr(line, "flag") || strstr(line, "boolean"))          ? 3
                   : strstr(line, "failed to verify flags")                                     ? 2
                                                                                                : 0;
        if (rank <= best) {
            continue;
        }
        best = rank;
        if (rank == 5) { /* A part of many lines. */
            snprintf(words, size, "%s", REMOVED);
        } else if (rank == 3) {
            snprintf(words, size, "%.*s", (int)strcspn(line, "\n"), line);
        } else {
            words_of(line, words, size);
        }
    }
}

static bool real_ended(struct place *place, size_t index, int *code, char *words, size_t size)
{
    struct real_place *real = real_of(place);
    struct real_process *process = &real->processes[index];
    int status;

    if (process->pid && waitpid(process->pid, &status, WNOHANG) == process->pid) {
        process->pid = 0;
        process->ended = true;
        process->code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    if (process->ended) {
        char *log AUTO_FREE = path_of(real, index, "log");
        *code = process->code;
        last_words(log, process->log_from, words, size);
    }
    return process->ended;
}

static void real_pause(struct place *place)
{
    (void)place;
    usleep(50 * 1000);
}

static int64_t real_now_ms(struct place *place)
{
    (void)place;
    return clock_boot_ms();
}

static const struct place_functions functions = {
    .start = real_start,
    .kill = real_kill,
    .freeze = real_freeze,
    .wipe = real_wipe,
    .ended = real_ended,
    .pause = real_pause,
    .now_ms = real_now_ms,
};

void real_place_init(struct real_place *real, const char *binary, const char *old_binary)
{
    struct place *place = &real->place;

    *real = (struct real_place){.directory = "/tmp/etcd-scenario-XXXXXX",
                                .binary = binary,
                                .old_binary = old_binary,
                                .client = etcd_client_new()};
    assert_non_null(mkdtemp(real->directory));
    place->functions = &functions;
    place->api = etcd_client_api(real->client);
    place->credentials.key = "scenario";
    place->arena = arena_new();
    place->has_old = old_binary != NULL;
    place->spare_url = arena_printf(place->arena, "http://127.0.0.1:%u", free_port());
    for (size_t i = 0; i < PLACES; i++) {
        struct real_process *process = &real->processes[i];
        process->client_port = free_port();
        snprintf(process->name, sizeof process->name, "c-%zu", i);
        place->peer_urls[i] = arena_printf(place->arena, "http://127.0.0.1:%u", free_port());
        place->endpoints[i] = (struct etcd_endpoint){
            .server_name = process->name, .address = "127.0.0.1", .port = process->client_port};
    }
}

void real_place_fini(struct real_place *real)
{
    for (size_t i = 0; i < PLACES; i++) {
        real_kill(&real->place, i);
    }
    remove_tree(real->directory);
    etcd_client_free(real->client);
    arena_free(real->place.arena);
    buffer_fini(&real->place.outcome);
}

void real_version(const char *binary, char *out, size_t size)
{
    char *command AUTO_FREE = xasprintf("'%s' --version", binary);
    char line[128] = "";
    FILE *output = popen(command, "re");

    assert_non_null(output);
    assert_non_null(fgets(line, sizeof line, output));
    pclose(output);
    const char *version = strchr(line, ':');
    assert_non_null(version);
    snprintf(out, size, "%.*s", (int)strcspn(version + 2, "\n"), version + 2);
}
