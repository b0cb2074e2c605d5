/* What etcd says when it does not do what it was asked: its own words, as values.  One table
 * (errors.c) has the words, the gRPC status that they come with, and what they say about a change
 * that was asked for.  The client reads it, and the simulator answers by it.  No I/O, any thread.
 *
 * Source of words and statuses: etcd's api/v3rpc/rpctypes/error.go. */
#ifndef ETCD_ERRORS_H
#define ETCD_ERRORS_H 1

#include "base/error.h"

enum etcd_error {
    ETCD_ERROR_NONE, /* No words of etcd's that the table has. */

    ETCD_ERROR_NO_LEADER,
    ETCD_ERROR_NOT_LEADER,
    ETCD_ERROR_LEADER_CHANGED,
    ETCD_ERROR_TIMEOUT, /* The request timed out within etcd. */
    ETCD_ERROR_STOPPED,
    ETCD_ERROR_TOO_MANY_REQUESTS,
    ETCD_ERROR_UNHEALTHY_CLUSTER,
    ETCD_ERROR_CORRUPT,
    ETCD_ERROR_NO_SPACE,
    ETCD_ERROR_RPC_NOT_FOR_LEARNER,
    ETCD_ERROR_NOT_CAPABLE, /* The cluster's version lacks it. */

    /* An id is made of the peer URL and the second, so within one second this is what is said of a
     * URL that exists, or that was removed a moment ago. */
    ETCD_ERROR_MEMBER_EXISTS,
    ETCD_ERROR_PEER_URL_EXISTS,
    ETCD_ERROR_MEMBER_BAD_URLS,
    ETCD_ERROR_MEMBER_NOT_FOUND,
    ETCD_ERROR_NOT_ENOUGH_STARTED_MEMBERS,
    ETCD_ERROR_NOT_A_LEARNER,
    ETCD_ERROR_LEARNER_NOT_IN_SYNC,
    ETCD_ERROR_TOO_MANY_LEARNERS,
    ETCD_ERROR_BAD_TRANSFEREE,

    ETCD_ERROR_EMPTY_KEY,
    ETCD_ERROR_COMPACTED,
    ETCD_ERROR_FUTURE_REVISION,
    ETCD_ERROR_REQUEST_TOO_LARGE,
    ETCD_ERROR_TOO_MANY_OPS,
    ETCD_ERROR_DUPLICATE_KEY,

    ETCD_ERROR_DOWNGRADE_IN_PROGRESS,
    ETCD_ERROR_DOWNGRADE_NOT_IN_PROGRESS,
    ETCD_ERROR_DOWNGRADE_BAD_VERSION,
    ETCD_ERROR_DOWNGRADE_BAD_FORMAT,

    ETCD_ERROR_AUTH_NOT_ENABLED,
    ETCD_ERROR_AUTH_FAILED,
    ETCD_ERROR_AUTH_INVALID_TOKEN,
    ETCD_ERROR_AUTH_OLD_REVISION,
    ETCD_ERROR_AUTH_INVALID_MANAGEMENT, /* Something that would lock root out. */
    ETCD_ERROR_PERMISSION_DENIED,
    ETCD_ERROR_PERMISSION_NOT_GRANTED,
    ETCD_ERROR_ROOT_USER_MISSING,
    ETCD_ERROR_ROOT_ROLE_MISSING,
    ETCD_ERROR_USER_EMPTY,
    ETCD_ERROR_USER_EXISTS,
    ETCD_ERROR_USER_NOT_FOUND,
    ETCD_ERROR_ROLE_EMPTY,
    ETCD_ERROR_ROLE_EXISTS,
    ETCD_ERROR_ROLE_NOT_FOUND,
    ETCD_ERROR_ROLE_NOT_GRANTED,

    ETCD_ERROR_COUNT
};

/* What an answer says about the change that was asked for. */
enum etcd_verdict {
    ETCD_VERDICT_UNKNOWN,   /* It may have been done, or may be done yet. */
    ETCD_VERDICT_REFUSED,   /* It was not, and another member would say the same. */
    ETCD_VERDICT_ELSEWHERE, /* It was not, for a reason of this member's: another may do it. */
};

/* Which of etcd's words the message ends with. */
enum etcd_error etcd_error_of(const struct error *error);
/* "etcdserver: no leader"; "" for ETCD_ERROR_NONE. */
const char *etcd_error_text(enum etcd_error code);
enum etcd_verdict etcd_error_verdict(enum etcd_error code);
/* Fills `error` with what the client makes of this answer: kind, status and words. Returns -kind.
 * The code is not ETCD_ERROR_NONE. */
int etcd_error_set(struct error *error, enum etcd_error code);

#endif
