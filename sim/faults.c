/* What each kind of fault does.  Some pass by themselves (a killed container), others stand until
 * they heal, each after its own time and all of them when the faults end. */
#include "sim/run.h"

/* --- Whom it falls upon */

/* A member's pod; of those that run, if any does. */
static struct sim_pod *victim(struct sim_run *run, const struct sim_fault *fault)
{
    struct sim_pod *pods[SIM_PODS];
    uint32_t n = 0;

    for (int i = 0; i < SIM_PODS; i++) {
        if (run->site->pods[i].state && !run->site->pods[i].orphan) {
            pods[n++] = &run->site->pods[i];
        }
    }
    return n ? pods[fault->a % n] : NULL;
}

/* A node with a member on it, if any has. */
static int victim_node(struct sim_run *run, const struct sim_fault *fault)
{
    const struct sim_pod *pod = victim(run, fault);
    return pod && pod->state > SIM_POD_PENDING ? pod->node : (int)(fault->a % SIM_NODES);
}

/* The one that leads, if any does; or any. */
static struct sim_operator *victim_operator(struct sim_run *run, const struct sim_fault *fault)
{
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i] && run->operators[i]->leading && fault->a % 4) {
            return run->operators[i];
        }
    }
    return run->operators[fault->a % (uint32_t)run->schedule->operators];
}

static double level(const struct sim_fault *fault, double low, double high)
{
    return low + (high - low) * (double)(fault->b % 1000) / 1000;
}

/* --- What the kinds do */

static void on_operator(struct sim_run *run, const struct sim_fault *fault,
                        struct sim_operator *operator)
{
    switch (fault->kind) {
    case SIM_FAULT_OperatorKilled:
        sim_operator_kill(operator);
        break;
    case SIM_FAULT_OperatorDiesInCall:
        operator->calls_until_crash = 1 +(int)(fault->b % 12);
        break;
    case SIM_FAULT_OperatorStopped:
        sim_operator_freeze(operator, fault->duration_ms);
        break;
    case SIM_FAULT_OperatorStoppedInCall:
        operator->calls_until_stop = 1 +(int)(fault->b % 12);
        operator->stop_ms = fault->duration_ms + 12000;
        break;
    case SIM_FAULT_OperatorClockJumps:
        run->clock_skew_ms = (int64_t)level(fault, -86400e3, 86400e3);
        operator->options.clock_skew_ms = run->clock_skew_ms;
        break;
    default:
        break;
    }
}

static void cut_all_watches(struct sim_run *run)
{
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i]) {
            sim_operator_cut_watches(run->operators[i]);
        }
    }
}

static void on_wire(struct sim_run *run, const struct sim_fault *fault)
{
    switch (fault->kind) {
    case SIM_FAULT_ApiDown:
        run->wire.down = true;
        cut_all_watches(run);
        break;
    case SIM_FAULT_ApiFails:
        run->wire.fail = level(fault, 0.1, 0.6);
        break;
    case SIM_FAULT_ApiSlow:
        run->wire.slow = level(fault, 10, 300);
        break;
    case SIM_FAULT_AnswersLost:
        run->wire.lose_answer = level(fault, 0.1, 0.5);
        break;
    case SIM_FAULT_RequestsResent:
        run->wire.resend = level(fault, 0.1, 0.6);
        break;
    case SIM_FAULT_WatchesCut:
        cut_all_watches(run);
        break;
    case SIM_FAULT_WatchesStale:
        run->wire.stale_ms = fault->duration_ms;
        break;
    case SIM_FAULT_HistoryCompacted:
        sim_api_server_compact(run->server);
        cut_all_watches(run);
        break;
    case SIM_FAULT_ControllersStopped:
        sim_controllers_set_stopped(run->controllers, true);
        break;
    case SIM_FAULT_QuotaReached:
        sim_api_server_refuse_creates(run->server,
                                      fault->b % 2 ? &kube_pods : &kube_persistent_volume_claims);
        break;
    case SIM_FAULT_KubeletsSlow:
        run->site->slow = level(fault, 2, 10);
        break;
    case SIM_FAULT_MembersCutOff:
        run->site->members_cut_off = true;
        break;
    case SIM_FAULT_Unschedulable:
        run->site->unschedulable = true;
        run->site->no_room_from = 0;
        break;
    case SIM_FAULT_NewPodNeverStarts:
        run->site->unschedulable = true;
        run->site->no_room_from = 1 + (int)(fault->b % 6);
        break;
    case SIM_FAULT_LearnerSlow:
        sim_etcd_set_catch_up(run->site->etcd, 20000 + (int64_t)(fault->b % 400000));
        break;
    case SIM_FAULT_MemberAnswersLost:
        run->wire.lose_member_answer = level(fault, 0.2, 0.9);
        break;
    case SIM_FAULT_BadImage:
        run->site->bad_image = true;
        break;
    default:
        break;
    }
}

