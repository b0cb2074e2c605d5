#include "kube/credentials.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text_file.h"
#include "kube/exec_plugin.h"
#include "kube/kubeconfig.h"

/* client-go, rest/config.go (InClusterConfig). */
#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

/* The kubelet renews a token when 80 % of its life (an hour at least) is over; client-go reads it
 * once a minute too. */
#define REREAD_MS 60000

/* A plugin that fails, or whose new credential is refused as well, is not run again before. */
#define EXEC_PAUSE_MS 10000

/* Tokens are about 1 KiB; OIDC ones with many claims are longer. */
#define MAX_TOKEN_SIZE ((size_t)64 * 1024)
#define MAX_PEM_SIZE   ((size_t)256 * 1024)

struct kube_credentials {
    struct arena *arena;
    struct kubeconfig config; /* Wherever it comes from. */
    struct kube_server server;

    pthread_mutex_t lock; /* Guards what follows. */
    struct kube_identity now;
    bool known;         /* `now` is filled. */
    int64_t read_ms;    /* When the files were read. */
    int64_t expires_ms; /* Of what a plugin gave (wall clock); 0: never. */
    int64_t exec_not_before_ms;
    struct error exec_failure; /* What the plugin said last, if it failed. */
};

/* --- Where from -------------------------------------------------------------------------- */

