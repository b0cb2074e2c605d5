#include "sim/kube/fields.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"

#define KEY_SIZE 512
#define HERE     "."

/* --- The schema -------------------------------------------------------------------------- */

/* Lists whose elements are known by a key; all others are one value. */
static const struct keyed_list {
    const char *name, *keys[2];
} keyed_lists[] = {
    {"containers", {"name"}},
    {"initContainers", {"name"}},
    {"volumes", {"name"}},
    {"env", {"name"}},
    {"imagePullSecrets", {"name"}},
    {"volumeMounts", {"mountPath"}},
    {"ports", {"containerPort", "protocol"}},
    {"ports", {"port", "protocol"}},
    {"ownerReferences", {"uid"}},
    {"conditions", {"type"}},
    {"topologySpreadConstraints", {"topologyKey", "whenUnsatisfiable"}},
};

/* Objects that are one value. */
static const char *const atomic_objects[] = {"selector",        "labelSelector", "nodeSelector",
                                             "fieldRef",        "secretKeyRef",  "configMapKeyRef",
                                             "resourceFieldRef"};

static bool is_atomic(const char *name)
{
    for (size_t i = 0; i < sizeof atomic_objects / sizeof *atomic_objects; i++) {
        if (!strcmp(atomic_objects[i], name)) {
            return true;
        }
    }
    return false;
}

static void append_key(char key[KEY_SIZE], const char *name, const json_t *value)
{
    size_t length = strlen(key);

    if (json_is_integer(value)) {
        snprintf(key + length, KEY_SIZE - length, "%s=%lld,", name,
                 (long long)json_integer_value(value));
    } else if (json_is_string(value)) {
        snprintf(key + length, KEY_SIZE - length, "%s=%s,", name, json_string_value(value));
    }
}

/* How the element of the list `name` is known: false if the list is one value. */
static bool element_key(const char *name, const json_t *element, char key[KEY_SIZE])
{
    if (!strcmp(name, "finalizers")) {
        snprintf(key, KEY_SIZE, "v:%s", json_string_value(element));
        return true;
    }
    for (size_t i = 0; i < sizeof keyed_lists / sizeof *keyed_lists; i++) {
        const struct keyed_list *list = &keyed_lists[i];
        if (!strcmp(list->name, name) && json_object_get(element, list->keys[0])) {
            snprintf(key, KEY_SIZE, "k:");
            append_key(key, list->keys[0], json_object_get(element, list->keys[0]));
            if (list->keys[1]) {
                append_key(key, list->keys[1], json_object_get(element, list->keys[1]));
            }
            return true;
        }
    }
    return false;
}

static bool is_keyed(const char *name, const json_t *list)
{
    char key[KEY_SIZE];
    return json_array_size(list) && element_key(name, json_array_get(list, 0), key);
}

static json_t *find_element(const char *name, const json_t *list, const char *wanted)
{
    size_t i;
    json_t *element;
    char key[KEY_SIZE];

    json_array_foreach(list, i, element)
    {
        if (element_key(name, element, key) && !strcmp(key, wanted)) {
            return element;
        }
    }
    return NULL;
}

/* Members whose fields are tracked one by one. */
static bool is_struct(const char *name, const json_t *value)
{
    return json_is_object(value) && json_object_size(value) && !is_atomic(name);
}

/* --- Sets -------------------------------------------------------------------------------- */

static const char *member_key(char key[KEY_SIZE], const char *name)
{
    snprintf(key, KEY_SIZE, "f:%s", name);
    return key;
}

static json_t *set_of(const char *name, const json_t *value)
{
    char key[KEY_SIZE];
    json_t *set = json_object(), *child;
    const char *member;
    size_t i;

    if (is_struct(name, value)) {
        json_object_foreach((json_t *)value, member, child)
        {
            json_object_set_new(set, member_key(key, member), set_of(member, child));
        }
    } else if (is_keyed(name, value)) {
        json_array_foreach(value, i, child)
        {
            json_t *element = set_of("", child);
            element_key(name, child, key);
            json_object_set_new(element, HERE, json_true());
            json_object_set_new(set, key, element);
        }
    } else {
        json_object_set_new(set, HERE, json_true());
    }
    return set;
}

