#include "base/mutant.h"

#ifdef MUTANTS

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    int seeds;
    const char *what;
} table[] = {
#define M(name, seeds, what) {#name, seeds, what},
    MUTANTS_TABLE(M)
#undef M
};

static const char *chosen = "";

bool mutant_is(const char *name)
{
    return !strcmp(chosen, name);
}

bool mutant_choose(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!strcmp(table[i].name, name)) {
            chosen = table[i].name;
            return true;
        }
    }
    return false;
}

void mutant_list(void (*line)(const char *text))
{
    char text[256];

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        snprintf(text, sizeof text, "%s %d %s", table[i].name, table[i].seeds, table[i].what);
        line(text);
    }
}

#else

/* A translation unit may not be empty. */
typedef int mutant_none;

#endif
