#include "cluster/objects.h"

#include <string.h>

#include "base/json.h"
#include "cluster/drawing.h"
#include "cluster/membership.h"
#include "cluster/pod_template.h"
#include "cluster/version_guard.h"
#include "cluster/volumes.h"
#include "pki/pki.h"

json_t *owner_reference(const json_t *cluster)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b}", "apiVersion", ETCDCLUSTER_API_VERSION,
                     "kind", "EtcdCluster", "name",
                     json_path_string(cluster, "metadata", "name", NULL), "uid",
                     json_path_string(cluster, "metadata", "uid", NULL), "controller", 1,
                     "blockOwnerDeletion", 1);
}

json_t *world_child(const struct world *world, const struct kube_resource *resource,
                    const char *name)
{
    size_t i;
    json_t *child;

    json_array_foreach(world->children, i, child)
    {
        const char *kind = json_path_string(child, "kind", NULL);
        const char *child_name = json_path_string(child, "metadata", "name", NULL);
        if (kind && child_name && !strcmp(kind, resource->kind) && !strcmp(child_name, name)) {
            return child;
        }
    }
    return NULL;
}

static json_t *metadata(const struct world *world, const char *name)
{
    return json_pack("{s:s, s:s, s:o, s:{}, s:[o]}", "name", name, "namespace",
                     world->names->namespace, "labels", names_labels(world->names), "annotations",
                     "ownerReferences", owner_reference(world->object));
}

static json_t *object(const struct kube_resource *resource, json_t *meta)
{
    return json_pack("{s:s, s:s, s:o}", "apiVersion", resource->api_version, "kind", resource->kind,
                     "metadata", meta);
}

static json_t *port(const char *name, int number)
{
    return json_pack("{s:s, s:i, s:s, s:s}", "name", name, "port", number, "targetPort", name,
                     "protocol", "TCP");
}

static json_t *peer_service(const struct world *world)
{
    json_t *service = object(&kube_services, metadata(world, world->names->peer_service));
    /* Members find each other before they are ready, and a learner never is. */
    json_object_set_new(
        service, "spec",
        json_pack("{s:s, s:s, s:b, s:o, s:[o,o,o]}", "type", "ClusterIP", "clusterIP", "None",
                  "publishNotReadyAddresses", 1, "selector", names_selector(world->names), "ports",
                  port("client", MEMBER_CLIENT_PORT), port("peer", MEMBER_PEER_PORT),
                  port("metrics", MEMBER_METRICS_PORT)));
    return service;
}

static json_t *client_service(const struct world *world)
{
    json_t *service = object(&kube_services, metadata(world, world->names->client_service));
    json_object_set_new(service, "spec",
                        json_pack("{s:s, s:o, s:[o]}", "type", "ClusterIP", "selector",
                                  names_selector(world->names), "ports",
                                  port("client", MEMBER_CLIENT_PORT)));
    return service;
}

static json_t *disruption_budget(const struct world *world)
{
    json_t *budget = object(&kube_pod_disruption_budgets, metadata(world, world->names->cluster));
    /* IfHealthyBudget: one alarm makes every /readyz 503, and AlwaysAllow would then let a drain
     * evict them all. */
    json_object_set_new(budget, "spec",
                        json_pack("{s:i, s:s, s:{s:o}}", "maxUnavailable", 1,
                                  "unhealthyPodEvictionPolicy", "IfHealthyBudget", "selector",
                                  "matchLabels", names_selector(world->names)));
    return budget;
}

/* Named after its content, so that an old pod that restarts keeps the flags it was made with. */
static json_t *config_map(const struct world *world, const char *version, struct arena *arena,
                          const char **name)
{
    char digest[PKI_SHA256_HEX_SIZE];
    AUTO_FREE char *text = pod_member_config(world, version);

    pki_sha256_hex(text, strlen(text), digest);
    *name = arena_printf(arena, "%s-config-%.10s", world->names->cluster, digest);
    json_t *config = object(&kube_config_maps, metadata(world, *name));
    json_object_set_new(config, "immutable", json_true());
    json_object_set_new(config, "data", json_pack("{s:s}", "member.json", text));
    return config;
}

