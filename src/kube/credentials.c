#include "kube/credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/memory.h"

/* client-go, rest/config.go (InClusterConfig). */
#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount/"

/* The kubelet renews a token when 80 % of its life (an hour at least) is over; client-go reads it
 * once a minute too. */
#define REREAD_MS 60000

/* Tokens are about 1 KiB; OIDC ones with many claims are longer. */
#define MAX_TOKEN_SIZE (64u * 1024)

struct kube_token {
    pthread_mutex_t lock;
    char *file;
    char *value; /* NULL until it was read. */
    int64_t read_ms;
};

char *kube_credentials_server(const char *server, struct error *error)
{
    if (server) {
        char *copy = xstrdup(server);
        size_t length = strlen(copy);
        if (length && copy[length - 1] == '/') {
            copy[length - 1] = '\0';
        }
        return copy;
    }
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *port = getenv("KUBERNETES_SERVICE_PORT");
    if (!host || !*host || !port || !*port) {
        error_set(
            error, ERROR_INVALID,
            "find the API server: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not "
            "set, so this is no pod; give the server's URL");
        return NULL;
    }
    return xasprintf(strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port);
}

const char *kube_credentials_ca_file(void)
{
    return SERVICE_ACCOUNT "ca.crt";
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

const char *kube_credentials_token_file(void)
{
    return SERVICE_ACCOUNT "token";
}

/* --- The token --------------------------------------------------------------------------- */

struct kube_token *kube_token_new(const char *file)
{
    struct kube_token *token = xcalloc(1, sizeof *token);

    pthread_mutex_init(&token->lock, NULL);
    token->file = file ? xstrdup(file) : NULL;
    return token;
}

void kube_token_wipe(char **header)
{
    if (*header) {
        memory_wipe(*header, strlen(*header));
        free(*header);
        *header = NULL;
    }
}

void kube_token_free(struct kube_token *token)
{
    if (!token) {
        return;
    }
    kube_token_wipe(&token->value);
    pthread_mutex_destroy(&token->lock);
    free(token->file);
    free(token);
}

/* Reads until the end or until `size` is full; the bytes read, or -1 with errno. */
static ssize_t read_all(const char *file, char *out, size_t size)
{
    AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
    size_t used = 0;

    if (fd < 0) {
        return -1;
    }
    while (used < size) {
        ssize_t got = read(fd, out + used, size - used);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return -1;
        }
        if (!got) {
            break;
        }
        used += (size_t)got;
    }
    return (ssize_t)used;
}

/* Whether the text can stand in a header: printable, and not empty. */
static bool printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return false;
        }
    }
    return length > 0;
}

/* Called with the lock held. */
static int read_token(struct kube_token *token, struct error *error)
{
    char *text = xmalloc(MAX_TOKEN_SIZE);
    ssize_t size = read_all(token->file, text, MAX_TOKEN_SIZE);
    int result = 0;

    while (size > 0 &&
           (text[size - 1] == '\n' || text[size - 1] == '\r' || text[size - 1] == ' ')) {
        size--;
    }
    if (size < 0) {
        result = error_set(error, ERROR_DENIED, "read the token file %s: %s", token->file,
                           strerror(errno));
    } else if ((size_t)size == MAX_TOKEN_SIZE || !printable(text, (size_t)size)) {
        result = error_set(error, ERROR_DENIED, "the token file %s holds no token", token->file);
    } else {
        kube_token_wipe(&token->value);
        token->value = xasprintf("%.*s", (int)size, text);
    }
    memory_wipe(text, MAX_TOKEN_SIZE);
    free(text);
    return result;
}

int kube_token_header(struct kube_token *token, bool now, char **header, struct error *error)
{
    int result = 0;

    *header = NULL;
    if (!token->file) {
        return 0;
    }
    pthread_mutex_lock(&token->lock);
    int64_t time = clock_boot_ms();
    if (now || !token->value || time - token->read_ms >= REREAD_MS) {
        token->read_ms = time;
        result = read_token(token, error);
    }
    if (token->value) {
        *header = xasprintf("Authorization: Bearer %s", token->value);
        result = 0;
    }
    pthread_mutex_unlock(&token->lock);
    return result;
}
