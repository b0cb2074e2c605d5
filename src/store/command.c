#include "store/command.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/store.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_NOT_FOUND };

#define PIECE ((size_t)64 * 1024)

static const char usage[] =
    "Usage: etcd-operator snapshot list     --store URL [OPTIONS] [BEGINNING]\n"
    "       etcd-operator snapshot upload   --store URL [OPTIONS] FILE NAME\n"
    "       etcd-operator snapshot download --store URL [OPTIONS] NAME FILE\n"
    "\n"
    "Shows what a store holds, and copies files into it and out of it. FILE may be -,\n"
    "for standard input and output. An upload counts only when the store has confirmed\n"
    "size and checksum; one that fails or is interrupted leaves nothing behind.\n"
    "\n"
    "  --store URL              s3://BUCKET/PREFIX or file:///DIRECTORY.\n"
    "  --credentials-file FILE  S3: the format of AWS's tools, profile default.\n"
    "                           Without it: anonymous.\n"
    "  --endpoint URL           of a store that is not the provider's own.\n"
    "  --region NAME            of an S3 bucket; us-east-1 if not given.\n"
    "  --path-style             S3: the bucket in the path, not in the host name.\n"
    "  --ca-file FILE           whom to trust instead of the system's CAs.\n"
    "  --encryption KIND        S3: AES256 or aws:kms, at the server.\n"
    "  --encryption-key ID      with aws:kms.\n"
    "  --unfinished             list: uploads that are under way or were left behind.\n"
    "  --output FORMAT          list: text (the default) or json, one object a line.\n"
    "  --help                   shows this text.\n"
    "\n"
    "Exit code: 0 done, 1 failed, 2 wrong usage, 3 no such object.\n";