static void add_set(json_t *into, const json_t *set)
{
    const char *key;
    json_t *child;

    json_object_foreach((json_t *)set, key, child)
    {
        json_t *there = json_object_get(into, key);
        if (!json_is_object(child)) {
            json_object_set(into, key, child);
        } else if (there) {
            add_set(there, child);
        } else {
            json_object_set_new(into, key, json_deep_copy(child));
        }
    }
}

static void subtract_set(json_t *from, const json_t *set)
{
    const char *key;
    void *next;
    json_t *child;

    json_object_foreach_safe(from, next, key, child)
    {
        const json_t *gone = json_object_get(set, key);
        if (gone && json_is_object(child)) {
            subtract_set(child, gone);
        }
        if (gone && (!json_is_object(child) || !json_object_size(child))) {
            json_object_del(from, key);
        }
    }
}

/* The first path that is in both, as text. */
static bool first_common(const json_t *a, const json_t *b, char *path, size_t size)
{
    size_t length = strlen(path);
    const char *key;
    json_t *child;

    json_object_foreach((json_t *)a, key, child)
    {
        const json_t *other = json_object_get(b, key);
        if (other && !json_is_object(child)) {
            return true;
        }
        if (other) {
            snprintf(path + length, size - length, key[0] == 'f' ? ".%s" : "[%s]", key + 2);
            if (first_common(child, other, path, size)) {
                return true;
            }
            path[length] = '\0';
        }
    }
    return false;
}

/* --- Differences ------------------------------------------------------------------------- */

static void put_difference(json_t **set, const char *key, json_t *difference)
{
    if (difference) {
        *set = *set ? *set : json_object();
        json_object_set_new(*set, key, difference);
    }
}

static json_t *difference(const char *name, const json_t *before, const json_t *after);

static json_t *difference_of_members(const json_t *before, const json_t *after)
{
    char key[KEY_SIZE];
    json_t *set = NULL, *child;
    const char *member;

    json_object_foreach((json_t *)before, member, child)
    {
        put_difference(&set, member_key(key, member),
                       difference(member, child, json_object_get(after, member)));
    }
    json_object_foreach((json_t *)after, member, child)
    {
        if (!json_object_get(before, member)) {
            put_difference(&set, member_key(key, member), difference(member, NULL, child));
        }
    }
    return set;
}

static json_t *difference_of_elements(const char *name, const json_t *before, const json_t *after)
{
    char key[KEY_SIZE];
    json_t *set = NULL, *child;
    size_t i;

    json_array_foreach(before, i, child)
    {
        element_key(name, child, key);
        put_difference(&set, key, difference("", child, find_element(name, after, key)));
    }
    json_array_foreach(after, i, child)
    {
        element_key(name, child, key);
        if (!find_element(name, before, key)) {
            json_t *element = set_of("", child);
            json_object_set_new(element, HERE, json_true());
            put_difference(&set, key, element);
        }
    }
    return set;
}

/* The set of what differs, or NULL. */
static json_t *difference(const char *name, const json_t *before, const json_t *after)
{
    if (before == after || json_equal(before, after)) {
        return NULL;
    }
    if (!before || !after) {
        json_t *set = set_of(name, before ? before : after);
        if (!*name) {
            json_object_set_new(set, HERE, json_true());
        }
        return set;
    }
    if (is_struct(name, before) && is_struct(name, after)) {
        return difference_of_members(before, after);
    }
    if (is_keyed(name, before) && is_keyed(name, after)) {
        return difference_of_elements(name, before, after);
    }
    json_t *set = set_of(name, before), *other = set_of(name, after);
    add_set(set, other);
    json_decref(other);
    return set;
}

/* --- Objects ----------------------------------------------------------------------------- */

