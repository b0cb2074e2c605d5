/* etcd's flags: which there are in which minor version (from their own --help), and what is made of
 * those that matter here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim/etcd/internal.h"

#define NEWEST 99

enum flag_type { TEXT, NUMBER, BOOLEAN };

static const struct flag {
    const char *name;
    enum flag_type type;
    int from, to; /* Minor versions of etcd 3. */
} known[] = {
    {"advertise-client-urls", TEXT, 0, NEWEST},
    {"auth-token", TEXT, 0, NEWEST},
    {"auth-token-ttl", NUMBER, 0, NEWEST},
    {"auto-compaction-mode", TEXT, 0, NEWEST},
    {"auto-compaction-retention", TEXT, 0, NEWEST},
    {"auto-tls", BOOLEAN, 0, NEWEST},
    {"backend-batch-interval", TEXT, 0, NEWEST},
    {"backend-batch-limit", NUMBER, 0, NEWEST},
    {"backend-bbolt-freelist-type", TEXT, 0, NEWEST},
    {"bcrypt-cost", NUMBER, 0, NEWEST},
    {"bootstrap-defrag-threshold-megabytes", NUMBER, 6, NEWEST},
    {"cert-file", TEXT, 0, NEWEST},
    {"cipher-suites", TEXT, 0, NEWEST},
    {"client-cert-allowed-hostname", TEXT, 0, NEWEST},
    {"client-cert-auth", BOOLEAN, 0, NEWEST},
    {"client-cert-file", TEXT, 0, NEWEST},
    {"client-crl-file", TEXT, 0, NEWEST},
    {"client-key-file", TEXT, 0, NEWEST},
    {"compact-hash-check-time", TEXT, 6, NEWEST},
    {"compaction-batch-limit", NUMBER, 6, NEWEST},
    {"compaction-sleep-interval", TEXT, 6, NEWEST},
    {"corrupt-check-time", TEXT, 6, NEWEST},
    {"cors", TEXT, 0, NEWEST},
    {"data-dir", TEXT, 0, NEWEST},
    {"discovery", TEXT, 0, NEWEST},
    {"discovery-cacert", TEXT, 6, NEWEST},
    {"discovery-cert", TEXT, 6, NEWEST},
    {"discovery-dial-timeout", TEXT, 6, NEWEST},
    {"discovery-endpoints", TEXT, 6, NEWEST},
    {"discovery-fallback", TEXT, 0, NEWEST},
    {"discovery-insecure-skip-tls-verify", BOOLEAN, 6, NEWEST},
    {"discovery-insecure-transport", BOOLEAN, 6, NEWEST},
    {"discovery-keepalive-time", TEXT, 6, NEWEST},
    {"discovery-keepalive-timeout", TEXT, 6, NEWEST},
    {"discovery-key", TEXT, 6, NEWEST},
    {"discovery-password", TEXT, 6, NEWEST},
    {"discovery-proxy", TEXT, 0, NEWEST},
    {"discovery-request-timeout", TEXT, 6, NEWEST},
    {"discovery-srv", TEXT, 0, NEWEST},
    {"discovery-srv-name", TEXT, 0, NEWEST},
    {"discovery-token", TEXT, 6, NEWEST},
    {"discovery-user", TEXT, 6, NEWEST},
    {"distributed-tracing-address", TEXT, 6, NEWEST},
    {"distributed-tracing-instance-id", TEXT, 6, NEWEST},
    {"distributed-tracing-sampling-rate", NUMBER, 6, NEWEST},
    {"distributed-tracing-service-name", TEXT, 6, NEWEST},
    {"downgrade-check-time", TEXT, 6, NEWEST},
    {"election-timeout", NUMBER, 0, NEWEST},
    {"enable-distributed-tracing", BOOLEAN, 6, NEWEST},
    {"enable-grpc-gateway", BOOLEAN, 0, NEWEST},
    {"enable-log-rotation", BOOLEAN, 0, NEWEST},
    {"enable-pprof", BOOLEAN, 0, NEWEST},
    {"enable-v2", BOOLEAN, 0, 5},
    {"experimental-bootstrap-defrag-threshold-megabytes", NUMBER, 0, 6},
    {"experimental-compact-hash-check-enabled", BOOLEAN, 0, 6},
    {"experimental-compact-hash-check-time", TEXT, 0, 6},
    {"experimental-compaction-batch-limit", NUMBER, 0, 6},
    {"experimental-compaction-sleep-interval", TEXT, 0, 6},
    {"experimental-corrupt-check-time", TEXT, 0, 6},
    {"experimental-distributed-tracing-address", TEXT, 0, 6},
    {"experimental-distributed-tracing-instance-id", TEXT, 0, 6},
    {"experimental-distributed-tracing-sampling-rate", NUMBER, 0, 6},
    {"experimental-distributed-tracing-service-name", TEXT, 0, 6},
    {"experimental-downgrade-check-time", TEXT, 0, 6},
    {"experimental-enable-distributed-tracing", BOOLEAN, 0, 6},
    {"experimental-enable-lease-checkpoint", BOOLEAN, 0, 6},
    {"experimental-enable-lease-checkpoint-persist", BOOLEAN, 0, 6},
    {"experimental-enable-v2v3", TEXT, 0, 5},
    {"experimental-initial-corrupt-check", BOOLEAN, 0, 6},
    {"experimental-memory-mlock", BOOLEAN, 0, 6},
    {"experimental-peer-skip-client-san-verification", BOOLEAN, 0, 6},
    {"experimental-snapshot-catchup-entries", NUMBER, 6, 6},
    {"experimental-stop-grpc-service-on-defrag", BOOLEAN, 0, 6},
    {"experimental-txn-mode-write-with-shared-buffer", BOOLEAN, 0, 6},
    {"experimental-warning-apply-duration", TEXT, 0, 6},
    {"experimental-warning-unary-request-duration", TEXT, 6, 6},
    {"experimental-watch-progress-notify-interval", TEXT, 0, 6},
    {"feature-gates", TEXT, 6, NEWEST},
    {"force-new-cluster", BOOLEAN, 0, NEWEST},
    {"grpc-keepalive-interval", TEXT, 0, NEWEST},
    {"grpc-keepalive-min-time", TEXT, 0, NEWEST},
    {"grpc-keepalive-timeout", TEXT, 0, NEWEST},
    {"heartbeat-interval", NUMBER, 0, NEWEST},
    {"host-whitelist", TEXT, 0, NEWEST},
    {"initial-advertise-peer-urls", TEXT, 0, NEWEST},
    {"initial-cluster", TEXT, 0, NEWEST},
    {"initial-cluster-state", TEXT, 0, NEWEST},
    {"initial-cluster-token", TEXT, 0, NEWEST},
    {"initial-election-tick-advance", BOOLEAN, 0, NEWEST},
    {"key-file", TEXT, 0, NEWEST},
    {"listen-client-http-urls", TEXT, 0, NEWEST},
    {"listen-client-urls", TEXT, 0, NEWEST},
    {"listen-metrics-urls", TEXT, 0, NEWEST},
    {"listen-peer-urls", TEXT, 0, NEWEST},
    {"log-format", TEXT, 6, NEWEST},
    {"log-level", TEXT, 0, NEWEST},
    {"log-outputs", TEXT, 0, NEWEST},
    {"log-rotation-config-json", TEXT, 0, NEWEST},
    {"logger", TEXT, 0, NEWEST},
    {"max-concurrent-streams", NUMBER, 0, NEWEST},
    {"max-learners", NUMBER, 6, NEWEST},
    {"max-request-bytes", NUMBER, 0, NEWEST},
    {"max-snapshots", NUMBER, 0, NEWEST},
    {"max-txn-ops", NUMBER, 0, NEWEST},
    {"max-wals", NUMBER, 0, NEWEST},
    {"memory-mlock", BOOLEAN, 6, NEWEST},
    {"metrics", TEXT, 0, NEWEST},
    {"name", TEXT, 0, NEWEST},
    {"peer-auto-tls", BOOLEAN, 0, NEWEST},
    {"peer-cert-allowed-cn", TEXT, 0, NEWEST},
    {"peer-cert-allowed-hostname", TEXT, 0, NEWEST},
    {"peer-cert-file", TEXT, 0, NEWEST},
    {"peer-client-cert-auth", BOOLEAN, 0, NEWEST},
    {"peer-client-cert-file", TEXT, 0, NEWEST},
    {"peer-client-key-file", TEXT, 0, NEWEST},
    {"peer-crl-file", TEXT, 0, NEWEST},
    {"peer-key-file", TEXT, 0, NEWEST},
    {"peer-skip-client-san-verification", BOOLEAN, 6, NEWEST},
    {"peer-trusted-ca-file", TEXT, 0, NEWEST},
    {"pre-vote", BOOLEAN, 0, NEWEST},
    {"proxy-dial-timeout", TEXT, 0, 5},
    {"proxy-failure-wait", TEXT, 0, 5},
    {"proxy-read-timeout", TEXT, 0, 5},
    {"proxy-refresh-interval", TEXT, 0, 5},
    {"proxy-write-timeout", TEXT, 0, 5},
    {"quota-backend-bytes", NUMBER, 0, NEWEST},
    {"raft-read-timeout", TEXT, 0, NEWEST},
    {"raft-write-timeout", TEXT, 0, NEWEST},
    {"self-signed-cert-validity", NUMBER, 0, NEWEST},
    {"snapshot-catchup-entries", NUMBER, 6, NEWEST},
    {"snapshot-count", NUMBER, 0, NEWEST},
    {"socket-reuse-address", BOOLEAN, 0, NEWEST},
    {"socket-reuse-port", BOOLEAN, 0, NEWEST},
    {"strict-reconfig-check", BOOLEAN, 0, NEWEST},
    {"tls-max-version", TEXT, 0, NEWEST},
    {"tls-min-version", TEXT, 0, NEWEST},
    {"trusted-ca-file", TEXT, 0, NEWEST},
    {"unsafe-no-fsync", BOOLEAN, 0, NEWEST},
    {"v2-deprecation", TEXT, 0, NEWEST},
    {"wal-dir", TEXT, 0, NEWEST},
    {"warning-apply-duration", TEXT, 6, NEWEST},
    {"warning-unary-request-duration", TEXT, 6, NEWEST},
    {"watch-progress-notify-interval", TEXT, 6, NEWEST},
};

