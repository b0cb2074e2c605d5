/* The operator's program: `etcd-operator [run] [OPTIONS]`, `etcd-operator explain CLUSTER`,
 * `etcd-operator snapshot ...`, or `etcd-operator restore ...`. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "manager/explain_command.h"
#include "manager/manager.h"
#include "manager/options.h"
#include "restore/command.h"
#include "snapshot/command.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

static int show(void (*write)(struct buffer *out))
{
    AUTO_BUFFER struct buffer text = {0};

    write(&text);
    fputs(text.data, stdout);
    return 0;
}

static int run(const struct manager_options *options, int64_t started_ms)
{
    struct error error = {0};

    log_configure(options->log_level, options->log_format);
    if (manager_run(options, started_ms, &error) < 0) {
        log_error("cannot run", "error", error.message, NULL);
        return EXIT_FAILED;
    }
    return 0;
}

int main(int argc, char **argv)
{
    int64_t started_ms = clock_boot_ms();
    CLEANUP(manager_options_fini) struct manager_options options = {0};
    struct error error = {0};

    if (argc > 1 && !strcmp(argv[1], "explain")) {
        return explain_command(argc - 1, argv + 1);
    }
    if (argc > 1 && !strcmp(argv[1], "snapshot")) {
        return snapshot_command(argc - 1, argv + 1);
    }
    if (argc > 1 && !strcmp(argv[1], "restore")) {
        return restore_command(argc - 1, argv + 1);
    }
    int skip = argc > 1 && !strcmp(argv[1], "run") ? 2 : 1;

    if (manager_options_parse(&options, argc - skip, argv + skip, &error) < 0) {
        fprintf(stderr, "etcd-operator: %s\nMore: etcd-operator --help\n", error.message);
        return EXIT_USAGE;
    }
    if (options.help) {
        return show(manager_options_help);
    }
    if (options.reference) {
        return show(manager_options_reference);
    }
    if (options.version) {
        puts("etcd-operator " VERSION);
        return 0;
    }
    manager_prepare_process();
    return run(&options, started_ms);
}
