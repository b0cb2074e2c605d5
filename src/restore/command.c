#include "restore/command.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "restore/fetch.h"
#include "restore/stage.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_BAD_SNAPSHOT, EXIT_REFUSED };

#define MAX_RESULT 4000 /* The kubelet takes 4096 bytes of a termination message. */

static const char usage[] =
    "Usage: etcd-operator restore fetch  --store URL --name NAME --etcd-version VERSION\n"
    "                                    [OPTIONS]\n"
    "       etcd-operator restore commit --cluster-uid UID --generation N --ordinal N\n"
    "                                    --member-id ID [OPTIONS]\n"
    "\n"
    "The steps of a restore on a member's volume, which is at " MEMBER_VOLUME_DIR ". The\n"
    "operator runs them in a pod of their own, with `etcdutl snapshot restore` between.\n"
    "\n"
    "fetch   brings a backup to " RESTORE_SNAPSHOT ", opened and proven\n"
    "        against its manifest. Nothing is written before version and room are seen to\n"
    "        be right.\n"
    "commit  takes " RESTORE_STAGED_DATA " into use as the data of the member.\n"
    "        It may be cut short at any moment and run again.\n"
    "\n"
    "Options of fetch:\n"
    "  --store, --credentials-file, --endpoint, --region, --path-style, --ca-file,\n"
    "  --encryption, --encryption-key\n"
    "                              as of `etcd-operator snapshot download`.\n"
    "  --name NAME                 of the object; its manifest is NAME.json.\n"
    "  --encryption-key-file FILE  may be given again: the one that fits is taken.\n"
    "  --etcd-version VERSION      that the data is to run with.\n"
    "  --sha256 HEX, --revision N  of the database, where they are known.\n"
    "\n"
    "Options of both:\n"
    "  --result-file FILE          what came of it, as JSON; on failure\n"
    "                              {\"error\":...,\"step\":...,\"retry\":true|false}.\n"
    "  --root DIR                  in front of every path on the volume, for tests.\n"
    "  --help                      shows this text.\n"
    "\n"
    "Exit code: 0 done, 1 failed, and another try may help, 2 wrong usage, 3 the backup is\n"
    "not good, or no key fits, 4 refused: another try does not help.\n";

enum option_id {
    OPTION_STORE = 1,
    OPTION_CREDENTIALS,
    OPTION_ENDPOINT,
    OPTION_REGION,
    OPTION_PATH_STYLE,
    OPTION_CA,
    OPTION_ENCRYPTION,
    OPTION_ENCRYPTION_KEY,
    OPTION_NAME,
    OPTION_KEY,
    OPTION_ETCD_VERSION,
    OPTION_SHA256,
    OPTION_REVISION,
    OPTION_CLUSTER_UID,
    OPTION_GENERATION,
    OPTION_ORDINAL,
    OPTION_MEMBER_ID,
    OPTION_RESULT,
    OPTION_ROOT,
    OPTION_HELP,
};

