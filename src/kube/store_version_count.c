/* How many hold a version of an object. Apart from what holds it, for a static analyser that sees
 * both takes each reference that is given back for the last one. */
#include <stdlib.h>

#include "kube/store_internal.h"

struct version *kube_version_ref(struct version *version)
{
    atomic_fetch_add(&version->references, 1);
    return version;
}

void kube_version_unref(struct version *version)
{
    if (atomic_fetch_sub(&version->references, 1) == 1) {
        free(version->text);
        free(version);
    }
}
