#include "snapshot/command.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "snapshot/command_internal.h"

#define PEM_LIMIT 1048576

enum { EXIT_GOOD, EXIT_FAILED, EXIT_USAGE, EXIT_BAD_SNAPSHOT };

static const char usage[] =
    "Usage: etcd-operator snapshot save --endpoints URL[,URL...] --output FILE\n"
    "                              [--cacert FILE] [--cert FILE --key FILE]\n"
    "                              [--compress zstd|none] [--encryption-key-file FILE]\n"
    "       etcd-operator snapshot verify FILE [--encryption-key-file FILE]...\n"
    "       etcd-operator snapshot decrypt FILE --output FILE\n"
    "                              [--encryption-key-file FILE]...\n"
    "\n"
    "save     takes a snapshot of one member, a healthy follower if there is one, and\n"
    "         proves it while it comes. FILE is there whole or not at all.\n"
    "verify   proves a file: of save, of `etcdctl snapshot save`, or of the operator.\n"
    "decrypt  the same, and writes the plain snapshot, for `etcdutl snapshot restore`.\n"
    "\n"
    "  --endpoints URLS            https://HOST:PORT or http://HOST:PORT.\n"
    "  --cacert FILE               whom to trust; without it the system's authorities.\n"
    "  --cert FILE, --key FILE     who we are.\n"
    "  --output FILE               written as FILE.partial and then renamed.\n"
    "  --compress FORM             zstd, or none (the default).\n"
    "  --encryption-key-file FILE  32 random bytes: raw, in hex or in base64. To read, it\n"
    "                              may be given again: the one that fits is taken.\n"
    "  --format FORMAT             text (the default) or json.\n"
    "  --help                      shows this text.\n"
    "\n"
    "Exit code: 0 the snapshot is good, 1 it could not be taken, read or written,\n"
    "2 wrong usage, 3 the snapshot is not good, or no key given fits it.\n";

enum option_id {
    OPTION_ENDPOINTS = 1,
    OPTION_CACERT,
    OPTION_CERT,
    OPTION_KEY,
    OPTION_OUTPUT,
    OPTION_COMPRESS,
    OPTION_ENCRYPTION_KEY,
    OPTION_FORMAT,
    OPTION_HELP,
};

static const struct option options[] = {
    {"endpoints", required_argument, NULL, OPTION_ENDPOINTS},
    {"cacert", required_argument, NULL, OPTION_CACERT},
    {"cert", required_argument, NULL, OPTION_CERT},
    {"key", required_argument, NULL, OPTION_KEY},
    {"output", required_argument, NULL, OPTION_OUTPUT},
    {"compress", required_argument, NULL, OPTION_COMPRESS},
    {"encryption-key-file", required_argument, NULL, OPTION_ENCRYPTION_KEY},
    {"format", required_argument, NULL, OPTION_FORMAT},
    {"help", no_argument, NULL, OPTION_HELP},
    {0},
};

static int wrong(struct error *error, const char *words, const char *what)
{
    return error_set(error, ERROR_INVALID, "%s%s", words, what);
}

/* "https://name:port" or "https://[address]:port", cut in place. */
static int parse_endpoint(struct command *command, char *url, struct error *error)
{
    bool tls = !strncmp(url, "https://", 8);
    char *host = strstr(url, "://");
    char *copy = arena_strdup(command->arena, url);

    if (!host || (!tls && strncmp(url, "http://", 7) != 0)) {
        return wrong(error, "this is no https://HOST:PORT: ", copy);
    }
    if (command->n_endpoints && tls != command->credentials.tls) {
        return wrong(error, "endpoints are either all https or all http: ", copy);
    }
    host += 3;
    char *colon = strrchr(host, ':'), *end;
    long port = colon ? strtol(colon + 1, &end, 10) : 0;
    if (!colon || colon == host || port < 1 || port > 65535 || (*end && strcmp(end, "/") != 0)) {
        return wrong(error, "this URL has no host or no port: ", copy);
    }
    *colon = '\0';
    if (*host == '[' && colon[-1] == ']') {
        host++;
        colon[-1] = '\0';
    }
    command->credentials.tls = tls;
    command->endpoints[command->n_endpoints++] =
        (struct etcd_endpoint){.server_name = host, .port = (uint16_t)port};
    return 0;
}

static int parse_endpoints(struct command *command, const char *value, struct error *error)
{
    char *list = arena_strdup(command->arena, value), *state;

    command->endpoints =
        arena_alloc(command->arena, (strlen(value) + 1) * sizeof *command->endpoints);
    command->n_endpoints = 0;
    for (char *url = strtok_r(list, ",", &state); url; url = strtok_r(NULL, ",", &state)) {
        int result = parse_endpoint(command, url, error);
        if (result) {
            return result;
        }
    }
    return command->n_endpoints ? 0 : wrong(error, "which endpoints?", "");
}

static void wipe_text(void *text)
{
    memory_wipe(text, strlen(text));
    free(text);
}

static int read_pem(struct command *command, const char *path, const char **pem,
                    struct error *error)
{
    char *text = text_file_read(path, PEM_LIMIT, error);

