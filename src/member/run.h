/* The entrypoint of the etcd container: observes, decides, and either becomes etcd or waits and
 * says what it sees.  One thread. */
#ifndef MEMBER_RUN_H
#define MEMBER_RUN_H 1

#include <stdint.h>

struct member_run_options {
    const char *root;                   /* Prefix of every path; "" but in tests. */
    uint16_t port;                      /* MEMBER_METRICS_PORT but in tests. */
    const char *pod, *pod_uid, *pod_ip; /* NULL: unknown. */
};

/* Ends in exec, or by a signal. */
void member_run(const struct member_run_options *options) __attribute__((noreturn));

/* Copies the running program to `directory`/etcd-member. Returns an exit status. */
int member_install(const char *directory);

#endif
