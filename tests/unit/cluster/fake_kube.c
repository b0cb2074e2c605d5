#include "fake_kube.h"

#include <stdio.h>
#include <string.h>

#include "api/permit.h"
#include "base/clock.h"
#include "base/json.h"
#include "cluster/names.h"

static const char *key(char out[160], const char *kind, const char *name)
{
    snprintf(out, 160, "%s/%s", kind, name);
    return out;
}

json_t *fake_kube_find(const struct fake_kube *kube, const char *kind, const char *name)
{
    char at[160];
    return json_object_get(kube->objects, key(at, kind, name));
}

void fake_kube_drop(struct fake_kube *kube, const char *kind, const char *name)
{
    char at[160];
    kube->version += json_object_del(kube->objects, key(at, kind, name)) == 0;
}

void fake_kube_touch(struct fake_kube *kube, json_t *object)
{
    json_object_set_new(json_object_get(object, "metadata"), "resourceVersion",
                        json_sprintf("%lld", (long long)++kube->version));
}

json_t *fake_kube_put(struct fake_kube *kube, const char *kind, json_t *object)
{
    json_t *metadata = json_object_get(object, "metadata");
    char at[160], date[CLOCK_RFC3339_SIZE];

    json_object_set_new(object, "kind", json_string(kind));
    json_object_set_new(metadata, "uid", json_sprintf("uid-%lld", (long long)++kube->uids));
    json_object_set_new(metadata, "generation", json_integer(1));
    json_object_set_new(metadata, "creationTimestamp",
                        json_string(clock_rfc3339(kube->now_ms, date, sizeof date)));
    json_t *template = json_array_get(json_path(object, "spec", "volumeClaimTemplates", NULL), 0);
    if (template) { /* As the real server fills in. */
        json_object_set_new(template, "status", json_pack("{s:s}", "phase", "Pending"));
    }
    fake_kube_touch(kube, object);
    json_object_set_new(kube->objects, key(at, kind, json_path_string(metadata, "name", NULL)),
                        object);
    return object;
}

int fake_kube_count(const struct fake_kube *kube, const char *kind)
{
    const char *name;
    json_t *object;
    int n = 0;

    json_object_foreach(kube->objects, name, object)
    {
        n += !strncmp(name, kind, strlen(kind)) && name[strlen(kind)] == '/';
    }
    return n;
}

void fake_kube_delete(struct fake_kube *kube, const char *kind, const char *name)
{
    json_t *object = fake_kube_find(kube, kind, name);
    json_t *metadata = json_object_get(object, "metadata");
    char date[CLOCK_RFC3339_SIZE];

    if (!json_array_size(json_object_get(metadata, "finalizers"))) {
        fake_kube_drop(kube, kind, name);
    } else if (!json_object_get(metadata, "deletionTimestamp")) {
        json_object_set_new(metadata, "deletionTimestamp",
                            json_string(clock_rfc3339(kube->now_ms, date, sizeof date)));
        fake_kube_touch(kube, object);
    }
}

/* True: this call fails now, before or after its effect. */
static bool fails(struct fake_kube *kube, bool after, struct error *error)
{
    if (kube->cancel_from && kube->calls >= kube->cancel_from) {
        error_set(error, ERROR_CANCELLED, "the operator is dead");
        return !after;
    }
    if (kube->fail_call == kube->calls && kube->fail_after == after) {
        error_set(error, kube->fail_kind, "injected at call %d", kube->calls);
        return true;
    }
    return false;
}

static int give(json_t *object, json_t **out)
{
    if (out) {
        *out = json_deep_copy(object);
    }
    return 0;
}

static int finish(struct fake_kube *kube, json_t *object, json_t **out, struct error *error)
{
    kube->writes++;
    if (fails(kube, true, error)) {
        return -(int)error->kind;
    }
    return object ? give(object, out) : 0;
}

/* One nonce for each ordinal and generation of `new`, one permit for each pod. */
static void watch_permit(struct fake_kube *kube, const json_t *pod)
{
    AUTO_ARENA struct arena *arena = arena_new();
    const char *text = json_path_string(pod, "metadata", "annotations", PERMIT_ANNOTATION, NULL);
    struct permit permit;

    if (!text) {
        return;
    }
    if (permit_decode(text, strlen(text), arena, &permit, NULL) ||
        strcmp(permit.pod_uid, json_path_string(pod, "metadata", "uid", NULL)) != 0) {
        kube->violation = "a permit that its pod cannot use";
        return;
    }
    const char *once =
        arena_printf(arena, "%d/%lld/%s", (int)permit.ordinal, (long long)permit.generation,
                     permit.mode == PERMIT_NEW ? "new" : permit.pod_uid);
    const char *before = json_path_string(kube->permits, once, NULL);
    if (before && strcmp(before, text) != 0) {
        kube->violation = "two different permits for one ordinal and generation";
    }
    json_object_set_new(kube->permits, once, json_string(text));
}

