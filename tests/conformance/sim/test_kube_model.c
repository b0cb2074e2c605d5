/* Plays every scenario before the model and, where KUBE_TEST_SERVER, KUBE_TEST_CA_FILE and
 * KUBE_TEST_TOKEN_FILE name one, before a real Kubernetes; the outcomes must be the same.
 *
 *   test_kube_model [PART-OF-A-NAME [-v]]
 *
 * The token may do everything with namespaces and what is in them, and the CRD is installed. Pods
 * run KUBE_TEST_IMAGE or etcd's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "kube_scenarios.h"
#include "stages.h"

#define MAX_SCENARIOS 64

static struct real_cluster *cluster;
static bool verbose;

static char *play(struct kube_stage *stage, const struct kube_scenario *scenario)
{
    scenario->play(stage);
    return xstrdup(stage->outcome.data ? stage->outcome.data : "");
}

static char *play_model(const struct kube_scenario *scenario)
{
    struct kube_stage *stage = model_stage_new();
    char *outcome = play(stage, scenario);

    model_stage_free(stage);
    return outcome;
}

static char *play_real(const struct kube_scenario *scenario)
{
    struct kube_stage *stage = real_stage_new(cluster);
    char *outcome = play(stage, scenario);

    real_stage_free(stage);
    return outcome;
}

#define SHOWN_BEFORE 60
#define SHOWN        300

/* The lines side by side, where they differ; of a long one the part in which they do. */
static void print_difference(const char *model, const char *real)
{
    while (*model || *real) {
        size_t a = strcspn(model, "\n"), b = strcspn(real, "\n"), same = 0;
        while (same < a && same < b && model[same] == real[same]) {
            same++;
        }
        if (same < a || same < b) {
            size_t from = same > SHOWN_BEFORE ? same - SHOWN_BEFORE : 0;
            print_error("  model: %.*s\n", (int)(a - from < SHOWN ? a - from : SHOWN),
                        model + from);
            print_error("  real:  %.*s\n", (int)(b - from < SHOWN ? b - from : SHOWN), real + from);
        }
        model += a + (model[a] == '\n');
        real += b + (real[b] == '\n');
    }
}

static void test_scenario(void **state)
{
    const struct kube_scenario *scenario = *state;
    AUTO_FREE char *model = play_model(scenario);

    if (verbose) {
        print_message("%s", model);
    }
    AUTO_FREE char *real = cluster ? play_real(scenario) : NULL;
    if (real && strcmp(model, real) != 0) {
        print_difference(model, real);
        fail_msg("%s: the model is not as Kubernetes is", scenario->name);
    }
    if (strstr(model, "NEVER:") || strstr(model, "FAILED")) {
        print_error("%s", model);
        fail_msg("%s does not come to its end", scenario->name);
    }
}

static size_t add_scenarios(struct CMUnitTest *tests, size_t length,
                            const struct kube_scenario *scenarios, const char *part)
{
    for (; scenarios->name; scenarios++) {
        if (part && !strstr(scenarios->name, part)) {
            continue;
        }
        tests[length++] = (struct CMUnitTest){.name = scenarios->name,
                                              .test_func = test_scenario,
                                              .initial_state = (void *)scenarios};
    }
    return length;
}

int main(int argc, char **argv)
{
    static const struct kube_scenario *const all[] = {
        object_scenarios, apply_scenarios, watch_scenarios,   owner_scenarios,
        set_scenarios,    pod_scenarios,   children_scenarios};
    static struct CMUnitTest tests[MAX_SCENARIOS];
    const struct kube_client_options options = {.server = getenv("KUBE_TEST_SERVER"),
                                                .ca_file = getenv("KUBE_TEST_CA_FILE"),
                                                .token_file = getenv("KUBE_TEST_TOKEN_FILE")};
    const char *part = argc > 1 ? argv[1] : NULL;
    size_t length = 0;
    struct error error;

    verbose = argc > 2;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        length = add_scenarios(tests, length, all[i], part);
    }
    if (options.server && *options.server && real_cluster_new(&options, &cluster, &error)) {
        fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    int failures = _cmocka_run_group_tests("kube_model", tests, length, NULL, NULL);
    if (cluster) {
        real_cluster_free(cluster);
    }
    return failures;
}
