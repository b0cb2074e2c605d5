/* Where things are in the pod, with a prefix for tests. */
#ifndef MEMBER_PATHS_H
#define MEMBER_PATHS_H 1

#include "base/arena.h"

struct member_paths {
    const char *helper_dir, *nonce, *started, *permit, *config, *volume, *data, *marker, *etcd;
};

/* api/permit.h's paths, each with `root` in front ("" in a pod). */
struct member_paths member_paths(const char *root, struct arena *arena);

#endif
