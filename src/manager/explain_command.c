#include "manager/explain_command.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "cluster/explain.h"
#include "cluster/memo.h"
#include "cluster/observe.h"
#include "cluster/plan.h"
#include "etcd/client.h"
#include "kube/client.h"
#include "kube/path.h"
#include "manager/read_only.h"

enum { EXIT_EXPLAINED, EXIT_UNREADABLE, EXIT_USAGE, EXIT_NO_CLUSTER };

static const char usage[] =
    "Usage: etcd-operator explain NAMESPACE/NAME [--output text|json]\n"
    "                             [--kubeconfig FILE] [--context NAME]\n"
    "\n"
    "Says what is seen of an EtcdCluster, what each of the operator's rules says of\n"
    "that and what the operator will do next, and why. It looks as the operator does,\n"
    "with the same code, and changes nothing.\n"
    "\n"
    "  --output FORMAT    text (the default) or json; docs/operations.md has the keys.\n"
    "  --kubeconfig FILE  whom to ask, as whom. Without it: in a pod its service\n"
    "                     account; elsewhere $KUBECONFIG or ~/.kube/config.\n"
    "  --context NAME     of the kubeconfig; without it its current-context.\n"
    "  --help             shows this text.\n"
    "\n"
    "In the operator's pod it sees what the operator sees:\n"
    "  kubectl exec -n etcd-operator-system deployment/etcd-operator -- \\\n"
    "      /etcd-operator explain NAMESPACE/NAME\n"
    "Elsewhere it may not reach the members, or not read the Secrets that it takes to\n"
    "ask them: it says so, and goes by what the kubelets say.\n"
    "\n"
    "Exit code: 0 explained, 1 it cannot be read, 2 wrong usage, 3 no such cluster.\n";

struct command {
    const char *kubeconfig, *context;
    bool json;
    const char *namespace, *name;
};

static int bad_usage(const char *words, const char *what)
{
    fprintf(stderr, "etcd-operator explain: %s%s\nMore: etcd-operator explain --help\n", words,
            what);
    return EXIT_USAGE;
}

/* -1: go on; else the exit code. Cuts the argument in two. */
static int parse_cluster(struct command *command, char *argument)
{
    char *slash = strchr(argument, '/');

    if (!slash) {
        return bad_usage("say which cluster as NAMESPACE/NAME, not ", argument);
    }
    *slash = '\0';
    if (kube_path_name_ok(argument) && kube_path_name_ok(slash + 1)) {
        command->namespace = argument;
        command->name = slash + 1;
        return -1;
    }
    *slash = '/';
    return bad_usage("this is no NAMESPACE/NAME: ", argument);
}

static int parse(struct command *command, int argc, char **argv)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'},
                                            {"kubeconfig", required_argument, NULL, 'k'},
                                            {"context", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        switch (option) {
        case 'o':
            command->json = !strcmp(optarg, "json");
            if (!command->json && strcmp(optarg, "text") != 0) {
                return bad_usage("--output is text or json, not ", optarg);
            }
            break;
        case 'k':
            command->kubeconfig = optarg;
            break;
        case 'c':
            command->context = optarg;
            break;
        case 'h':
            fputs(usage, stdout);
            return EXIT_EXPLAINED;
        default:
            return bad_usage(option == ':' ? "a value is missing: " : "there is no ",
                             argv[optind - 1]);
        }
    }
    if (optind != argc - 1) {
        return bad_usage(optind < argc ? "one cluster at a time: " : "which cluster?",
                         optind < argc ? argv[optind + 1] : "");
    }
    return parse_cluster(command, argv[optind]);
}

/* In the operator's own pod: with its account and from its place in the network. Its Deployment
 * gives it its own image in the environment. */
static bool is_as_operator(const struct command *command)
{
    return !command->kubeconfig && !command->context && getenv("KUBERNETES_SERVICE_HOST") &&
           getenv("OPERATOR_IMAGE");
}

static int64_t now_boot_ms(void *context)
{
    (void)context;
    return clock_boot_ms();
}

static int64_t now_wall_ms(void *context)
{
    (void)context;
    return clock_wall_ms();
}

/* For nonces of permits that nobody will be given. */
static void get_random(void *context, void *out, size_t size)
{
    (void)context;
    random_bytes(out, size);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static int print(const struct command *command, const json_t *document, struct error *error)
{
    AUTO_BUFFER struct buffer out = {0};

    if (command->json) {
        AUTO_FREE char *json = json_dumps(document, JSON_INDENT(2));
        buffer_printf(&out, "%s\n", json);
    } else {
        explain_text(document, &out);
    }
    if (fwrite(out.data, 1, out.size, stdout) != out.size || fflush(stdout)) {
        return error_set(error, ERROR_TERMINAL, "writing to standard output failed");
    }
    return 0;
}

static int explain(const struct command *command, const struct kube_api *kube,
                   const struct etcd_api *etcd, struct error *error)
{
    const struct kube_api door = read_only_api(kube);
    const struct reconciler_options options = {.kube = &door,
                                               .etcd = etcd,
                                               .operator_image = "",
                                               .now_boot_ms = now_boot_ms,
                                               .now_wall_ms = now_wall_ms,
                                               .random = get_random};
    AUTO_ARENA struct arena *arena = arena_new();
    CLEANUP(memo_forget_certificates) struct memo memo = {0};
    struct explain_view view = {0};
    struct world world;
    struct plan plan;

    int result = observe_object(&options, command->namespace, command->name, arena, &world, error);
    if (result) {
        return result;
    }
    result = observe_cluster(&options, &memo, arena, &world, error);
    if (result) {
        return result == -(int)ERROR_NOT_FOUND ? -(int)ERROR_INVALID : result;
    }
    explain_take_helper(&world);
    if (!is_as_operator(command)) {
        explain_assume(&world, arena, &view);
    }
    plan_make(&world, arena, &plan);
    AUTO_JSON json_t *document = explain_document(&world, &plan, &view, arena);
    return print(command, document, error);
}

static int connect_and_explain(const struct command *command, struct error *error)
{
    const struct kube_client_options options = {
        .kubeconfig = command->kubeconfig, .context = command->context, .allow_change = never};
    struct kube_client *kube = NULL;

    int result = kube_client_new(&options, &kube, error);
    if (result) {
        return result == -(int)ERROR_NOT_FOUND ? -(int)ERROR_INVALID : result;
    }
    struct etcd_client *etcd = etcd_client_new();
    result = explain(command, kube_client_api(kube), etcd_client_api(etcd), error);
    etcd_client_free(etcd);
    kube_client_free(kube);
    return result;
}

int explain_command(int argc, char **argv)
{
    struct command command = {0};
    struct error error = {0};

    int code = parse(&command, argc, argv);
    if (code >= 0) {
        return code;
    }
    signal(SIGPIPE, SIG_IGN); /* TLS writes to peers that may be gone. */
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT);
    int result = connect_and_explain(&command, &error);
    if (result) {
        fprintf(stderr, "etcd-operator explain: %s\n", error.message);
    }
    return !result                           ? EXIT_EXPLAINED
           : result == -(int)ERROR_NOT_FOUND ? EXIT_NO_CLUSTER
                                             : EXIT_UNREADABLE;
}