static json_t *claim_template(const struct world *world)
{
    json_t *labels = names_labels(world->names);
    const struct storage storage = storage_wanted(world);
    json_t *claim =
        json_pack("{s:s, s:s, s:{s:s, s:o, s:{s:s}}, s:{s:[s], s:{s:{s:s}}}}", "apiVersion", "v1",
                  "kind", "PersistentVolumeClaim", "metadata", "name", "data", "labels", labels,
                  "annotations", ANNOTATION_CLUSTER_UID, world->uid, "spec", "accessModes",
                  "ReadWriteOnce", "resources", "requests", "storage", storage.size);
    if (storage.class) {
        json_object_set_new(json_object_get(claim, "spec"), "storageClassName",
                            json_string(storage.class));
    }
    return claim;
}

json_t *claim_desired(const struct world *world, int ordinal, struct arena *arena)
{
    json_t *claim = claim_template(world), *meta = json_object_get(claim, "metadata");

    json_object_set_new(meta, "name", json_string(names_claim(arena, world->names, ordinal)));
    json_object_set_new(meta, "namespace", json_string(world->names->namespace));
    return claim;
}

static json_t *stateful_set(const struct world *world, struct children *children,
                            struct arena *arena)
{
    json_t *set = object(&kube_stateful_sets, metadata(world, world->names->cluster));
    json_t *template = pod_template(world, children->image, children->config_name, arena,
                                    &children->template_hash);

    json_object_set_new(json_path(set, "metadata", "annotations", NULL), ANNOTATION_ETCD_VERSION,
                        json_string(children->version));
    /* The StatefulSet's own policy keeps claims always: deleting it must not delete data. */
    json_object_set_new(set, "spec",
                        json_pack("{s:s, s:i, s:s, s:{s:s}, s:{s:s, s:s}, s:{s:o}, s:o}",
                                  "serviceName", world->names->peer_service, "replicas",
                                  children->replicas, "podManagementPolicy", "Parallel",
                                  "updateStrategy", "type", "OnDelete",
                                  "persistentVolumeClaimRetentionPolicy", "whenDeleted", "Retain",
                                  "whenScaled", "Retain", "selector", "matchLabels",
                                  names_selector(world->names), "template", template));
    return set;
}

/* The image of the live template, or NULL. */
static const char *live_image(const struct world *world)
{
    json_t *containers =
        json_path(world->stateful_set, "spec", "template", "spec", "containers", NULL);
    return json_path_string(json_array_get(containers, 0), "image", NULL);
}

/* etcd reads what the minor version before it wrote, and nothing older. */
static const char *hold_for_log(const struct world *world, const char *asked, struct arena *arena)
{
    const struct recorded *recorded = &world->recorded;

    if (!recorded->log_minor || version_minor(asked) <= recorded->log_minor + 1 ||
        !version_log_in_the_way(world)) {
        return NULL;
    }
    return arena_printf(arena,
                        "the members' logs still hold what 3.%d wrote, which this version cannot "
                        "read: each takes a snapshot within spec.etcd.snapshotCount (%lld) writes "
                        "after the last upgrade, and then it goes on by itself",
                        recorded->log_minor, (long long)world->spec.etcd.snapshot_count);
}

/* A version later than any that runs waits until all is well; one that goes back, takes back a step
 * that did not turn out well, or mends an image that cannot be had, must not. */
static const char *hold_image(const struct world *world, const char *live_version,
                              const char *live_image, const char *asked_image, struct arena *arena)
{
    const char *asked = world->spec.version, *lowest, *highest;

    if (!strcmp(asked, live_version) && !strcmp(asked_image, live_image)) {
        return NULL;
    }
    world_versions(world, &lowest, &highest);
    const char *why = version_of_image(asked, asked_image, arena);
    if (!why) {
        why = hold_for_log(world, asked, arena);
    }
    if (!why) {
        why = version_guard(live_version, lowest, highest, asked, arena);
    }
    const char *runs = highest ? highest : live_version;
    if (!why && world_formed(world) && version_compare(asked, runs) > 0) {
        why = gate_well(world, arena);
    }
    return why;
}

/* All members that answer are of a later minor version than this. */
static bool runs_newer(const struct world *world, const char *version)
{
    const char *lowest, *highest;

    world_versions(world, &lowest, &highest);
    return version && lowest && version_is_other_minor(version, lowest) &&
           version_compare(lowest, version) > 0;
}

/* With its permit a container may have become etcd, and have formed the cluster unseen. An image
 * that no node can get has not, and is to be mended. */
static bool may_have_formed(const struct world *world)
{
    bool may = false;

    for (int i = 0; i < world->recorded.n_permits; i++) {
        const struct world_pod *pod = &world->members[world->recorded.permits[i].ordinal].pod;
        may = may || !pod->exists || pod->started || pod->restarts > 0 || !pod_lacks_image(pod);
    }
    return world_formed(world) || world->recorded.restore_uid || may;
}

