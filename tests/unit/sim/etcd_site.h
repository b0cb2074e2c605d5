/* Some simulated etcd members c-0, c-1, ... at addresses of the same names. */
#ifndef TEST_SIM_ETCD_SITE_H
#define TEST_SIM_ETCD_SITE_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/etcd/etcd.h"

#define SITE_MEMBERS 5
#define SITE_TOKEN   "token-1"

struct site {
    struct sim *sim;
    struct sim_etcd *etcd;
    struct sim_disk *disks[SITE_MEMBERS];
    struct sim_etcd_process *processes[SITE_MEMBERS]; /* NULL: does not run. */
    char names[SITE_MEMBERS][8], hosts[SITE_MEMBERS][40], urls[SITE_MEMBERS][64];
    struct etcd_endpoint endpoints[SITE_MEMBERS];
    struct etcd_credentials credentials;
    bool cut[SITE_MEMBERS]; /* Reaches nobody but itself. */
    int exit_code[SITE_MEMBERS];
    char words[SITE_MEMBERS][300]; /* "": has not ended by itself. */
    const struct etcd_api *api;
    struct arena *arena;
};

void site_init(struct site *site, uint64_t seed);
void site_fini(struct site *site);
/* With an --initial-cluster of the first `n` members. */
void site_start(struct site *site, size_t index, size_t n, const char *state);
/* As another member than `index`, or of another cluster. */
void site_start_as(struct site *site, size_t index, size_t as, size_t n, const char *state,
                   const char *token);
void site_start_flags(struct site *site, size_t index, const char *version, char *const *flags);
void site_start_all(struct site *site, size_t n);
void site_kill(struct site *site, size_t index);
void site_cut(struct site *site, size_t index, bool cut);
bool site_ready(const struct site *site, size_t index);
/* Lets time pass until the first `n` are ready, and fails the test after a minute. */
void site_wait_ready(struct site *site, size_t n);
/* Lets time pass until this one has ended. */
void site_wait_end(struct site *site, size_t index);
uint64_t site_id(const struct site *site, size_t index);
/* -1: nobody among the first `n`. */
int site_leader(struct site *site, size_t n);
struct etcd_target site_target(struct site *site, size_t index);
void site_expect_violation(const struct site *site, const char *invariant);

#endif
