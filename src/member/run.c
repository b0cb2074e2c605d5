#include "member/run.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "member/file.h"
#include "member/observe.h"
#include "member/prepare.h"
#include "member/responder.h"

#define POLL_MS   100  /* A permit shall not wait longer than a blink. */
#define REVIEW_MS 2000 /* The volume may change under us, too. */

struct runner {
    const struct member_run_options *options;
    struct responder *responder; /* NULL until it waits. */
    char *said;                  /* The last decision that was logged. */
    char *glimpse;               /* Permit and configuration as they were at the last decision. */
    struct database_memory database;
};

static void say(struct runner *runner, const struct member_sight *sight,
                const struct member_decision *decision)
{
    static const char *const actions[] = {[MEMBER_WAIT] = "waiting",
                                          [MEMBER_EXEC] = "starting etcd on its data",
                                          [MEMBER_START] = "starting etcd by permit",
                                          [MEMBER_ADOPT] = "starting etcd on adopted data"};
    char *text =
        xasprintf("%d %d %s", (int)decision->action, (int)decision->reason, decision->message);

    if (!runner->said || strcmp(text, runner->said) != 0) {
        log_info(actions[decision->action], "reason", report_reason_name(decision->reason),
                 "detail", decision->message, "pod", sight->pod, "podUID", sight->pod_uid,
                 "clusterUID", sight->config ? sight->config->cluster_uid : NULL, NULL);
    }
    free(runner->said);
    runner->said = text;
}

static int prepare(const struct member_paths *paths, const struct member_sight *sight,
                   enum member_action action, struct error *error)
{
    switch (action) {
    case MEMBER_START:
        return member_prepare_start(paths, sight->permit, error);
    case MEMBER_ADOPT:
        return member_prepare_adopt(paths, sight->permit, error);
    case MEMBER_EXEC:
    case MEMBER_WAIT:
        break;
    }
    return 0;
}

/* Becomes etcd. Returns only when that failed, with the reason to wait for. */
static struct member_decision carry_out(struct runner *runner, const struct member_paths *paths,
                                        const struct member_sight *sight,
                                        const struct member_decision *decision, struct arena *arena)
{
    const struct permit *start = decision->action == MEMBER_START ? sight->permit : NULL;
    struct error error = {0};
    const struct member_place place = {sight->pod, sight->ordinal, runner->options->pod_ip};
    char **arguments = member_arguments(paths, sight->config, &place, start, arena);

    if (access(paths->etcd, X_OK) == 0) { /* Else the permit would be used up for nothing. */
        if (prepare(paths, sight, decision->action, &error)) {
            return (struct member_decision){MEMBER_WAIT, REPORT_VOLUME_UNWRITABLE,
                                            arena_strdup(arena, error.message)};
        }
        say(runner, sight, decision);
        if (file_write(paths->started, "", &error)) {
            log_warning("a damaged database may not be noticed", "error", error.message, NULL);
        }
        responder_close(runner->responder); /* etcd takes the port over. */
        runner->responder = NULL;
        execv(paths->etcd, arguments);
    }
    return (struct member_decision){
        MEMBER_WAIT, REPORT_CONFIG_INVALID,
        arena_printf(arena, "%s cannot be executed: %s", paths->etcd, strerror(errno))};
}

/* What arrives by the kubelet, cheap to compare. */
static char *glimpse(const struct member_paths *paths, struct arena *arena)
{
    char *permit = NULL, *config = NULL;
    size_t size;

    file_read(paths->permit, PERMIT_MAX_SIZE, arena, &permit, &size, NULL);
    file_read(paths->config, 1 << 16, arena, &config, &size, NULL);
    return xasprintf("%s\n%s", permit ? permit : "", config ? config : "");
}

static bool something_came(const struct runner *runner, const struct member_paths *paths)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_FREE char *now = glimpse(paths, arena);

    return strcmp(now, runner->glimpse) != 0;
}

/* Tells `decision` to whoever asks until something came or a while has passed. */
static void wait_a_while(struct runner *runner, const struct member_paths *paths,
                         const struct member_sight *sight, const struct member_decision *decision)
{
    const struct report report = member_report(sight, decision);
    AUTO_FREE char *text = report_encode(&report);
    int64_t end_ms = clock_boot_ms() + REVIEW_MS;
    struct error error = {0};

    if (!runner->responder && responder_open(runner->options->port, &runner->responder, &error)) {
        log_warning("nobody can ask why it waits", "error", error.message, NULL);
    }
    if (runner->responder) {
        responder_set(runner->responder, text, decision->message);
    }
    do {
        if (runner->responder) {
            responder_serve(runner->responder, POLL_MS);
        } else {
            usleep(POLL_MS * 1000);
        }
    } while (clock_boot_ms() < end_ms && !something_came(runner, paths));
}

static void pass(struct runner *runner)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const struct member_run_options *options = runner->options;
    struct member_paths paths = member_paths(options->root, arena);

    free(runner->glimpse);
    runner->glimpse =
        glimpse(&paths, arena); /* First: what comes while we look is seen next time. */
    struct member_sight sight = member_observe(&paths, options->pod, options->pod_uid, arena);
    /* All of it is read only when etcd was here before and ended: a plain start stays quick. */
    sight.database =
        database_inspect(paths.data, access(paths.started, F_OK) == 0, &runner->database);
    struct member_decision decision = member_decide(&sight, arena);
    if (decision.action != MEMBER_WAIT) {
        decision = carry_out(runner, &paths, &sight, &decision, arena);
    }
    say(runner, &sight, &decision);
    wait_a_while(runner, &paths, &sight, &decision);
}

void member_run(const struct member_run_options *options)
{
    struct runner runner = {.options = options};

    for (;;) {
        pass(&runner);
    }
}
