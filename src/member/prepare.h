/* The steps between a permit and the start of etcd, each safe to be cut short by a power cut: what
 * is done twice does no harm, and the nonce, which uses the permit up, comes last. */
#ifndef MEMBER_PREPARE_H
#define MEMBER_PREPARE_H 1

#include "api/permit.h"
#include "member/paths.h"

#define MEMBER_ASIDE_KEPT 2 /* Directories of old data that stay on the volume. */

/* For MEMBER_START: leftovers in the data directory aside, marker, nonce, an empty data directory.
 * For MEMBER_ADOPT: marker and nonce. Errors are ERROR_RETRYABLE with errno's words. */
int member_prepare_start(const struct member_paths *paths, const struct permit *permit,
                         struct error *error);
int member_prepare_adopt(const struct member_paths *paths, const struct permit *permit,
                         struct error *error);

/* What the placeholders in the arguments stand for. */
struct member_place {
    const char *pod; /* {name} */
    int32_t ordinal; /* {ordinal} */
    const char *ip;  /* The pod's: {listen} is "[::]" if it is IPv6, else (NULL too) "0.0.0.0". */
};

/* etcd's arguments, ended by NULL; with `permit` (NULL: none) the initial-cluster flags. */
char **member_arguments(const struct member_paths *paths, const struct member_config *config,
                        const struct member_place *place, const struct permit *permit,
                        struct arena *arena);

#endif