static const struct flag *find(const char *name, size_t length, int minor)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (!strncmp(known[i].name, name, length) && !known[i].name[length] &&
            known[i].from <= minor && minor <= known[i].to) {
            return &known[i];
        }
    }
    return NULL;
}

static bool is_boolean(const char *text)
{
    static const char *const words[] = {"1", "t", "T", "true",  "TRUE",  "True",
                                        "0", "f", "F", "false", "FALSE", "False"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (!strcmp(text, words[i])) {
            return true;
        }
    }
    return false;
}

static bool is_true(const char *text)
{
    return is_boolean(text) && strchr("1tT", text[0]);
}

static bool is_number(const char *text)
{
    char *end = NULL;

    errno = 0;
    strtoll(text, &end, 0);
    return *text && !*end && !errno;
}

static void keep(struct flags *flags, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **text;
    } texts[] = {
        {"name", &flags->name},
        {"data-dir", &flags->data_dir},
        {"initial-cluster", &flags->initial_cluster},
        {"initial-cluster-state", &flags->state},
        {"initial-cluster-token", &flags->token},
        {"initial-advertise-peer-urls", &flags->peer_url},
        {"advertise-client-urls", &flags->client_url},
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!strcmp(name, texts[i].name)) {
            *texts[i].text = value;
        }
    }
    if (!strcmp(name, "election-timeout")) {
        flags->election_ms = strtoll(value, NULL, 0);
    } else if (!strcmp(name, "heartbeat-interval")) {
        flags->heartbeat_ms = strtoll(value, NULL, 0);
    } else if (!strcmp(name, "quota-backend-bytes")) {
        flags->quota = strtoll(value, NULL, 0);
    } else if (!strcmp(name, "max-learners")) {
        flags->max_learners = (size_t)strtoll(value, NULL, 0);
    } else if (!strcmp(name, "strict-reconfig-check")) {
        flags->strict_reconfig_check = is_true(value);
    }
}

