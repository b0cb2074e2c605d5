/* Whether a member may start: pure, from what was seen to what to do.  This is the only thing that
 * stands between an emptied or foreign volume and a member that votes with it, so whatever is not
 * plainly right waits. */
#ifndef MEMBER_DECIDE_H
#define MEMBER_DECIDE_H 1

#include "api/permit.h"
#include "base/arena.h"
#include "member/database.h"
#include "member/wal.h"

/* What the helper saw. A pointer is NULL where there is none; `..._problem` is set where there is
 * one that cannot be used. */
struct member_sight {
    const char *pod, *pod_uid; /* NULL: the environment does not say. */
    int32_t ordinal;           /* From the pod's name; -1: it has none. */
    const struct member_config *config;
    const char *config_problem;
    const struct permit *permit;
    const char *permit_problem;
    const char *used_nonce;
    const char *nonce_problem;
    const struct marker *marker;
    const char *marker_problem;
    struct wal_facts wal;
    struct database_facts database;
};

enum member_action {
    MEMBER_WAIT,  /* For the reason given. */
    MEMBER_EXEC,  /* The data is this member's: start etcd on it. */
    MEMBER_START, /* The permit allows to begin: data aside, marker, nonce, etcd. */
    MEMBER_ADOPT, /* The permit gives an earlier cluster's data to this one: marker, nonce, etcd. */
};

struct member_decision {
    enum member_action action;
    enum report_reason reason; /* REPORT_STARTING unless it waits. */
    const char *message;       /* For a person. */
};

/* Messages are static or in the arena. */
struct member_decision member_decide(const struct member_sight *sight, struct arena *arena);

/* The number behind the last dash of a pod's name, or -1. */
int32_t member_ordinal(const char *pod);

/* What the helper tells the operator; borrows from both. */
struct report member_report(const struct member_sight *sight,
                            const struct member_decision *decision);

#endif
