/* What of the spec is not carried out on a living cluster, in words. Nothing here acts. */
#include <string.h>

#include "base/json.h"
#include "cluster/plan.h"

bool rule_paused(struct planning *planning)
{
    if (!planning->world->spec.paused) {
        return false;
    }
    planning_hold_spec(planning, "spec.paused: nothing is changed until it is false");
    planning->held = HOLD_ALL;
    return true;
}

bool rule_hold_version(struct planning *planning)
{
    const struct children *children = &planning->children;

    if (children->version_held) {
        planning_hold_spec(planning, arena_printf(planning->arena,
                                                  "spec.version: %s is asked for and %s "
                                                  "stays (image %s): %s",
                                                  planning->world->spec.version, children->version,
                                                  children->image, children->version_held));
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
