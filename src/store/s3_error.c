#include <string.h>

#include "store/answer.h"
#include "store/s3_internal.h"
#include "store/s3_xml.h"

/* Codes of "Error responses" in the API reference, with what to do about each. */
static const struct meaning {
    const char *code;
    enum error_kind kind;
    const char *advice;
} meanings[] = {
    {"NoSuchBucket", ERROR_INVALID, "there is no such bucket: create it, or correct its name"},
    {"NoSuchKey", ERROR_NOT_FOUND, "there is no such object"},
    {"NoSuchUpload", ERROR_GONE, "the upload was completed or aborted meanwhile"},
    {"SignatureDoesNotMatch", ERROR_DENIED,
     "the signature was refused: the secret key does not belong to the access key, or a proxy "
     "changes requests"},
    {"InvalidAccessKeyId", ERROR_DENIED, "the store does not know this access key"},
    {"XAdminUserNotFound", ERROR_DENIED, "the store does not know this access key"}, /* versitygw */
    {"AccessDenied", ERROR_DENIED,
     "the key may not do this: it needs PutObject, GetObject, DeleteObject, ListBucket, "
     "AbortMultipartUpload and ListBucketMultipartUploads"},
    {"ExpiredToken", ERROR_DENIED, "the session token has expired: renew the credentials"},
    {"InvalidToken", ERROR_DENIED, "the session token is not valid: renew the credentials"},
    {"AuthorizationHeaderMalformed", ERROR_INVALID, "check the region"},
    {"PermanentRedirect", ERROR_INVALID, "check region and endpoint"},
    {"TemporaryRedirect", ERROR_RETRYABLE, "the bucket is new or is being moved"},
    {"IncorrectEndpoint", ERROR_INVALID, "check region and endpoint"},
    {"BadDigest", ERROR_RETRYABLE, "other bytes arrived than were sent"},
    {"XAmzContentSHA256Mismatch", ERROR_RETRYABLE, "other bytes arrived than were sent"},
    {"IncompleteBody", ERROR_RETRYABLE, "fewer bytes arrived than were sent"},
    {"RequestTimeout", ERROR_RETRYABLE, "the store waited too long for us"},
    {"SlowDown", ERROR_RETRYABLE, "the store is asked too much"},
    {"Throttling", ERROR_RETRYABLE, "the store is asked too much"},
    {"ThrottlingException", ERROR_RETRYABLE, "the store is asked too much"},
    {"OperationAborted", ERROR_RETRYABLE, "something else changes the same at the moment"},
    {"InternalError", ERROR_RETRYABLE, "the store failed"},
    {"ServiceUnavailable", ERROR_RETRYABLE, "the store is not available"},
    {"PreconditionFailed", ERROR_CONFLICT, "the object was replaced meanwhile"},
    {"QuotaExceeded", ERROR_INVALID, "the store has no room left for us"},
    {"NotImplemented", ERROR_INVALID, "this store cannot do it"},
};

static const struct meaning *meaning_of(const char *code)
{
    for (size_t i = 0; code && i < sizeof meanings / sizeof *meanings; i++) {
        if (!strcmp(meanings[i].code, code)) {
            return &meanings[i];
        }
    }
    return NULL;
}

/* For answers without a body, as those to HEAD are, and for codes that are not in the table. */
static struct meaning by_status(long status)
{
    if (status >= 500 || status == 429 || status == 408) {
        return (struct meaning){NULL, ERROR_RETRYABLE, "the store failed"};
    }
    switch (status) {
    case 301:
    case 307:
        return (struct meaning){NULL, ERROR_INVALID, "check region and endpoint"};
    case 401:
    case 403:
        return (struct meaning){NULL, ERROR_DENIED,
                                "check the credentials and what they may do, and the clock"};
    case 404:
        return (struct meaning){NULL, ERROR_NOT_FOUND, "there is no such object, or no bucket"};
    case 412:
        return *meaning_of("PreconditionFailed");
    case 416:
        return (struct meaning){NULL, ERROR_INVALID, "the object is shorter than that"};
    default:
        return (struct meaning){NULL, ERROR_INVALID, "check that the endpoint is an S3 server"};
    }
}

/* A 200 may hold an <Error>, which came up while the answer was already under way; its status tells
 * nothing. */
static struct meaning meaning_of_answer(const struct s3_answer *answer, long status)
{
    const struct meaning *known = meaning_of(answer->code);

    if (known) {
        return *known;
    }
    struct meaning meaning = by_status(status / 100 == 2 ? 500 : status);
    if (answer->code && meaning.kind == ERROR_NOT_FOUND) {
        meaning.kind = ERROR_INVALID; /* It is not the object that is missing. */
        meaning.advice = "the store does not find what it needs for that";
    }
    return meaning;
}

static int skewed(const struct s3 *s3, const struct s3_call *call,
                  const struct http_response *response, struct error *error)
{
    char clocks[ANSWER_CLOCKS_SIZE];

    answer_clocks(response, clocks);
    return error_set(error, ERROR_DENIED,
                     "%s in bucket %s: the clocks differ too much: %s (RequestTimeTooSkewed); "
                     "correct this machine's clock",
                     call->step, s3->bucket, clocks);
}

int s3_refused(const struct s3 *s3, const struct s3_call *call,
               const struct http_response *response, struct error *error)
{
    AUTO_ARENA struct arena *arena = arena_new();
    struct s3_answer answer = {0};
    struct error not_xml = {0};
    char region[64] = "", where[192] = "";

    if (response->body.size &&
        s3_xml_parse(response->body.data, response->body.size, arena, &answer, &not_xml)) {
        answer = (struct s3_answer){0};
    }
    if (answer.code && !strcmp(answer.code, "RequestTimeTooSkewed")) {
        return skewed(s3, call, response, error);
    }
    struct meaning meaning = meaning_of_answer(&answer, response->status);
    http_response_header(response, "x-amz-bucket-region", region, sizeof region);
    if ((*region || answer.region) && strcmp(*region ? region : answer.region, s3->region) != 0) {
        meaning.kind = ERROR_INVALID;
        snprintf(where, sizeof where, "; the bucket is in region %.64s, and we asked in %.64s",
                 *region ? region : answer.region, s3->region);
    }
    error_set(error, meaning.kind, "%s in bucket %s: %s%s (HTTP %ld%s%s%s%.160s)", call->step,
              s3->bucket, meaning.advice, where, response->status, answer.code ? ", " : "",
              answer.code ? answer.code : "", answer.message ? ": " : "",
              answer.message ? answer.message : "");
    answer_take_retry_after(response, error);
    return -(int)error->kind;
}
