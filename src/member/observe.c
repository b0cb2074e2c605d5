#include "member/observe.h"

#include <ctype.h>
#include <string.h>

#include "member/file.h"

#define MAX_CONFIG 65536
#define MAX_MARKER 4096
#define MAX_NONCE  256

/* The file without white space at its end. `*text` is NULL when the file is missing or empty;
 * `*problem` is set when it is there and cannot be read. */
static void read_text(const char *path, size_t limit, struct arena *arena, char **text,
                      const char **problem)
{
    struct error error = {0};
    size_t size = 0;

    *text = NULL;
    *problem = NULL;
    int status = file_read(path, limit, arena, text, &size, &error);
    if (status && error.kind != ERROR_NOT_FOUND) {
        *problem = arena_strdup(arena, error.message);
    }
    while (!status && size && isspace((unsigned char)(*text)[size - 1])) {
        (*text)[--size] = '\0';
    }
    if (status || !size) {
        *text = NULL;
    }
}

static void see_config(const char *path, struct arena *arena, struct member_sight *sight)
{
    struct member_config *config = arena_alloc(arena, sizeof *config);
    struct error error = {0};
    char *text;

    read_text(path, MAX_CONFIG, arena, &text, &sight->config_problem);
    if (!text) {
        if (!sight->config_problem) {
            sight->config_problem = arena_printf(arena, "%s is missing or empty", path);
        }
    } else if (member_config_decode(text, strlen(text), arena, config, &error)) {
        sight->config_problem = arena_strdup(arena, error.message);
    } else {
        sight->config = config;
    }
}

static void see_permit(const char *path, struct arena *arena, struct member_sight *sight)
{
    struct permit *permit = arena_alloc(arena, sizeof *permit);
    struct error error = {0};
    char *text;

    read_text(path, PERMIT_MAX_SIZE, arena, &text, &sight->permit_problem);
    if (text && permit_decode(text, strlen(text), arena, permit, &error)) {
        sight->permit_problem = arena_strdup(arena, error.message);
    } else if (text) {
        sight->permit = permit;
    }
}

static void see_marker(const char *path, struct arena *arena, struct member_sight *sight)
{
    struct marker *marker = arena_alloc(arena, sizeof *marker);
    struct error error = {0};
    size_t size;
    char *text;
    int status = file_read(path, MAX_MARKER, arena, &text, &size, &error);

    if (status && error.kind == ERROR_NOT_FOUND) {
        return;
    }
    /* An empty marker is a broken one, not a missing one. */
    if (status || marker_decode(text, size, arena, marker, &error)) {
        sight->marker_problem = arena_strdup(arena, error.message);
        return;
    }
    sight->marker = marker;
}

struct member_sight member_observe(const struct member_paths *paths, const char *pod,
                                   const char *pod_uid, struct arena *arena)
{
    struct member_sight sight = {.pod = pod, .pod_uid = pod_uid, .ordinal = member_ordinal(pod)};
    char *nonce;

    see_config(paths->config, arena, &sight);
    see_permit(paths->permit, arena, &sight);
    read_text(paths->nonce, MAX_NONCE, arena, &nonce, &sight.nonce_problem);
    sight.used_nonce = nonce;
    see_marker(paths->marker, arena, &sight);
    sight.wal = wal_inspect(paths->data);
    return sight;
}

struct member_paths member_paths(const char *root, struct arena *arena)
{
#define AT(path) arena_printf(arena, "%s%s", root, path)
    return (struct member_paths){
        .helper_dir = AT(MEMBER_HELPER_DIR),
        .nonce = AT(MEMBER_NONCE_PATH),
        .started = AT(MEMBER_STARTED_PATH),
        .permit = AT(MEMBER_PERMIT_PATH),
        .config = AT(MEMBER_CONFIG_PATH),
        .volume = AT(MEMBER_VOLUME_DIR),
        .data = AT(MEMBER_DATA_DIR),
        .marker = AT(MEMBER_MARKER_PATH),
        .etcd = AT(MEMBER_ETCD_PATH),
    };
#undef AT
}
