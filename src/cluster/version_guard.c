#include "cluster/version_guard.h"

#include <stdio.h>
#include <string.h>

#include "base/mutant.h"

/* https://etcd.io/blog/2025/zombie_members_upgrade/ */
#define LAST_BEFORE_3_6 26

struct version {
    int minor, patch;
};

static bool parse(const char *text, struct version *out)
{
    return text && sscanf(text, "3.%d.%d", &out->minor, &out->patch) == 2;
}

int version_minor(const char *version)
{
    struct version parsed;

    return parse(version, &parsed) ? parsed.minor : 0;
}

bool version_is_other_minor(const char *a, const char *b)
{
    struct version left, right;

    return parse(a, &left) && parse(b, &right) && left.minor != right.minor;
}

int version_compare(const char *a, const char *b)
{
    struct version left = {0, 0}, right = {0, 0};

    parse(a, &left);
    parse(b, &right);
    return left.minor != right.minor ? left.minor - right.minor : left.patch - right.patch;
}

const char *version_of_image(const char *version, const char *image, struct arena *arena)
{
    const char *tag = strrchr(image, ':');
    struct version says, is;

    if (!tag || strchr(tag, '/') || !parse(tag + 1 + (tag[1] == 'v'), &is) ||
        !parse(version, &says) || is.minor == says.minor) {
        return NULL;
    }
    return arena_printf(arena,
                        "spec.image is tagged as 3.%d, but spec.version says %s: set both to the "
                        "same, for the version decides the flags and what may come next",
                        is.minor, version);
}

static const char *jump(const struct version *from, const struct version *to, struct arena *arena)
{
    const char *steps = "";

    for (int minor = from->minor + 1; minor < to->minor; minor++) {
        steps = arena_printf(arena, "%s%s3.%d", steps, *steps ? ", then " : "", minor);
    }
    return arena_printf(arena,
                        "etcd goes up by one minor version at a time: set a version of %s first, "
                        "then 3.%d",
                        steps, to->minor);
}

const char *version_guard(const char *template_version, const char *lowest, const char *highest,
                          const char *asked, struct arena *arena)
{
    struct version template, low, high, to;

    if (!parse(template_version, &template) || !parse(asked, &to)) {
        return arena_printf(arena, "version %s cannot be compared with %s", asked,
                            template_version);
    }
    if (to.minor == template.minor || MUTANT(VersionJump)) {
        return NULL;
    }
    if (!parse(lowest, &low) || !parse(highest, &high)) {
        return "no member answers, so it cannot be told which version the data is of";
    }
    if (to.minor < template.minor) {
        return low.minor == to.minor
                   ? NULL
                   : arena_printf(arena,
                                  "the members run 3.%d and have converted their data: etcd goes "
                                  "back only by its own downgrade, which this operator does not do "
                                  "yet; restore a backup into a new cluster of the older version",
                                  low.minor);
    }
    if (low.minor != template.minor || high.minor != template.minor) {
        return arena_printf(arena, "the step to 3.%d is not complete yet", template.minor);
    }
    if (to.minor > template.minor + 1) {
        return jump(&template, &to, arena);
    }
    if (low.minor == 5 && low.patch < LAST_BEFORE_3_6) {
        return arena_printf(arena,
                            "etcd 3.5 must be at 3.5.%d or later before 3.6, or members that were "
                            "removed come back; a member runs %s: set the newest 3.5 first",
                            LAST_BEFORE_3_6, lowest);
    }
    return NULL;
}
