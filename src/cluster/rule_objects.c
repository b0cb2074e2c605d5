/* The spec's way into child objects. */
#include <string.h>

#include "base/json.h"
#include "base/mutant.h"
#include "cluster/drawing.h"
#include "cluster/plan.h"

bool rule_check_spec(struct planning *planning)
{
    const struct world *world = planning->world;

    if (!world->spec_valid) {
        planning_block(planning, world->spec_problem);
        planning_hold_spec(planning, world->spec_problem);
        planning->held = HOLD_ALL;
        return true;
    }
    return false;
}

bool rule_add_finalizer(struct planning *planning)
{
    if (planning->world->has_finalizer) {
        return false;
    }
    planning->plan->action.kind = ACTION_ADD_FINALIZER;
    planning->plan->reason = "nothing is made before deletion is sure to come by here";
    return true;
}

bool rule_name_taken(struct planning *planning)
{
    const struct world *world = planning->world;
    const char *taken = world->name_taken;

    if (!taken && world->certificates.foreign) {
        taken = arena_printf(planning->arena, "Secret %s", world->certificates.foreign);
    }
    if (!taken) {
        return false;
    }
    planning_block(planning,
                   arena_printf(planning->arena,
                                "%s exists and does not belong to this cluster: rename the "
                                "cluster, or remove that object",
                                taken));
    planning->held |= HOLD_OBJECTS | HOLD_PODS;
    return false;
}

bool rule_issue_certificates(struct planning *planning)
{
    const struct world *world = planning->world;
    const struct certificates *have = &world->certificates;

    if (world->certificates_problem) {
        planning_wait(planning, world->certificates_problem);
        planning->held |= HOLD_OBJECTS;
        return false;
    }
    const char *due = certificates_due(have);
    if (!due) {
        return false;
    }
    /* A new authority would cut the members off from each other: theirs trust the old one only. */
    for (int i = 0; world_formed(world) && i <= SECRET_PEER_CA; i++) {
        if (have->wanted[i] && !have->exists[i]) {
            planning_block(
                planning,
                arena_printf(planning->arena,
                             "Secret %s with the certificate authority's key is gone: "
                             "restore it; the members run on, but no certificate can "
                             "be renewed",
                             certificates_secret_name(world->names, (enum certificate_secret)i)));
            return false;
        }
    }
    planning->plan->action.kind = ACTION_ISSUE_CERTIFICATES;
    planning->plan->reason = due;
    return true;
}

/* Our last apply of this very object came out as the live one: another would not change it. */
static bool settled(const struct planning *planning, const struct child *child, const json_t *live)
{
    const char *name = arena_printf(planning->arena, "%s/%s", child->resource->kind, child->name);
    const char *hash =
        json_path_string(child->object, "metadata", "annotations", ANNOTATION_APPLIED_HASH, NULL);
    const char *version = json_path_string(live, "metadata", "resourceVersion", NULL);

    for (int i = 0; version && i < MAX_SETTLED; i++) {
        const struct settled *last = &planning->world->settled[i];
        if (!strcmp(last->child, name)) {
            return !strcmp(last->applied_hash, hash) && !strcmp(last->resource_version, version);
        }
    }
    return false;
}

static const char *differs(const struct planning *planning, int index)
{
    const struct child *child = &planning->children.items[index];
    struct drawing *drawing = planning->world->drawing ? *planning->world->drawing : NULL;
    json_t *live = world_child(planning->world, child->resource, child->name);

    if (MUTANT(AlwaysApply)) {
        return "mutant";
    }
    if (drawing_agrees(drawing, index, live)) {
        return NULL;
    }
    const char *why = object_difference(planning->arena, child->object, live);
    if (!why) {
        drawing_note_agreement(drawing, index, live);
    }
    return why && settled(planning, child, live) ? NULL : why;
}