static int get(void *context, const struct kube_resource *resource, const char *namespace,
               const char *name, json_t **out, struct error *error)
{
    struct fake_kube *kube = context;
    json_t *object = fake_kube_find(kube, resource->kind, name);

    (void)namespace;
    kube->calls++;
    if (fails(kube, false, error) || fails(kube, true, error)) {
        return -(int)error->kind;
    }
    return object ? give(object, out) : error_set(error, ERROR_NOT_FOUND, "%s not found", name);
}

static int list(void *context, const struct kube_resource *resource, const char *namespace,
                const char *label_selector, const char *field_selector, json_t **out,
                struct error *error)
{
    struct fake_kube *kube = context;

    (void)namespace, (void)label_selector, (void)field_selector;
    kube->calls++;
    if (fails(kube, false, error)) {
        return -(int)error->kind;
    }
    const char *at;
    json_t *object;
    *out = json_array();
    json_object_foreach(kube->objects, at, object)
    {
        if (!strcmp(json_path_string(object, "kind", NULL), resource->kind)) {
            json_array_append_new(*out, json_deep_copy(object));
        }
    }
    return 0;
}

static int create(void *context, const struct kube_resource *resource, json_t *object, json_t **out,
                  struct error *error)
{
    struct fake_kube *kube = context;
    const char *name = json_path_string(object, "metadata", "name", NULL);

    kube->calls++;
    if (fails(kube, false, error)) {
        return -(int)error->kind;
    }
    if (fake_kube_find(kube, resource->kind, name)) {
        return error_set(error, ERROR_EXISTS, "%s exists", name);
    }
    json_t *made = fake_kube_put(kube, resource->kind, json_deep_copy(object));
    return finish(kube, made, out, error);
}

/* Objects are merged, everything else is replaced; a null removes (RFC 7386). */
static void merge(json_t *into, json_t *patch)
{
    const char *name;
    json_t *value;

    json_object_foreach(patch, name, value)
    {
        json_t *there = json_object_get(into, name);
        if (json_is_null(value)) {
            json_object_del(into, name);
        } else if (json_is_object(value)) {
            if (!json_is_object(there)) {
                json_object_set_new(into, name, json_object());
            }
            merge(json_object_get(into, name), value);
        } else {
            json_object_set_new(into, name, json_deep_copy(value));
        }
    }
}

static void change(struct fake_kube *kube, json_t *object, json_t *patch)
{
    AUTO_JSON json_t *before = json_deep_copy(object);
    json_t *metadata = json_object_get(object, "metadata");

    merge(object, patch);
    if (json_equal(before, object)) {
        return;
    }
    if (!json_equal(json_object_get(before, "spec"), json_object_get(object, "spec"))) {
        json_int_t generation = json_path_integer(metadata, 0, "generation", NULL);
        json_object_set_new(metadata, "generation", json_integer(generation + 1));
    }
    fake_kube_touch(kube, object);
}

static int apply(void *context, const struct kube_resource *resource, json_t *object, bool force,
                 json_t **out, struct error *error)
{
    struct fake_kube *kube = context;
    const char *name = json_path_string(object, "metadata", "name", NULL);
    json_t *live = fake_kube_find(kube, resource->kind, name);

    (void)force;
    kube->calls++;
    if (fails(kube, false, error)) {
        return -(int)error->kind;
    }
    if (kube->refuse && !strcmp(resource->kind, kube->refuse)) {
        return error_set(error, ERROR_DENIED, "exceeded quota: count/%s", resource->plural);
    }
    kube->applied_sets += resource == &kube_stateful_sets;
    if (live) {
        change(kube, live, object);
    } else {
        live = fake_kube_put(kube, resource->kind, json_deep_copy(object));
    }
    return finish(kube, live, out, error);
}

static bool precondition_fails(const json_t *live, const json_t *asked, const char *name)
{
    const char *wanted = json_path_string(asked, name, NULL);
    return wanted && strcmp(wanted, json_path_string(live, "metadata", name, NULL)) != 0;
}

