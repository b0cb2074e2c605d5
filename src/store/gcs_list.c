#include <string.h>

#include "base/memory.h"
#include "store/gcs_internal.h"

#define PAGE   "500" /* Half of Google's own limit keeps the memory of a page small. */
#define FIELDS "nextPageToken,items(name,size,updated)"

static int read_page(struct gcs *gcs, const char *prefix, const char *token, struct arena *arena,
                     struct gcs_page *page, struct error *error)
{
    const char *const query[] = {
        "prefix", prefix, "maxResults", PAGE, "fields", FIELDS, token ? "pageToken" : NULL,
        token,    NULL};
    AUTO_FREE char *target = gcs_target(gcs, "", NULL, query);
    const struct gcs_call call = {
        .step = "list objects", .method = "GET", .target = target, .of_bucket = true};
    struct store_retry retry = {0};
    int result;

    do { /* What is no JSON may be one the next time. */
        AUTO_HTTP_RESPONSE struct http_response response = {0};
        result = gcs_try(gcs, &call, &response, error);
        if (!result) {
            result = gcs_json_page(response.body.data, response.body.size, arena, page, error);
            result = result ? error_wrap(error, "%s in bucket %s", call.step, gcs->bucket) : 0;
        }
    } while (result && store_retry(&gcs->base, &retry, false, error));
    return result ? -(int)error->kind : 0;
}

static int visit_page(const struct gcs *gcs, const struct gcs_page *page,
                      int (*visit)(void *context, const struct store_object *object,
                                   struct error *error),
                      void *context, struct error *error)
{
    for (size_t i = 0; i < page->n_objects; i++) {
        const struct gcs_object *row = &page->objects[i];
        const char *name = store_name(&gcs->base, row->key);
        if (!name || !*name) {
            continue;
        }
        const struct store_object object = {
            .name = name, .size = row->size, .modified_ms = row->modified_ms};
        int result = visit(context, &object, error);
        if (result) {
            return result;
        }
    }
    return 0;
}

int gcs_list(struct store *store, const char *under,
             int (*visit)(void *context, const struct store_object *object, struct error *error),
             void *context, struct error *error)
{
    struct gcs *gcs = (struct gcs *)store;
    AUTO_FREE char *prefix = store_key(store, under);
    char *token = NULL;
    int result;

    do {
        AUTO_ARENA struct arena *arena = arena_new();
        struct gcs_page page = {0};
        result = read_page(gcs, prefix, token, arena, &page, error);
        if (!result) {
            result = visit_page(gcs, &page, visit, context, error);
        }
        free(token);
        token = !result && page.next ? xstrdup(page.next) : NULL;
    } while (token);
    return result;
}