static const char *in_pod_server(struct arena *arena)
{
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");

    if (!host || !*host || !port || !*port) {
        return NULL;
    }
    return arena_printf(arena, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
}

/* Without TLS a token goes out only to whom somebody named it for. */
static void use_service_account(const struct kube_client_options *options, const char *server,
                                struct arena *arena, struct kubeconfig *out)
{
    size_t length = strlen(server);
    bool tls = strncmp(server, "http://", 7) != 0;
    const char *ca_file = options->ca_file ? options->ca_file : SERVICE_ACCOUNT "ca.crt";
    const char *token_file = options->token_file ? options->token_file
                             : tls               ? SERVICE_ACCOUNT "token"
                                                 : NULL;

    out->server = arena_strndup(arena, server, length - (length && server[length - 1] == '/'));
    out->ca_file = tls ? arena_strdup(arena, ca_file) : NULL;
    out->token_file = arena_strdup(arena, token_file);
}

/* What was asked for by name goes before the pod, and the pod before files that happen to lie
 * about. */
static int configure(const struct kube_client_options *options, struct arena *arena,
                     struct kubeconfig *out, struct error *error)
{
    const char *server = options->server ? options->server : in_pod_server(arena);
    bool named = options->kubeconfig || options->context;

    if (options->server || (server && !named)) {
        use_service_account(options, server, arena, out);
        return 0;
    }
    AUTO_FREE char *standard = kubeconfig_default_files();
    const char *files = options->kubeconfig ? options->kubeconfig : standard;
    if (!files) {
        return error_set(error, ERROR_INVALID,
                         "find the API server: this is no pod (KUBERNETES_SERVICE_HOST and "
                         "KUBERNETES_SERVICE_PORT are not set) and there is no kubeconfig (neither "
                         "by an option nor by KUBECONFIG nor ~/.kube/config)");
    }
    return kubeconfig_load(files, options->context, arena, out, error);
}

/* The host of the URL that is connected to stands in connect_to, and the name that its certificate
 * must have in its place. */
static void name_server(const struct kubeconfig *config, struct arena *arena,
                        struct kube_server *out)
{
    const char *host = strstr(config->server, "://");

    *out = (struct kube_server){
        .url = config->server, .ca_file = config->ca_file, .ca_pem = config->ca_pem};
    if (!config->tls_server_name || !host) {
        return;
    }
    host += 3;
    size_t length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    out->connect_to = arena_strndup(arena, host, length);
    out->url = arena_printf(arena, "%.*s%s%s", (int)(host - config->server), config->server,
                            config->tls_server_name, host + length);
}

int kube_credentials_new(const struct kube_client_options *options, struct kube_credentials **out,
                         struct error *error)
{
    struct kube_credentials *made = xcalloc(1, sizeof *made);

    *out = NULL;
    made->arena = arena_new();
    pthread_mutex_init(&made->lock, NULL);
    int result = configure(options, made->arena, &made->config, error);
    if (result) {
        kube_credentials_free(made);
        return result;
    }
    name_server(&made->config, made->arena, &made->server);
    *out = made;
    return 0;
}

void kube_credentials_free(struct kube_credentials *credentials)
{
    if (!credentials) {
        return;
    }
    kube_identity_fini(&credentials->now);
    pthread_mutex_destroy(&credentials->lock);
    arena_free(credentials->arena);
    free(credentials);
}

const struct kube_server *kube_credentials_server(const struct kube_credentials *credentials)
{
    return &credentials->server;
}

/* --- Identities -------------------------------------------------------------------------- */

static char *copy(const char *text)
{
    return text ? xstrdup(text) : NULL;
}

static bool same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

bool kube_identity_equal(const struct kube_identity *a, const struct kube_identity *b)
{
    return same(a->header, b->header) && same(a->certificate_pem, b->certificate_pem) &&
           same(a->key_pem, b->key_pem);
}

void kube_identity_fini(struct kube_identity *identity)
{
    memory_wipe_text(&identity->header);
    memory_wipe_text(&identity->certificate_pem);
    memory_wipe_text(&identity->key_pem);
}

bool kube_token_ok(const char *text)
{
    const char *c = text;

    while (*c > ' ' && *c <= '~') {
        c++;
    }
    return !*c && c != text;
}

static char *header_of(const char *token)
{
    return token ? xasprintf("Authorization: Bearer %s", token) : NULL;
}

/* Called with the lock held, like all below. Takes the identity over. */
static void take(struct kube_credentials *credentials, struct kube_identity *identity)
{
    kube_identity_fini(&credentials->now);
    credentials->now = *identity;
    credentials->known = true;
    *identity = (struct kube_identity){0};
}

/* --- Texts and files --------------------------------------------------------------------- */

static int read_token(const char *file, char **header, struct error *error)
{
    struct error own = {0};
    CLEANUP(memory_wipe_text) char *text = text_file_read(file, MAX_TOKEN_SIZE, &own);

    if (!text) {
        return error_set(error, ERROR_DENIED, "read the token file: %s", own.message);
    }
    for (size_t size = strlen(text); size && strchr("\r\n ", text[size - 1]); size--) {
        text[size - 1] = '\0';
    }
    if (!kube_token_ok(text)) {
        return error_set(error, ERROR_DENIED, "the token file %s holds no token", file);
    }
    *header = header_of(text);
    return 0;
}

/* The text itself, or what is in the file, or nothing. */
static int read_pem(const char *pem, const char *file, char **out, struct error *error)
{
    struct error own = {0};

    *out = file ? text_file_read(file, MAX_PEM_SIZE, &own) : copy(pem);
    return file && !*out ? error_set(error, ERROR_DENIED,
                                     "read the client's certificate and key: %s", own.message)
                         : 0;
}

static int read_files(const struct kubeconfig *config, struct kube_identity *out,
                      struct error *error)
{
    int result = 0;

    if (config->token_file) {
        result = read_token(config->token_file, &out->header, error);
    } else {
        out->header = header_of(config->token);
    }
    if (!result) {
        result = read_pem(config->certificate_pem, config->certificate_file, &out->certificate_pem,
                          error);
    }
    if (!result) {
        result = read_pem(config->key_pem, config->key_file, &out->key_pem, error);
    }
    return result;
}

static int renew_files(struct kube_credentials *credentials, bool refused, struct error *error)
{
    CLEANUP(kube_identity_fini) struct kube_identity read = {0};
    int64_t now_ms = clock_boot_ms();

    if (credentials->known && !refused && now_ms - credentials->read_ms < REREAD_MS) {
        return 0;
    }
    credentials->read_ms = now_ms;
    int result = read_files(&credentials->config, &read, error);
    if (!result) {
        take(credentials, &read);
    }
    return credentials->known ? 0 : result;
}

/* --- Plugins ----------------------------------------------------------------------------- */

static int run_plugin(struct kube_credentials *credentials, struct error *error)
{
    CLEANUP(exec_credential_fini) struct exec_credential given;
    int result = exec_plugin_run(credentials->config.exec, &given, error);

    if (!result && given.expires_ms && given.expires_ms <= clock_wall_ms()) {
        result =
            error_set(error, ERROR_DENIED, "the exec plugin %s gives a credential that has expired",
                      credentials->config.exec->command);
    }
    if (result) {
        return result;
    }
    struct kube_identity identity = {.header = header_of(given.token),
                                     .certificate_pem = copy(given.certificate_pem),
                                     .key_pem = copy(given.key_pem)};
    take(credentials, &identity);
    credentials->expires_ms = given.expires_ms;
    return 0;
}

static int renew_by_plugin(struct kube_credentials *credentials, bool refused, struct error *error)
{
    bool good = credentials->known &&
                (!credentials->expires_ms || clock_wall_ms() < credentials->expires_ms);

    if (good && !refused) {
        return 0;
    }
    if (clock_boot_ms() < credentials->exec_not_before_ms &&
        (good || credentials->exec_failure.kind)) {
        if (!good && error) {
            *error = credentials->exec_failure;
        }
        return good ? 0 : -(int)credentials->exec_failure.kind;
    }
    struct error own = {0};
    int result = run_plugin(credentials, &own);
    if (result || refused) {
        credentials->exec_not_before_ms = clock_boot_ms() + EXEC_PAUSE_MS;
    }
    credentials->exec_failure = own;
    if (result && error) {
        *error = own;
    }
    return good ? 0 : result;
}

/* --- The door ---------------------------------------------------------------------------- */

int kube_credentials_get(struct kube_credentials *credentials, const struct kube_identity *refused,
                         struct kube_identity *out, struct error *error)
{
    *out = (struct kube_identity){0};
    pthread_mutex_lock(&credentials->lock);
    /* Another thread may have been refused before, and have renewed it. */
    bool again = refused && kube_identity_equal(refused, &credentials->now);
    int result = credentials->config.exec ? renew_by_plugin(credentials, again, error)
                                          : renew_files(credentials, again, error);
    if (!result) {
        out->header = copy(credentials->now.header);
        out->certificate_pem = copy(credentials->now.certificate_pem);
        out->key_pem = copy(credentials->now.key_pem);
    }
    pthread_mutex_unlock(&credentials->lock);
    return result;
}

char *kube_credentials_namespace(struct error *error)
{
    const char *given = getenv("POD_NAMESPACE");
    char text[256] = "";

    if (given && *given) {
        return xstrdup(given);
    }
    FILE *file = fopen(SERVICE_ACCOUNT "namespace", "re");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
        text[strcspn(text, " \n")] = '\0';
    }
    if (!*text) {
        error_set(
            error, ERROR_INVALID,
            "find this pod's namespace: POD_NAMESPACE is not set and there is no " SERVICE_ACCOUNT
            "namespace");
        return NULL;
    }
    return xstrdup(text);
}
