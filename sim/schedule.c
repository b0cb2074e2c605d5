#include "sim/schedule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *sim_fault_name(enum sim_fault_kind kind)
{
    static const char *const names[] = {
#define FAULT(name) #name,
        SIM_FAULTS(FAULT)
#undef FAULT
    };
    return names[kind];
}

const char *sim_version(int number)
{
    static const char *const versions[SIM_VERSIONS] = {"3.5.20", "3.5.35", "3.6.16", "3.6.17",
                                                       "3.7.3"};

    return number < 0 ? NULL : versions[number];
}

static int64_t draw(struct sim *sim, int64_t low, int64_t high)
{
    return sim_between(sim, SIM_STREAM_FAULTS, low, high);
}

static int by_time(const void *a, const void *b)
{
    const struct sim_fault *x = a, *y = b;
    return x->at_ms < y->at_ms ? -1 : x->at_ms > y->at_ms;
}

/* Half of all faults come while the cluster is made: that is the first few seconds. */
static struct sim_fault draw_fault(struct sim *sim, int64_t end_ms)
{
    bool early = sim_chance(sim, SIM_STREAM_FAULTS, 0.5);
    bool brief = sim_chance(sim, SIM_STREAM_FAULTS, 0.5);

    /* What a cluster must survive at its birth is met too seldom by chance alone. */
    static const enum sim_fault_kind births[] = {
        SIM_FAULT_BadOption, SIM_FAULT_VolumeWiped, SIM_FAULT_SetDeleted,
        SIM_FAULT_PodForced, SIM_FAULT_SizeChanged, SIM_FAULT_NodeOff,
        SIM_FAULT_NameTaken, SIM_FAULT_PodDeleted,  SIM_FAULT_ClassChanged};
    bool birth = early && sim_chance(sim, SIM_STREAM_FAULTS, 0.3);

    struct sim_fault fault = {
        .at_ms = early ? draw(sim, 0, 8000) : draw(sim, 8000, end_ms),
        .duration_ms = brief ? draw(sim, 50, 3000) : draw(sim, 3000, 45000),
        .kind = (enum sim_fault_kind)sim_below(sim, SIM_STREAM_FAULTS, N_SIM_FAULTS),
        .a = (uint32_t)sim_below(sim, SIM_STREAM_FAULTS, 1 << 30),
        .b = (uint32_t)sim_below(sim, SIM_STREAM_FAULTS, 1 << 30),
    };
    if (birth) {
        fault.kind = births[fault.a % (sizeof births / sizeof *births)];
        fault.at_ms = draw(sim, 0, 2500);
    }
    if (fault.kind == SIM_FAULT_NameTaken || (birth && fault.kind == SIM_FAULT_ClassChanged)) {
        fault.at_ms = draw(sim, 0, 60); /* Later the name is the cluster's own, the volume bound. */
    }
    return fault;
}

/* The size or the version is changed several times, to be carried out on top of each other. */
static void draw_changes(struct sim *sim, struct sim_schedule *schedule)
{
    static const enum sim_fault_kind kinds[] = {SIM_FAULT_SizeChanged,   SIM_FAULT_SizeChanged,
                                                SIM_FAULT_SizeChanged,   SIM_FAULT_VersionChanged,
                                                SIM_FAULT_OptionChanged, SIM_FAULT_StorageChanged};
    int n = (int)draw(sim, 1, 4);

    schedule->faults_end_ms += draw(sim, 30000, 180000);
    for (int i = 0; i < n; i++) {
        struct sim_fault fault = draw_fault(sim, schedule->faults_end_ms);
        fault.kind = kinds[fault.a % (sizeof kinds / sizeof *kinds)];
        fault.at_ms = draw(sim, 10000, schedule->faults_end_ms);
        schedule->faults[schedule->n_faults++] = fault;
    }
}

void sim_schedule_draw(uint64_t seed, struct sim_schedule *schedule)
{
    static const int sizes[] = {1, 3, 3, 3, 3, 5};
    struct sim *sim = sim_new(seed);

    *schedule = (struct sim_schedule){.seed = seed};
    schedule->size = sizes[sim_below(sim, SIM_STREAM_FAULTS, sizeof sizes / sizeof *sizes)];
    schedule->operators = (int)draw(sim, 1, 2);
    schedule->delete_claims = sim_chance(sim, SIM_STREAM_FAULTS, 0.3);
    schedule->keep_claims = sim_chance(sim, SIM_STREAM_FAULTS, 0.3);
    schedule->faults_end_ms = draw(sim, 10000, 60000);
    schedule->version = sim_chance(sim, SIM_STREAM_FAULTS, 0.4)
                            ? (int)sim_below(sim, SIM_STREAM_FAULTS, SIM_VERSIONS)
                            : -1;
    schedule->max_retries = sim_chance(sim, SIM_STREAM_FAULTS, 0.3) ? (int)draw(sim, 0, 3) : -1;
    schedule->retry_seconds = sim_chance(sim, SIM_STREAM_FAULTS, 0.3) ? (int)draw(sim, 0, 60) : -1;
    schedule->n_faults = (int)draw(sim, 0, 6);
    for (int i = 0; i < schedule->n_faults; i++) {
        schedule->faults[i] = draw_fault(sim, schedule->faults_end_ms);
    }
    if (sim_chance(sim, SIM_STREAM_FAULTS, 0.4)) {
        draw_changes(sim, schedule);
    }
    static const int growths[] = {0, 0, 0, 1, 1, 2};
    schedule->growth = growths[sim_below(sim, SIM_STREAM_FAULTS, sizeof growths / sizeof *growths)];
    for (int i = 0; i < schedule->n_faults; i++) {
        struct sim_fault *fault = &schedule->faults[i];
        if (fault->kind == SIM_FAULT_MemberFailsAgain) { /* It takes time to do so often. */
            fault->duration_ms = draw(sim, 20000, 300000);
            schedule->faults_end_ms += fault->duration_ms;
        }
    }
    qsort(schedule->faults, (size_t)schedule->n_faults, sizeof *schedule->faults, by_time);
    sim_free(sim);
}

void sim_schedule_print(const struct sim_schedule *schedule, void (*line)(const char *text))
{
    char text[240];

    const char *version = sim_version(schedule->version);

    snprintf(text, sizeof text,
             "seed %llu: size %d, version %s, operators %d, claims are %s and %s, volumes grow %s",
             (unsigned long long)schedule->seed, schedule->size, version ? version : "not said",
             schedule->operators, schedule->delete_claims ? "deleted with the cluster" : "kept",
             schedule->keep_claims ? "kept when it shrinks" : "deleted when it shrinks",
             schedule->growth == 0   ? "while they are used"
             : schedule->growth == 1 ? "when mounted"
                                     : "never");
    line(text);
    for (int i = 0; i < schedule->n_faults; i++) {
        const struct sim_fault *fault = &schedule->faults[i];
        snprintf(text, sizeof text, "  at %7.3f s %s (%u, %u) for %.3f s",
                 (double)fault->at_ms / 1000, sim_fault_name(fault->kind), fault->a, fault->b,
                 (double)fault->duration_ms / 1000);
        line(text);
    }
}
