#include "etcd/client_internal.h"
#include "rpc.pb-c.h"

static int change(struct etcd_client *client, const struct etcd_target *target, const char *method,
                  const ProtobufCMessage *request, struct error *error)
{
    const struct etcd_question question = {
        .method = method, .change = true, .request = request, .decode = etcd_header_decode};

    return etcd_ask(client, target, &question, error);
}

/* The calls whose request is a name, or nothing (NULL). */
static int change_name(struct etcd_client *client, const struct etcd_target *target,
                       const char *method, const char *name, struct error *error)
{
    Etcdserverpb__NameRequest request = ETCDSERVERPB__NAME_REQUEST__INIT;

    if (name) {
        request.name = (char *)name;
    }
    return change(client, target, method, &request.base, error);
}

static int ask_name(struct etcd_client *client, const struct etcd_target *target,
                    const char *method, const char *name, etcd_decode_function *decode,
                    struct arena *arena, void *out, struct error *error)
{
    Etcdserverpb__NameRequest request = ETCDSERVERPB__NAME_REQUEST__INIT;
    const struct etcd_question question = {
        .method = method, .request = &request.base, .decode = decode, .arena = arena, .out = out};

    if (name) {
        request.name = (char *)name;
    }
    return etcd_ask(client, target, &question, error);
}

/* The calls about a user and a role or password. */
static int change_user(struct etcd_client *client, const struct etcd_target *target,
                       const char *method, const char *user, const char *word, struct error *error)
{
    Etcdserverpb__UserRequest request = ETCDSERVERPB__USER_REQUEST__INIT;

    request.user = (char *)user;
    request.word = (char *)word;
    return change(client, target, method, &request.base, error);
}

/* A change, since it puts a token into the raft log; but one that may be repeated. */
static int auth_authenticate(void *context, const struct etcd_target *target, const char *user,
                             const char *password, struct arena *arena, const char **token,
                             struct error *error)
{
    Etcdserverpb__AuthenticateRequest request = ETCDSERVERPB__AUTHENTICATE_REQUEST__INIT;
    const struct etcd_question question = {.method = "Auth/Authenticate",
                                           .request = &request.base,
                                           .decode = etcd_token_decode,
                                           .arena = arena,
                                           .out = token};

    request.name = (char *)user;
    request.password = (char *)password;
    return etcd_ask(context, target, &question, error);
}

static int auth_enable(void *context, const struct etcd_target *target, struct error *error)
{
    return change_name(context, target, "Auth/AuthEnable", NULL, error);
}

static int auth_disable(void *context, const struct etcd_target *target, struct error *error)
{
    return change_name(context, target, "Auth/AuthDisable", NULL, error);
}

static int auth_status(void *context, const struct etcd_target *target,
                       struct etcd_auth_status *out, struct error *error)
{
    return ask_name(context, target, "Auth/AuthStatus", NULL, etcd_auth_status_decode, NULL, out,
                    error);
}

static int auth_user_add(void *context, const struct etcd_target *target, const char *user,
                         const char *password, struct error *error)
{
    Etcdserverpb__UserAddRequest request = ETCDSERVERPB__USER_ADD_REQUEST__INIT;
    Etcdserverpb__UserAddRequest__Options options = ETCDSERVERPB__USER_ADD_REQUEST__OPTIONS__INIT;

    request.name = (char *)user;
    if (password) {
        request.password = (char *)password;
    }
    options.no_password = !password;
    request.options = &options;
    return change(context, target, "Auth/UserAdd", &request.base, error);
}

static int auth_user_delete(void *context, const struct etcd_target *target, const char *user,
                            struct error *error)
{
    return change_name(context, target, "Auth/UserDelete", user, error);
}

static int auth_user_list(void *context, const struct etcd_target *target, struct arena *arena,
                          struct etcd_names *out, struct error *error)
{
    return ask_name(context, target, "Auth/UserList", NULL, etcd_names_decode, arena, out, error);
}

