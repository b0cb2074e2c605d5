#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/text_file.h"
#include "snapshot/command_internal.h"

#define PEM_LIMIT 1048576

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

int command_parse_endpoints(struct command *command, const char *value, struct error *error)
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

int command_read_pem(struct command *command, const char *path, const char **pem,
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
