/* Etcd as a pass sees it: the simulated one's own table, with the process's troubles in front. As
 * in the real client the lease is looked at before every call, those that only read too. */
#include "sim/operator/operator.h"

#define WAY_MS 3 /* One way, at most. */

static int cancelled(struct error *error)
{
    return error_set(error, ERROR_CANCELLED, "the call was not allowed to leave");
}

static void travel(struct sim_operator *operator)
{
    sim_sleep(operator->options.sim, sim_between(operator->options.sim, SIM_STREAM_API, 0, WAY_MS));
}

/* False: the process died, or its lease may be lost. end() follows in any case. */
static bool begin(struct sim_operator *operator)
{
    operator->nested++;
    sim_operator_count_down(operator);
    if (sim_operator_pause(operator)) {
        return false;
    }
    travel(operator);
    return !sim_operator_pause(operator) &&
           elector_may_change(&operator->elector, sim_operator_boot_ms(operator));
}

static bool begin_change(struct sim_operator *operator, const char * what, const char *whom)
{
    char text[160];

    if (!begin(operator)) {
        return false;
    }
    snprintf(text, sizeof text, "%s%s%s", what, *whom ? " " : "", whom);
    operator->options.calls(operator->options.context, operator, text);
    return true;
}

static bool begin_change_of(struct sim_operator *operator, const char * what, uint64_t id)
{
    char whom[ID_HEX_SIZE];
    return begin_change(operator, what, id_format(id, whom));
}

static int end(struct sim_operator *operator, int result, struct error *error)
{
    travel(operator);
    if (sim_operator_pause(operator)) {
        result = cancelled(error);
    }
    operator->nested--;
    return result;
}

/* What was carried out may look as if it had not been. */
static int end_change(struct sim_operator *operator, int result, struct error *error)
{
    double lost = operator->options.wire->lose_member_answer;

    if (!result && lost > 0 && sim_chance(operator->options.sim, SIM_STREAM_API, lost)) {
        sim_trace(operator->options.sim, "%s: the answer is lost", operator->address);
        result = error_set(error, ERROR_RETRYABLE,
                           "the connection was closed; it may have been carried out");
    }
    return end(operator, result, error);
}

/* ---- What reads ---- */

static void client_look(void *context, const struct etcd_credentials *credentials,
                        const struct etcd_endpoint *endpoints, size_t n, int64_t timeout_ms,
                        struct arena *arena, struct etcd_look *looks)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    struct error error;

    if (begin(operator)) {
        members->look(members->context, credentials, endpoints, n, timeout_ms, arena, looks);
    } else {
        for (size_t i = 0; i < n; i++) {
            cancelled(&looks[i].status_error);
            cancelled(&looks[i].read_error);
        }
    }
    end(operator, 0, &error);
}

static int client_member_list(void *context, const struct etcd_target *target, struct arena *arena,
                              struct etcd_member_list *out, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin(operator) ? members->member_list(members->context, target, arena, out, error)
                                 : cancelled(error);

    return end(operator, result, error);
}

static int client_alarms(void *context, const struct etcd_target *target, struct arena *arena,
                         struct etcd_alarm **out, size_t *n_out, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin(operator)
                     ? members->alarms(members->context, target, arena, out, n_out, error)
                     : cancelled(error);

    return end(operator, result, error);
}

static int client_hash_kv(void *context, const struct etcd_target *target, int64_t revision,
                          struct etcd_hash *out, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin(operator) ? members->hash_kv(members->context, target, revision, out, error)
                                 : cancelled(error);

    return end(operator, result, error);
}

static int client_range(void *context, const struct etcd_target *target,
                        const struct etcd_range_request *request, struct arena *arena,
                        struct etcd_range *out, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin(operator)
                     ? members->range(members->context, target, request, arena, out, error)
                     : cancelled(error);

    return end(operator, result, error);
}

static void client_reports(void *context, const struct etcd_endpoint *endpoints, size_t n,
                           int64_t timeout_ms, struct arena *arena, const char **out)
{
    struct sim_operator *operator= context;
    struct error error;

    if (begin(operator)) {
        sim_site_reports(operator->options.site, operator->address, endpoints, n, timeout_ms, arena,
                         out);
    }
    end(operator, 0, &error);
}

