#include "member/prepare.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "member/file.h"

#define ASIDE_PREFIX "aside-"

/* The number in "aside-<number>", or -1. */
static long aside_number(const char *name)
{
    const char *digits = name + strlen(ASIDE_PREFIX);

    if (strncmp(name, ASIDE_PREFIX, strlen(ASIDE_PREFIX)) || !*digits || strlen(digits) > 9 ||
        strspn(digits, "0123456789") != strlen(digits)) {
        return -1;
    }
    return strtol(digits, NULL, 10);
}

/* How many there are, the lowest and the highest number (-1: none). */
static int survey_aside(const char *volume, int *count, long *lowest, long *highest,
                        struct error *error)
{
    DIR *directory = opendir(volume);
    struct dirent *entry;

    *count = 0;
    *lowest = *highest = -1;
    if (!directory) {
        return error_set(error, ERROR_RETRYABLE, "%s cannot be opened: %s", volume,
                         strerror(errno));
    }
    while ((entry = readdir(directory))) {
        long number = aside_number(entry->d_name);
        if (number >= 0) {
            *count += 1;
            *lowest = *lowest < 0 || number < *lowest ? number : *lowest;
            *highest = number > *highest ? number : *highest;
        }
    }
    closedir(directory);
    return 0;
}

/* Moves the data directory aside; removes older ones first, because the disk may be full. */
static int move_aside(const struct member_paths *paths, struct error *error)
{
    int count, status;
    long lowest, highest;

    for (;;) {
        status = survey_aside(paths->volume, &count, &lowest, &highest, error);
        if (status || count < MEMBER_ASIDE_KEPT) {
            break;
        }
        AUTO_FREE char *oldest = xasprintf("%s/" ASIDE_PREFIX "%ld", paths->volume, lowest);
        status = directory_remove(oldest, error);
        if (status) {
            return status;
        }
    }
    if (status) {
        return status;
    }
    AUTO_FREE char *aside = xasprintf("%s/" ASIDE_PREFIX "%ld", paths->volume, highest + 1);
    if (rename(paths->data, aside)) {
        return error_set(error, ERROR_RETRYABLE, "%s cannot be moved to %s: %s", paths->data, aside,
                         strerror(errno));
    }
    return directory_sync(paths->volume, error);
}

static int write_marker(const struct member_paths *paths, const struct permit *permit,
                        struct error *error)
{
    const struct marker marker = {.cluster_uid = permit->cluster_uid,
                                  .generation = permit->generation,
                                  .ordinal = permit->ordinal,
                                  .member_id = permit->member_id};
    AUTO_FREE char *text = marker_encode(&marker);

    return file_write(paths->marker, text, error);
}

int member_prepare_start(const struct member_paths *paths, const struct permit *permit,
                         struct error *error)
{
    int status = directory_has_entries(paths->data, error);

    if (status > 0) {
        status = move_aside(paths, error);
    }
    if (!status) {
        status = write_marker(paths, permit, error);
    }
    if (!status && mkdir(paths->data, 0700) && errno != EEXIST) {
        status = error_set(error, ERROR_RETRYABLE, "%s cannot be created: %s", paths->data,
                           strerror(errno));
    }
    return status ? status : file_write(paths->nonce, permit->nonce, error);
}

int member_prepare_adopt(const struct member_paths *paths, const struct permit *permit,
                         struct error *error)
{
    int status = write_marker(paths, permit, error);
    return status ? status : file_write(paths->nonce, permit->nonce, error);
}

/* `text` with each "{name}", "{ordinal}" and "{listen}" replaced. */
static char *expand(const char *text, const struct member_place *place, struct arena *arena)
{
    AUTO_BUFFER struct buffer out = {0};

    while (*text) {
        if (!strncmp(text, "{name}", 6)) {
            buffer_printf(&out, "%s", place->pod);
            text += 6;
        } else if (!strncmp(text, "{ordinal}", 9)) {
            buffer_printf(&out, "%d", place->ordinal);
            text += 9;
        } else if (!strncmp(text, "{listen}", 8)) {
            buffer_printf(&out, "%s", place->ip && strchr(place->ip, ':') ? "[::]" : "0.0.0.0");
            text += 8;
        } else {
            buffer_printf(&out, "%c", *text++);
        }
    }
    return arena_strdup(arena, out.data ? out.data : "");
}

char **member_arguments(const struct member_paths *paths, const struct member_config *config,
                        const struct member_place *place, const struct permit *permit,
                        struct arena *arena)
{
    char **arguments = arena_alloc(arena, (config->n_args + 5) * sizeof *arguments);
    size_t count = 0;

    arguments[count++] = arena_strdup(arena, paths->etcd);
    for (size_t i = 0; i < config->n_args; i++) {
        arguments[count++] = expand(config->args[i], place, arena);
    }
    if (permit) {
        arguments[count++] = arena_printf(arena, "--initial-cluster=%s", permit->initial_cluster);
        arguments[count++] =
            arena_printf(arena, "--initial-cluster-state=%s", permit_mode_name(permit->mode));
        arguments[count++] = arena_printf(arena, "--initial-cluster-token=%s", permit->token);
    }
    return arguments;
}
