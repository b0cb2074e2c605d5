/* Who set which fields of an object: what server-side apply needs to remove what its manager no
 * longer asks for, and to leave alone what others set.
 *
 * A set of fields is a JSON object like the API server's own FieldsV1: "f:NAME" for a member,
 * "k:KEY" for the element of a list that is merged by key, "v:VALUE" for the element of a set, and
 * "." where the place itself is set.  Kubernetes' schema says which lists are merged; the table in
 * fields.c repeats it for what the operator's objects hold. */
#ifndef SIM_FIELDS_H
#define SIM_FIELDS_H 1

#include <jansson.h>
#include <stdbool.h>

#define SIM_MAX_MANAGERS 8

/* The manager of all that was set by other means than an apply. */
#define SIM_UPDATES "update"

struct sim_manager {
    const char *name; /* Static. */
    json_t *set;
};

struct sim_fields {
    struct sim_manager managers[SIM_MAX_MANAGERS];
    size_t length;
};

void sim_fields_fini(struct sim_fields *fields);
struct sim_fields sim_fields_copy(const struct sim_fields *fields);

/* Another manager's field that this apply would change: its name and a path, or NULL. Only what
 * differs in value is a conflict. */
const char *sim_fields_conflict(const struct sim_fields *fields, const char *manager,
                                const json_t *live, const json_t *applied, char *path, size_t size);

/* What an apply by this manager makes of `live` (NULL: of nothing): new, sharing what is unchanged.
 * The manager then owns exactly what it applied, and the others no longer what it changed. The
 * first apply finds all that is there as somebody's update. */
json_t *sim_fields_apply(struct sim_fields *fields, const char *manager, const json_t *live,
                         const json_t *applied);

/* Takes note of an update from one object to the other. */
void sim_fields_update(struct sim_fields *fields, const json_t *before, const json_t *after);

#endif
