/* The blocking shell around an elector: it holds or awaits the Lease until it is told to stop. */
#ifndef KUBE_ELECTOR_THREAD_H
#define KUBE_ELECTOR_THREAD_H 1

#include <stdbool.h>

#include "base/error.h"
#include "kube/api.h"

struct elector_thread;

/* All is borrowed and outlives the thread. The functions are called from it. */
struct elector_thread_options {
    const struct kube_api *api;
    const char *namespace, *name, *identity;
    void (*elected)(void *context);
    /* Nothing may change any more, and this replica leads never again: end the process. */
    void (*lost)(void *context, const char *why);
    void *context;
};

struct elector_thread *elector_thread_new(const struct elector_thread_options *options);
int elector_thread_start(struct elector_thread *thread, struct error *error);
/* Gives the Lease back, if this replica leads: what changes anything must have ended. */
void elector_thread_stop(struct elector_thread *thread);
void elector_thread_free(struct elector_thread *thread); /* Stops first. NULL is allowed. */

/* From any thread. */
bool elector_thread_leads(const struct elector_thread *thread);
/* Whether a request that changes anything may leave now, see elector_may_change(). */
bool elector_thread_may_change(const struct elector_thread *thread);

#endif
