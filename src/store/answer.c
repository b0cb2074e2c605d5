#include "store/answer.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define LONGEST_WISH_S 3600

void answer_take_retry_after(const struct http_response *response, struct error *error)
{
    char text[32];

    if (http_response_header(response, "Retry-After", text, sizeof text)) {
        long seconds = strtol(text, NULL, 10);
        error->retry_after_ms = seconds > 0 && seconds < LONGEST_WISH_S ? seconds * 1000 : 0;
    }
}

int64_t answer_clocks(const struct http_response *response, char words[ANSWER_CLOCKS_SIZE])
{
    char date[64], ours[CLOCK_RFC3339_SIZE], theirs[CLOCK_RFC3339_SIZE] = "another time";
    int64_t now_ms = clock_wall_ms(), ahead_ms = 0;

    if (http_response_header(response, "Date", date, sizeof date)) {
        time_t at = curl_getdate(date, NULL);
        if (at != (time_t)-1) {
            clock_rfc3339((int64_t)at * 1000, theirs, sizeof theirs);
            ahead_ms = now_ms - (int64_t)at * 1000;
        }
    }
    snprintf(words, ANSWER_CLOCKS_SIZE, "here it is %s, there %s",
             clock_rfc3339(now_ms, ours, sizeof ours), theirs);
    return ahead_ms;
}
