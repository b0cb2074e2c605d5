/* The simulated etcd does what etcd does: each scenario is played with both, and the outcomes are
 * the same. SCENARIO=name plays one alone, and prints what was seen. ETCD_BIN_OLD names the minor
 * version before, for the scenarios that need it. */
#include <stdio.h>
#include <stdlib.h>

#include "../etcd/fixture.h"
#include "etcd_scenarios.h"
#include "model_place.h"
#include "real_place.h"

static char version[32], old_version[32];
static const char *old_binary;

static char *play_with_model(const struct scenario *scenario, uint64_t seed)
{
    struct model_place model;

    model_place_init(&model, seed, version, old_binary ? old_version : NULL);
    scenario->play(&model.place);
    char *outcome = strdup(model.place.outcome.data ? model.place.outcome.data : "");
    model_place_fini(&model);
    return outcome;
}

static char *play_with_etcd(const struct scenario *scenario)
{
    struct real_place real;

    real_place_init(&real, real_etcd(), old_binary);
    scenario->play(&real.place);
    char *outcome = strdup(real.place.outcome.data ? real.place.outcome.data : "");
    real_place_fini(&real);
    return outcome;
}

/* cmocka cuts long texts. */
static void print_lines(const char *title, const char *text)
{
    print_message("%s\n", title);
    for (size_t length; *text; text += length + (text[length] != '\0')) {
        length = strcspn(text, "\n");
        print_message("  %.*s\n", (int)length, text);
    }
}

static void test_scenario(void **state)
{
    const struct scenario *scenario = *state;

    char *model = play_with_model(scenario, 1), *other = play_with_model(scenario, 2);
    char *real = play_with_etcd(scenario);
    if (getenv("SCENARIO") || strcmp(model, real) != 0) {
        print_lines(version, real);
    }
    if (strcmp(model, real) != 0) {
        print_lines("the model", model);
        fail();
    }
    assert_string_equal(model, other); /* It is not a matter of chance. */
    free(model);
    free(other);
    free(real);
}

int main(void)
{
    struct CMUnitTest tests[64];
    size_t n = 0;
    const char *only = getenv("SCENARIO");

    if (!real_etcd()) {
        return SKIPPED;
    }
    old_binary = getenv("ETCD_BIN_OLD");
    old_binary = old_binary && *old_binary ? old_binary : NULL;
    real_version(real_etcd(), version, sizeof version);
    if (old_binary) {
        real_version(old_binary, old_version, sizeof old_version);
    }
    for (size_t i = 0; i < n_etcd_scenarios; i++) {
        if ((!only || !strcmp(only, etcd_scenarios[i].name)) &&
            (old_binary || !etcd_scenarios[i].needs_old)) {
            tests[n++] =
                (struct CMUnitTest){.name = etcd_scenarios[i].name,
                                    .test_func = test_scenario,
                                    .initial_state = (void *)(uintptr_t)&etcd_scenarios[i]};
        }
    }
    return _cmocka_run_group_tests("etcd-model", tests, n, NULL, NULL);
}