/* Takes one flag; `next` is the argument after it, which is its value where none came with "=".
 * Gives the words of its refusal, or NULL. */
static const char *take(struct sim_etcd *etcd, int minor, const char *argument, const char *next,
                        bool *used_next, struct flags *flags)
{
    const char *name = argument + (argument[0] == '-') + (!strncmp(argument, "--", 2));
    size_t length = strcspn(name, "=");
    const char *value = name[length] ? name + length + 1 : NULL;
    const struct flag *flag = find(name, length, minor);

    *used_next = false;
    if (name == argument) {
        return arena_printf(etcd->arena,
                            minor < 6 ? "'%s' is not a valid flag" : "\"%s\" is not a valid flag",
                            argument);
    }
    if (!flag) {
        return arena_printf(etcd->arena, "flag provided but not defined: -%.*s", (int)length, name);
    }
    if (!value && flag->type == BOOLEAN) {
        value = "true";
    } else if (!value && !next) {
        return arena_printf(etcd->arena, "flag needs an argument: -%s", flag->name);
    } else if (!value) {
        value = next;
        *used_next = true;
    }
    if (flag->type == NUMBER && !is_number(value)) {
        return arena_printf(etcd->arena, "invalid value \"%s\" for flag -%s: parse error", value,
                            flag->name);
    }
    if (flag->type == BOOLEAN && !is_boolean(value)) {
        return arena_printf(etcd->arena, "invalid boolean value \"%s\" for -%s: parse error", value,
                            flag->name);
    }
    keep(flags, flag->name, arena_strdup(etcd->arena, value));
    return NULL;
}

