#include "cluster/kill_point.h"

#ifdef TEST_HOOKS

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"

#define LOST_MS 10000

static bool is_asked(const struct world *world, const char *annotation, const char *point)
{
    const char *asked =
        json_path_string(world->object, "metadata", "annotations", annotation, NULL);
    const char *pod = getenv("POD_NAME");
    char here[256];

    snprintf(here, sizeof here, "%s@%s", point, pod ? pod : "");
    return asked && !strcmp(asked, here);
}

/* The first process of a container cannot stop itself: signals from within its PID namespace do
 * not stop or kill it. The thread's name tells who watches that it is here; it goes on when time
 * was lost, as by SIGSTOP and SIGCONT. */
static void wait_stopped(void)
{
    char name[16] = "";
    int64_t before_ms, now_ms = clock_boot_ms();

    prctl(PR_GET_NAME, name);
    prctl(PR_SET_NAME, "stop-point");
    do {
        before_ms = now_ms;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
        now_ms = clock_boot_ms();
    } while (now_ms - before_ms < LOST_MS);
    prctl(PR_SET_NAME, name);
}

void kill_point(const struct world *world, const char *point)
{
    if (is_asked(world, "test.etcd.etcd.io/kill", point)) {
        log_warning("killed at a kill point", "point", point, NULL);
        _exit(137);
    }
    if (is_asked(world, "test.etcd.etcd.io/stop", point)) {
        log_warning("waits to be stopped at a kill point", "point", point, NULL);
        wait_stopped();
    }
}

#endif