static const struct option options[] = {
    {"store", required_argument, NULL, OPTION_STORE},
    {"credentials-file", required_argument, NULL, OPTION_CREDENTIALS},
    {"endpoint", required_argument, NULL, OPTION_ENDPOINT},
    {"region", required_argument, NULL, OPTION_REGION},
    {"path-style", no_argument, NULL, OPTION_PATH_STYLE},
    {"ca-file", required_argument, NULL, OPTION_CA},
    {"encryption", required_argument, NULL, OPTION_ENCRYPTION},
    {"encryption-key", required_argument, NULL, OPTION_ENCRYPTION_KEY},
    {"name", required_argument, NULL, OPTION_NAME},
    {"encryption-key-file", required_argument, NULL, OPTION_KEY},
    {"etcd-version", required_argument, NULL, OPTION_ETCD_VERSION},
    {"sha256", required_argument, NULL, OPTION_SHA256},
    {"revision", required_argument, NULL, OPTION_REVISION},
    {"cluster-uid", required_argument, NULL, OPTION_CLUSTER_UID},
    {"generation", required_argument, NULL, OPTION_GENERATION},
    {"ordinal", required_argument, NULL, OPTION_ORDINAL},
    {"member-id", required_argument, NULL, OPTION_MEMBER_ID},
    {"result-file", required_argument, NULL, OPTION_RESULT},
    {"root", required_argument, NULL, OPTION_ROOT},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

struct command {
    const char *step; /* "fetch" or "commit" */
    struct restore_fetch fetch;
    struct marker marker;
    const char *result_file;
    bool help;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

static bool is_interrupted(void *context)
{
    (void)context;
    return interrupted;
}

static int wrong(struct error *error, const char *words, const char *what)
{
    return error_set(error, ERROR_INVALID, "%s%s", words, what);
}

static int take_number(const char *value, int64_t least, int64_t most, int64_t *out,
                       struct error *error)
{
    char *end;

    *out = strtoll(value, &end, 10);
    return *value && !*end && *out >= least && *out <= most
               ? 0
               : wrong(error, "this is no number that can be meant: ", value);
}

static int take_identity(struct marker *marker, enum option_id option, const char *value,
                         struct error *error)
{
    int64_t number;

    if (option == OPTION_CLUSTER_UID) {
        marker->cluster_uid = value;
        return 0;
    }
    if (option == OPTION_MEMBER_ID) {
        return id_parse(value, &marker->member_id) ? 0 : wrong(error, "this is no id: ", value);
    }
    if (option == OPTION_GENERATION) {
        return take_number(value, 1, INT64_MAX, &marker->generation, error);
    }
    int result = take_number(value, 0, 999, &number, error);
    marker->ordinal = (int32_t)number;
    return result;
}

static int take_option(struct command *command, enum option_id option, const char *value,
                       struct error *error)
{
    struct restore_fetch *fetch = &command->fetch;

    switch (option) {
    case OPTION_STORE:
        fetch->store.url = value;
        return 0;
    case OPTION_CREDENTIALS:
        fetch->store.credentials_file = value;
        return 0;
    case OPTION_ENDPOINT:
        fetch->store.endpoint = value;
        return 0;
    case OPTION_REGION:
        fetch->store.region = value;
        return 0;
    case OPTION_PATH_STYLE:
        fetch->store.path_style = true;
        return 0;
    case OPTION_CA:
        fetch->store.ca_file = value;
        return 0;
    case OPTION_ENCRYPTION:
        fetch->store.encryption = value;
        return 0;
    case OPTION_ENCRYPTION_KEY:
        fetch->store.encryption_key_id = value;
        return 0;
    case OPTION_NAME:
        fetch->name = value;
        return 0;
    case OPTION_KEY:
        return snapshot_keys_read(&fetch->keys, value, error);
    case OPTION_ETCD_VERSION:
        fetch->etcd_version = value;
        return 0;
    case OPTION_SHA256:
        fetch->sha256 = value;
        return 0;
    case OPTION_REVISION:
        return take_number(value, 1, INT64_MAX, &fetch->revision, error);
    case OPTION_CLUSTER_UID:
    case OPTION_GENERATION:
    case OPTION_ORDINAL:
    case OPTION_MEMBER_ID:
        return take_identity(&command->marker, option, value, error);
    case OPTION_RESULT:
        command->result_file = value;
        return 0;
    case OPTION_ROOT:
        fetch->root = value;
        return 0;
    case OPTION_HELP:
        break;
    }
    command->help = true;
    return 0;
}

static int check_command(const struct command *command, struct error *error)
{
    const struct restore_fetch *fetch = &command->fetch;
    const struct marker *marker = &command->marker;

    if (!strcmp(command->step, "fetch")) {
        return fetch->store.url && fetch->name && fetch->etcd_version
                   ? 0
                   : wrong(error, "fetch needs --store, --name and --etcd-version", "");
    }
    if (!strcmp(command->step, "commit")) {
        return marker->cluster_uid && marker->generation && marker->ordinal >= 0 &&
                       marker->member_id
                   ? 0
                   : wrong(error,
                           "commit needs --cluster-uid, --generation, --ordinal and --member-id",
                           "");
    }
    return wrong(error, "fetch or commit? not ", command->step);
}

static int parse(struct command *command, int argc, char **argv, struct error *error)
{
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return wrong(error, option == ':' ? "a value is missing: " : "there is no ",
                         argv[optind - 1]);
        }
        if (take_option(command, (enum option_id)option, optarg, error)) {
            return error_wrap(error, "%s", argv[optind - 1]);
        }
    }
    if (command->help) {
        return 0;
    }
    if (argc - optind != 1) {
        return wrong(error, "fetch or commit?", "");
    }
    command->step = argv[optind];
    return check_command(command, error);
}

