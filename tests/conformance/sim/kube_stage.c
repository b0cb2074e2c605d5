#include "kube_stage.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define DEADLINE_MS 90000
#define POLL_MS     100
#define SETTLE_MS   3000

/* --- Words --------------------------------------------------------------------------------- */

void say(struct kube_stage *stage, const char *format, ...)
{
    va_list arguments;
    char line[16384];

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buffer_printf(&stage->outcome, "%s\n", line);
}

/* The message after "VERB KIND NAME: HTTP STATUS REASON: ", which names the namespace. */
static const char *server_words(const struct error *error)
{
    const char *http = strstr(error->message, "HTTP ");
    const char *colon = http ? strstr(http, ": ") : NULL;
    return colon ? colon + 2 : error->message;
}

void say_result(struct kube_stage *stage, const char *what, int result, const struct error *error)
{
    if (result) {
        say(stage, "%s: %s: %s", what, error_kind_name((enum error_kind) - result),
            server_words(error));
    } else {
        say(stage, "%s: ok", what);
    }
}

void say_json(struct kube_stage *stage, const char *what, const json_t *json)
{
    AUTO_FREE char *text = json ? json_canonical(json) : NULL;
    say(stage, "%s: %s", what, text ? text : "missing");
}

/* --- Requests -------------------------------------------------------------------------------- */

json_t *json_of(const char *format, ...)
{
    va_list arguments;
    char *text;
    json_error_t problem;

    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        memory_exhausted();
    }
    va_end(arguments);
    json_t *json = json_loads(text, JSON_DECODE_ANY, &problem);
    if (!json) {
        fprintf(stderr, "%s: %s\n", text, problem.text);
        abort();
    }
    free(text);
    return json;
}

static void complete(const struct kube_stage *stage, const struct kube_resource *resource,
                     json_t *json)
{
    json_object_set_new(json, "apiVersion", json_string(resource->api_version));
    json_object_set_new(json, "kind", json_string(resource->kind));
    json_object_set_new(json_object_get(json, "metadata"), "namespace",
                        json_string(stage->namespace));
}

int create(struct kube_stage *stage, const struct kube_resource *resource, json_t *json,
           struct error *error)
{
    AUTO_JSON json_t *object = json;
    complete(stage, resource, object);
    return stage->api->create(stage->api->context, resource, object, NULL, error);
}

int apply(struct kube_stage *stage, const struct kube_resource *resource, json_t *json,
          struct error *error)
{
    AUTO_JSON json_t *object = json;
    complete(stage, resource, object);
    return stage->api->apply(stage->api->context, resource, object, true, NULL, error);
}

int patch(struct kube_stage *stage, const struct kube_resource *resource, const char *name,
          json_t *patch, struct error *error)
{
    AUTO_JSON json_t *object = patch;
    return stage->api->merge_patch(stage->api->context, resource, stage->namespace, name, object,
                                   NULL, error);
}

int patch_by_other(struct kube_stage *stage, const struct kube_resource *resource, const char *name,
                   json_t *patch, struct error *error)
{
    AUTO_JSON json_t *object = patch;
    return stage->other->merge_patch(stage->other->context, resource, stage->namespace, name,
                                     object, NULL, error);
}

int replace(struct kube_stage *stage, const struct kube_resource *resource, json_t *json,
            struct error *error)
{
    AUTO_JSON json_t *object = json;
    complete(stage, resource, object);
    return stage->api->replace(stage->api->context, resource, object, NULL, error);
}

int replace_status(struct kube_stage *stage, const struct kube_resource *resource, json_t *json,
                   struct error *error)
{
    AUTO_JSON json_t *object = json;
    complete(stage, resource, object);
    return stage->api->replace_status(stage->api->context, resource, object, NULL, error);
}

int delete_object(struct kube_stage *stage, const struct kube_resource *resource, const char *name,
                  const struct kube_delete_options *options, struct error *error)
{
    return stage->api->remove(stage->api->context, resource, stage->namespace, name, options,
                              error);
}

static void must(struct kube_stage *stage, const char *what, int result, const struct error *error)
{
    if (result) {
        say_result(stage, what, result, error);
    }
}

void make(struct kube_stage *stage, const struct kube_resource *resource, json_t *json)
{
    struct error error;
    must(stage, "FAILED create", create(stage, resource, json, &error), &error);
}

void change(struct kube_stage *stage, const struct kube_resource *resource, const char *name,
            json_t *json)
{
    struct error error;
    must(stage, "FAILED patch", patch(stage, resource, name, json, &error), &error);
}

void drop(struct kube_stage *stage, const struct kube_resource *resource, const char *name)
{
    struct error error;
    must(stage, "FAILED delete", delete_object(stage, resource, name, NULL, &error), &error);
}

json_t *see(struct kube_stage *stage, const struct kube_resource *resource, const char *name)
{
    json_t *object = NULL;
    struct error error;
    int result =
        stage->api->get(stage->api->context, resource,
                        resource->namespaced ? stage->namespace : NULL, name, &object, &error);

    if (result && result != -(int)ERROR_NOT_FOUND) {
        say_result(stage, "FAILED get", result, &error);
    }
    return arena_json(stage->arena, object);
}

json_t *see_all(struct kube_stage *stage, const struct kube_resource *resource,
                const char *selector)
{
    json_t *items = NULL;
    struct error error;

    must(stage, "FAILED list",
         stage->api->list(stage->api->context, resource, stage->namespace, selector, NULL, &items,
                          &error),
         &error);
    return arena_json(stage->arena, items);
}

static const char *or_none(const char *text)
{
    return text ? text : "none";
}

const char *uid_of(struct kube_stage *stage, const struct kube_resource *resource, const char *name)
{
    return or_none(json_path_string(see(stage, resource, name), "metadata", "uid", NULL));
}

const char *version_of(struct kube_stage *stage, const struct kube_resource *resource,
                       const char *name)
{
    return or_none(
        json_path_string(see(stage, resource, name), "metadata", "resourceVersion", NULL));
}

json_int_t generation_of(struct kube_stage *stage, const struct kube_resource *resource,
                         const char *name)
{
    return json_path_integer(see(stage, resource, name), 0, "metadata", "generation", NULL);
}

bool is_terminating(struct kube_stage *stage, const struct kube_resource *resource,
                    const char *name)
{
    return json_path(see(stage, resource, name), "metadata", "deletionTimestamp", NULL) != NULL;
}

/* --- Time ------------------------------------------------------------------------------------ */

void until_begin(struct kube_stage *stage)
{
    stage->deadline_ms = stage->now_ms(stage->context) + DEADLINE_MS;
}

bool until_wait(struct kube_stage *stage, const char *condition)
{
    if (stage->now_ms(stage->context) > stage->deadline_ms) {
        say(stage, "NEVER: %s", condition);
        return false;
    }
    stage->sleep(stage->context, POLL_MS);
    return true;
}

void settle(struct kube_stage *stage)
{
    stage->sleep(stage->context, SETTLE_MS);
}
