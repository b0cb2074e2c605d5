/* JSON merge patch (RFC 7386). */
#ifndef SIM_MERGE_PATCH_H
#define SIM_MERGE_PATCH_H 1

#include <jansson.h>

/* What `patch` makes of `target` (NULL: of nothing): new, and shares with both what did not have to
 * be copied. */
json_t *sim_merge_patch(const json_t *target, const json_t *patch);

#endif
