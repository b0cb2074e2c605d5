/* sim: runs seeds, says what they visited, and for a seed that violates an invariant prints the
 * shortest schedule that still does, with its trace. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mutant.h"
#include "sim/run.h"

#define MAX_JOBS     16
#define MEMORY_LIMIT ((rlim_t)2 << 30) /* A run that goes wild must not take the machine along. */

static const char usage[] =
    "Usage: sim [--seeds N] [--first N] [--jobs N] [--least N] [--mutant NAME]\n"
    "           [--brief]\n"
    "       sim --seed N [--mutant NAME]\n"
    "       sim --list-mutants\n"
    "\n"
    "--seeds N    how many seeds to run (1000), beginning with\n"
    "--first N    this one (1),\n"
    "--jobs N     on so many cores (all of them).\n"
    "--least N    fail when a rule was applied in fewer seeds than this (0: do not look).\n"
    "--brief      of a violation print only the seed and the invariant.\n"
    "--seed N     replay one seed, with its trace.\n"
    "--mutant M   with this deliberate fault in the operator (a build with -Dmutants=true).\n"
    "\n"
    "The last lines say how many schedules ran in a second and what they visited. The status\n"
    "is 1 when an invariant was violated.\n";

struct options {
    uint64_t seeds, first, seed, least;
    int jobs;
    bool replay, brief;
};

/* What one job tells the others; in shared memory. */
struct job {
    struct sim_coverage coverage;
    uint64_t done, current, passes;
    uint64_t failed; /* The seed, or 0. */
};

static void print_line(const char *text)
{
    puts(text);
}

static void print_trace(void *context, const char *text)
{
    (void)context;
    puts(text);
}

static void run_job(const struct options *options, struct job *jobs, int index)
{
    struct job *job = &jobs[index];

    for (uint64_t i = (uint64_t)index; i < options->seeds; i += (uint64_t)options->jobs) {
        struct sim_schedule schedule;
        struct sim_result result;
        job->current = options->first + i;
        sim_schedule_draw(job->current, &schedule);
        sim_run(&schedule, &job->coverage, NULL, NULL, &result);
        job->done++;
        job->passes += result.passes;
        if (result.invariant) {
            job->failed = job->current;
            return;
        }
        for (int other = 0; other < options->jobs; other++) {
            if (jobs[other].failed && jobs[other].failed < job->current) {
                return; /* The lowest one is what is told. */
            }
        }
    }
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The lowest seed that failed, in an invariant or by ending its process; 0: none. */
static uint64_t run_jobs(const struct options *options, struct job *jobs)
{
    pid_t pids[MAX_JOBS];
    uint64_t failed = 0;

    for (int i = 0; i < options->jobs; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY_LIMIT, MEMORY_LIMIT});
            run_job(options, jobs, i);
            _exit(0);
        }
    }
    for (int i = 0; i < options->jobs; i++) {
        int status;
        if (waitpid(pids[i], &status, 0) != pids[i] || status) {
            printf("seed %llu ended the simulator with status 0x%x\n",
                   (unsigned long long)jobs[i].current, (unsigned)status);
            jobs[i].failed = jobs[i].current;
        }
        if (jobs[i].failed && (!failed || jobs[i].failed < failed)) {
            failed = jobs[i].failed;
        }
    }
    return failed;
}

static int replay(uint64_t seed)
{
    struct sim_schedule schedule;
    struct sim_result result;

    sim_schedule_draw(seed, &schedule);
    sim_schedule_print(&schedule, print_line);
    sim_run(&schedule, NULL, print_trace, NULL, &result);
    printf("%s%s%s\n", result.invariant ? result.invariant : "no invariant was violated",
           result.invariant ? ": " : "", result.violation);
    return result.invariant ? 1 : 0;
}

/* In a process of its own, for it may crash again. */
static void tell_failure(uint64_t seed)
{
    struct sim_schedule schedule;
    struct sim_result result;

    fflush(stdout);
    if (fork() == 0) {
        sim_schedule_draw(seed, &schedule);
        sim_schedule_print(&schedule, print_line);
        fflush(stdout);
        sim_run(&schedule, NULL, NULL, NULL, &result);
        if (result.invariant) {
            printf("VIOLATED %s: %s\nshrinking ...\n", result.invariant, result.violation);
            sim_shrink(&schedule, result.invariant);
            sim_schedule_print(&schedule, print_line);
            sim_run(&schedule, NULL, print_trace, NULL, &result);
        }
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    printf("replay: make sim SEED=%llu\n", (unsigned long long)seed);
}

static void tell_briefly(uint64_t seed)
{
    struct sim_schedule schedule;
    struct sim_result result;

    sim_schedule_draw(seed, &schedule);
    sim_run(&schedule, NULL, NULL, NULL, &result);
    printf("seed %llu: %s\n", (unsigned long long)seed,
           result.invariant ? result.invariant : "the process ended");
}

static int run_all(const struct options *options)
{
    struct job *jobs = mmap(NULL, MAX_JOBS * sizeof *jobs, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    static struct sim_coverage sum;
    uint64_t done = 0, passes = 0;
    double started = seconds();

    if (jobs == MAP_FAILED) {
        perror("sim: mmap");
        return 2;
    }
    uint64_t failed = run_jobs(options, jobs);
    double lasted = seconds() - started;
    for (int i = 0; i < options->jobs; i++) {
        sim_coverage_add(&sum, &jobs[i].coverage);
        done += jobs[i].done;
        passes += jobs[i].passes;
    }
    if (failed) {
        options->brief ? tell_briefly(failed) : tell_failure(failed);
        return 1;
    }
    bool visited = sim_coverage_print(&sum, stdout, options->least);
    printf("%llu schedules, %llu passes in %.1f s: %.0f schedules in a second on %d cores\n",
           (unsigned long long)done, (unsigned long long)passes, lasted, (double)done / lasted,
           options->jobs);
    return visited ? 0 : 1;
}

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {{"seeds", required_argument, NULL, 's'},
                                                 {"first", required_argument, NULL, 'f'},
                                                 {"jobs", required_argument, NULL, 'j'},
                                                 {"least", required_argument, NULL, 'l'},
                                                 {"seed", required_argument, NULL, 'r'},
                                                 {"mutant", required_argument, NULL, 'm'},
                                                 {"brief", no_argument, NULL, 'b'},
                                                 {"list-mutants", no_argument, NULL, 'L'},
                                                 {0}};
    int option;

    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case 's':
            options->seeds = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            options->first = strtoull(optarg, NULL, 10);
            break;
        case 'j':
            options->jobs = atoi(optarg);
            break;
        case 'l':
            options->least = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            options->seed = strtoull(optarg, NULL, 10);
            options->replay = true;
            break;
        case 'm':
            if (!mutant_choose(optarg)) {
                fprintf(stderr, "sim: no mutant is called '%s' in this build\n", optarg);
                return false;
            }
            break;
        case 'b':
            options->brief = true;
            break;
        case 'L':
            mutant_list(print_line);
            exit(0);
        default:
            return false;
        }
    }
    return optind == argc && options->jobs >= 1 && options->jobs <= MAX_JOBS;
}

int main(int argc, char **argv)
{
    struct options options = {
        .seeds = 1000, .first = 1, .jobs = (int)sysconf(_SC_NPROCESSORS_ONLN)};

    options.jobs = options.jobs < MAX_JOBS ? options.jobs : MAX_JOBS;
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT);
    if (!parse(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    return options.replay ? replay(options.seed) : run_all(&options);
}
