#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "api/field.h"
#include "snapshot/command_internal.h"
#include "store/options.h"

#define MAX_KEPT 1000000

static int wrong(struct error *error, const char *words, const char *what)
{
    return error_set(error, ERROR_INVALID, "%s%s", words, what);
}

static int set_endpoints(struct command *command, const char *value, struct error *error)
{
    return command_parse_endpoints(command, value, error);
}

static int set_cacert(struct command *command, const char *value, struct error *error)
{
    return command_read_pem(command, value, &command->credentials.ca_pem, error);
}

static int set_cert(struct command *command, const char *value, struct error *error)
{
    return command_read_pem(command, value, &command->credentials.certificate_pem, error);
}

static int set_key(struct command *command, const char *value, struct error *error)
{
    return command_read_pem(command, value, &command->credentials.key_pem, error);
}

static int add_key(struct command *command, const char *value, struct error *error)
{
    return snapshot_keys_read(&command->keys, value, error);
}

static int choose(const char *value, const char *yes, const char *no, bool *out,
                  struct error *error)
{
    *out = !strcmp(value, yes);
    return *out || !strcmp(value, no)
               ? 0
               : error_set(error, ERROR_INVALID, "it is %s or %s, not %s", yes, no, value);
}

static int set_compress(struct command *command, const char *value, struct error *error)
{
    return choose(value, "zstd", "none", &command->compress, error);
}

static int set_format(struct command *command, const char *value, struct error *error)
{
    return choose(value, "json", "text", &command->json, error);
}

static int set_progress(struct command *command, const char *value, struct error *error)
{
    command->serves_progress = true;
    return net_address_parse(&command->progress_address, value)
               ? 0
               : wrong(error, "it is [IP]:PORT, such as :8080, not ", value);
}

static int count(const char *value, uint32_t *out, struct error *error)
{
    char *end;
    long number = strtol(value, &end, 10);

    *out = (uint32_t)number;
    return *value && !*end && number > 0 && number <= MAX_KEPT
               ? 0
               : wrong(error, "it is a number from 1 on, not ", value);
}

static int set_last(struct command *command, const char *value, struct error *error)
{
    return count(value, &command->retention.last, error);
}

static int set_daily(struct command *command, const char *value, struct error *error)
{
    return count(value, &command->retention.daily, error);
}

static int set_weekly(struct command *command, const char *value, struct error *error)
{
    return count(value, &command->retention.weekly, error);
}

static int set_monthly(struct command *command, const char *value, struct error *error)
{
    return count(value, &command->retention.monthly, error);
}

static int set_age(struct command *command, const char *value, struct error *error)
{
    return api_duration_parse(value, &command->retention.age_ms) && command->retention.age_ms > 0
               ? 0
               : wrong(error, "it is a duration such as 720h, not ", value);
}

static int set_older(struct command *command, const char *value, struct error *error)
{
    return api_duration_parse(value, &command->older_than_ms) && command->older_than_ms >= 0
               ? 0
               : wrong(error, "it is a duration such as 24h, not ", value);
}

/* What sets a text or a flag is an offset, the rest a function. */
static const struct row {
    const char *name;
    unsigned uses; /* Of which of these a subcommand must have a use; 0: all have. */
    int (*set)(struct command *command, const char *value, struct error *error);
    size_t text, flag;
} rows[] = {
    {"endpoints", USES_ETCD, .set = set_endpoints},
    {"cacert", USES_ETCD, .set = set_cacert},
    {"cert", USES_ETCD, .set = set_cert},
    {"key", USES_ETCD, .set = set_key},
    {"name", USES_NAME, .text = offsetof(struct command, name)},
    {"output", USES_OUTPUT, .text = offsetof(struct command, output)},
    {"encryption-key-file", USES_KEYS, .set = add_key},
    {"compress", USES_SAVE, .set = set_compress},
    {"uid", USES_SAVE, .text = offsetof(struct command, uid)},
    {"progress-address", USES_SAVE, .set = set_progress},
    {"result-file", 0, .text = offsetof(struct command, result_file)},
    {"cluster", USES_GROUP, .text = offsetof(struct command, cluster)},
    {"schedule", USES_GROUP, .text = offsetof(struct command, schedule)},
    {"keep-last", USES_RETENTION, .set = set_last},
    {"keep-age", USES_RETENTION, .set = set_age},
    {"keep-daily", USES_RETENTION, .set = set_daily},
    {"keep-weekly", USES_RETENTION, .set = set_weekly},
    {"keep-monthly", USES_RETENTION, .set = set_monthly},
    {"dry-run", USES_DRY_RUN, .flag = offsetof(struct command, dry_run)},
    {"unfinished", USES_UNFINISHED, .flag = offsetof(struct command, unfinished)},
    {"older-than", USES_AGE, .set = set_older},
    {"format", 0, .set = set_format},
    {"help", 0, .flag = offsetof(struct command, help)},
};

