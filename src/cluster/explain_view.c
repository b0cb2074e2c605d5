#include <string.h>

#include "base/json.h"
#include "cluster/explain.h"

static void take_certificates_for_good(struct world *world, struct explain_view *view)
{
    struct certificates *certificates = &world->certificates;
    const bool peer = world->spec.security.tls.peer.enabled;
    const bool client = world->spec.security.tls.client.enabled;

    view->secrets_unread = world->certificates_problem;
    world->certificates_problem = NULL;
    memset(certificates, 0, sizeof *certificates);
    certificates->known = true;
    for (int i = 0; i < N_SECRETS; i++) {
        certificates->wanted[i] = i == SECRET_PEER || i == SECRET_PEER_CA ? peer : client;
        certificates->exists[i] = certificates->wanted[i];
    }
}

/* Why nobody could be asked, or NULL: somebody answered, or there is nobody to ask yet. */
static const char *why_unread(const struct world *world, const struct explain_view *view)
{
    const char *why = NULL;

    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        const struct world_member *member = &world->members[i];
        if (member_answers(member) || member->report) {
            return NULL;
        }
        if (member->looked && !why) {
            why = member->look.status_error.message;
        } else if (member->pod.ready && view->secrets_unread && !why) {
            why = "without the Secrets there is no certificate to ask with";
        }
    }
    return why;
}

static void take_the_kubelets_word(struct world_member *member)
{
    struct etcd_look *look = &member->look;

    member->looked = true;
    *look = (struct etcd_look){.status = {.version = ""}};
    if (!member->pod.ready) {
        error_set(&look->status_error, ERROR_RETRYABLE,
                  "it cannot be asked from here, and the kubelet says that it is not ready");
        look->read_error = look->status_error;
    }
}

void explain_assume(struct world *world, struct arena *arena, struct explain_view *view)
{
    if (world->certificates_problem) {
        take_certificates_for_good(world, view);
    }
    view->etcd_unread = arena_strdup(arena, why_unread(world, view));
    if (!view->etcd_unread) {
        return;
    }
    for (int i = 0; i < ETCDCLUSTER_MAX_SIZE; i++) {
        if (world->members[i].pod.exists) {
            take_the_kubelets_word(&world->members[i]);
        }
    }
}

void explain_take_helper(struct world *world)
{
    const json_t *spec = json_path(world->stateful_set, "spec", "template", "spec", NULL);
    const char *copied_from =
        json_path_string(json_array_get(json_object_get(spec, "initContainers"), 0), "image", NULL);
    size_t i;
    json_t *volume;

    if (copied_from) {
        world->operator_image = copied_from;
    }
    json_array_foreach(json_object_get(spec, "volumes"), i, volume)
    {
        const char *mounted = json_path_string(volume, "image", "reference", NULL);
        if (mounted) {
            world->operator_image = mounted;
            world->helper_image_volume = true;
        }
    }
}
