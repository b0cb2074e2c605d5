/* Any JSON as an EtcdCluster: it decodes with every default in place, or is refused with words. */
#include <stdlib.h>
#include <string.h>

#include "api/etcdcluster.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_JSON json_t *object = json_loadb((const char *)data, size, 0, NULL);
    struct etcdcluster_spec spec;
    struct error error = {0};

    if (!object) {
        return 0;
    }
    if (etcdcluster_decode(object, arena, &spec, &error)) {
        if (error.kind != ERROR_INVALID || !*error.message) {
            abort();
        }
    } else if (spec.size < 1 || spec.size > ETCDCLUSTER_MAX_SIZE || !spec.version ||
               !spec.storage.size || !spec.resources.limits.memory ||
               spec.etcd.election_timeout_ms < 5 * spec.etcd.heartbeat_interval_ms) {
        abort();
    }
    api_check_known(etcdcluster_kind.status, json_object_get(object, "status"), "status", &error);
    return 0;
}
