/* What went wrong, in words that say what to do.  libcurl's codes are coarse for TLS: its error
 * buffer, which quotes OpenSSL, tells the cases apart. */
#include <stdio.h>
#include <string.h>

#include "net/http_internal.h"

void http_request_name(const struct http_request *request, char *out, size_t size)
{
    snprintf(out, size, "%s %.*s", request->method, (int)strcspn(request->url, "?#"), request->url);
}

/* OpenSSL's words for each case, and ours. The first that is contained in the text holds. */
static const struct tls_case {
    const char *contains;
    const char *explanation;
} tls_cases[] = {
    /* Alerts: the peer's verdict on what we sent (RFC 8446, section 6.2). */
    {"alert certificate required",
     "the peer demands a client certificate and none was sent: configure one"},
    {"alert unknown ca", "the peer does not trust the CA of our client certificate"},
    {"alert certificate expired", "the peer refused our client certificate as expired: renew it"},
    {"alert bad certificate", "the peer refused our client certificate"},
    {"alert unsupported certificate",
     "the peer refused our client certificate (it lacks the clientAuth usage?)"},
    {"alert certificate unknown", "the peer refused our client certificate"},
    {"alert certificate revoked", "the peer refused our client certificate as revoked"},
    {"alert access denied", "the peer denied access to our client certificate"},
    {"alert handshake failure",
     "the peer refused the TLS handshake (it may demand a client certificate)"},
    /* Our verdict on what the peer sent. */
    {"certificate has expired", "the server's certificate has expired: renew it"},
    {"certificate is not yet valid",
     "the server's certificate is not valid yet: compare the clocks of both sides"},
    {"no alternative certificate subject name matches",
     "the server's certificate does not cover this host name"},
    {"does not match target host name", "the server's certificate does not cover this host name"},
    {"unable to obtain common name", "the server's certificate does not cover this host name"},
    {"unable to get local issuer", "the server's certificate is signed by an unknown CA"},
    {"unable to get issuer", "the server's certificate is signed by an unknown CA"},
    {"self-signed certificate", "the server's certificate is signed by an unknown CA"},
    {"self signed certificate", "the server's certificate is signed by an unknown CA"},
    {"unable to verify the first certificate",
     "the server's certificate is signed by an unknown CA"},
    {"certificate signature failure",
     "the server's certificate is signed by another CA of the same name as ours"},
    {"unsuitable certificate purpose",
     "the server's certificate may not be used by a server (it lacks the serverAuth usage)"},
    {"unsupported certificate purpose",
     "the server's certificate may not be used by a server (it lacks the serverAuth usage)"},
};

static const char *explain_tls(const char *text)
{
    for (size_t i = 0; i < sizeof tls_cases / sizeof *tls_cases; i++) {
        if (strcasestr(text, tls_cases[i].contains)) {
            return tls_cases[i].explanation;
        }
    }
    return NULL;
}

static enum error_kind kind_of(CURLcode code)
{
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_SSL_CACERT_BADFILE:
        return ERROR_INVALID;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
        return ERROR_DENIED;
    case CURLE_FAILED_INIT:
    case CURLE_NOT_BUILT_IN:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_UNKNOWN_OPTION:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_CIPHER:
        return ERROR_TERMINAL;
    default:
        return ERROR_RETRYABLE;
    }
}

/* What to make of a code whose text says little by itself. */
static const char *explain_code(CURLcode code)
{
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
        return "the host name cannot be resolved: check the name and DNS";
    case CURLE_COULDNT_CONNECT:
        return "cannot connect: nothing listens there or a NetworkPolicy forbids it";
    case CURLE_OPERATION_TIMEDOUT:
        return "timed out";
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
        return "the connection broke";
    case CURLE_SSL_CONNECT_ERROR:
        return "the TLS handshake failed";
    case CURLE_SSL_CERTPROBLEM:
        return "our own client certificate or key cannot be used";
    case CURLE_SSL_CACERT_BADFILE:
        return "the CAs to trust cannot be read";
    case CURLE_PEER_FAILED_VERIFICATION:
        return "the server's certificate does not verify";
    default:
        return curl_easy_strerror(code);
    }
}

/* libcurl says how long it took ("after 1001 milliseconds", "after 3 ms"), which differs each time.
 * The text comes into statuses, and what is the same failure must read the same there. */
static void copy_without_durations(char *out, size_t size, const char *text)
{
    size_t used = 0;

    while (*text && used + 1 < size) {
        int length = 0;
        sscanf(text, " after %*u milliseconds%n", &length);
        if (!length) {
            sscanf(text, " after %*u ms%n", &length);
        }
        if (length) {
            text += length;
        } else {
            out[used++] = *text++;
        }
    }
    out[used] = '\0';
}

int http_error_set(struct error *error, const struct http_request *request, CURLcode code,
                   const char *text)
{
    enum error_kind kind = kind_of(code);
    const char *explanation = explain_tls(text);
    char name[256], detail[CURL_ERROR_SIZE];

    if (explanation) {
        kind = ERROR_DENIED;
    } else {
        explanation = explain_code(code);
    }
    http_request_name(request, name, sizeof name);
    copy_without_durations(detail, sizeof detail, *text ? text : curl_easy_strerror(code));
    return error_set(error, kind, "%s: %s (%s)", name, explanation, detail);
}
