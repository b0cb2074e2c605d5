/* Whether this replica may work: it holds the Lease, or no election was asked for.
 *
 * The main thread sets it up, starts and ends it; leadership_leads() and leadership_may_change()
 * may be called from any thread. */
#ifndef MANAGER_LEADERSHIP_H
#define MANAGER_LEADERSHIP_H 1

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "kube/api.h"
#include "manager/metrics.h"
#include "manager/options.h"

/* Is sent to the main thread when this replica is elected. */
#define LEADERSHIP_SIGNAL SIGUSR1

struct leadership {
    const struct manager_options *options;
    struct metrics *metrics;
    pthread_t main;
    char *namespace, *identity;
    struct elector_thread *elector; /* NULL without election. */
};

/* Both are borrowed. `leadership` is zero before; leadership_fini() in any case. */
int leadership_init(struct leadership *leadership, const struct manager_options *options,
                    const struct kube_api *api, struct metrics *metrics, struct error *error);
/* Ends the election; gives the Lease back if it is held: no pass may be under way. */
void leadership_fini(struct leadership *leadership);

/* Asks for the Lease. Once it was held and is lost, the process ends: a pass under way cannot be
 * taken back, and its next change would be refused. */
int leadership_start(struct leadership *leadership, struct error *error);

bool leadership_leads(const struct leadership *leadership);
/* The form of http_options.allow, with the leadership as its context; false before
 * leadership_init(). */
bool leadership_may_change(void *leadership);

#endif
