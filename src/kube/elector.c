#include "kube/elector.h"

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/mutant.h"
#include "kube/resource.h"

/* client-go writes this into a Lease that it gives back. */
#define RELEASED_LEASE_SECONDS 1

void elector_init(struct elector *elector, const char *namespace, const char *name,
                  const char *identity)
{
    *elector = (struct elector){
        .namespace = namespace, .name = name, .identity = identity, .resting = true};
    atomic_init(&elector->change_until_ms, INT64_MIN);
}

void elector_fini(struct elector *elector)
{
    json_decref(elector->lease);
    elector->lease = NULL;
}

bool elector_leads(const struct elector *elector)
{
    return elector->state == ELECTOR_LEADING;
}

const char *elector_holder(const struct elector *elector)
{
    const char *holder = json_path_string(elector->lease, "spec", "holderIdentity", NULL);
    return holder ? holder : "";
}

bool elector_may_change(const struct elector *elector, int64_t now_boot_ms)
{
    return now_boot_ms < atomic_load(&elector->change_until_ms) || MUTANT(LeaseNotChecked);
}

static bool is_mine(const struct elector *elector)
{
    return !strcmp(elector_holder(elector), elector->identity);
}

static void end(struct elector *elector, enum elector_state state)
{
    atomic_store(&elector->change_until_ms, INT64_MIN);
    elector->state = state;
}

static void lose(struct elector *elector, const char *why)
{
    elector->why_lost = why;
    end(elector, ELECTOR_LOST);
}

void elector_release(struct elector *elector)
{
    /* After a write of unknown outcome there is nothing to base another on. */
    bool can = elector_leads(elector) && elector->knowledge == ELECTOR_CURRENT;

    if (elector->state != ELECTOR_LOST) {
        end(elector, can ? ELECTOR_RELEASING : ELECTOR_RELEASED);
    }
}

/* --- The record -------------------------------------------------------------------------- */

static void set_time(json_t *spec, const char *key, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_SIZE];
    json_object_set_new(spec, key, json_string(clock_rfc3339_micro(wall_ms, text, sizeof text)));
}

/* The record of before, with what others keep in it, held by `holder`. */
static json_t *record(const struct elector *elector, const char *holder, int seconds,
                      int64_t wall_ms)
{
    json_t *spec = json_deep_copy(json_path(elector->lease, "spec", NULL));

    spec = spec ? spec : json_object();
    json_object_set_new(spec, "holderIdentity", json_string(holder));
    json_object_set_new(spec, "leaseDurationSeconds", json_integer(seconds));
    set_time(spec, "renewTime", wall_ms);
    if (!is_mine(elector)) {
        json_int_t transitions = json_path_integer(spec, 0, "leaseTransitions", NULL);
        json_object_set_new(spec, "leaseTransitions", json_integer(transitions + 1));
        set_time(spec, "acquireTime", wall_ms);
    }
    return spec;
}

static json_t *replaced(const struct elector *elector, const char *holder, int seconds,
                        int64_t wall_ms)
{
    json_t *lease = json_copy(elector->lease);

    json_object_set_new(lease, "spec", record(elector, holder, seconds, wall_ms));
    return lease;
}

static json_t *created(const struct elector *elector, int64_t wall_ms)
{
    char now[CLOCK_RFC3339_SIZE];

    clock_rfc3339_micro(wall_ms, now, sizeof now);
    return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:i, s:s, s:s, s:i}}", "apiVersion",
                     kube_leases.api_version, "kind", kube_leases.kind, "metadata", "namespace",
                     elector->namespace, "name", elector->name, "spec", "holderIdentity",
                     elector->identity, "leaseDurationSeconds", ELECTOR_LEASE_SECONDS,
                     "acquireTime", now, "renewTime", now, "leaseTransitions", 0);
}

/* --- What to do -------------------------------------------------------------------------- */

static void write_lease(struct elector *elector, int64_t wall_ms, struct elector_request *request)
{
    if (elector->state == ELECTOR_RELEASING) {
        request->action = ELECTOR_DO_REPLACE;
        request->lease = replaced(elector, "", RELEASED_LEASE_SECONDS, wall_ms);
    } else if (elector->knowledge == ELECTOR_ABSENT) {
        request->action = ELECTOR_DO_CREATE;
        request->lease = created(elector, wall_ms);
    } else if (elector->knowledge == ELECTOR_CURRENT) {
        request->action = ELECTOR_DO_REPLACE;
        request->lease = replaced(elector, elector->identity, ELECTOR_LEASE_SECONDS, wall_ms);
    } else {
        request->action = ELECTOR_DO_READ;
    }
}

