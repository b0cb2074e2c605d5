#include "cluster/explain.h"

#include <string.h>

#include "api/permit.h"
#include "base/json.h"

void explain_set_text(json_t *object, const char *key, const char *text)
{
    json_t *value = text ? json_string(text) : json_null();

    if (!value) {
        AUTO_ARENA struct arena *arena = arena_new();
        char *copy = arena_strdup(arena, text);
        for (char *c = copy; *c; c++) {
            *c = *c & 0x80 ? '?' : *c;
        }
        value = json_string(copy);
    }
    json_object_set_new(object, key, value);
}

void explain_set_id(json_t *object, const char *key, uint64_t id)
{
    char text[ID_HEX_SIZE];
    explain_set_text(object, key, id ? id_format(id, text) : NULL);
}

static void say(json_t *list, const char *about, const char *words)
{
    json_t *item = json_object();

    explain_set_text(item, "about", about);
    explain_set_text(item, "words", words);
    json_array_append_new(list, item);
}

static json_t *explain_cluster(const struct world *world, const struct plan *plan)
{
    json_t *out = json_pack("{s:b, s:b, s:b, s:I, s:I, s:i}", "deleting", world->deleting,
                            "finalizer", world->has_finalizer, "formed", world_formed(world),
                            "generation", (json_int_t)world->generation, "bootstrapGeneration",
                            (json_int_t)world->recorded.generation, "size", (int)plan->status.size);

    explain_set_text(out, "namespace", world->names->namespace);
    explain_set_text(out, "name", world->names->cluster);
    explain_set_text(out, "uid", world->uid);
    explain_set_text(out, "phase", plan->status.phase);
    explain_set_text(out, "specProblem", world->spec_problem);
    explain_set_id(out, "clusterID", world->recorded.cluster_id);
    return out;
}

/* What the running operator said last: it knows what this process does not. */
static json_t *explain_operator(const struct world *world)
{
    const json_t *status = json_object_get(world->object, "status");
    json_t *conditions = json_array(), *condition;
    size_t i;

    json_array_foreach(json_object_get(status, "conditions"), i, condition)
    {
        json_t *item = json_object();
        explain_set_text(item, "type", json_path_string(condition, "type", NULL));
        explain_set_text(item, "status", json_path_string(condition, "status", NULL));
        explain_set_text(item, "reason", json_path_string(condition, "reason", NULL));
        explain_set_text(item, "message", json_path_string(condition, "message", NULL));
        json_array_append_new(conditions, item);
    }
    json_t *out = json_pack("{s:o, s:I}", "conditions", conditions, "observedGeneration",
                            json_path_integer(status, 0, "observedGeneration", NULL));
    explain_set_text(out, "phase", json_path_string(status, "phase", NULL));
    explain_set_text(out, "message", json_path_string(status, "message", NULL));
    return out;
}

static json_t *explain_unknown(const struct explain_view *view, struct arena *arena)
{
    json_t *out = json_array();

    if (view->secrets_unread) {
        say(out, "the TLS Secrets",
            arena_printf(arena, "%s; the certificates are taken to be good", view->secrets_unread));
    }
    if (view->etcd_unread) {
        say(out, "etcd",
            arena_printf(arena,
                         "no member can be asked from here (%s); that says nothing about the "
                         "members. One whose pod is Ready is taken to serve; what the start "
                         "helpers report is not known",
                         view->etcd_unread));
    }
    say(out, "the operator's memory",
        "whether the API server refused the operator's last action, whether an object that it "
        "applied was changed back at once, which derived name is somebody else's, and how soon it "
        "tries again; what of it matters stands in the operator's own words");
    return out;
}

/* Rules */

static json_t *explain_holds(unsigned holds)
{
    static const struct {
        unsigned hold;
        const char *name;
    } names[] = {{HOLD_MEMBERSHIP, "membership"},
                 {HOLD_PODS, "pods"},
                 {HOLD_VOLUMES, "volumes"},
                 {HOLD_OBJECTS, "objects"}};
    json_t *out = json_array();

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (holds & names[i].hold) {
            json_array_append_new(out, json_string(names[i].name));
        }
    }
    return out;
}

static json_t *explain_rules(const struct plan *plan)
{
    json_t *out = json_array();

    for (size_t i = 0; i < plan->n_answers; i++) {
        const struct rule_answer *answer = &plan->answers[i];
        json_t *rule = json_pack("{s:b, s:b, s:o}", "asked", !answer->kept_by, "ends", answer->ends,
                                 "holds", explain_holds(answer->holds));
        explain_set_text(rule, "name", answer->rule);
        explain_set_text(rule, "purpose", answer->purpose);
        explain_set_text(rule, "keptBy", answer->kept_by);
        explain_set_text(rule, "acts", answer->acts);
        explain_set_text(rule, "waits", answer->waits);
        explain_set_text(rule, "blocks", answer->blocks);
        explain_set_text(rule, "specHeld", answer->spec_held);
        json_array_append_new(out, rule);
    }
    return out;
}

static const char *waits(const struct rule_answer *answer)
{
    return answer->waits;
}

static const char *blocks(const struct rule_answer *answer)
{
    return answer->blocks;
}

static const char *spec_held(const struct rule_answer *answer)
{
    return answer->spec_held;
}

/* The words of one sort that the rules said: [{about: the rule, words}]. */
static json_t *collect(const struct plan *plan, const char *(*sort)(const struct rule_answer *))
{
    json_t *out = json_array();

    for (size_t i = 0; i < plan->n_answers; i++) {
        const char *words = sort(&plan->answers[i]);
        if (words) {
            say(out, plan->answers[i].rule, words);
        }
    }
    return out;
}

/* What is wrong with members and with the whole, in the words of the status. */
static json_t *explain_problems(const struct world *world, const struct plan *plan,
                                struct arena *arena)
{
    const struct condition *degraded = &plan->status.conditions[CONDITION_DEGRADED];
    const struct condition *lost = &plan->status.conditions[CONDITION_QUORUM_LOST];
    json_t *out = json_array();
    bool told = lost->status && !strcmp(degraded->reason, "QuorumLost");

    if (lost->status) {
        say(out, "QuorumLost", lost->message);
    }
    for (int i = 0; world->spec_valid && !world->deleting && i < world_size(world); i++) {
        const char *reason = "", *words = diagnose_member(world, i, arena, &reason);
        if (words) {
            say(out, reason, words);
            told = told || !strcmp(reason, degraded->reason);
        }
    }
    if (degraded->status && !told) {
        say(out, degraded->reason, degraded->message);
    }
    return out;
}

json_t *explain_document(const struct world *world, const struct plan *plan,
                         const struct explain_view *view, struct arena *arena)
{
    json_t *out = json_pack("{s:i}", "explainVersion", 1);

    json_object_set_new(out, "cluster", explain_cluster(world, plan));
    json_object_set_new(out, "operator", explain_operator(world));
    json_object_set_new(out, "unknown", explain_unknown(view, arena));
    json_object_set_new(out, "observed", explain_observed(world, plan, view, arena));
    json_object_set_new(out, "problems", explain_problems(world, plan, arena));
    json_object_set_new(out, "rules", explain_rules(plan));
    json_object_set_new(out, "next", explain_next(world, plan));
    json_object_set_new(out, "waitsFor", collect(plan, waits));
    json_object_set_new(out, "blockedBy", collect(plan, blocks));
    json_object_set_new(out, "specHeld", collect(plan, spec_held));
    return out;
}
