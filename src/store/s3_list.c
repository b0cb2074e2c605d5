#include <string.h>

#include "base/memory.h"
#include "store/s3_internal.h"
#include "store/s3_xml.h"

/* S3's own limit, which it takes when it is not asked for less. Fewer keep the memory of a page
 * small. */
#define PAGE "500"

static int page(struct s3 *s3, const struct s3_call *call, struct arena *arena,
                struct s3_answer *answer, struct error *error)
{
    struct store_retry retry = {0};
    int result;

    do { /* What is no XML may be one the next time. */
        AUTO_HTTP_RESPONSE struct http_response response = {0};
        result = s3_try(s3, call, &response, error);
        if (!result) {
            result = s3_xml_parse(response.body.data ? response.body.data : "", response.body.size,
                                  arena, answer, error);
            if (result) {
                error_wrap(error, "%s in bucket %s", call->step, s3->bucket);
            }
        }
    } while (result && store_retry(&s3->base, &retry, call->uncancelled, error));
    return result ? -(int)error->kind : 0;
}

static int visit_objects(const struct s3 *s3, const struct s3_answer *answer,
                         int (*visit)(void *context, const struct store_object *object,
                                      struct error *error),
                         void *context, struct error *error)
{
    for (size_t i = 0; i < answer->n_rows; i++) {
        const struct s3_row *row = &answer->rows[i];
        const char *name = store_name(&s3->base, row->key);
        if (!name || !*name) {
            continue;
        }
        const struct store_object object = {
            .name = name, .size = row->size, .modified_ms = row->time_ms};
        int result = visit(context, &object, error);
        if (result) {
            return result;
        }
    }
    return 0;
}

int s3_list(struct store *store, const char *under,
            int (*visit)(void *context, const struct store_object *object, struct error *error),
            void *context, struct error *error)
{
    struct s3 *s3 = (struct s3 *)store;
    AUTO_FREE char *prefix = store_key(store, under);
    char *token = NULL;
    int result;

    do {
        AUTO_ARENA struct arena *arena = arena_new();
        struct s3_answer answer = {0};
        const char *const first[] = {"list-type", "2", "max-keys", PAGE, "prefix", prefix, NULL};
        const char *const next[] = {"continuation-token",
                                    token,
                                    "list-type",
                                    "2",
                                    "max-keys",
                                    PAGE,
                                    "prefix",
                                    prefix,
                                    NULL};
        const struct s3_call call = {
            .step = "list objects", .method = "GET", .query = token ? next : first};
        result = page(s3, &call, arena, &answer, error);
        if (!result) {
            result = visit_objects(s3, &answer, visit, context, error);
        }
        bool more = !result && answer.truncated && answer.next_token;
        free(token);
        token = more ? xstrdup(answer.next_token) : NULL;
    } while (token);
    return result;
}

static int visit_uploads(const struct s3 *s3, const struct s3_answer *answer,
                         int (*visit)(void *context, const struct store_leftover *leftover,
                                      struct error *error),
                         void *context, struct error *error)
{
    for (size_t i = 0; i < answer->n_rows; i++) {
        const struct s3_row *row = &answer->rows[i];
        const char *name = store_name(&s3->base, row->key);
        if (!name || !*name || !row->upload_id) {
            continue;
        }
        const struct store_leftover leftover = {
            .name = name, .id = row->upload_id, .started_ms = row->time_ms};
        int result = visit(context, &leftover, error);
        if (result) {
            return result;
        }
    }
    return 0;
}

static int list_uploads(struct s3 *s3, const char *under, bool uncancelled,
                        int (*visit)(void *context, const struct store_leftover *leftover,
                                     struct error *error),
                        void *context, struct error *error)
{
    AUTO_FREE char *prefix = store_key(&s3->base, under);
    char *key = NULL, *id = NULL;
    int result;

    do {
        AUTO_ARENA struct arena *arena = arena_new();
        struct s3_answer answer = {0};
        const char *const first[] = {"max-uploads", PAGE, "prefix", prefix, "uploads", "", NULL};
        const char *const next[] = {"key-marker",       key, "max-uploads", PAGE, "prefix", prefix,
                                    "upload-id-marker", id,  "uploads",     "",   NULL};
        const struct s3_call call = {.step = "list uploads",
                                     .method = "GET",
                                     .query = key ? next : first,
                                     .uncancelled = uncancelled};
        result = page(s3, &call, arena, &answer, error);
        if (!result) {
            result = visit_uploads(s3, &answer, visit, context, error);
        }
        bool more = !result && answer.truncated && answer.next_key_marker;
        free(key);
        free(id);
        key = more ? xstrdup(answer.next_key_marker) : NULL;
        id = more ? xstrdup(answer.next_upload_marker ? answer.next_upload_marker : "") : NULL;
    } while (key);
    return result;
}

int s3_list_uploads(struct store *store, const char *under,
                    int (*visit)(void *context, const struct store_leftover *leftover,
                                 struct error *error),
                    void *context, struct error *error)
{
    return list_uploads((struct s3 *)store, under, false, visit, context, error);
}

int s3_abort_id(struct s3 *s3, const char *key, const char *upload_id, struct error *error)
{
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    const char *const query[] = {"uploadId", upload_id, NULL};
    const struct s3_call call = {.step = "abort the upload",
                                 .method = "DELETE",
                                 .key = key,
                                 .query = query,
                                 .uncancelled = true};
    int result = s3_do(s3, &call, &response, NULL, error);

    return result == -(int)ERROR_GONE || result == -(int)ERROR_NOT_FOUND ? 0 : result;
}

struct others {
    struct s3 *s3;
    const char *name, *keep;
};

static int abort_other(void *context, const struct store_leftover *leftover, struct error *error)
{
    const struct others *others = context;

    if (strcmp(leftover->name, others->name) != 0 ||
        (others->keep && !strcmp(leftover->id, others->keep))) {
        return 0;
    }
    AUTO_FREE char *key = store_key(&others->s3->base, leftover->name);
    return s3_abort_id(others->s3, key, leftover->id, error);
}

int s3_abort_others(struct s3 *s3, const char *name, const char *keep, struct error *error)
{
    struct others others = {.s3 = s3, .name = name, .keep = keep};

    return list_uploads(s3, name, true, abort_other, &others, error);
}
