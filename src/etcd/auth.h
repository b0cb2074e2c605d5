/* The door to etcd's users, roles and tokens, beside etcd/api.h: the same targets, errors, and
 * rules for changes.  No reconcile pass uses it yet.
 *
 * Authentication is switched on by enable() once a user "root" with the role "root" exists (that
 * role is built in); whoever shows a certificate of the common name "root" is then that user. */
#ifndef ETCD_AUTH_H
#define ETCD_AUTH_H 1

#include "etcd/api.h"

struct etcd_auth_status {
    bool enabled;
    uint64_t revision; /* Grows with each change to users and roles. */
};

struct etcd_names {
    const char **items;
    size_t n;
};

enum etcd_permission_type {
    ETCD_PERMISSION_READ,
    ETCD_PERMISSION_WRITE,
    ETCD_PERMISSION_READWRITE
};

struct etcd_permission {
    enum etcd_permission_type type;
    struct etcd_bytes key, range_end; /* range_end empty: this key alone. */
};

struct etcd_permissions {
    struct etcd_permission *items;
    size_t n;
};

struct etcd_auth_api {
    void *context;

    /* The token goes into struct etcd_credentials; its text is wiped with the arena. It is good for
     * 300 s after its last use, and until etcd loses or changes it (ETCD_ERROR_AUTH_INVALID_TOKEN
     * and ETCD_ERROR_AUTH_OLD_REVISION: get a new one). */
    int (*authenticate)(void *context, const struct etcd_target *target, const char *user,
                        const char *password, struct arena *arena, const char **token,
                        struct error *error);
    int (*enable)(void *context, const struct etcd_target *target, struct error *error);
    int (*disable)(void *context, const struct etcd_target *target, struct error *error);
    int (*status)(void *context, const struct etcd_target *target, struct etcd_auth_status *out,
                  struct error *error);

    /* `password` NULL: the user has none, and comes by certificate alone. */
    int (*user_add)(void *context, const struct etcd_target *target, const char *user,
                    const char *password, struct error *error);
    int (*user_delete)(void *context, const struct etcd_target *target, const char *user,
                       struct error *error);
    int (*user_list)(void *context, const struct etcd_target *target, struct arena *arena,
                     struct etcd_names *out, struct error *error);
    /* The user's roles. */
    int (*user_get)(void *context, const struct etcd_target *target, const char *user,
                    struct arena *arena, struct etcd_names *out, struct error *error);
    int (*user_change_password)(void *context, const struct etcd_target *target, const char *user,
                                const char *password, struct error *error);
    int (*user_grant_role)(void *context, const struct etcd_target *target, const char *user,
                           const char *role, struct error *error);
    int (*user_revoke_role)(void *context, const struct etcd_target *target, const char *user,
                            const char *role, struct error *error);

    int (*role_add)(void *context, const struct etcd_target *target, const char *role,
                    struct error *error);
    int (*role_delete)(void *context, const struct etcd_target *target, const char *role,
                       struct error *error);
    int (*role_list)(void *context, const struct etcd_target *target, struct arena *arena,
                     struct etcd_names *out, struct error *error);
    /* The role's permissions. */
    int (*role_get)(void *context, const struct etcd_target *target, const char *role,
                    struct arena *arena, struct etcd_permissions *out, struct error *error);
    int (*role_grant_permission)(void *context, const struct etcd_target *target, const char *role,
                                 const struct etcd_permission *permission, struct error *error);
    /* The type is of no account: key and range_end name what is taken away. */
    int (*role_revoke_permission)(void *context, const struct etcd_target *target, const char *role,
                                  const struct etcd_permission *permission, struct error *error);
};

#endif