    if (!text) {
        return -(int)error->kind;
    }
    arena_defer(command->arena, wipe_text, text);
    *pem = text;
    return 0;
}

static int choose(const char *value, const char *yes, const char *no, bool *out,
                  struct error *error)
{
    *out = !strcmp(value, yes);
    return *out || !strcmp(value, no)
               ? 0
               : error_set(error, ERROR_INVALID, "it is %s or %s, not %s", yes, no, value);
}

static int take_option(struct command *command, enum option_id option, const char *value,
                       struct error *error)
{
    struct etcd_credentials *credentials = &command->credentials;

    switch (option) {
    case OPTION_ENDPOINTS:
        return parse_endpoints(command, value, error);
    case OPTION_CACERT:
        return read_pem(command, value, &credentials->ca_pem, error);
    case OPTION_CERT:
        return read_pem(command, value, &credentials->certificate_pem, error);
    case OPTION_KEY:
        return read_pem(command, value, &credentials->key_pem, error);
    case OPTION_OUTPUT:
        command->output = value;
        return 0;
    case OPTION_COMPRESS:
        return choose(value, "zstd", "none", &command->compress, error);
    case OPTION_ENCRYPTION_KEY:
        return snapshot_keys_read(&command->keys, value, error);
    case OPTION_FORMAT:
        return choose(value, "json", "text", &command->json, error);
    case OPTION_HELP:
        break;
    }
    return 0;
}

/* What the words together must say. */
static int check_command(struct command *command, int n_files, struct error *error)
{
    bool saves = !strcmp(command->name, "save"), verifies = !strcmp(command->name, "verify");
    const struct etcd_credentials *credentials = &command->credentials;

    if (!saves && !verifies && strcmp(command->name, "decrypt") != 0) {
        return wrong(error, "there is no ", command->name);
    }
    if (saves ? n_files > 0 : n_files != 1) {
        return wrong(error, saves ? "save takes no FILE but --output" : "one FILE at a time", "");
    }
    if (saves ? !command->n_endpoints : command->n_endpoints > 0) {
        return wrong(error, "--endpoints is what save needs, and only save", "");
    }
    if (verifies == (command->output != NULL)) {
        return wrong(error, "--output is what save and decrypt need, and only they", "");
    }
    if (saves && command->keys.n > 1) {
        return wrong(error, "save encrypts with one key", "");
    }
    if (!credentials->certificate_pem != !credentials->key_pem) {
        return wrong(error, "--cert and --key go together", "");
    }
    if (!credentials->tls && (credentials->ca_pem || credentials->certificate_pem)) {
        return wrong(error, "certificates are for https endpoints", "");
    }
    return 0;
}

/* `*help`: only that was asked for. */
static int parse(struct command *command, int argc, char **argv, bool *help, struct error *error)
{
    int option;

    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == OPTION_HELP) {
            *help = true;
            return 0;
        }
        if (option == '?' || option == ':') {
            return wrong(error, option == ':' ? "a value is missing: " : "there is no ",
                         argv[optind - 1]);
        }
        if (take_option(command, (enum option_id)option, optarg, error)) {
            return error_wrap(error, "%s", argv[optind - 1]);
        }
    }
    if (optind == argc) {
        return wrong(error, "save, verify or decrypt?", "");
    }
    command->name = argv[optind];
    command->file = argv[optind + 1]; /* NULL behind the last one. */
    return check_command(command, argc - optind - 1, error);
}

static int say(const char *name, const struct error *error, int code)
{
    fprintf(stderr, "etcd-operator snapshot %s%s%s\n%s", name ? name : "", name ? ": " : "",
            error->message, code == EXIT_USAGE ? "More: etcd-operator snapshot --help\n" : "");
    return code;
}

static int run(const struct command *command, struct error *error)
{
    struct command_result result = {0};

    int code = strcmp(command->name, "save") != 0 ? command_check(command, &result, error)
                                                  : command_save(command, &result, error);
    return code ? code : command_print(command, &result, error);
}

static void command_fini(struct command *command)
{
    snapshot_keys_fini(&command->keys);
}

int snapshot_command(int argc, char **argv)
{
    AUTO_ARENA struct arena *arena = arena_new();
    CLEANUP(command_fini) struct command command = {.arena = arena, .credentials.key = "snapshot"};
    struct error error = {0};
    bool help = false;

    signal(SIGPIPE, SIG_IGN); /* TLS writes to peers that may be gone. */
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT);
    if (parse(&command, argc, argv, &help, &error)) {
        return say(NULL, &error, EXIT_USAGE);
    }
    if (help) {
        fputs(usage, stdout);
        return EXIT_GOOD;
    }
    int result = run(&command, &error);
    bool is_bad = result == -(int)ERROR_INVALID || result == -(int)ERROR_DENIED;
    return !result
               ? EXIT_GOOD
               : say(command.name, &error,
                     is_bad && strcmp(command.name, "save") != 0 ? EXIT_BAD_SNAPSHOT : EXIT_FAILED);
}
