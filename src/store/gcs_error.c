#include <string.h>

#include "store/answer.h"
#include "store/gcs_internal.h"

struct meaning {
    enum error_kind kind;
    const char *advice;
};

/* Where the reason says more than the status ("HTTP status and error codes for JSON"). */
static const struct {
    const char *reason;
    struct meaning meaning;
} by_reason[] = {
    {"rateLimitExceeded", {ERROR_RETRYABLE, "the store is asked too much"}},
    {"userRateLimitExceeded", {ERROR_RETRYABLE, "the store is asked too much"}},
    {"quotaExceeded", {ERROR_INVALID, "a quota of the project is used up"}},
    {"accountDisabled", {ERROR_DENIED, "the project or its billing is disabled"}},
    {"userProjectMissing",
     {ERROR_INVALID, "the bucket wants the requester to pay, which we cannot"}},
    {"retentionPolicyNotMet",
     {ERROR_DENIED, "the bucket's retention policy keeps the object that is there"}},
    {"objectUnderActiveHold", {ERROR_DENIED, "a hold keeps the object that is there"}},
};

static struct meaning not_found(const struct gcs_call *call, const struct gcs_refusal *refusal)
{
    bool of_bucket =
        call->of_bucket || (refusal->message && strstr(refusal->message, "bucket does not exist"));

    return of_bucket ? (struct meaning){ERROR_INVALID, "there is no such bucket: create it, or "
                                                       "correct its name"}
                     : (struct meaning){ERROR_NOT_FOUND, "there is no such object"};
}

static struct meaning meaning_of(const struct gcs_call *call, long status,
                                 const struct gcs_refusal *refusal)
{
    for (size_t i = 0; refusal->reason && i < sizeof by_reason / sizeof *by_reason; i++) {
        if (!strcmp(refusal->reason, by_reason[i].reason)) {
            return by_reason[i].meaning;
        }
    }
    if (status >= 500 || status == 429 || status == 408) {
        return (struct meaning){ERROR_RETRYABLE, "the store failed"};
    }
    if (call->of_upload && (status == 404 || status == 410 || status == 499)) {
        return (struct meaning){ERROR_GONE, "the upload ended, expired or was aborted meanwhile"};
    }
    switch (status) {
    case 401:
        return (struct meaning){ERROR_DENIED,
                                "the access token was refused, and a new one as well"};
    case 403:
        return (struct meaning){ERROR_DENIED,
                                "the account may not do this: give it the role Storage "
                                "Object User on the bucket"};
    case 404:
        return not_found(call, refusal);
    case 412:
        return (struct meaning){ERROR_CONFLICT, "the object was replaced meanwhile"};
    case 416:
        return (struct meaning){ERROR_INVALID, "the object is shorter than that"};
    default:
        return (struct meaning){ERROR_INVALID,
                                "check that the endpoint is Google Cloud Storage's JSON API"};
    }
}

int gcs_refused(const struct gcs *gcs, const struct gcs_call *call,
                const struct http_response *response, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct gcs_refusal refusal;

    gcs_json_refusal(response->body.data, response->body.size, arena, &refusal);
    struct meaning meaning = meaning_of(call, response->status, &refusal);
    error_set(error, meaning.kind, "%s in bucket %s: %s (HTTP %ld%s%.60s%s%.160s)", call->step,
              gcs->bucket, meaning.advice, response->status, refusal.reason ? ", " : "",
              refusal.reason ? refusal.reason : "", refusal.message ? ": " : "",
              refusal.message ? refusal.message : "");
    answer_take_retry_after(response, error);
    return -(int)error->kind;
}
