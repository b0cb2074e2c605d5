/* Whole passes against a small API server, site and etcd, for the tests of the life of one cluster.
 * The fakes watch over what must never happen, and a pass in which it does fails the test. */
#ifndef TEST_CLUSTER_FAKE_RUN_H
#define TEST_CLUSTER_FAKE_RUN_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cluster/reconcile.h"
#include "fake_kube.h"
#include "fake_site.h"

#define PATIENCE 200 /* Passes. */

struct run {
    struct fake_kube kube;
    struct fake_site site;
    struct reconciler *reconciler;
    unsigned char chance;
};

/* With the EtcdCluster ns/c of this spec. */
void run_init(struct run *run, const char *spec);
void run_fini(struct run *run);
void run_create_cluster(struct run *run, const char *spec);
/* Another operator in place of the one before, which has forgotten all. */
void run_start_operator(struct run *run);

/* One second of the site and one pass. What the pass returned. */
int run_pass(struct run *run);
/* Passes until one changes nothing. */
void run_settle(struct run *run);
/* The operator ends at its call to Kubernetes of this number, and another goes on until it settles.
 */
void run_survive(struct run *run, int call);

json_t *run_cluster(const struct run *run);                      /* NULL: it is gone. */
const char *run_status(const struct run *run, const char *name); /* A text of it; "": none. */
/* Running, all well, with one permit for each member and all of them retired. */
void assert_runs(const struct run *run, int members, int generation);

#endif
