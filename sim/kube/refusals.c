/* The refusals, in the API server's words. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "sim/kube/requests.h"

const char *sim_qualified(char out[SIM_QUALIFIED_SIZE], const struct kube_resource *resource,
                          const char *word)
{
    const char *slash = strchr(resource->api_version, '/');

    snprintf(out, SIM_QUALIFIED_SIZE, "%s%s%.*s", word, slash ? "." : "",
             slash ? (int)(slash - resource->api_version) : 0, resource->api_version);
    return out;
}

int sim_refuse(const struct sim_request *request, enum error_kind kind, const char *status,
               const char *words, struct error *error)
{
    return error_set(error, kind, "%s %s %s%s%s: HTTP %s: %s", request->verb,
                     request->kind->resource->plural, request->namespace ? request->namespace : "",
                     request->namespace ? "/" : "", request->name, status, words);
}

int sim_refuse_missing(const struct sim_request *request, struct error *error)
{
    char words[512], kind[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words, "%s \"%s\" not found",
             sim_qualified(kind, request->kind->resource, request->kind->resource->plural),
             request->name);
    return sim_refuse(request, ERROR_NOT_FOUND, "404 NotFound", words, error);
}

int sim_refuse_existing(const struct sim_request *request, struct error *error)
{
    char words[512], kind[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words, "%s%s \"%s\" already exists",
             sim_is_terminating(request->entry->object) ? "object is being deleted: " : "",
             sim_qualified(kind, request->kind->resource, request->kind->resource->plural),
             request->name);
    return sim_refuse(request, ERROR_EXISTS, "409 AlreadyExists", words, error);
}

int sim_refuse_conflict(const struct sim_request *request, const char *why, struct error *error)
{
    char words[512], kind[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words, "Operation cannot be fulfilled on %s \"%s\": %s",
             sim_qualified(kind, request->kind->resource, request->kind->resource->plural),
             request->name, why);
    return sim_refuse(request, ERROR_CONFLICT, "409 Conflict", words, error);
}

int sim_refuse_invalid(const struct sim_request *request, const char *kind, const char *why,
                       struct error *error)
{
    char words[512], qualified[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words, "%s \"%s\" is invalid: %s",
             sim_qualified(qualified, request->kind->resource, kind), request->name, why);
    return sim_refuse(request, ERROR_INVALID, "422 Invalid", words, error);
}

int sim_refuse_over_quota(const struct sim_request *request, struct error *error)
{
    char words[512], kind[SIM_QUALIFIED_SIZE];

    snprintf(words, sizeof words,
             "%s \"%s\" is forbidden: exceeded quota: simulated, requested: count/%s=1, used: "
             "count/%s=0, limited: count/%s=0",
             sim_qualified(kind, request->kind->resource, request->kind->resource->plural),
             request->name, kind, kind, kind);
    return sim_refuse(request, ERROR_DENIED, "403 Forbidden", words, error);
}

int sim_check_preconditions(const struct sim_request *request, const json_t *asked,
                            struct error *error)
{
    const json_t *metadata = json_object_get(asked, "metadata");
    const json_t *live = json_object_get(request->entry->object, "metadata");
    const char *uid = json_path_string(metadata, "uid", NULL);
    const char *version = json_path_string(metadata, "resourceVersion", NULL);

    if (uid && strcmp(uid, json_path_string(live, "uid", NULL)) != 0) {
        return sim_refuse_conflict(request, "the UID is another one", error);
    }
    if (version && *version && strcmp(version, json_path_string(live, "resourceVersion", NULL))) {
        return sim_refuse_conflict(
            request,
            "the object has been modified; please apply your changes to the latest "
            "version and try again",
            error);
    }
    return 0;
}
