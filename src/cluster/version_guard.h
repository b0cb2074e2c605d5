/* Which etcd version may come after which.  Pure. */
#ifndef CLUSTER_VERSION_GUARD_H
#define CLUSTER_VERSION_GUARD_H 1

#include <stdbool.h>

#include "base/arena.h"

/* NULL: a cluster whose template has `template_version`, and whose members run at least `lowest`
 * and at most `highest` (NULL: none answers), may get `asked`. Else why not, and what may come
 * first. One minor up for each step, and 3.5 must be 3.5.26 or later before 3.6 (members that were
 * removed come back as zombies otherwise); a step that has begun may be taken back as long as no
 * member has left the old minor but the one that does not serve. All are "3.N.P". */
const char *version_guard(const char *template_version, const char *lowest, const char *highest,
                          const char *asked, struct arena *arena);

/* NULL, or that the image's tag (":v3.6.16", ":3.6.16-0") is of another minor version. A tag that
 * is no version, or a digest, says nothing. */
const char *version_of_image(const char *version, const char *image, struct arena *arena);

/* 6 of "3.6.16"; 0: it is no version. */
int version_minor(const char *version);
bool version_is_other_minor(const char *a, const char *b);

/* Of two versions, which is the later (>0: a). */
int version_compare(const char *a, const char *b);

#endif
