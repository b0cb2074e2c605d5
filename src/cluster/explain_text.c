/* The explanation for a person: the document's lines, the most asked for first. */
#include "cluster/explain_text.h"

#include <string.h>

#include "base/json.h"
#include "cluster/explain.h"

static void heading(struct buffer *out, const char *words)
{
    buffer_printf(out, "\n%s\n", words);
}

/* "WORDS" under a heading, each with what it is about. Nothing when there are none. */
static void show_words(struct buffer *out, const char *title, const json_t *list)
{
    size_t i;
    json_t *item;

    if (json_array_size(list)) {
        heading(out, title);
    }
    json_array_foreach(list, i, item)
    {
        buffer_printf(out, "  %s: %s\n", text(item, "about"), text(item, "words"));
    }
}

static void show_cluster(struct buffer *out, const json_t *document)
{
    const json_t *cluster = json_object_get(document, "cluster");
    const json_t *operator= json_object_get(document, "operator");

    buffer_printf(out, "EtcdCluster %s/%s: %s\n", text(cluster, "namespace"), text(cluster, "name"),
                  text(cluster, "phase"));
    buffer_printf(out, "  seen at %s, generation %lld, %lld members, %s%s%s\n",
                  json_path_string(document, "observed", "at", NULL), number(cluster, "generation"),
                  number(cluster, "size"),
                  is(cluster, "formed") ? "formed as etcd cluster " : "not formed yet",
                  text(cluster, "clusterID"), is(cluster, "deleting") ? ", being deleted" : "");
    if (has(operator, "phase")) {
        buffer_printf(out, "  the operator's own last words: %s, for generation %lld%s%s\n",
                      text(operator, "phase"), number(operator, "observedGeneration"),
                      *text(operator, "message") ? ": " : "", text(operator, "message"));
    } else {
        buffer_printf(out, "  the operator has not written a status yet: is it running?\n");
    }
}

/* "member c-4, id 00000000000000a4, https://c-4.c-peer.ns.svc:2380"; nothing for null. */
static void show_member(struct buffer *out, const char *as, const json_t *member)
{
    if (json_is_object(member)) {
        buffer_printf(out, "    %s %s, %s%s, %s\n", as, text(member, "name"),
                      has(member, "id") ? "id " : "no member yet", text(member, "id"),
                      text(member, "peerURL"));
    }
}

static void show_next(struct buffer *out, const json_t *next)
{
    const json_t *records = json_object_get(next, "records");
    size_t i;
    json_t *item;

    heading(out, "What comes next");
    bool acts = strcmp(text(next, "action"), "None") != 0;
    buffer_printf(out, "  %s, by rule %s: %s\n", acts ? text(next, "action") : "Nothing",
                  text(next, "rule"), text(next, "why"));
    buffer_printf(out, "  That means: %s.\n", text(next, "does"));
    json_array_foreach(json_object_get(next, "objects"), i, item)
    {
        buffer_printf(out, "    %s %s%s%s\n", text(item, "kind"), text(item, "name"),
                      has(item, "why") ? ": " : "", text(item, "why"));
    }
    json_array_foreach(json_object_get(next, "pods"), i, item)
    {
        const json_t *permit = json_object_get(item, "permit");
        buffer_printf(out, "    pod %s on node %s", text(item, "name"), text(item, "node"));
        if (json_is_object(permit)) {
            buffer_printf(out, ": permit %s, generation %lld, member %s", text(permit, "mode"),
                          number(permit, "generation"), text(permit, "memberID"));
        }
        buffer_printf(out, "\n");
    }
    show_member(out, "member", json_object_get(next, "member"));
    show_member(out, "successor", json_object_get(next, "successor"));
    if (json_is_object(records)) {
        buffer_printf(
            out, "  Recorded first: size %lld, generation %lld, %lld permits, cluster id %s\n",
            number(records, "size"), number(records, "generation"), number(records, "permits"),
            has(records, "clusterID") ? text(records, "clusterID") : "none yet");
    }
    if (has(next, "couldBlock")) {
        buffer_printf(out, "  What could keep it: %s.\n", text(next, "couldBlock"));
    }
    if (number(next, "lookAgainAfterMs")) {
        buffer_printf(out, "  The operator looks again after %.1f s, or when a watch tells.\n",
                      (double)number(next, "lookAgainAfterMs") / 1000);
    } else {
        buffer_printf(out, "  The operator looks again at once.\n");
    }
}

/* A rule's answer in one word, and its words. */
static void show_rule(struct buffer *out, size_t index, const json_t *rule)
{
    static const struct {
        const char *key, *word;
    } sorts[] = {
        {"acts", "ACTS"}, {"blocks", "BLOCKED"}, {"waits", "waits"}, {"specHeld", "holds"}};
    bool said = false;
    size_t i;
    json_t *hold;

    buffer_printf(out, "  %2zu %-19s ", index + 1, text(rule, "name"));
    if (!is(rule, "asked")) {
        buffer_printf(out, "not asked, because of %s\n", text(rule, "keptBy"));
        return;
    }
    for (size_t s = 0; s < sizeof sorts / sizeof *sorts; s++) {
        if (has(rule, sorts[s].key)) {
            buffer_printf(out, "%s%s: %s", said ? "; " : "", sorts[s].word,
                          text(rule, sorts[s].key));
            said = true;
        }
    }
    if (!said) {
        buffer_printf(out, "nothing to say (it %s)", text(rule, "purpose"));
    }
    json_array_foreach(json_object_get(rule, "holds"), i, hold)
    {
        buffer_printf(out, "%s%s",
                      i ? ", " : "; nothing below may touch: ", json_string_value(hold));
    }
    buffer_printf(out, "\n");
}

void explain_text(const json_t *document, struct buffer *out)
{
    size_t i;
    json_t *rule;

    show_cluster(out, document);
    show_words(out, "What this process cannot know", json_object_get(document, "unknown"));
    show_words(out, "What is wrong", json_object_get(document, "problems"));
    show_next(out, json_object_get(document, "next"));
    show_words(out, "What is waited for", json_object_get(document, "waitsFor"));
    show_words(out, "What only a person can mend", json_object_get(document, "blockedBy"));
    show_words(out, "What is held back of the spec", json_object_get(document, "specHeld"));
    heading(out, "The rules, in the order in which they are asked");
    json_array_foreach(json_object_get(document, "rules"), i, rule)
    {
        show_rule(out, i, rule);
    }
    explain_observed_text(json_object_get(document, "observed"), out);
}
