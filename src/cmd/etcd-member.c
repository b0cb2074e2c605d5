/* etcd-member: the entrypoint of the etcd container.  Starts etcd only on data that is this
 * member's, or by a permit from the operator; otherwise it waits and says what it sees. */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/permit.h"
#include "base/log.h"
#include "member/run.h"

static const char usage[] =
    "Usage: etcd-member install DIR\n"
    "       etcd-member run [--root DIR] [--port PORT]\n"
    "       etcd-member --help | --version\n"
    "\n"
    "install  copies this program to DIR/etcd-member. The init container of a\n"
    "         member's pod does this, from the operator's image.\n"
    "run      is the entrypoint of the etcd container. When the volume holds this\n"
    "         member's data, it becomes etcd at once. When it does not, it waits\n"
    "         for a start permit: an annotation on the pod, which the operator sets.\n"
    "         While it waits it says what it sees on port 2381: GET / answers\n"
    "         JSON, GET /livez and GET /readyz answer 503.\n"
    "\n"
    "Options of run, for tests:\n"
    "  --root DIR   puts DIR in front of every path below.\n"
    "  --port PORT  listens there instead of 2381.\n"
    "\n"
    "Environment of run: POD_NAME, POD_UID and POD_IP, from the downward API.\n"
    "\n"
    "Files of run:\n"
    "  " MEMBER_CONFIG_PATH "  etcd's arguments and the cluster's UID\n"
    "  " MEMBER_PERMIT_PATH "       the start permit, or nothing\n"
    "  " MEMBER_NONCE_PATH "   the permit that was used\n"
    "  " MEMBER_MARKER_PATH "     whose data the volume holds\n"
    "  " MEMBER_DATA_DIR "            etcd's data\n"
    "  " MEMBER_VOLUME_DIR "/aside-N         earlier data that was moved aside (the last two)\n"
    "  " MEMBER_ETCD_PATH "\n";

static void end_at_once(int signal)
{
    _exit(128 + signal);
}

/* As process 1 of the container it would otherwise ignore them, and pods would end slowly. */
static void handle_signals(void)
{
    struct sigaction action = {.sa_handler = end_at_once};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static int bad_usage(void)
{
    fputs(usage, stderr);
    return 2;
}

static int run(int argc, char **argv)
{
    static const struct option options[] = {
        {"root", required_argument, NULL, 'r'}, {"port", required_argument, NULL, 'p'}, {0}};
    struct member_run_options run_options = {.root = "",
                                             .port = MEMBER_METRICS_PORT,
                                             .pod = getenv("POD_NAME"),
                                             .pod_uid = getenv("POD_UID"),
                                             .pod_ip = getenv("POD_IP")};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'r') {
            run_options.root = optarg;
        } else if (option == 'p') {
            run_options.port = (uint16_t)strtoul(optarg, NULL, 10);
        } else {
            return bad_usage();
        }
    }
    if (optind < argc) {
        return bad_usage();
    }
    handle_signals();
    member_run(&run_options);
}

int main(int argc, char **argv)
{
    const char *command = argc > 1 ? argv[1] : "";

    log_configure(LOG_INFO, LOG_FORMAT_JSON);
    if (!strcmp(command, "--help")) {
        fputs(usage, stdout);
        return 0;
    }
    if (!strcmp(command, "--version")) {
        puts("etcd-member " VERSION);
        return 0;
    }
    if (!strcmp(command, "install") && argc == 3) {
        return member_install(argv[2]);
    }
    if (!strcmp(command, "run")) {
        return run(argc - 1, argv + 1);
    }
    return bad_usage();
}
