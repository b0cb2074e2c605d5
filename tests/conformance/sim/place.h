/* Where a scenario plays: some members on data directories of their own, either of the simulated
 * etcd or of a real one, behind the same calls. What happens is written down as an outcome, and the
 * outcomes are compared. */
#ifndef TEST_CONFORMANCE_SIM_PLACE_H
#define TEST_CONFORMANCE_SIM_PLACE_H 1

#include "base/buffer.h"
#include "etcd/api.h"

#define PLACES 4 /* Members there can be: c-0 to c-3. */

/* How a member is started. */
struct start {
    size_t n;          /* --initial-cluster are the first n; 0: no --initial-* flags at all. */
    const char *state; /* --initial-cluster-state; NULL: "new". */
    const char *token; /* NULL: TOKEN. */
    const char *extra; /* One more flag, or NULL. */
    bool old;          /* By the binary of the minor version before. */
};

struct place;

struct place_functions {
    void (*start)(struct place *place, size_t index, char *const *flags, bool old);
    void (*kill)(struct place *place, size_t index);
    void (*freeze)(struct place *place, size_t index, bool frozen);
    void (*wipe)(struct place *place, size_t index);
    /* True when it ended by itself since it was started. */
    bool (*ended)(struct place *place, size_t index, int *code, char *words, size_t size);
    /* Lets some milliseconds pass. */
    void (*pause)(struct place *place);
    int64_t (*now_ms)(struct place *place);
};

struct place {
    const struct place_functions *functions;
    const struct etcd_api *api;
    struct etcd_credentials credentials;
    struct etcd_endpoint endpoints[PLACES];
    const char *peer_urls[PLACES];
    const char *spare_url; /* A peer URL where nobody is. */
    bool has_old;          /* There is a binary of the version before. */
    struct arena *arena;
    struct buffer outcome;
    const char *trouble; /* Something that the scenario waited for did not come. */
};

#define PLACE_TOKEN "b1d6c2d2-7f1e-4a53-9a1b-3f6f2f7b9c11-1"

void place_start(struct place *place, size_t index, const struct start *how);
void place_kill(struct place *place, size_t index);
/* A line of the outcome. */
void place_note(struct place *place, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "what: ok", or the kind of the error and etcd's words. */
void place_note_result(struct place *place, const char *what, int result,
                       const struct error *error);
/* Waits until it ends by itself; the outcome gets its exit code and last words. */
void place_note_end(struct place *place, size_t index);
/* Whether it still runs after a while that is long enough for every reason to end. */
void place_note_alive(struct place *place, size_t index);

/* Waits until the condition holds; false, and trouble, when it does not come. */
bool place_wait(struct place *place, bool (*condition)(struct place *place, void *context),
                void *context, const char *what);
/* Waits until each of the first n answers a linearizable read. */
bool place_wait_serving(struct place *place, size_t n);
struct etcd_look place_look(struct place *place, size_t index);
/* The one that leads, among the first n that answer; waits for it. */
size_t place_leader(struct place *place, size_t n);
struct etcd_target place_target(struct place *place, size_t index);
uint64_t place_id(const struct place *place, size_t index);
/* "3 voters, 1 learners, 3 started", from this member. */
void place_note_members(struct place *place, size_t index);

#endif