/* What of an object is anybody's: new, sharing the parts. */
static json_t *content(const json_t *object)
{
    static const char *const owned[] = {"labels", "annotations", "finalizers", "ownerReferences"};
    json_t *copy = json_copy((json_t *)object), *metadata = json_object();

    for (size_t i = 0; i < sizeof owned / sizeof *owned; i++) {
        json_t *value = json_path(object, "metadata", owned[i], NULL);
        if (value) {
            json_object_set(metadata, owned[i], value);
        }
    }
    json_object_del(copy, "apiVersion");
    json_object_del(copy, "kind");
    json_object_del(copy, "status");
    if (json_object_size(metadata)) {
        json_object_set(copy, "metadata", metadata);
    } else {
        json_object_del(copy, "metadata");
    }
    json_decref(metadata);
    return copy;
}

static json_t *set_of_object(const json_t *object)
{
    AUTO_JSON json_t *what = content(object);
    return json_object_size(what) ? set_of("", what) : json_object();
}

static json_t *difference_of_objects(const json_t *before, const json_t *after)
{
    AUTO_JSON json_t *first = content(before);
    AUTO_JSON json_t *second = content(after);
    return difference("", first, second);
}

static json_t *merge(const char *name, const json_t *live, const json_t *applied);

/* The key of the next element, from `at` on, that both lists have; "" if there is none. */
static void next_shared(const char *name, const json_t *applied, size_t at, const json_t *live,
                        char key[KEY_SIZE])
{
    for (; at < json_array_size(applied); at++) {
        element_key(name, json_array_get(applied, at), key);
        if (find_element(name, live, key)) {
            return;
        }
    }
    *key = '\0';
}

/* In the applied list's order; what only the live one has stays where it stood before the next that
 * both have (structured-merge-diff, typed/merge.go, decides so). */
static json_t *merge_elements(const char *name, const json_t *live, const json_t *applied)
{
    size_t l = 0, r = 0, n_live = json_array_size(live), n_applied = json_array_size(applied);
    char key[KEY_SIZE], shared[KEY_SIZE], other[KEY_SIZE];
    json_t *merged = json_array();

    while (l < n_live || r < n_applied) {
        json_t *element = json_array_get(live, l), *wanted = json_array_get(applied, r);
        next_shared(name, applied, r, live, shared);
        if (element) {
            element_key(name, element, key);
            if (!find_element(name, applied, key)) {
                json_array_append(merged, element);
                l++;
                continue;
            }
            if (!wanted || strcmp(key, shared) != 0) { /* It has its turn with the applied one. */
                l++;
                continue;
            }
        }
        element_key(name, wanted, other);
        json_array_append_new(merged, merge("", find_element(name, live, other), wanted));
        l += element && !strcmp(key, other);
        r++;
    }
    return merged;
}

static json_t *merge(const char *name, const json_t *live, const json_t *applied)
{
    const char *member;
    json_t *child;

    if (live && is_keyed(name, live) && is_keyed(name, applied)) {
        return merge_elements(name, live, applied);
    }
    if (!json_is_object(live) || !json_is_object(applied) || is_atomic(name)) {
        return json_incref((json_t *)applied);
    }
    json_t *merged = json_copy((json_t *)live);
    json_object_foreach((json_t *)applied, member, child)
    {
        json_object_set_new(merged, member, merge(member, json_object_get(live, member), child));
    }
    return merged;
}

/* `value` without what is in `before` and not in `owned`: new, or NULL when nothing is left. */
static json_t *prune(const char *name, json_t *value, const json_t *before, const json_t *owned)
{
    char key[KEY_SIZE];
    const char *member;
    json_t *child, *pruned;
    size_t i;

    if (is_struct(name, value)) {
        pruned = json_copy(value);
        json_object_foreach(value, member, child)
        {
            member_key(key, member);
            const json_t *had = json_object_get(before, key), *has = json_object_get(owned, key);
            if (had && !has) {
                json_object_del(pruned, member);
            } else if (had) {
                json_object_set_new(pruned, member, prune(member, child, had, has));
            }
        }
        return pruned;
    }
    if (!is_keyed(name, value)) {
        return json_incref(value);
    }
    pruned = json_array();
    json_array_foreach(value, i, child)
    {
        element_key(name, child, key);
        const json_t *had = json_object_get(before, key), *has = json_object_get(owned, key);
        if (!had) {
            json_array_append(pruned, child);
        } else if (has) {
            json_array_append_new(pruned, prune("", child, had, has));
        }
    }
    return pruned;
}

