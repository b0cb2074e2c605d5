/* Watches and lists. */
#include <stdlib.h>
#include <string.h>

#include "kube_scenarios.h"

static void make_map(struct kube_stage *stage, const char *name, const char *label)
{
    make(stage, &kube_config_maps,
         json_of("{\"metadata\": {\"name\": \"%s\", \"labels\": {\"watched\": \"%s\"}}, \"data\": "
                 "{\"k\": \"1\"}}",
                 name, label));
}

static void set_value(struct kube_stage *stage, const char *name, const char *value)
{
    change(stage, &kube_config_maps, name, json_of("{\"data\": {\"k\": \"%s\"}}", value));
}

static void set_label(struct kube_stage *stage, const char *name, const char *label)
{
    change(stage, &kube_config_maps, name,
           json_of("{\"metadata\": {\"labels\": {\"watched\": \"%s\"}}}", label));
}

/* A version to watch from: of now. */
static const char *version_now(struct kube_stage *stage)
{
    json_t *list = NULL;
    struct error error;
    int result =
        stage->list_page(stage->context, &kube_config_maps, NULL, 500, NULL, &list, &error);

    if (result) {
        say_result(stage, "FAILED list", result, &error);
        return "0";
    }
    return json_path_string(arena_json(stage->arena, list), "metadata", "resourceVersion", NULL);
}

static void say_events(struct kube_stage *stage, const char *selector, const char *version)
{
    json_t *events = NULL, *event;
    struct error error;
    size_t i;
    int64_t last = 0;
    int result =
        stage->watch(stage->context, &kube_config_maps, selector, version, &events, &error);

    if (result) {
        say(stage, "watch: %s", error_kind_name((enum error_kind) - result));
        return;
    }
    arena_json(stage->arena, events);
    json_array_foreach(events, i, event)
    {
        const json_t *object = json_object_get(event, "object");
        const char *at = json_path_string(object, "metadata", "resourceVersion", NULL);
        int64_t number = strtoll(at, NULL, 10);
        const char *value = json_path_string(object, "data", "k", NULL);
        const char *label = json_path_string(object, "metadata", "labels", "watched", NULL);
        say(stage, "%s %s k=%s watched=%s %s, %s", json_path_string(event, "type", NULL),
            json_path_string(object, "metadata", "name", NULL), value ? value : "none",
            label ? label : "none", json_path_string(object, "kind", NULL),
            number > last ? "later" : "NOT LATER");
        last = number;
    }
}

static void watch_in_order(struct kube_stage *stage)
{
    const char *start = version_now(stage);

    make_map(stage, "a", "yes");
    make_map(stage, "b", "yes");
    set_value(stage, "a", "2");
    const char *middle = version_of(stage, &kube_config_maps, "a");
    set_value(stage, "a", "2"); /* No change. */
    set_value(stage, "b", "2");
    drop(stage, &kube_config_maps, "a");
    make_map(stage, "a", "yes");
    say_events(stage, NULL, start);
    say(stage, "from the middle:");
    say_events(stage, NULL, middle);
}

static void watch_with_selector(struct kube_stage *stage)
{
    const char *start = version_now(stage);

    make_map(stage, "a", "yes");
    make_map(stage, "b", "no");
    set_label(stage, "a", "no");
    set_value(stage, "a", "2");
    set_label(stage, "a", "yes");
    set_value(stage, "b", "2");
    set_label(stage, "b", "yes");
    drop(stage, &kube_config_maps, "b");
    say_events(stage, "watched=yes", start);
}

static void watch_of_the_end(struct kube_stage *stage)
{
    const char *start = version_now(stage);

    make(stage, &kube_config_maps,
         json_of("{\"metadata\": {\"name\": \"a\", \"finalizers\": [\"test.etcd.io/a\"]}, "
                 "\"data\": {\"k\": \"1\"}}"));
    drop(stage, &kube_config_maps, "a");
    change(stage, &kube_config_maps, "a",
           json_of("{\"metadata\": {\"finalizers\": null}, \"data\": {\"k\": \"2\"}}"));
    say_events(stage, NULL, start);
}

static const char *say_page(struct kube_stage *stage, const char *token, const char **version)
{
    json_t *list = NULL, *item;
    struct error error;
    size_t i;
    int result =
        stage->list_page(stage->context, &kube_config_maps, "watched=yes", 2, token, &list, &error);

    if (result) {
        say_result(stage, "FAILED list", result, &error);
        return NULL;
    }
    arena_json(stage->arena, list);
    say(stage, "page: %s", json_path_string(list, "kind", NULL));
    json_array_foreach(json_object_get(list, "items"), i, item)
    {
        say(stage, "%s k=%s, kind %s", json_path_string(item, "metadata", "name", NULL),
            json_path_string(item, "data", "k", NULL),
            json_object_get(item, "kind") ? "said" : "not said");
    }
    const char *at = json_path_string(list, "metadata", "resourceVersion", NULL);
    say(stage, "version %s", *version && strcmp(*version, at) != 0 ? "CHANGED" : "of the first");
    *version = at;
    const char *next = json_path_string(list, "metadata", "continue", NULL);
    return next && *next ? next : NULL;
}

static void pages(struct kube_stage *stage)
{
    const char *version = NULL;

    make_map(stage, "a", "yes");
    make_map(stage, "b", "yes");
    make_map(stage, "c", "no");
    make_map(stage, "d", "yes");
    make_map(stage, "e", "yes");
    make_map(stage, "g", "yes");
    const char *token = say_page(stage, NULL, &version);
    drop(stage, &kube_config_maps, "b");
    drop(stage, &kube_config_maps, "e");
    set_value(stage, "d", "2");
    set_label(stage, "g", "no");
    make_map(stage, "f", "yes");
    while (token) {
        token = say_page(stage, token, &version);
    }
    version = NULL;
    say(stage, "anew:");
    for (token = say_page(stage, NULL, &version); token;) {
        token = say_page(stage, token, &version);
    }
}

const struct kube_scenario watch_scenarios[] = {
    {"watch in order", watch_in_order},
    {"watch with a selector", watch_with_selector},
    {"watch of an end", watch_of_the_end},
    {"pages of one moment", pages},
    {NULL},
};
