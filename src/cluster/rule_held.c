/* What of the spec is not carried out on a living cluster, in words. Nothing here acts. */
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