/* --- Managers ---------------------------------------------------------------------------- */

void sim_fields_fini(struct sim_fields *fields)
{
    for (size_t i = 0; i < fields->length; i++) {
        json_decref(fields->managers[i].set);
    }
    fields->length = 0;
}

struct sim_fields sim_fields_copy(const struct sim_fields *fields)
{
    struct sim_fields copy = *fields;

    for (size_t i = 0; i < copy.length; i++) {
        copy.managers[i].set = json_deep_copy(copy.managers[i].set);
    }
    return copy;
}

static struct sim_manager *need_manager(struct sim_fields *fields, const char *name)
{
    for (size_t i = 0; i < fields->length; i++) {
        if (!strcmp(fields->managers[i].name, name)) {
            return &fields->managers[i];
        }
    }
    assert(fields->length < SIM_MAX_MANAGERS);
    fields->managers[fields->length] = (struct sim_manager){name, json_object()};
    return &fields->managers[fields->length++];
}

const char *sim_fields_conflict(const struct sim_fields *fields, const char *manager,
                                const json_t *live, const json_t *applied, char *path, size_t size)
{
    AUTO_JSON json_t *merged = merge("", live, applied);
    AUTO_JSON json_t *changed = difference_of_objects(live, merged);

    for (size_t i = 0; changed && i < fields->length; i++) {
        *path = '\0';
        if (strcmp(fields->managers[i].name, manager) != 0 &&
            first_common(fields->managers[i].set, changed, path, size)) {
            return fields->managers[i].name;
        }
    }
    return NULL;
}

static void take_from_others(struct sim_fields *fields, const struct sim_manager *manager,
                             const json_t *changed)
{
    for (size_t i = 0; changed && i < fields->length; i++) {
        if (&fields->managers[i] != manager) {
            subtract_set(fields->managers[i].set, changed);
        }
    }
}

json_t *sim_fields_apply(struct sim_fields *fields, const char *manager, const json_t *live,
                         const json_t *applied)
{
    if (live && !fields->length) {
        struct sim_manager *earlier = need_manager(fields, SIM_UPDATES);
        json_decref(earlier->set);
        earlier->set = set_of_object(live);
    }
    struct sim_manager *own = need_manager(fields, manager);
    AUTO_JSON json_t *before = own->set;
    AUTO_JSON json_t *owned = json_object();
    own->set = set_of_object(applied);
    for (size_t i = 0; i < fields->length; i++) {
        add_set(owned, fields->managers[i].set);
    }
    if (!live) {
        return json_incref((json_t *)applied);
    }
    AUTO_JSON json_t *merged = merge("", live, applied);
    json_t *pruned = prune("", merged, before, owned);
    AUTO_JSON json_t *changed = difference_of_objects(live, pruned);
    take_from_others(fields, own, changed);
    return pruned;
}

void sim_fields_update(struct sim_fields *fields, const json_t *before, const json_t *after)
{
    if (!fields->length) {
        return; /* The first apply will find it. */
    }
    AUTO_JSON json_t *changed = difference_of_objects(before, after);
    if (!changed) {
        return;
    }
    AUTO_JSON json_t *there = set_of_object(after);
    struct sim_manager *updates = need_manager(fields, SIM_UPDATES);
    take_from_others(fields, updates, changed);
    add_set(updates->set, changed);
    /* What it removed is nobody's. */
    AUTO_JSON json_t *gone = json_deep_copy(updates->set);
    subtract_set(gone, there);
    subtract_set(updates->set, gone);
}