static int auth_user_get(void *context, const struct etcd_target *target, const char *user,
                         struct arena *arena, struct etcd_names *out, struct error *error)
{
    return ask_name(context, target, "Auth/UserGet", user, etcd_names_decode, arena, out, error);
}

static int auth_user_change_password(void *context, const struct etcd_target *target,
                                     const char *user, const char *password, struct error *error)
{
    return change_user(context, target, "Auth/UserChangePassword", user, password, error);
}

static int auth_user_grant_role(void *context, const struct etcd_target *target, const char *user,
                                const char *role, struct error *error)
{
    return change_user(context, target, "Auth/UserGrantRole", user, role, error);
}

static int auth_user_revoke_role(void *context, const struct etcd_target *target, const char *user,
                                 const char *role, struct error *error)
{
    return change_user(context, target, "Auth/UserRevokeRole", user, role, error);
}

static int auth_role_add(void *context, const struct etcd_target *target, const char *role,
                         struct error *error)
{
    return change_name(context, target, "Auth/RoleAdd", role, error);
}

static int auth_role_delete(void *context, const struct etcd_target *target, const char *role,
                            struct error *error)
{
    return change_name(context, target, "Auth/RoleDelete", role, error);
}

static int auth_role_list(void *context, const struct etcd_target *target, struct arena *arena,
                          struct etcd_names *out, struct error *error)
{
    return ask_name(context, target, "Auth/RoleList", NULL, etcd_names_decode, arena, out, error);
}

static int auth_role_get(void *context, const struct etcd_target *target, const char *role,
                         struct arena *arena, struct etcd_permissions *out, struct error *error)
{
    return ask_name(context, target, "Auth/RoleGet", role, etcd_permissions_decode, arena, out,
                    error);
}

static int auth_role_grant_permission(void *context, const struct etcd_target *target,
                                      const char *role, const struct etcd_permission *permission,
                                      struct error *error)
{
    Etcdserverpb__RoleGrantPermissionRequest request =
        ETCDSERVERPB__ROLE_GRANT_PERMISSION_REQUEST__INIT;
    Etcdserverpb__Permission what = ETCDSERVERPB__PERMISSION__INIT;

    what.permtype = (Etcdserverpb__Permission__Type)permission->type;
    what.key = etcd_binary(permission->key);
    what.range_end = etcd_binary(permission->range_end);
    request.name = (char *)role;
    request.perm = &what;
    return change(context, target, "Auth/RoleGrantPermission", &request.base, error);
}

static int auth_role_revoke_permission(void *context, const struct etcd_target *target,
                                       const char *role, const struct etcd_permission *permission,
                                       struct error *error)
{
    Etcdserverpb__RoleRevokePermissionRequest request =
        ETCDSERVERPB__ROLE_REVOKE_PERMISSION_REQUEST__INIT;

    request.role = (char *)role;
    request.key = etcd_binary(permission->key);
    request.range_end = etcd_binary(permission->range_end);
    return change(context, target, "Auth/RoleRevokePermission", &request.base, error);
}

void etcd_auth_fill(struct etcd_auth_api *api)
{
    api->authenticate = auth_authenticate;
    api->enable = auth_enable;
    api->disable = auth_disable;
    api->status = auth_status;
    api->user_add = auth_user_add;
    api->user_delete = auth_user_delete;
    api->user_list = auth_user_list;
    api->user_get = auth_user_get;
    api->user_change_password = auth_user_change_password;
    api->user_grant_role = auth_user_grant_role;
    api->user_revoke_role = auth_user_revoke_role;
    api->role_add = auth_role_add;
    api->role_delete = auth_role_delete;
    api->role_list = auth_role_list;
    api->role_get = auth_role_get;
    api->role_grant_permission = auth_role_grant_permission;
    api->role_revoke_permission = auth_role_revoke_permission;
}