int flags_parse(struct sim_etcd *etcd, int minor, char *const *arguments, struct flags *flags,
                const char **words)
{
    *flags = (struct flags){
        .name = "default",
        .state = "new",
        .token = "etcd-cluster",
        .peer_url = "http://localhost:2380",
        .client_url = "http://localhost:2379",
        .election_ms = 1000,
        .heartbeat_ms = 100,
        .max_learners = 1,
        .strict_reconfig_check = true,
    };
    for (size_t i = 0; arguments[i]; i++) {
        bool used_next;
        *words = take(etcd, minor, arguments[i], arguments[i + 1], &used_next, flags);
        if (*words) {
            return arguments[i][0] == '-' ? 2 : 1;
        }
        i += used_next;
    }
    if (strcmp(flags->state, "new") && strcmp(flags->state, "existing")) {
        *words = arena_printf(etcd->arena,
                              "invalid value \"%s\" for flag -initial-cluster-state: invalid value",
                              flags->state);
        return 2;
    }
    if (flags->heartbeat_ms <= 0) {
        *words = arena_printf(etcd->arena, "--heartbeat-interval must be >0 (set to %lldms)",
                              (long long)flags->heartbeat_ms);
        return 1;
    }
    if (flags->election_ms < 5 * flags->heartbeat_ms) {
        *words = arena_printf(etcd->arena,
                              "--election-timeout[%lldms] should be at least as 5 times as "
                              "--heartbeat-interval[%lldms]",
                              (long long)flags->election_ms, (long long)flags->heartbeat_ms);
        return 1;
    }
    return 0;
}