bool rule_apply_objects(struct planning *planning)
{
    const struct children *children = &planning->children;
    struct action *action = &planning->plan->action;

    for (int i = 0; i < children->length; i++) {
        bool early = planning->awaits_data && children->items[i].resource == &kube_stateful_sets;
        const char *why = early ? NULL : differs(planning, i);
        if (why) {
            action->apply[action->n_apply] = children->items[i];
            action->apply_reason[action->n_apply++] = why;
        }
    }
    if (!action->n_apply) {
        return false;
    }
    action->kind = ACTION_APPLY;
    planning->plan->reason =
        arena_printf(planning->arena, "%s %s differs: %s", action->apply[0].resource->kind,
                     action->apply[0].name, action->apply_reason[0]);
    return true;
}

bool planning_set_is_current(const struct planning *planning)
{
    const json_t *set = planning->world->stateful_set;
    return set && json_path_integer(set, -1, "status", "observedGeneration", NULL) ==
                      json_path_integer(set, 0, "metadata", "generation", NULL);
}

/* A pod that is made now comes from the template that is wanted. */
bool planning_template_is_current(const struct planning *planning)
{
    const char *hash = json_path_string(planning->world->stateful_set, "spec", "template",
                                        "metadata", "annotations", ANNOTATION_TEMPLATE_HASH, NULL);
    return hash && !strcmp(hash, planning->children.template_hash) &&
           planning_set_is_current(planning);
}

bool planning_pod_is_outdated(const struct planning *planning, const struct world_pod *pod)
{
    return pod->exists && !pod->terminating &&
           (!pod->template_hash ||
            strcmp(pod->template_hash, planning->children.template_hash) != 0);
}

/* Two witnesses: etcd does not answer us, and the kubelet says not Ready. One pod at a time; all of
 * them while the cluster has not formed, for then nobody is left to hold a quorum. */
bool rule_replace_outdated_pod(struct planning *planning)
{
    const struct world *world = planning->world;

    if (!planning_template_is_current(planning)) {
        return false;
    }
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        bool away = member->pod.terminating || (i < world_size(world) && !member->pod.exists);
        if (world_formed(world) && away) { /* The one before is not back yet. */
            planning->plan->action.n_pods = 0;
            break;
        }
        bool serves = member->pod.ready || member_answers(member);
        if (!planning_pod_is_outdated(planning, &member->pod) ||
            (serves && !MUTANT(ServingPodReplaced)) ||
            (world_formed(world) && planning->plan->action.n_pods)) {
            continue;
        }
        planning_add_pod(planning, i);
    }
    if (!planning->plan->action.n_pods) {
        return false;
    }
    planning->plan->action.kind = ACTION_DELETE_PODS;
    planning->plan->reason = "the pod does not serve and was made from an earlier template";
    return true;
}

static bool is_referenced(const struct planning *planning, const char *config)
{
    const struct world *world = planning->world;

    if (!strcmp(config, planning->children.config_name)) {
        return true;
    }
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_pod *pod = &world->members[i].pod;
        if (pod->exists && (!pod->config || !strcmp(pod->config, config))) {
            return true;
        }
    }
    return false;
}

static bool is_stale(const struct planning *planning, const char *kind, const char *name)
{
    if (!strcmp(kind, kube_config_maps.kind)) {
        return !is_referenced(planning, name);
    }
    return !strcmp(kind, kube_pod_disruption_budgets.kind) &&
           !children_want_budget(planning->world);
}

bool rule_remove_stale(struct planning *planning)
{
    struct action *action = &planning->plan->action;
    size_t i;
    json_t *child;

    if (!planning_set_is_current(planning)) {
        return false;
    }
    json_array_foreach(planning->world->children, i, child)
    {
        const char *kind = json_path_string(child, "kind", NULL);
        const char *name = json_path_string(child, "metadata", "name", NULL);
        if (!is_stale(planning, kind, name)) {
            continue;
        }
        bool config = !strcmp(kind, kube_config_maps.kind);
        action->kind = ACTION_REMOVE;
        action->remove = arena_alloc(planning->arena, sizeof *action->remove);
        action->remove[0] =
            (struct removal){config ? &kube_config_maps : &kube_pod_disruption_budgets, name,
                             json_path_string(child, "metadata", "uid", NULL)};
        action->n_remove = 1;
        planning->plan->reason = config ? "no pod and no template names it any more"
                                        : "a single member must be able to move";
        return true;
    }
    return false;
}
