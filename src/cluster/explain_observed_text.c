/* What was observed, as text. */
#include "cluster/explain_text.h"

#include "base/json.h"
#include "cluster/explain.h"

/* ", KEY: its text" if there is one. */
static void append(struct buffer *out, const json_t *object, const char *key, const char *words)
{
    if (has(object, key)) {
        buffer_printf(out, ", %s%s", words, text(object, key));
    }
}

static void show_pod(struct buffer *out, const json_t *pod)
{
    const json_t *permit = json_object_get(pod, "permit");

    if (!json_is_object(pod)) {
        buffer_printf(out, "      pod: does not exist\n");
        return;
    }
    buffer_printf(out, "      pod: %s%s on node %s, %lld restarts",
                  is(pod, "ready") ? "ready" : "not ready",
                  is(pod, "terminating") ? " and ending" : "",
                  has(pod, "node") ? text(pod, "node") : "(none)", number(pod, "restarts"));
    append(out, pod, "unschedulable", "cannot be scheduled: ");
    append(out, pod, "waits", "a container waits: ");
    append(out, pod, "lastEnd", "etcd last ended: ");
    if (json_is_object(permit)) {
        buffer_printf(out, "; bears %s",
                      is(permit, "valid") ? "a start permit" : "a permit that does not parse");
        append(out, permit, "mode", "mode ");
        append(out, permit, "memberID", "member ");
    }
    buffer_printf(out, "\n");
}

static void show_claim(struct buffer *out, const json_t *claim)
{
    if (!json_is_object(claim)) {
        buffer_printf(out, "      claim: does not exist\n");
        return;
    }
    buffer_printf(out, "      claim: %s, %s%s%s", text(claim, "name"),
                  is(claim, "bound") ? "bound" : "not bound",
                  is(claim, "terminating") ? ", ending" : "",
                  is(claim, "madeForThisCluster") ? "" : ", made for an earlier cluster");
    append(out, claim, "requested", "asks for ");
    append(out, claim, "capacity", "has ");
    append(out, claim, "problem", "");
    append(out, claim, "growthProblem", "cannot grow: ");
    buffer_printf(out, "\n");
}

static void show_report(struct buffer *out, const json_t *report)
{
    if (json_is_object(report)) {
        buffer_printf(out, "      start helper: %s, %s: %s; %s\n",
                      is(report, "waiting") ? "waits" : "starts etcd", text(report, "reason"),
                      text(report, "message"),
                      is(report, "hasData") ? "the volume has data" : "the volume has no data");
    }
}

static void show_answer(struct buffer *out, const json_t *etcd)
{
    size_t i;
    json_t *error;

    buffer_printf(out,
                  "      etcd: %s %s, version %s, database %lld bytes (%lld in use), %lld entries "
                  "behind, %s\n",
                  text(etcd, "role"), text(etcd, "memberID"), text(etcd, "version"),
                  number(etcd, "dbSize"), number(etcd, "dbSizeInUse"), number(etcd, "lag"),
                  is(etcd, "linearizableRead") ? "a linearizable read succeeds"
                                               : "it does not read");
    if (has(etcd, "error")) {
        buffer_printf(out, "        %s\n", text(etcd, "error"));
    }
    json_array_foreach(json_object_get(etcd, "errors"), i, error)
    {
        buffer_printf(out, "        it says: %s\n", json_string_value(error));
    }
}

static void show_etcd(struct buffer *out, const json_t *etcd)
{
    if (!json_is_object(etcd)) {
        buffer_printf(out, "      etcd: was not asked\n");
    } else if (!has(etcd, "answers")) {
        buffer_printf(out, "      etcd: cannot be asked from here; %s\n",
                      is(etcd, "takenToServe") ? "taken to serve, since its pod is ready"
                                               : "not known");
    } else if (is(etcd, "answers")) {
        show_answer(out, etcd);
    } else {
        buffer_printf(out, "      etcd: does not answer: %s\n", text(etcd, "error"));
    }
}

static void show_members(struct buffer *out, const json_t *members)
{
    size_t i;
    json_t *member;

    json_array_foreach(members, i, member)
    {
        const json_t *listed = json_object_get(member, "listed");
        buffer_printf(out, "  Member %s%s\n", text(member, "name"),
                      json_is_false(listed) ? ", not in etcd's member list" : "");
        show_pod(out, json_object_get(member, "pod"));
        show_claim(out, json_object_get(member, "claim"));
        show_report(out, json_object_get(member, "report"));
        show_etcd(out, json_object_get(member, "etcd"));
    }
}

static void show_list(struct buffer *out, const json_t *list)
{
    size_t i;
    json_t *member;

    if (!json_is_object(list)) {
        buffer_printf(out, "  Member list: no member gave one\n");
        return;
    }
    buffer_printf(out, "  Member list of etcd cluster %s:\n", text(list, "clusterID"));
    json_array_foreach(json_object_get(list, "members"), i, member)
    {
        buffer_printf(out, "      %s %s%s%s\n", text(member, "id"),
                      *text(member, "name") ? text(member, "name") : "(never started)",
                      is(member, "learner") ? ", learner" : "",
                      has(member, "ordinal") ? "" : ", which is none of the pods'");
    }
}

static void show_objects(struct buffer *out, const json_t *observed)
{
    const json_t *set = json_object_get(observed, "statefulSet");
    const json_t *certificates = json_object_get(observed, "certificates");
    size_t i;
    json_t *item;

    if (json_is_object(set)) {
        buffer_printf(
            out, "  StatefulSet %s: %lld of %lld pods ready%s\n", text(set, "name"),
            number(set, "readyReplicas"), number(set, "replicas"),
            is(set, "seenByController") ? "" : ", its controller has not seen the last change yet");
    } else {
        buffer_printf(out, "  StatefulSet: does not exist\n");
    }
    json_array_foreach(json_object_get(observed, "objects"), i, item)
    {
        buffer_printf(out, "  %s %s: %s%s\n", text(item, "kind"), text(item, "name"),
                      !is(item, "exists")       ? "does not exist"
                      : has(item, "difference") ? "differs: "
                                                : "as it should be",
                      is(item, "exists") ? text(item, "difference") : "");
    }
    if (has(certificates, "problem")) {
        buffer_printf(out, "  Certificates: %s\n", text(certificates, "problem"));
    }
    json_array_foreach(json_object_get(certificates, "secrets"), i, item)
    {
        buffer_printf(out, "  Secret %s: %s\n", text(item, "name"),
                      has(item, "due")     ? text(item, "due")
                      : is(item, "exists") ? "good"
                                           : "does not exist");
    }
}

void explain_observed_text(const json_t *observed, struct buffer *out)
{
    size_t i;
    json_t *item;

    buffer_printf(out, "\nWhat was observed\n");
    show_objects(out, observed);
    if (has(observed, "podsRefused")) {
        buffer_printf(out, "  Pods cannot be made: %s\n", text(observed, "podsRefused"));
    }
    show_members(out, json_object_get(observed, "members"));
    show_list(out, json_object_get(observed, "memberList"));
    json_array_foreach(json_object_get(observed, "alarms"), i, item)
    {
        buffer_printf(out, "  Alarm %s of member %s\n", text(item, "type"), text(item, "memberID"));
    }
    json_array_foreach(json_object_get(observed, "strayClaims"), i, item)
    {
        buffer_printf(out, "  Claim %s: left by an earlier cluster\n", json_string_value(item));
    }
}