#define N_ROWS      (sizeof rows / sizeof *rows)
#define FIRST_ROW   256 /* Beyond what getopt says in characters. */
#define FIRST_STORE (FIRST_ROW + (int)N_ROWS)

/* Both tables, as getopt wants them. */
static struct option *long_options(struct arena *arena)
{
    size_t n = N_ROWS, n_store = 0;

    while (store_options[n_store].name) {
        n_store++;
    }
    struct option *options = arena_alloc(arena, (n + n_store + 1) * sizeof *options);
    for (size_t i = 0; i < N_ROWS; i++) {
        options[i] = (struct option){rows[i].name, rows[i].flag ? no_argument : required_argument,
                                     NULL, FIRST_ROW + (int)i};
    }
    for (size_t i = 0; i < n_store; i++) {
        options[n + i] = (struct option){store_options[i].name,
                                         store_options[i].is_flag ? no_argument : required_argument,
                                         NULL, FIRST_STORE + (int)i};
    }
    return options;
}

static int take(struct command *command, int option, const char *value, struct error *error)
{
    unsigned has = command->subcommand ? command->subcommand->uses : ~0u;
    const struct row *row = option < FIRST_STORE ? &rows[option - FIRST_ROW] : NULL;
    const struct store_option *of_store = row ? NULL : &store_options[option - FIRST_STORE];
    unsigned uses = row ? row->uses : USES_STORE;

    if (uses && !(has & uses)) {
        return error_set(error, ERROR_INVALID, "%s has no --%s", command->subcommand->name,
                         row ? row->name : of_store->name);
    }
    if (of_store) {
        store_option_set(of_store, value, &command->destination);
    } else if (row->flag) {
        *(bool *)((char *)command + row->flag) = true;
    } else if (row->text) {
        *(const char **)(void *)((char *)command + row->text) = value;
    } else if (row->set(command, value, error)) {
        return error_wrap(error, "--%s", row->name);
    }
    return 0;
}

static const struct subcommand *find(const struct subcommand *subcommands, size_t n,
                                     const char *word)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(subcommands[i].name, word)) {
            return &subcommands[i];
        }
    }
    return NULL;
}

static int check_words(const struct command *command, struct error *error)
{
    const struct subcommand *subcommand = command->subcommand;

    if (command->n_arguments < subcommand->least || command->n_arguments > subcommand->most) {
        return wrong(error, "wrong number of arguments", "");
    }
    if (!(subcommand->uses & (USES_ETCD | USES_KEYS)) && !command->destination.url) {
        return wrong(error, "say which store with --store", "");
    }
    return subcommand->check ? subcommand->check(command, error) : 0;
}

int command_parse(struct command *command, const struct subcommand *subcommands, size_t n, int argc,
                  char **argv, struct error *error)
{
    const struct option *options = long_options(command->arena);
    int option;

    if (argc > 1 && *argv[1] != '-') {
        argc--;
        argv++;
        command->subcommand = find(subcommands, n, *argv);
        if (!command->subcommand) {
            return wrong(error, "there is no ", *argv);
        }
    }
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (option == '?' || option == ':') {
            return wrong(error, option == ':' ? "a value is missing: " : "there is no ",
                         argv[optind - 1]);
        }
        int result = take(command, option, optarg, error);
        if (result) {
            return result;
        }
    }
    command->arguments = argv + optind;
    command->n_arguments = argc - optind;
    if (command->help) {
        return 0;
    }
    return command->subcommand
               ? check_words(command, error)
               : wrong(error, "what is to be done? First comes save, list, ...", "");
}
