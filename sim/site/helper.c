/* The start helper in a pod: its own decision on what this volume, this emptyDir and this downward
 * API hold, carried out in the steps of src/member/prepare.c, each of which a kill may cut short.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/memory.h"
#include "member/decide.h"
#include "member/prepare.h"
#include "sim/site/site.h"

#define CUT_SHORT 0.01 /* The pod is killed between two steps of a start. */

/* The helper reads it at each look, but nothing can change it while the pod lives. */
static const struct member_config *config_of(struct sim_pod *pod, struct error *error)
{
    if (!pod->decoded) {
        struct arena *arena = arena_new();
        struct member_config *config = arena_alloc(arena, sizeof *config);
        if (member_config_decode(pod->config, strlen(pod->config), arena, config, error)) {
            arena_free(arena);
            return NULL;
        }
        pod->decoded = config;
        pod->decoded_arena = arena;
    }
    return pod->decoded;
}

static struct member_sight look(struct sim_pod *pod, struct arena *arena)
{
    struct permit *permit = arena_alloc(arena, sizeof *permit);
    struct marker *marker = arena_alloc(arena, sizeof *marker);
    const char *file = sim_disk_file(pod->volume->disk);
    struct error error;
    struct member_sight sight = {
        .pod = pod->name,
        .pod_uid = pod->uid,
        .ordinal = member_ordinal(pod->name),
        .used_nonce = pod->nonce[0] ? pod->nonce : NULL,
        .database = {sim_disk_is_spoilt(pod->volume->disk) ? DATABASE_BAD : DATABASE_OK,
                     "its pages are garbage"},
        .wal = sim_disk_wal(pod->volume->disk)};

    sight.config = config_of(pod, &error);
    if (!sight.config) {
        sight.config_problem = arena_strdup(arena, error.message);
    }
    if (pod->permit) {
        if (!permit_decode(pod->permit, strlen(pod->permit), arena, permit, &error)) {
            sight.permit = permit;
        } else {
            sight.permit_problem = arena_strdup(arena, error.message);
        }
    }
    if (file) {
        if (!marker_decode(file, strlen(file), arena, marker, &error)) {
            sight.marker = marker;
        } else {
            sight.marker_problem = arena_strdup(arena, error.message);
        }
    }
    return sight;
}

/* True: the pod was killed here. */
static bool cut_short(struct sim_pod *pod)
{
    if (!sim_chance(pod->site->sim, SIM_STREAM_KUBELET, CUT_SHORT)) {
        return false;
    }
    sim_trace(pod->site->sim, "%s: killed in the middle of its start", pod->name);
    sim_site_kill_container(pod, 137, "killed");
    return true;
}

static bool begin(struct sim_pod *pod, const struct permit *permit, enum member_action action)
{
    const struct marker marker = {permit->cluster_uid, permit->generation, permit->ordinal,
                                  permit->member_id};

    if (action == MEMBER_START) {
        sim_disk_move_aside(pod->volume->disk);
        if (cut_short(pod)) {
            return false;
        }
    }
    AUTO_FREE char *text = marker_encode(&marker);
    sim_disk_set_file(pod->volume->disk, text);
    if (cut_short(pod)) {
        return false;
    }
    snprintf(pod->nonce, sizeof pod->nonce, "%s", permit->nonce);
    return !cut_short(pod);
}

static void become_etcd(struct sim_pod *pod, const struct member_sight *sight,
                        enum member_action action, struct arena *arena)
{
    const struct member_paths paths = {.etcd = "etcd"};
    const struct member_place place = {pod->name, sight->ordinal, pod->ip};
    const struct permit *start = action == MEMBER_START ? sight->permit : NULL;
    char **flags = member_arguments(&paths, sight->config, &place, start, arena);

    if (pod->site->begins) {
        pod->site->begins(pod->site->context, pod, start);
    }
    if (action != MEMBER_EXEC && !begin(pod, sight->permit, action)) {
        return;
    }
    sim_trace(pod->site->sim, "%s: becomes etcd%s", pod->name,
              action == MEMBER_EXEC    ? " on its data"
              : action == MEMBER_START ? " by permit"
                                       : " on adopted data");
    free(pod->report);
    pod->report = NULL;
    pod->state = SIM_POD_ETCD;
    pod->process =
        sim_etcd_start(pod->site->etcd, pod->version, flags + 1, pod->volume->disk, pod->ip, pod);
    sim_pod_became_etcd(pod);
}

void sim_helper_look(struct sim_pod *pod)
{
    AUTO_ARENA struct arena *arena = arena_new();

    if (pod->state != SIM_POD_HELPER || !sim_pod_can_run(pod)) {
        return;
    }
    struct member_sight sight = look(pod, arena);
    struct member_decision decision = member_decide(&sight, arena);
    if (decision.action != MEMBER_WAIT) {
        become_etcd(pod, &sight, decision.action, arena);
        return;
    }
    struct report report = member_report(&sight, &decision);
    char *text = report_encode(&report);

    pod->waits_for = decision.reason;
    if (!pod->report || strcmp(pod->report, text) != 0) {
        sim_trace(pod->site->sim, "%s: waits (%s): %s", pod->name,
                  report_reason_name(decision.reason), decision.message);
    }
    free(pod->report);
    pod->report = text;
}
