/* A real etcd cluster on the loopback with mTLS made by our own pki, for tests that hold the client
 * (and the flags that members get) to the truth.
 *
 * Everything is started here and ended here by process id; the directory goes with it. A member
 * also dies with the test (PR_SET_PDEATHSIG), so that a failed assertion leaves nothing behind. */
#ifndef TEST_CONFORMANCE_ETCD_FIXTURE_H
#define TEST_CONFORMANCE_ETCD_FIXTURE_H 1

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>

#include "etcd/client.h"
#include "pki/pki.h"

#define MEMBERS 3
#define TOKEN   "b1d6c2d2-7f1e-4a53-9a1b-3f6f2f7b9c11-1"
#define PEER_CN "etcd-peer"

/* Exit status that meson counts as skipped. */
#define SKIPPED 77

struct real_member {
    pid_t pid; /* 0: not running. */
    uint16_t client_port, peer_port, metrics_port;
    char peer_url[64], server_name[64];
};

struct real_cluster {
    char directory[64];
    size_t initial_length; /* Members of --initial-cluster, the first ones. */
    const char *state;     /* --initial-cluster-state */
    const char *quota;     /* --quota-backend-bytes; NULL: etcd's own. */
    struct real_member members[MEMBERS];
    struct etcd_endpoint endpoints[MEMBERS];
    struct pki_pair client_ca, peer_ca;
    struct pki_pair server, peer_server, peer_client, root;
    struct etcd_credentials credentials; /* CN=root. */
};

/* The binary that ETCD_BIN names, or NULL: then the test is to be skipped. */
const char *real_etcd(void);

/* Makes certificates and a directory; nothing runs yet. `peer_server_cn` names the certificate that
 * members show each other as servers, `peer_client` is what they dial with (the operator gives them
 * PEER_CN in both, and no SAN in the latter). */
void real_cluster_init(struct real_cluster *cluster, const char *peer_server_cn,
                       const struct pki_leaf *peer_client);
/* The same without TLS, and with fewer members to begin with. */
void real_cluster_init_plain(struct real_cluster *cluster, size_t initial_length);
void real_cluster_fini(struct real_cluster *cluster);

void real_member_start(struct real_cluster *cluster, size_t index);
/* Sends the signal; SIGKILL and SIGSTOP have taken effect when it returns. */
void real_member_signal(struct real_cluster *cluster, size_t index, int signal);
/* True when its log holds the words. */
bool real_member_logged(const struct real_cluster *cluster, size_t index, const char *words);

/* Members 0 to n-1 of the cluster answer a status and a linearizable read each. */
bool real_cluster_serves(const struct real_cluster *cluster, const struct etcd_api *api, size_t n,
                         struct arena *arena, struct etcd_look *looks);

/* A port that was free a moment ago. */
uint16_t free_port(void);
/* A directory and all in it. */
void remove_tree(const char *path);

/* Asks `condition` every 50 ms until it holds; false after `timeout_ms`. */
bool wait_until(bool (*condition)(void *context), void *context, int64_t timeout_ms);

#endif