static int fetch(const struct command *command, json_t **result, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct snapshot_manifest found;
    int code = restore_fetch(&command->fetch, arena, &found, error);

    if (!code) {
        *result =
            json_pack("{s:s, s:s, s:I, s:I, s:I, s:s*, s:s*}", "name", command->fetch.name,
                      "sha256", found.sha256, "databaseSize", (json_int_t)found.database_size,
                      "revision", (json_int_t)found.revision, "records", (json_int_t)found.records,
                      "storageVersion", found.storage_version, "etcdVersion", found.etcd_version);
    }
    return code;
}

static int commit(const struct command *command, json_t **result, struct error *error)
{
    uint64_t cluster_id;
    char member[ID_HEX_SIZE], cluster[ID_HEX_SIZE];
    int code = stage_commit(command->fetch.root, &command->marker, &cluster_id, error);

    if (!code) {
        *result = json_pack("{s:s, s:s}", "memberID", id_format(command->marker.member_id, member),
                            "clusterID", id_format(cluster_id, cluster));
    }
    return code;
}

static int exit_code(const struct error *error)
{
    switch (error->kind) {
    case ERROR_NONE:
        return EXIT_DONE;
    case ERROR_INVALID:
        return EXIT_BAD_SNAPSHOT;
    case ERROR_NOT_FOUND:
    case ERROR_DENIED:
    case ERROR_EXISTS:
        return EXIT_REFUSED;
    case ERROR_RETRYABLE:
    case ERROR_CONFLICT:
    case ERROR_GONE:
    case ERROR_CANCELLED:
    case ERROR_TERMINAL:
        break;
    }
    return EXIT_FAILED;
}

/* Not renamed into place: the kubelet reads this very file. */
static void write_result(const struct command *command, const json_t *result)
{
    AUTO_FREE char *text = json_dumps(result, JSON_COMPACT);
    AUTO_FILE FILE *file = command->result_file ? fopen(command->result_file, "we") : NULL;

    puts(text);
    if (file) {
        fprintf(file, "%.*s", MAX_RESULT, text);
    }
}

static int run(const struct command *command)
{
    AUTO_JSON json_t *result = NULL;
    struct error error = {0};
    int failed = !strcmp(command->step, "fetch") ? fetch(command, &result, &error)
                                                 : commit(command, &result, &error);
    int code = failed ? exit_code(&error) : EXIT_DONE;

    if (failed) {
        fprintf(stderr, "etcd-operator restore %s: %s\n", command->step, error.message);
        result = json_pack("{s:s, s:s, s:b}", "error", error.message, "step", command->step,
                           "retry", code == EXIT_FAILED);
    }
    write_result(command, result);
    return code;
}

static void command_fini(struct command *command)
{
    snapshot_keys_fini(&command->fetch.keys);
}

int restore_command(int argc, char **argv)
{
    const struct sigaction action = {.sa_handler = interrupt};
    CLEANUP(command_fini)
    struct command command = {.fetch = {.root = "", .store.cancelled = is_interrupted},
                              .marker.ordinal = -1};
    struct error error = {0};

    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    log_configure(LOG_WARNING, LOG_FORMAT_TEXT);
    if (parse(&command, argc, argv, &error)) {
        fprintf(stderr, "etcd-operator restore: %s\nMore: etcd-operator restore --help\n",
                error.message);
        return EXIT_USAGE;
    }
    if (command.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    return run(&command);
}
