/* Elects one of several replicas by a coordination.k8s.io Lease.
 *
 * A step function like the reflector: it says what to ask the API server for and how long to wait,
 * and is told what came of it.  It never blocks and never reads a clock; elector_thread.c is the
 * shell around it, and the simulator drives it too.
 *
 * The protocol is client-go's (tools/leaderelection/leaderelection.go), so that people and tools
 * find what they know: a Lease is created when there is none, renewed every ELECTOR_RETRY_MS, and
 * taken over when it is free or when its record did not change for leaseDurationSeconds as this
 * replica's own clock counts from when it first saw it.  The times in the record are for people;
 * nothing is ever decided by them, so no clock needs to be right.  Every write carries the
 * resourceVersion that it was decided on.
 *
 * A leader that has not renewed for ELECTOR_RENEW_DEADLINE_MS, or finds another holder, has lost
 * the Lease for good: the process ends and begins anew.  From the same moment, and not only when
 * somebody has noticed, elector_may_change() says no.  It counts from when the last successful
 * renewal was sent, others count from when they saw it, so at least the difference of the two
 * durations lies between the last change that this replica sends and the first of another one,
 * also when the process was stopped in between.
 *
 * The identity is one that a restarted container has again (its pod's UID): it goes on with its own
 * Lease at once. */
#ifndef KUBE_ELECTOR_H
#define KUBE_ELECTOR_H 1

#include <jansson.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* client-go's defaults. */
#define ELECTOR_LEASE_SECONDS     15
#define ELECTOR_RENEW_DEADLINE_MS 10000
#define ELECTOR_RETRY_MS          2000
/* A wait is up to this part longer; so much that replicas do not ask in step, so little that a dead
 * leader is replaced within 18 s. */
#define ELECTOR_JITTER 0.2

enum elector_state {
    ELECTOR_STANDBY,
    ELECTOR_LEADING,
    ELECTOR_LOST,      /* Was leading; ends here. */
    ELECTOR_RELEASING, /* Was leading; gives the Lease back. */
    ELECTOR_RELEASED,
};

/* What to do now. */
enum elector_action {
    ELECTOR_DO_WAIT,
    ELECTOR_DO_READ,    /* Get the Lease. */
    ELECTOR_DO_CREATE,  /* Create it as given. */
    ELECTOR_DO_REPLACE, /* Replace it as given. */
    ELECTOR_DO_END,     /* Lost or released: nothing more. */
};

struct elector_request {
    enum elector_action action;
    int64_t wait_ms; /* For ELECTOR_DO_WAIT. */
    json_t *lease;   /* To create or replace; a new reference for the caller. Else NULL. */
};

/* What the elector knows of the Lease on the API server. */
enum elector_knowledge { ELECTOR_UNKNOWN, ELECTOR_ABSENT, ELECTOR_CURRENT };

struct elector {
    const char *namespace, *name, *identity; /* Borrowed. */
    enum elector_state state;
    const char *why_lost; /* For people; static. */
    enum elector_action asked;
    int64_t asked_ms; /* When elector_next() said so: before the request was sent. */
    json_t *lease;    /* As last seen, or NULL. */
    enum elector_knowledge knowledge;
    int64_t observed_ms; /* When the present record was first seen. */
    int64_t round_ms;    /* When the requests under way began, after a wait. */
    int64_t wait_until_ms;
    bool resting;    /* Until wait_until_ms. */
    bool conflicted; /* In this round already. */
    _Atomic int64_t change_until_ms;
};

/* The strings must outlive the elector. */
void elector_init(struct elector *elector, const char *namespace, const char *name,
                  const char *identity);
void elector_fini(struct elector *elector);

/* `now_boot_ms` is CLOCK_BOOTTIME; `now_wall_ms` only goes into the record. */
void elector_next(struct elector *elector, int64_t now_boot_ms, int64_t now_wall_ms,
                  struct elector_request *request);

/* What came of a read, create or replace: ERROR_NONE and the Lease as the API server gave it, or
 * the kind of the failure. `chance` is uniform in [0, 1). */
void elector_answered(struct elector *elector, enum error_kind kind, json_t *lease,
                      int64_t now_boot_ms, double chance);

/* Gives the Lease back, if this replica leads, so that another need not wait for its end. Before
 * that all that changes anything must have ended. Then go on until ELECTOR_DO_END. */
void elector_release(struct elector *elector);

bool elector_leads(const struct elector *elector);
/* Who holds the Lease as far as this replica knows; "": nobody. */
const char *elector_holder(const struct elector *elector);

/* Whether a request that changes anything may leave now. From any thread. */
bool elector_may_change(const struct elector *elector, int64_t now_boot_ms);

#endif
