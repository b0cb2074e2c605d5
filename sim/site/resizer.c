/* Volumes grow: the resizer asks the driver, and where that cannot do all of it while the volume is
 * used, the kubelet does the rest when it mounts the volume the next time. */
#include <stdio.h>
#include <string.h>

#include "api/field.h"
#include "base/json.h"
#include "sim/site/site.h"

void sim_register_classes(struct sim_site *site)
{
    static const struct {
        const char *name, *is_default;
        bool grows;
    } classes[] = {{"standard", "true", true}, {"other", "false", true}, {"fixed", "false", false}};
    struct error error;

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        AUTO_JSON json_t *class =
            json_pack("{s:s, s:s, s:{s:s, s:{s:s}}, s:b}", "apiVersion", "storage.k8s.io/v1",
                      "kind", "StorageClass", "metadata", "name", classes[i].name, "annotations",
                      "storageclass.kubernetes.io/is-default-class", classes[i].is_default,
                      "allowVolumeExpansion", classes[i].grows);
        site->kube->create(site->kube->context, &kube_storage_classes, class, NULL, &error);
    }
}

static const char *requested(const json_t *claim)
{
    return json_path_string(claim, "spec", "resources", "requests", "storage", NULL);
}

static void grow(struct sim_site *site, struct sim_volume *volume, const char *size)
{
    sim_trace(site->sim, "the driver grows %s to %s", volume->claim, size);
    snprintf(volume->capacity, sizeof volume->capacity, "%s", size);
    volume->needs_mount = false;
    sim_volume_tell(site, volume, "Bound");
}

static const json_t *claim_of(const struct sim_site *site, const struct sim_volume *volume)
{
    const json_t *claim = sim_api_server_peek(site->server, &kube_persistent_volume_claims,
                                              SIM_NAMESPACE, volume->claim);
    const char *uid = json_path_string(claim, "metadata", "uid", NULL);

    return uid && !strcmp(uid, volume->claim_uid) && !volume->lost ? claim : NULL;
}

static void look(void *context, uint64_t index)
{
    struct sim_site *site = context;
    struct sim_volume *volume = &site->volumes[index];
    const json_t *claim = volume->disk ? claim_of(site, volume) : NULL;

    volume->grows = false;
    if (!claim) {
        return;
    }
    bool more = api_quantity_compare(requested(claim), volume->capacity) > 0;
    bool infeasible = more && site->growth == SIM_GROWS_NEVER;
    bool needs_mount = more && site->growth == SIM_GROWS_AT_MOUNT;
    if (more && site->growth == SIM_GROWS_ONLINE) {
        grow(site, volume, requested(claim));
    } else if (volume->infeasible != infeasible || volume->needs_mount != needs_mount) {
        volume->infeasible = infeasible;
        volume->needs_mount = needs_mount;
        volume->needs_since_ms = sim_now(site->sim);
        sim_volume_tell(site, volume, "Bound");
    }
}

void sim_volume_claim_changed(struct sim_site *site, const json_t *claim)
{
    struct sim_volume *volume =
        sim_volume_of_claim(site, json_path_string(claim, "metadata", "uid", NULL));

    if (volume && !volume->grows && api_quantity_compare(requested(claim), volume->capacity)) {
        volume->grows = true;
        sim_after(site->sim, sim_between(site->sim, SIM_STREAM_KUBELET, 100, 3000), look, site,
                  (uint64_t)(volume - site->volumes));
    }
}

void sim_volume_mounted(struct sim_site *site, struct sim_volume *volume)
{
    const json_t *claim = volume->needs_mount ? claim_of(site, volume) : NULL;

    if (claim) {
        grow(site, volume, requested(claim));
    }
}