/* The version and image that may enter the template: the spec's while the cluster has not formed,
 * then only what the guard lets in: under OnDelete any pod that is recreated gets what the template
 * has, so an eviction would upgrade past it. */
static void choose_image(const struct world *world, struct arena *arena, struct children *children)
{
    const char *live_version = json_path_string(world->stateful_set, "metadata", "annotations",
                                                ANNOTATION_ETCD_VERSION, NULL);
    const char *live = live_image(world), *asked = world->spec.image, *highest;

    if (!live_version) { /* Somebody deleted the StatefulSet: what it was is written down. */
        live_version = world->recorded.version;
        live = live_version && strcmp(live_version, world->spec.version) != 0
                   ? arena_printf(arena, "%s:v%s", world->spec.repository, live_version)
                   : NULL;
    }

    if (runs_newer(world, live_version)) { /* The template was changed before anybody knew. */
        world_versions(world, &live_version, &highest);
        live = arena_printf(arena, "%s:v%s", world->spec.repository, live_version);
    }
    if (!asked) {
        asked = arena_printf(arena, "%s:v%s", world->spec.repository, world->spec.version);
    }
    children->version = world->spec.version;
    children->image = asked;
    if (!may_have_formed(world) || !live || !live_version) {
        return;
    }
    children->version_held = hold_image(world, live_version, live, asked, arena);
    if (children->version_held) {
        children->version = live_version;
        children->image = live;
    }
}

static void add(struct children *children, const struct kube_resource *resource, json_t *desired,
                struct arena *arena)
{
    char digest[PKI_SHA256_HEX_SIZE];
    AUTO_FREE char *text = json_canonical(desired);

    pki_sha256_hex(text, strlen(text), digest);
    digest[16] = '\0';
    json_object_set_new(json_path(desired, "metadata", "annotations", NULL),
                        ANNOTATION_APPLIED_HASH, json_string(digest));
    children->items[children->length++] = (struct child){
        resource, arena_json(arena, desired), json_path_string(desired, "metadata", "name", NULL)};
}

/* A changed claim template would reject the whole apply, so the live one is sent back. It comes in
 * after the hash was taken, which must not depend on what the API server filled in. */
static void set_claim_templates(const struct world *world, struct arena *arena, json_t **set)
{
    json_t *live = json_path(world->stateful_set, "spec", "volumeClaimTemplates", NULL);
    json_t *spec = json_copy(json_object_get(*set, "spec")); /* Others have the drawing, too. */

    *set = arena_json(arena, json_copy(*set));
    json_object_set_new(*set, "spec", spec);
    if (live) {
        json_object_set(spec, "volumeClaimTemplates", live);
    } else {
        json_object_set_new(spec, "volumeClaimTemplates", json_pack("[o]", claim_template(world)));
    }
}

bool children_want_budget(const struct world *world)
{
    return world_replicas(world) > 1;
}

/* Draws from `sources` and from what is chosen in `children`, and from nothing else. */
static void draw(const struct world *sources, struct children *children, struct arena *arena)
{
    add(children, &kube_services, peer_service(sources), arena);
    add(children, &kube_services, client_service(sources), arena);
    if (children->budget) {
        add(children, &kube_pod_disruption_budgets, disruption_budget(sources), arena);
    }
    json_t *config = config_map(sources, children->version, arena, &children->config_name);
    add(children, &kube_config_maps, config, arena);
    add(children, &kube_stateful_sets, stateful_set(sources, children, arena), arena);
}

/* What is left out here the children cannot depend on; what is not, fits() compares. */
static struct drawing *new_drawing(const struct world *world, const struct children *chosen)
{
    struct arena *arena = arena_new();
    struct drawing *drawing = arena_alloc(arena, sizeof *drawing);
    AUTO_JSON json_t *object =
        json_pack("{s:{s:s, s:s}}", "metadata", "name", world->names->cluster, "uid", world->uid);
    const struct world sources = {.object = object,
                                  .uid = world->uid,
                                  .names = world->names,
                                  .spec = world->spec,
                                  .operator_image = world->operator_image,
                                  .helper_image_volume = world->helper_image_volume,
                                  .recorded.generation = world->recorded.generation};

