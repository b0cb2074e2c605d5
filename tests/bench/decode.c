/* How fast the events of a watch become entries of the store: `decode POD.json [SECONDS]`.
 *
 * The pod is any member's as the API server gives it, managedFields included (kubectl get pod NAME
 * -o json --show-managed-fields).  It stands for PODS pods that change in turn.  Each second goes
 * half to the way that the operator takes (lines, JSON, reflector, trim, store) and half to jansson
 * alone, the floor of whatever uses it, so that both see the same machine. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/json.h"
#include "base/memory.h"
#include "kube/reflector.h"
#include "kube/watch_lines.h"
#include "manager/watched.h"

#define PODS          1000
#define PIECE_SIZE    16384 /* What the HTTP client hands over at once. */
#define SLICE_S       0.5
#define FIRST_VERSION 1000000000u /* All versions have as many digits. */

struct bench {
    struct buffer text;   /* One event for each pod, a line each. */
    char *versions[PODS]; /* Where the digits of each line's version are. */
    size_t ends[PODS];    /* Where each line ends. */
    unsigned version;     /* The next one. */
    struct reflector reflector;
};

static double now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what, const struct error *error)
{
    fprintf(stderr, "decode: %s: %s\n", what, error->message);
    exit(1);
}

/* --- The events -------------------------------------------------------------------------- */

static void append_event(struct bench *bench, json_t *pod, size_t index)
{
    AUTO_FREE char *name = xasprintf("c%03zu-0", index);
    json_t *metadata = json_object_get(pod, "metadata");

    json_object_set_new(metadata, "name", json_string(name));
    json_object_set_new(metadata, "resourceVersion", json_sprintf("%u", FIRST_VERSION));
    AUTO_FREE char *object = json_dumps(pod, JSON_COMPACT);
    buffer_printf(&bench->text, "{\"type\":\"MODIFIED\",\"object\":%s}\n", object);
    bench->ends[index] = bench->text.size;
}

/* After the text has stopped moving. */
static void find_versions(struct bench *bench)
{
    AUTO_FREE char *digits = xasprintf("\"%u\"", FIRST_VERSION);
    size_t start = 0;

    for (size_t i = 0; i < PODS; i++) {
        bench->versions[i] = strstr(bench->text.data + start, digits) + 1;
        start = bench->ends[i];
    }
}

/* A store takes newer objects only. */
static void renew(struct bench *bench)
{
    char digits[16];

    for (size_t i = 0; i < PODS; i++) {
        int length = snprintf(digits, sizeof digits, "%u", ++bench->version);
        memcpy(bench->versions[i], digits, (size_t)length);
    }
}

/* --- What is measured --------------------------------------------------------------------- */

static int take_line(void *context, const char *line, size_t size, struct error *error)
{
    AUTO_JSON json_t *event = json_parse(line, size, "an event of the watch", error);
    return event ? reflector_watched(context, event, error) : -(int)error->kind;
}

static void decode(struct bench *bench)
{
    struct kube_watch_lines lines = {
        .limit = KUBE_WATCH_LINE_LIMIT, .on_line = take_line, .context = &bench->reflector};
    struct error error = {0};

    for (size_t at = 0; at < bench->text.size; at += PIECE_SIZE) {
        size_t left = bench->text.size - at;
        if (kube_watch_lines_feed(&lines, bench->text.data + at,
                                  left < PIECE_SIZE ? left : PIECE_SIZE, &error)) {
            fail("decoding", &error);
        }
    }
    kube_watch_lines_fini(&lines);
}

static void parse_only(struct bench *bench)
{
    struct error error = {0};

    for (size_t i = 0, start = 0; i < PODS; start = bench->ends[i++]) {
        AUTO_JSON json_t *event =
            json_parse(bench->text.data + start, bench->ends[i] - start, "an event", &error);
        if (!event) {
            fail("parsing", &error);
        }
    }
}

/* Runs it for a slice of the processor's time; adds that time and the events. */
static void run(struct bench *bench, void (*function)(struct bench *bench), double *seconds,
                double *events)
{
    double started = now_s(), used;

    do {
        renew(bench);
        function(bench);
        *events += PODS;
        used = now_s() - started;
    } while (used < SLICE_S);
    *seconds += used;
}

/* --- The program -------------------------------------------------------------------------- */

static struct kube_store *make_store(void)
{
    const struct watched_kind *kind = &watched_kinds[0];

    while (kind->resource != &kube_pods) {
        kind++;
    }
    return kube_store_new(&(struct kube_store_options){.trim = kind->trim, .owner = kind->owner});
}

static void start_reflector(struct bench *bench, struct kube_store *store)
{
    AUTO_JSON json_t *list =
        json_pack("{s:{s:s}, s:[]}", "metadata", "resourceVersion", "1", "items");
    struct error error = {0};

    reflector_init(&bench->reflector, store, NULL);
    if (reflector_listed(&bench->reflector, list, &error)) {
        fail("the first list", &error);
    }
}

int main(int argc, char **argv)
{
    static struct bench bench = {.version = FIRST_VERSION};
    double seconds = argc > 2 ? atof(argv[2]) : 6, ours_s = 0, ours = 0, floor_s = 0, floor = 0;
    json_error_t problem;
    AUTO_JSON json_t *pod = argc > 1 ? json_load_file(argv[1], 0, &problem) : NULL;

    if (!pod) {
        fprintf(stderr, "usage: decode POD.json [SECONDS]: %s\n",
                argc > 1 ? problem.text : "no pod given");
        return 2;
    }
    for (size_t i = 0; i < PODS; i++) {
        append_event(&bench, pod, i);
    }
    find_versions(&bench);
    struct kube_store *store = make_store();
    start_reflector(&bench, store);
    while (ours_s + floor_s < seconds) {
        run(&bench, decode, &ours_s, &ours);
        run(&bench, parse_only, &floor_s, &floor);
    }
    double size = (double)bench.text.size / PODS;
    AUTO_JSON json_t *kept = kube_store_list(store, NULL, NULL);
    AUTO_FREE char *text = json_dumps(kept, JSON_COMPACT);
    printf("watch events decoded: %.0f/s, %.1f MB/s, of %.1f kB each; kept of each pod: %.1f kB\n",
           ours / ours_s, ours / ours_s * size / 1e6, size / 1e3,
           (double)strlen(text) / (double)json_array_size(kept) / 1e3);
    printf("jansson alone: %.0f/s; a decoded event costs %.2f times its parsing\n", floor / floor_s,
           (ours_s / ours) / (floor_s / floor));
    reflector_fini(&bench.reflector);
    kube_store_free(store);
    buffer_fini(&bench.text);
    return 0;
}
