/* What there is to see in the pod: the files of paths.h and the environment. */
#ifndef MEMBER_OBSERVE_H
#define MEMBER_OBSERVE_H 1

#include "member/decide.h"
#include "member/paths.h"

struct member_sight member_observe(const struct member_paths *paths, const char *pod,
                                   const char *pod_uid, struct arena *arena);

#endif
