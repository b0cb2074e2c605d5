/* Deletion: at once, or in steps while a grace period or finalizers hold the object. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "sim/kube/api_internal.h"

#define DEFAULT_GRACE_SECONDS 30

static json_t *finalizers(const json_t *object)
{
    return json_path(object, "metadata", "finalizers", NULL);
}

bool sim_deletion_due(const json_t *object)
{
    return sim_is_terminating(object) && !json_array_size(finalizers(object)) &&
           !json_path_integer(object, 0, "metadata", "deletionGracePeriodSeconds", NULL);
}

/* What the dependents are to become is written down as a finalizer for the garbage collector. */
static json_t *finalizers_for(const json_t *object, const char *policy)
{
    json_t *list = json_array(), *item;
    size_t i;

    json_array_foreach(finalizers(object), i, item)
    {
        const char *name = json_string_value(item);
        if (!policy || (strcmp(name, "orphan") != 0 && strcmp(name, "foregroundDeletion") != 0)) {
            json_array_append(list, item);
        }
    }
    if (policy && !strcmp(policy, "Orphan")) {
        json_array_append_new(list, json_string("orphan"));
    } else if (policy && !strcmp(policy, "Foreground")) {
        json_array_append_new(list, json_string("foregroundDeletion"));
    }
    return list;
}

/* Only pods end gracefully, and only where a kubelet has one to end. */
static json_int_t grace_seconds(const struct kube_resource *resource, const json_t *object,
                                int asked)
{
    const char *phase = json_path_string(object, "status", "phase", NULL);
    bool ended = phase && (!strcmp(phase, "Failed") || !strcmp(phase, "Succeeded"));

    if (resource != &kube_pods || ended || !json_path_string(object, "spec", "nodeName", NULL)) {
        return 0;
    }
    return asked >= 0 ? asked
                      : json_path_integer(object, DEFAULT_GRACE_SECONDS, "spec",
                                          "terminationGracePeriodSeconds", NULL);
}

static void set_deletion(json_t *metadata, int64_t at_ms, json_int_t grace)
{
    char date[CLOCK_RFC3339_SIZE];

    json_object_set_new(metadata, "deletionTimestamp",
                        json_string(clock_rfc3339(at_ms, date, sizeof date)));
    json_object_set_new(metadata, "deletionGracePeriodSeconds", json_integer(grace));
}

/* The first deletion. It counts as a change of what is wanted. */
static void begin(const struct sim_api_server *server, json_t *object, json_int_t grace)
{
    json_t *metadata = json_object_get(object, "metadata");
    json_int_t generation = json_path_integer(metadata, 0, "generation", NULL);

    set_deletion(metadata, sim_wall_ms(server->sim) + grace * 1000, grace);
    if (generation) {
        json_object_set_new(metadata, "generation", json_integer(generation + 1));
    }
}

/* A later one may only shorten the grace period, and only when it says so. */
static void shorten(json_t *object, json_int_t grace, bool asked)
{
    json_t *metadata = json_object_get(object, "metadata");
    json_int_t before = json_path_integer(metadata, 0, "deletionGracePeriodSeconds", NULL);

    if (asked && grace < before) {
        const char *date = json_path_string(metadata, "deletionTimestamp", NULL);
        set_deletion(metadata, clock_parse_rfc3339(date) - (before - grace) * 1000, grace);
    }
}

void sim_delete(struct sim_api_server *server, struct sim_kind *kind, struct sim_entry *entry,
                const struct kube_delete_options *options)
{
    json_t *object = sim_object_copy(entry->object);
    json_int_t grace = grace_seconds(kind->resource, object, options->grace_period_seconds);

    json_t *left = finalizers_for(object, options->propagation_policy);
    if (json_array_size(left)) {
        json_object_set_new(json_object_get(object, "metadata"), "finalizers", left);
    } else {
        json_object_del(json_object_get(object, "metadata"), "finalizers");
        json_decref(left);
    }
    if (sim_is_terminating(object)) {
        shorten(object, grace, options->grace_period_seconds >= 0 || !grace);
    } else {
        begin(server, object, grace);
    }
    if (sim_deletion_due(object)) {
        json_decref(object);
        sim_store_drop(server, kind, entry);
    } else if (json_equal(object, entry->object)) {
        json_decref(object);
    } else {
        sim_store_change(server, kind, entry, object);
    }
}