    *drawing = (struct drawing){
        .arena = arena,
        .uid = arena_strdup(arena, world->uid),
        .spec = arena_json(arena, json_incref(json_object_get(world->object, "spec"))),
        .operator_image = arena_strdup(arena, world->operator_image),
        .helper_image_volume = world->helper_image_volume,
        .generation = world->recorded.generation,
        .children = {.version = arena_strdup(arena, chosen->version),
                     .image = arena_strdup(arena, chosen->image),
                     .replicas = chosen->replicas,
                     .budget = chosen->budget},
    };
    draw(&sources, &drawing->children, arena);
    return drawing;
}

static bool fits(const struct drawing *drawing, const struct world *world,
                 const struct children *chosen)
{
    const struct children *drawn = &drawing->children;

    return !strcmp(drawing->uid, world->uid) &&
           !strcmp(drawing->operator_image, world->operator_image) &&
           drawing->helper_image_volume == world->helper_image_volume &&
           drawing->generation == world->recorded.generation &&
           !strcmp(drawn->version, chosen->version) && !strcmp(drawn->image, chosen->image) &&
           drawn->replicas == chosen->replicas && drawn->budget == chosen->budget &&
           json_equal(drawing->spec, json_object_get(world->object, "spec"));
}

void children_desired(const struct world *world, struct arena *arena, struct children *out)
{
    struct drawing *drawing = world->drawing ? *world->drawing : NULL;
    struct children chosen = {.replicas = world_replicas(world),
                              .budget = children_want_budget(world)};

    choose_image(world, arena, &chosen);
    if (!drawing || !fits(drawing, world, &chosen)) {
        drawing_free(drawing);
        drawing = new_drawing(world, &chosen);
        if (world->drawing) {
            *world->drawing = drawing;
        } else {
            arena_defer(arena, drawing_free, drawing);
        }
    }
    *out = drawing->children;
    out->version_held = chosen.version_held;
    set_claim_templates(world, arena, &out->items[out->length - 1].object);
}

/* The path of what differs, or NULL. Without an arena only whether: most comparisons find nothing,
 * and need no words. */
static const char *differs(struct arena *arena, const json_t *desired, const json_t *live,
                           const char *path);

static const char *at_name(struct arena *arena, const char *path, const char *name)
{
    return arena ? arena_printf(arena, "%s.%s", path, name) : path;
}

static const char *at_index(struct arena *arena, const char *path, size_t index)
{
    return arena ? arena_printf(arena, "%s[%zu]", path, index) : path;
}

static bool same_scalar(const json_t *desired, const json_t *live)
{
    int64_t a, b;

    if (json_equal(desired, live)) {
        return true;
    }
    return json_is_string(desired) && json_is_string(live) &&
           api_quantity_parse(json_string_value(desired), &a) &&
           api_quantity_parse(json_string_value(live), &b) && a == b;
}

static const char *array_differs(struct arena *arena, const json_t *desired, const json_t *live,
                                 const char *path)
{
    size_t i, j;
    json_t *wanted, *have;

    json_array_foreach(desired, i, wanted)
    {
        const char *why = at_index(arena, path, i);
        const char *name = json_path_string(wanted, "name", NULL);
        json_array_foreach(live, j, have)
        {
            const char *have_name = json_path_string(have, "name", NULL);
            if (!differs(NULL, wanted, have, path)) {
                why = NULL;
                break;
            }
            if (arena && name && have_name && !strcmp(name, have_name)) {
                why = differs(arena, wanted, have, path); /* More than that it differs somewhere. */
            }
        }
        if (why) {
            return why;
        }
    }
    return NULL;
}

static const char *differs(struct arena *arena, const json_t *desired, const json_t *live,
                           const char *path)
{
    const char *name;
    json_t *value;

    if (!live) {
        return path;
    }
    if (json_is_object(desired)) {
        json_object_foreach((json_t *)desired, name, value)
        {
            const char *found =
                differs(arena, value, json_object_get(live, name), at_name(arena, path, name));
            if (found) {
                return found;
            }
        }
        return json_is_object(live) ? NULL : path;
    }
    if (json_is_array(desired)) {
        return json_is_array(live) ? array_differs(arena, desired, live, path) : path;
    }
    return same_scalar(desired, live) ? NULL : path;
}

const char *object_difference(struct arena *arena, const json_t *desired, const json_t *live)
{
    if (!live) {
        return "it does not exist";
    }
    return differs(NULL, desired, live, "") ? differs(arena, desired, live, "") : NULL;
}