struct command {
    struct store_destination destination;
    bool unfinished, json;
    char **arguments;
    int n_arguments;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static bool is_interrupted(void *context)
{
    (void)context;
    return interrupted;
}

static int bad_usage(const char *words, const char *what)
{
    fprintf(stderr, "etcd-operator snapshot: %s%s\nMore: etcd-operator snapshot list --help\n",
            words, what);
    return EXIT_USAGE;
}

/* -1: go on; else the exit code. */
static int take_option(struct command *command, int option, char **argv)
{
    struct store_destination *destination = &command->destination;

    switch (option) {
    case 's':
        destination->url = optarg;
        break;
    case 'c':
        destination->credentials_file = optarg;
        break;
    case 'e':
        destination->endpoint = optarg;
        break;
    case 'r':
        destination->region = optarg;
        break;
    case 'p':
        destination->path_style = true;
        break;
    case 'a':
        destination->ca_file = optarg;
        break;
    case 'n':
        destination->encryption = optarg;
        break;
    case 'k':
        destination->encryption_key_id = optarg;
        break;
    case 'u':
        command->unfinished = true;
        break;
    case 'o':
        command->json = !strcmp(optarg, "json");
        return command->json || !strcmp(optarg, "text")
                   ? -1
                   : bad_usage("--output is text or json, not ", optarg);
    case 'h':
        fputs(usage, stdout);
        return EXIT_DONE;
    default:
        return bad_usage(option == ':' ? "a value is missing: " : "there is no ", argv[optind - 1]);
    }
    return -1;
}

static int parse(struct command *command, int argc, char **argv)
{
    static const struct option options[] = {{"store", required_argument, NULL, 's'},
                                            {"credentials-file", required_argument, NULL, 'c'},
                                            {"endpoint", required_argument, NULL, 'e'},
                                            {"region", required_argument, NULL, 'r'},
                                            {"path-style", no_argument, NULL, 'p'},
                                            {"ca-file", required_argument, NULL, 'a'},
                                            {"encryption", required_argument, NULL, 'n'},
                                            {"encryption-key", required_argument, NULL, 'k'},
                                            {"unfinished", no_argument, NULL, 'u'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        int code = take_option(command, option, argv);
        if (code >= 0) {
            return code;
        }
    }
    command->arguments = argv + optind;
    command->n_arguments = argc - optind;
    return command->destination.url ? -1 : bad_usage("say which store with --store", "");
}

/* A name may hold anything that JSON has to escape but control characters. */
static void print_json(const char *name, uint64_t size, const char *time, const char *upload)
{
    printf("{\"name\":\"");
    for (; *name; name++) {
        printf(*name == '"' || *name == '\\' ? "\\%c" : "%c", *name);
    }
    if (upload) {
        printf("\",\"upload\":\"%s\",\"started\":\"%s\"}\n", upload, time);
    } else {
        printf("\",\"size\":%" PRIu64 ",\"modified\":\"%s\"}\n", size, time);
    }
}

static int show_object(void *context, const struct store_object *object, struct error *error)
{
    const struct command *command = context;
    char time[CLOCK_RFC3339_SIZE];

    (void)error;
    clock_rfc3339(object->modified_ms, time, sizeof time);
    if (command->json) {
        print_json(object->name, object->size, time, NULL);
    } else {
        printf("%s %15" PRIu64 " %s\n", time, object->size, object->name);
    }
    return 0;
}

static int show_leftover(void *context, const struct store_leftover *leftover, struct error *error)
{
    const struct command *command = context;
    char time[CLOCK_RFC3339_SIZE];

    (void)error;
    clock_rfc3339(leftover->started_ms, time, sizeof time);
    if (command->json) {
        print_json(leftover->name, 0, time, leftover->id);
    } else {
        printf("%s %s %s\n", time, leftover->id, leftover->name);
    }
    return 0;
}

static int list(struct command *command, struct store *store, struct error *error)
{
    const char *beginning = command->n_arguments ? command->arguments[0] : "";

    return command->unfinished ? store_list_uploads(store, beginning, show_leftover, command, error)
                               : store_list(store, beginning, show_object, command, error);
}

static int send_all(FILE *file, const char *path, struct store_put *put, struct error *error)
{
    AUTO_FREE char *piece = xmalloc(PIECE);
    size_t got;
    int result = 0;

    while (!result && !interrupted && (got = fread(piece, 1, PIECE, file))) {
        result = store_put_write(put, piece, got, error);
    }
    if (!result && ferror(file)) {
        return error_set(error, ERROR_INVALID, "read %s: %s", path, strerror(errno));
    }
    return result || !interrupted ? result : error_set(error, ERROR_CANCELLED, "interrupted");
}

static int upload(struct command *command, struct store *store, struct error *error)
{
    const char *path = command->arguments[0], *name = command->arguments[1];
    AUTO_FILE FILE *file = !strcmp(path, "-") ? fdopen(dup(STDIN_FILENO), "r") : fopen(path, "re");
    AUTO_ARENA struct arena *arena = arena_new();
    AUTO_STORE_PUT struct store_put *put = NULL;
    struct store_object stored = {0};

    if (!file) {
        return error_set(error, ERROR_INVALID, "open %s: %s", path, strerror(errno));
    }
    int result = store_put_begin(store, name, NULL, &put, error);
    if (!result) {
        result = send_all(file, path, put, error);
    }
    if (!result) {
        result = store_put_finish(put, arena, &stored, error);
    }
    if (!result) {
        printf("%s: %" PRIu64 " bytes, %s\n", stored.name, stored.size, stored.checksum);
    }
    return result;
}

static int write_file(void *context, const void *data, size_t size, struct error *error)
{
    if (fwrite(data, 1, size, context) != size) {
        return error_set(error, ERROR_TERMINAL, "write the file: %s", strerror(errno));
    }
    return 0;
}

/* Into another name first: a file of this name is whole or as it was. */
static int download_to(const char *path, const char *name, struct store *store, struct error *error)
{
    AUTO_FREE char *part = xasprintf("%s.part", path);
    FILE *file = fopen(part, "we");

    if (!file) {
        return error_set(error, ERROR_INVALID, "create %s: %s", part, strerror(errno));
    }
    int result = store_get(store, name, NULL, write_file, file, error);
    if (!result && (fflush(file) || fsync(fileno(file)))) {
        result = error_set(error, ERROR_TERMINAL, "write %s: %s", part, strerror(errno));
    }
    fclose(file);
    if (!result && rename(part, path) < 0) {
        result = error_set(error, ERROR_TERMINAL, "rename to %s: %s", path, strerror(errno));
    }
    if (result) {
        unlink(part);
    }
    return result;
}

static int download(struct command *command, struct store *store, struct error *error)
{
    const char *name = command->arguments[0], *path = command->arguments[1];

    if (strcmp(path, "-") != 0) {
        return download_to(path, name, store, error);
    }
    int result = store_get(store, name, NULL, write_file, stdout, error);
    return !result && fflush(stdout)
               ? error_set(error, ERROR_TERMINAL, "write to standard output: %s", strerror(errno))
               : result;
}

static const struct subcommand {
    const char *name;
    int least, most; /* Arguments. */
    int (*run)(struct command *command, struct store *store, struct error *error);
} subcommands[] = {{"list", 0, 1, list}, {"upload", 2, 2, upload}, {"download", 2, 2, download}};

static const struct subcommand *find(const char *word)
{
    for (size_t i = 0; word && i < sizeof subcommands / sizeof *subcommands; i++) {
        if (!strcmp(subcommands[i].name, word)) {
            return &subcommands[i];
        }
    }
    return NULL;
}

bool store_command_is(const char *word)
{
    return find(word) != NULL;
}

int store_command(int argc, char **argv)
{
    const struct subcommand *subcommand = find(argv[0]);
    struct command command = {.destination = {.cancelled = is_interrupted}};
    const struct sigaction action = {.sa_handler = on_signal};
    struct error error = {0};

    int code = parse(&command, argc, argv);
    if (code >= 0) {
        return code;
    }
    if (command.n_arguments < subcommand->least || command.n_arguments > subcommand->most) {
        return bad_usage("wrong number of arguments for ", subcommand->name);
    }
    signal(SIGPIPE, SIG_IGN);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    log_configure(LOG_WARNING, LOG_FORMAT_TEXT);
    AUTO_STORE struct store *store = NULL;
    int result = store_open(&command.destination, &store, &error);
    if (!result) {
        result = subcommand->run(&command, store, &error);
    }
    if (!result && fflush(stdout)) {
        result = error_set(&error, ERROR_TERMINAL, "writing to standard output failed");
    }
    if (result) {
        fprintf(stderr, "etcd-operator snapshot %s: %s\n", subcommand->name, error.message);
    }
    return !result ? EXIT_DONE : result == -(int)ERROR_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_FAILED;
}
