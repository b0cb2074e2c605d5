/* What of the spec is not carried out on a living cluster, in words. Nothing here acts: these rules
 * give way, one by one, to those that will. */
#include <string.h>

#include "base/json.h"
#include "cluster/plan.h"

bool rule_hold_version(struct planning *planning)
{
    const char *asked = planning->world->spec.version, *runs = planning->children.version;

    if (strcmp(asked, runs) != 0) {
        planning_hold_spec(
            planning,
            arena_printf(planning->arena,
                         "spec.version: %s is asked for and %s runs; this operator does not "
                         "change the version of a living cluster yet, so it stays at %s",
                         asked, runs, runs));
    }
    return false;
}

bool rule_hold_image(struct planning *planning)
{
    const char *asked = planning->children.image_asked, *runs = planning->children.image;

    if (strcmp(asked, runs) != 0) {
        planning_hold_spec(
            planning, arena_printf(planning->arena,
                                   "spec.image: %s is asked for and %s runs; it may be of another "
                                   "version, and this operator does not change the version of a "
                                   "living cluster yet",
                                   asked, runs));
    }
    return false;
}

bool rule_hold_size(struct planning *planning)
{
    const struct world *world = planning->world;
    int asked = world->spec.size, runs = world->recorded.size;

    if (runs && asked != runs) {
        planning_hold_spec(
            planning, arena_printf(planning->arena,
                                   "spec.size: %d is asked for and %d members run; this operator "
                                   "does not scale a living cluster yet, so it stays at %d",
                                   asked, runs, runs));
    }
    return false;
}

bool rule_hold_storage(struct planning *planning)
{
    const json_t *claims =
        json_path(planning->world->stateful_set, "spec", "volumeClaimTemplates", NULL);
    const char *asked = planning->world->spec.storage.size;
    const char *made = json_path_string(json_array_get(claims, 0), "spec", "resources", "requests",
                                        "storage", NULL);

    if (made && api_quantity_compare(asked, made) != 0) {
        planning_hold_spec(
            planning, arena_printf(planning->arena,
                                   "spec.storage.size: %s is asked for and the volumes were made "
                                   "with %s; this operator does not grow volumes yet",
                                   asked, made));
    }
    return false;
}

bool rule_hold_settings(struct planning *planning)
{
    int outdated = 0;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        outdated += planning_pod_is_outdated(planning, &planning->world->members[i].pod);
    }
    if (outdated) {
        planning_hold_spec(
            planning, arena_printf(planning->arena,
                                   "%d pods run with earlier settings; this operator does not "
                                   "restart serving members yet: delete one pod at a time, and "
                                   "each comes back with the new ones",
                                   outdated));
    }
    return false;
}
