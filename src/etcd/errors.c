#include "etcd/errors.h"

#include <string.h>

#include "etcd/grpc.h"

#define PREFIX "etcdserver: "

/* All of etcd's words begin with PREFIX. The statuses are of 3.6 and later: 3.5 refuses a learner's
 * calls with UNAVAILABLE. */
static const struct row {
    const char *text;
    enum grpc_status status;
    enum etcd_verdict verdict;
} rows[ETCD_ERROR_COUNT] = {
#define ROW(code, status, verdict, text)                                                           \
    [ETCD_ERROR_##code] = {PREFIX text, GRPC_##status, ETCD_VERDICT_##verdict}
    ROW(NO_LEADER, UNAVAILABLE, ELSEWHERE, "no leader"),
    ROW(NOT_LEADER, FAILED_PRECONDITION, ELSEWHERE, "not leader"),
    ROW(LEADER_CHANGED, UNAVAILABLE, UNKNOWN, "leader changed"),
    ROW(TIMEOUT, UNAVAILABLE, UNKNOWN, "request timed out"),
    ROW(STOPPED, UNAVAILABLE, UNKNOWN, "server stopped"),
    ROW(TOO_MANY_REQUESTS, RESOURCE_EXHAUSTED, ELSEWHERE, "too many requests"),
    /* The asked member's own view of its connections. */
    ROW(UNHEALTHY_CLUSTER, UNAVAILABLE, ELSEWHERE, "unhealthy cluster"),
    ROW(CORRUPT, DATA_LOSS, REFUSED, "corrupt cluster"),
    ROW(NO_SPACE, RESOURCE_EXHAUSTED, REFUSED, "mvcc: database space exceeded"),
    ROW(RPC_NOT_FOR_LEARNER, FAILED_PRECONDITION, ELSEWHERE, "rpc not supported for learner"),
    ROW(NOT_CAPABLE, FAILED_PRECONDITION, REFUSED, "not capable"),

    ROW(MEMBER_EXISTS, FAILED_PRECONDITION, REFUSED, "member ID already exist"),
    ROW(PEER_URL_EXISTS, FAILED_PRECONDITION, REFUSED, "Peer URLs already exists"),
    ROW(MEMBER_BAD_URLS, INVALID_ARGUMENT, REFUSED, "given member URLs are invalid"),
    ROW(MEMBER_NOT_FOUND, NOT_FOUND, REFUSED, "member not found"),
    /* etcd forgets to give it a status. */
    ROW(NOT_ENOUGH_STARTED_MEMBERS, UNKNOWN, REFUSED,
        "re-configuration failed due to not enough started members"),
    ROW(NOT_A_LEARNER, FAILED_PRECONDITION, REFUSED, "can only promote a learner member"),
    ROW(LEARNER_NOT_IN_SYNC, FAILED_PRECONDITION, REFUSED,
        "can only promote a learner member which is in sync with leader"),
    ROW(TOO_MANY_LEARNERS, FAILED_PRECONDITION, REFUSED, "too many learner members in cluster"),
    ROW(BAD_TRANSFEREE, FAILED_PRECONDITION, REFUSED, "bad leader transferee"),

    ROW(EMPTY_KEY, INVALID_ARGUMENT, REFUSED, "key is not provided"),
    ROW(COMPACTED, OUT_OF_RANGE, REFUSED, "mvcc: required revision has been compacted"),
    ROW(FUTURE_REVISION, OUT_OF_RANGE, REFUSED, "mvcc: required revision is a future revision"),
    ROW(REQUEST_TOO_LARGE, INVALID_ARGUMENT, REFUSED, "request is too large"),
    ROW(TOO_MANY_OPS, INVALID_ARGUMENT, REFUSED, "too many operations in txn request"),
    ROW(DUPLICATE_KEY, INVALID_ARGUMENT, REFUSED, "duplicate key given in txn request"),

    ROW(DOWNGRADE_IN_PROGRESS, FAILED_PRECONDITION, REFUSED,
        "cluster has a downgrade job in progress"),
    ROW(DOWNGRADE_NOT_IN_PROGRESS, FAILED_PRECONDITION, REFUSED, "no inflight downgrade job"),
    ROW(DOWNGRADE_BAD_VERSION, INVALID_ARGUMENT, REFUSED, "invalid downgrade target version"),
    ROW(DOWNGRADE_BAD_FORMAT, INVALID_ARGUMENT, REFUSED, "wrong downgrade target version format"),

    ROW(AUTH_NOT_ENABLED, FAILED_PRECONDITION, REFUSED, "authentication is not enabled"),
    ROW(AUTH_FAILED, INVALID_ARGUMENT, REFUSED,
        "authentication failed, invalid user ID or password"),
    /* Tokens come with the raft log, which a member may be behind in. */
    ROW(AUTH_INVALID_TOKEN, UNAUTHENTICATED, ELSEWHERE, "invalid auth token"),
    ROW(AUTH_OLD_REVISION, INVALID_ARGUMENT, REFUSED, "revision of auth store is old"),
    ROW(AUTH_INVALID_MANAGEMENT, INVALID_ARGUMENT, REFUSED, "invalid auth management"),
    ROW(PERMISSION_DENIED, PERMISSION_DENIED, REFUSED, "permission denied"),
    ROW(PERMISSION_NOT_GRANTED, FAILED_PRECONDITION, REFUSED,
        "permission is not granted to the role"),
    ROW(ROOT_USER_MISSING, FAILED_PRECONDITION, REFUSED, "root user does not exist"),
    ROW(ROOT_ROLE_MISSING, FAILED_PRECONDITION, REFUSED, "root user does not have root role"),
    ROW(USER_EMPTY, INVALID_ARGUMENT, REFUSED, "user name is empty"),
    ROW(USER_EXISTS, FAILED_PRECONDITION, REFUSED, "user name already exists"),
    ROW(USER_NOT_FOUND, FAILED_PRECONDITION, REFUSED, "user name not found"),
    ROW(ROLE_EMPTY, INVALID_ARGUMENT, REFUSED, "role name is empty"),
    ROW(ROLE_EXISTS, FAILED_PRECONDITION, REFUSED, "role name already exists"),
    ROW(ROLE_NOT_FOUND, FAILED_PRECONDITION, REFUSED, "role name not found"),
    ROW(ROLE_NOT_GRANTED, FAILED_PRECONDITION, REFUSED, "role is not granted to the user"),
};

/* Some rows are the beginning of others, and a time-out has a reason after a comma. */
static bool says(const char *words, enum etcd_error code)
{
    const char *text = rows[code].text;
    size_t size = strlen(text);

    return !strncmp(words, text, size) &&
           (!words[size] || (code == ETCD_ERROR_TIMEOUT && words[size] == ','));
}

enum etcd_error etcd_error_of(const struct error *error)
{
    const char *words = NULL;

    for (const char *at = error->message; (at = strstr(at, PREFIX)); at++) {
        words = at;
    }
    for (int code = ETCD_ERROR_NONE + 1; words && code < ETCD_ERROR_COUNT; code++) {
        if (says(words, (enum etcd_error)code)) {
            return (enum etcd_error)code;
        }
    }
    return ETCD_ERROR_NONE;
}

const char *etcd_error_text(enum etcd_error code)
{
    return rows[code].text ? rows[code].text : "";
}

enum etcd_verdict etcd_error_verdict(enum etcd_error code)
{
    return rows[code].verdict;
}

int etcd_error_set(struct error *error, enum etcd_error code)
{
    return grpc_error_set(error, rows[code].status, rows[code].text);
}