/* True, with the wait, while there is nothing to do. */
static bool rests(struct elector *elector, int64_t now_ms, struct elector_request *request)
{
    int64_t until_ms = elector->wait_until_ms;

    if (elector->state == ELECTOR_RELEASING || !elector->resting) {
        return false;
    }
    if (now_ms >= until_ms) {
        elector->resting = elector->conflicted = false;
        elector->round_ms = now_ms;
        return false;
    }
    request->action = ELECTOR_DO_WAIT;
    request->wait_ms = until_ms - now_ms;
    return true;
}

void elector_next(struct elector *elector, int64_t now_boot_ms, int64_t now_wall_ms,
                  struct elector_request *request)
{
    *request = (struct elector_request){0};
    if (elector_leads(elector) && !elector_may_change(elector, now_boot_ms)) {
        lose(elector, "it was not renewed in time");
    }
    if (elector->state == ELECTOR_LOST || elector->state == ELECTOR_RELEASED) {
        request->action = ELECTOR_DO_END;
    } else if (!rests(elector, now_boot_ms, request)) {
        write_lease(elector, now_wall_ms, request);
    }
    elector->asked = request->action;
    elector->asked_ms = now_boot_ms;
}

/* --- What came of it --------------------------------------------------------------------- */

/* Ends the round. What takes longer than the period is tried again at once. */
static void rest(struct elector *elector, double chance)
{
    elector->wait_until_ms =
        elector->round_ms + (int64_t)(ELECTOR_RETRY_MS * (1 + ELECTOR_JITTER * chance));
    elector->resting = true;
}

/* Only a changed record shows that its holder lives; others may change the metadata. */
static void observe(struct elector *elector, json_t *lease, int64_t now_ms)
{
    const json_t *before = json_path(elector->lease, "spec", NULL);
    const json_t *after = json_path(lease, "spec", NULL);

    if (!elector->lease || !json_equal(before, after)) {
        elector->observed_ms = now_ms;
    }
    json_incref(lease);
    json_decref(elector->lease);
    elector->lease = lease;
}

static int64_t expires_ms(const struct elector *elector)
{
    json_int_t seconds = json_path_integer(elector->lease, 0, "spec", "leaseDurationSeconds", NULL);
    return elector->observed_ms + 1000 * (seconds > 0 ? seconds : ELECTOR_LEASE_SECONDS);
}

static void was_read(struct elector *elector, json_t *lease, int64_t now_ms, double chance)
{
    observe(elector, lease, now_ms);
    if (elector_leads(elector) && !is_mine(elector)) {
        lose(elector, *elector_holder(elector) ? "another replica holds it" : "it was given back");
        return;
    }
    if (is_mine(elector) || !*elector_holder(elector) || now_ms >= expires_ms(elector)) {
        elector->knowledge = ELECTOR_CURRENT;
        return;
    }
    rest(elector, chance);
    if (expires_ms(elector) < elector->wait_until_ms) {
        elector->wait_until_ms = expires_ms(elector);
    }
}

static void was_written(struct elector *elector, json_t *lease, int64_t now_ms, double chance)
{
    int64_t until_ms = elector->asked_ms + ELECTOR_RENEW_DEADLINE_MS;

    observe(elector, lease, now_ms);
    rest(elector, chance);
    if (elector->state == ELECTOR_STANDBY && now_ms >= until_ms) {
        elector->knowledge = ELECTOR_UNKNOWN; /* The answer came too late to be of use. */
        return;
    }
    elector->knowledge = ELECTOR_CURRENT;
    elector->state = ELECTOR_LEADING;
    atomic_store(&elector->change_until_ms, until_ms);
}

static void has_failed(struct elector *elector, enum error_kind kind, double chance)
{
    bool stale = kind == ERROR_CONFLICT || kind == ERROR_EXISTS || kind == ERROR_NOT_FOUND;

    if (elector->asked == ELECTOR_DO_READ && kind == ERROR_NOT_FOUND) {
        elector->knowledge = ELECTOR_ABSENT;
        return;
    }
    /* A write that failed may have been carried out all the same. */
    elector->knowledge = ELECTOR_UNKNOWN;
    if (!stale || elector->conflicted) {
        rest(elector, chance);
    }
    elector->conflicted = true;
}

void elector_answered(struct elector *elector, enum error_kind kind, json_t *lease,
                      int64_t now_boot_ms, double chance)
{
    if (elector->state == ELECTOR_RELEASING) {
        elector->state = ELECTOR_RELEASED; /* At worst another one waits for the Lease's end. */
    } else if (kind) {
        has_failed(elector, kind, chance);
    } else if (elector->asked == ELECTOR_DO_READ) {
        was_read(elector, lease, now_boot_ms, chance);
    } else {
        was_written(elector, lease, now_boot_ms, chance);
    }
}