/* ---- What changes ---- */

static int client_member_add(void *context, const struct etcd_target *target, const char *peer_url,
                             bool learner, struct arena *arena, uint64_t *id,
                             struct etcd_member_list *list, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin_change(operator, learner ? "MemberAdd (learner)" : "MemberAdd", peer_url)
                     ? members->member_add(members->context, target, peer_url, learner, arena, id,
                                           list, error)
                     : cancelled(error);

    return end_change(operator, result, error);
}

static int client_member_promote(void *context, const struct etcd_target *target, uint64_t id,
                                 struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin_change_of(operator, "MemberPromote", id)
                     ? members->member_promote(members->context, target, id, error)
                     : cancelled(error);

    return end_change(operator, result, error);
}

static int client_member_remove(void *context, const struct etcd_target *target, uint64_t id,
                                struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin_change_of(operator, "MemberRemove", id)
                     ? members->member_remove(members->context, target, id, error)
                     : cancelled(error);

    return end_change(operator, result, error);
}

static int client_member_update(void *context, const struct etcd_target *target, uint64_t id,
                                const char *peer_url, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin_change_of(operator, "MemberUpdate", id)
                     ? members->member_update(members->context, target, id, peer_url, error)
                     : cancelled(error);

    return end_change(operator, result, error);
}

static int client_move_leader(void *context, const struct etcd_target *target,
                              uint64_t transferee_id, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin_change_of(operator, "MoveLeader to", transferee_id)
                     ? members->move_leader(members->context, target, transferee_id, error)
                     : cancelled(error);

    return end_change(operator, result, error);
}

static int client_alarm_set(void *context, const struct etcd_target *target, uint64_t member_id,
                            enum etcd_alarm_type type, bool active, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result =
        begin_change_of(operator, active ? "raise an alarm of" : "disarm an alarm of", member_id)
            ? members->alarm_set(members->context, target, member_id, type, active, error)
            : cancelled(error);

    return end_change(operator, result, error);
}

static const char *first_of(const struct etcd_target *target)
{
    return target->n ? target->endpoints[0].server_name : "";
}

static int client_defragment(void *context, const struct etcd_target *target, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin_change(operator, "Defragment", first_of(target))
                     ? members->defragment(members->context, target, error)
                     : cancelled(error);

    return end_change(operator, result, error);
}

static int client_compact(void *context, const struct etcd_target *target, int64_t revision,
                          bool physical, struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin_change(operator, "Compact", "")
                     ? members->compact(members->context, target, revision, physical, error)
                     : cancelled(error);

    return end_change(operator, result, error);
}

static int client_downgrade(void *context, const struct etcd_target *target,
                            enum etcd_downgrade_action action, const char *version,
                            struct error *error)
{
    struct sim_operator *operator= context;
    const struct etcd_api *members = operator->members;
    int result = begin_change(operator, "Downgrade", version ? version : "")
                     ? members->downgrade(members->context, target, action, version, error)
                     : cancelled(error);

    return end_change(operator, result, error);
}

static void client_forget(void *context, const char *key)
{
    (void)context, (void)key;
}

void sim_operator_fill_etcd_client(struct sim_operator *operator)
{
    operator->members = sim_etcd_client(operator->options.site->etcd, operator->address);
    operator->etcd =(struct etcd_api){.context = operator,
                                      .look = client_look,
                                      .member_list = client_member_list,
                                      .alarms = client_alarms,
                                      .alarm_set = client_alarm_set,
                                      .member_add = client_member_add,
                                      .member_promote = client_member_promote,
                                      .member_remove = client_member_remove,
                                      .member_update = client_member_update,
                                      .move_leader = client_move_leader,
                                      .hash_kv = client_hash_kv,
                                      .defragment = client_defragment,
                                      .compact = client_compact,
                                      .downgrade = client_downgrade,
                                      .range = client_range,
                                      .reports = client_reports,
                                      .forget = client_forget};
}