/* --- Healing: everything that this kind left standing. */

static void catch_up(struct sim_run *run)
{
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i]) {
            sim_operator_catch_up(run->operators[i]);
        }
    }
}

static void heal_wire(struct sim_run *run, enum sim_fault_kind kind)
{
    switch (kind) {
    case SIM_FAULT_ApiDown:
        run->wire.down = false;
        run->api_back_ms = sim_now(run->sim);
        break;
    case SIM_FAULT_ApiFails:
        run->wire.fail = 0;
        break;
    case SIM_FAULT_ApiSlow:
        run->wire.slow = 1;
        break;
    case SIM_FAULT_AnswersLost:
        run->wire.lose_answer = 0;
        break;
    case SIM_FAULT_RequestsResent:
        run->wire.resend = 0;
        break;
    case SIM_FAULT_MemberAnswersLost:
        run->wire.lose_member_answer = 0;
        break;
    case SIM_FAULT_WatchesStale:
        run->wire.stale_ms = 0;
        catch_up(run);
        break;
    case SIM_FAULT_ControllersStopped:
        sim_controllers_set_stopped(run->controllers, false);
        break;
    case SIM_FAULT_QuotaReached:
        sim_api_server_refuse_creates(run->server, NULL);
        break;
    default:
        break;
    }
}

static void heal(void *context, uint64_t kind)
{
    struct sim_run *run = context;

    if (run->healed) {
        return;
    }
    sim_trace(run->sim, "heals: %s", sim_fault_name((enum sim_fault_kind)kind));
    heal_wire(run, (enum sim_fault_kind)kind);
    sim_fault_site_heals(run, (enum sim_fault_kind)kind);
    sim_fault_healed_by_user(run, (enum sim_fault_kind)kind);
    sim_etcd_network_changed(run->site->etcd);
}

void sim_faults_heal(struct sim_run *run)
{
    run->healed = true;
    for (uint64_t kind = 0; kind < N_SIM_FAULTS; kind++) {
        heal_wire(run, (enum sim_fault_kind)kind);
        sim_fault_site_heals(run, (enum sim_fault_kind)kind);
    }
    for (int i = 0; i < SIM_OPERATORS; i++) {
        if (run->operators[i]) {
            run->operators[i]->calls_until_crash = run->operators[i]->calls_until_stop = 0;
        }
    }
    for (int i = 0; i < run->schedule->n_faults; i++) {
        sim_fault_healed_by_user(run, run->schedule->faults[i].kind);
    }
}

void sim_fault_begin(struct sim_run *run, const struct sim_fault *fault)
{
    struct sim_pod *pod = victim(run, fault);
    struct sim_operator *operator= victim_operator(run, fault);

    sim_trace(run->sim, "FAULT %s%s%s", sim_fault_name(fault->kind), pod ? " at " : "",
              pod ? pod->name : "");
    run->faults_seen[fault->kind / 64] |= UINT64_C(1) << (fault->kind % 64);
    sim_after(run->sim, fault->duration_ms, heal, run, fault->kind);
    on_wire(run, fault);
    sim_fault_by_user(run, fault);
    sim_fault_on_node(run, fault, victim_node(run, fault));
    if (fault->kind == SIM_FAULT_QuorumOff) {
        sim_fault_on_quorum(run, fault);
    }
    if (operator&& !operator->dead) {
        on_operator(run, fault, operator);
    }
    if (pod && pod->volume) {
        sim_fault_on_volume(run, fault, pod);
    }
    if (pod) {
        sim_fault_on_pod(run, fault, pod);
    }
    sim_etcd_network_changed(run->site->etcd);
}
