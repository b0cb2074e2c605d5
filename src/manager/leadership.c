#include "manager/leadership.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "kube/credentials.h"
#include "kube/elector_thread.h"

static void elected(void *context)
{
    struct leadership *leadership = context;

    metrics_set_leader(leadership->metrics, true);
    pthread_kill(leadership->main, LEADERSHIP_SIGNAL);
}

static void lost(void *context, const char *why)
{
    (void)context;
    log_error("leadership lost, ending", "why", why, NULL);
    fflush(NULL);
    _exit(1);
}

/* A restarted container of the same pod has the same identity, and need not wait for the end of its
 * own Lease. */
static char *make_identity(void)
{
    const char *uid = getenv("POD_UID");
    char hex[2 * 16 + 1];

    if (uid && *uid) {
        return xstrdup(uid);
    }
    random_hex(hex, 16);
    return xstrdup(hex);
}

int leadership_init(struct leadership *leadership, const struct manager_options *options,
                    const struct kube_api *api, struct metrics *metrics, struct error *error)
{
    leadership->options = options;
    leadership->metrics = metrics;
    leadership->main = pthread_self();
    if (!options->leader_elect) {
        metrics_set_leader(metrics, true);
        return 0;
    }
    leadership->identity = make_identity();
    leadership->namespace = options->lease_namespace ? xstrdup(options->lease_namespace)
                                                     : kube_credentials_namespace(error);
    if (!leadership->namespace) {
        return error_wrap(error, "--lease-namespace");
    }
    const struct elector_thread_options elector = {
        .api = api,
        .namespace = leadership->namespace,
        .name = options->lease_name,
        .identity = leadership->identity,
        .elected = elected,
        .lost = lost,
        .context = leadership,
    };
    leadership->elector = elector_thread_new(&elector);
    return 0;
}

void leadership_fini(struct leadership *leadership)
{
    elector_thread_free(leadership->elector);
    free(leadership->namespace);
    free(leadership->identity);
}

int leadership_start(struct leadership *leadership, struct error *error)
{
    return leadership->elector ? elector_thread_start(leadership->elector, error) : 0;
}

bool leadership_leads(const struct leadership *leadership)
{
    return leadership->elector ? elector_thread_leads(leadership->elector)
                               : leadership->options && !leadership->options->leader_elect;
}

bool leadership_may_change(void *context)
{
    const struct leadership *leadership = context;

    return leadership->elector ? elector_thread_may_change(leadership->elector)
                               : leadership_leads(leadership);
}
