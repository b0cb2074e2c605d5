/* The process_* metrics that every exporter has, with their usual names (Prometheus' client library
 * guidelines); the sources are in proc(5). What cannot be read is left out. */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "manager/metrics.h"

static void gauge(struct buffer *out, const char *name, const char *type, const char *help,
                  double value)
{
    buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type, name,
                  value);
}

static void render_memory(struct buffer *out)
{
    AUTO_FILE FILE *file = fopen("/proc/self/statm", "re");
    long long pages, resident;

    if (file && fscanf(file, "%lld %lld", &pages, &resident) == 2) {
        double page = (double)sysconf(_SC_PAGESIZE);
        gauge(out, "process_virtual_memory_bytes", "gauge", "Virtual memory.",
              (double)pages * page);
        gauge(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
              (double)resident * page);
    }
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void render_cpu(struct buffer *out)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        gauge(out, "process_cpu_seconds_total", "counter", "CPU time used.",
              seconds(usage.ru_utime) + seconds(usage.ru_stime));
    }
}

/* The start time stands in clock ticks since boot, as field 22 of stat; the fields are counted from
 * the last ")", because the program's name before it may hold anything. */
static void render_start_time(struct buffer *out)
{
    AUTO_FILE FILE *file = fopen("/proc/self/stat", "re");
    struct timespec wall, boot;
    char text[1024];
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    unsigned long long ticks;

    text[size] = '\0';
    const char *field = strrchr(text, ')');
    for (int number = 2; field && number < 22; number++) {
        field = strchr(field + 1, ' ');
    }
    if (!field || sscanf(field, "%llu", &ticks) != 1) {
        return;
    }
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    double now = (double)wall.tv_sec + (double)wall.tv_nsec / 1e9;
    double up = (double)boot.tv_sec + (double)boot.tv_nsec / 1e9;
    double started = now - up + (double)ticks / (double)sysconf(_SC_CLK_TCK);
    gauge(out, "process_start_time_seconds", "gauge", "When the process started, since 1970.",
          (double)(long long)(started * 100) / 100);
}

static void cleanup_dir(DIR **dir)
{
    if (*dir) {
        closedir(*dir);
    }
}

static void render_descriptors(struct buffer *out)
{
    CLEANUP(cleanup_dir) DIR *dir = opendir("/proc/self/fd");
    struct rlimit limit;
    int count = -3; /* ".", ".." and the directory itself. */

    if (dir) {
        while (readdir(dir)) {
            count++;
        }
        gauge(out, "process_open_fds", "gauge", "Open file descriptors.", count);
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        gauge(out, "process_max_fds", "gauge", "Most file descriptors allowed.",
              (double)limit.rlim_cur);
    }
}

void metrics_render_process(struct buffer *out)
{
    render_cpu(out);
    render_memory(out);
    render_start_time(out);
    render_descriptors(out);
}