static int merge_patch(void *context, const struct kube_resource *resource, const char *namespace,
                       const char *name, json_t *patch, json_t **out, struct error *error)
{
    struct fake_kube *kube = context;
    json_t *live = fake_kube_find(kube, resource->kind, name);
    json_t *metadata = json_object_get(patch, "metadata");

    (void)namespace;
    kube->calls++;
    if (fails(kube, false, error)) {
        return -(int)error->kind;
    }
    if (!live) {
        return error_set(error, ERROR_NOT_FOUND, "%s not found", name);
    }
    if (precondition_fails(live, metadata, "uid") ||
        precondition_fails(live, metadata, "resourceVersion")) {
        return error_set(error, ERROR_CONFLICT, "%s was changed", name);
    }
    change(kube, live, patch);
    watch_permit(kube, live);
    AUTO_JSON json_t *hold = json_incref(live);
    if (json_path(live, "metadata", "deletionTimestamp", NULL)) {
        fake_kube_delete(kube, resource->kind, name);
    }
    return finish(kube, hold, out, error);
}

static int replace_status(void *context, const struct kube_resource *resource, json_t *object,
                          json_t **out, struct error *error)
{
    struct fake_kube *kube = context;
    const char *name = json_path_string(object, "metadata", "name", NULL);
    json_t *live = fake_kube_find(kube, resource->kind, name);

    kube->calls++;
    if (fails(kube, false, error)) {
        return -(int)error->kind;
    }
    if (!live) {
        return error_set(error, ERROR_NOT_FOUND, "%s not found", name);
    }
    if (precondition_fails(live, json_object_get(object, "metadata"), "resourceVersion")) {
        return error_set(error, ERROR_CONFLICT, "%s was changed", name);
    }
    json_object_set_new(live, "status", json_deep_copy(json_object_get(object, "status")));
    fake_kube_touch(kube, live);
    return finish(kube, live, out, error);
}

static int remove_object(void *context, const struct kube_resource *resource, const char *namespace,
                         const char *name, const struct kube_delete_options *options,
                         struct error *error)
{
    struct fake_kube *kube = context;
    const json_t *live = fake_kube_find(kube, resource->kind, name);

    (void)namespace;
    kube->calls++;
    if (fails(kube, false, error)) {
        return -(int)error->kind;
    }
    if (live && options->uid &&
        strcmp(options->uid, json_path_string(live, "metadata", "uid", NULL)) != 0) {
        return error_set(error, ERROR_CONFLICT, "another %s", name);
    }
    if (live) {
        fake_kube_delete(kube, resource->kind, name);
    }
    return finish(kube, NULL, NULL, error);
}

static void event(void *context, const json_t *regarding, const char *type, const char *reason,
                  const char *note)
{
    struct fake_kube *kube = context;

    (void)regarding, (void)type;
    kube->events += reason && note;
}

static int cached_get(void *context, const struct kube_resource *resource, const char *namespace,
                      const char *name, json_t **out, struct error *error)
{
    json_t *object = fake_kube_find(context, resource->kind, name);

    (void)namespace;
    return object ? give(object, out) : error_set(error, ERROR_NOT_FOUND, "%s not found", name);
}

/* The owner "etcdbackups/NAME" is told by the label "etcd.etcd.io/backup", a cluster's by its own.
 */
static bool belongs(const json_t *object, const char *owner)
{
    const json_t *labels = json_path(object, "metadata", "labels", NULL);
    const char *slash = owner ? strchr(owner, '/') : NULL;
    char label[64] = LABEL_CLUSTER;

    if (!owner) {
        return true;
    }
    if (slash) {
        snprintf(label, sizeof label, "etcd.etcd.io/%.*s", (int)(slash - owner) - 5, owner + 4);
    }
    const char *name = json_path_string(labels, label, NULL);
    return name && !strcmp(name, slash ? slash + 1 : owner);
}

static int cached_list(void *context, const struct kube_resource *resource, const char *namespace,
                       const char *owner, json_t **out, struct error *error)
{
    const struct fake_kube *kube = context;
    const char *name;
    json_t *object;

    (void)namespace, (void)error;
    *out = json_array();
    json_object_foreach(kube->objects, name, object)
    {
        if (!strcmp(json_path_string(object, "kind", NULL), resource->kind) &&
            belongs(object, owner)) {
            json_array_append_new(*out, json_deep_copy(object));
        }
    }
    return 0;
}

void fake_kube_init(struct fake_kube *kube, int64_t now_ms)
{
    *kube = (struct fake_kube){
        .api = {.context = kube,
                .get = get,
                .list = list,
                .create = create,
                .apply = apply,
                .merge_patch = merge_patch,
                .replace_status = replace_status,
                .remove = remove_object,
                .event = event,
                .cached_get = cached_get,
                .cached_list = cached_list},
        .now_ms = now_ms,
        .objects = json_object(),
        .permits = json_object(),
    };
}

void fake_kube_fini(struct fake_kube *kube)
{
    json_decref(kube->objects);
    json_decref(kube->permits);
}
