#include <pthread.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/http_internal.h"

/* How often a waiting request asks whether it is still wanted. One that has waited long is a watch,
 * which waits for hours: it asks less often, so that an idle operator stays asleep. */
#define POLL_MS      100
#define LONG_POLL_MS 500
#define LONG_WAIT_MS 5000

/* Without a question to ask, libcurl's own timers and the sockets wake the loop. */
#define UNPOLLED_MS 10000

/* Multi handles hold two descriptors and some kB each: a few are kept. */
#define MAX_IDLE_MULTIS 4

static pthread_mutex_t multis_lock = PTHREAD_MUTEX_INITIALIZER;
static CURLM *idle_multis[MAX_IDLE_MULTIS];
static size_t n_idle_multis;

static CURLM *multi_acquire(void)
{
    CURLM *multi = NULL;

    pthread_mutex_lock(&multis_lock);
    if (n_idle_multis) {
        multi = idle_multis[--n_idle_multis];
    }
    pthread_mutex_unlock(&multis_lock);
    if (!multi) {
        multi = curl_multi_init();
        if (!multi) {
            memory_exhausted();
        }
        /* For each handle's own connection cache: one connection, so changing hosts closes the
         * old one. */
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 1L);
    }
    return multi;
}

static void multi_release(CURLM *multi)
{
    pthread_mutex_lock(&multis_lock);
    if (n_idle_multis < MAX_IDLE_MULTIS) {
        idle_multis[n_idle_multis++] = multi;
        multi = NULL;
    }
    pthread_mutex_unlock(&multis_lock);
    if (multi) {
        curl_multi_cleanup(multi);
    }
}

/* At the process's end, so that leak checkers see only true leaks. */
__attribute__((destructor)) static void free_idle_multis(void)
{
    while (n_idle_multis) {
        curl_multi_cleanup(idle_multis[--n_idle_multis]);
    }
}

static void end(CURLM *multi, struct http_transfer *transfer, CURLcode code)
{
    curl_multi_remove_handle(multi, transfer->connection->easy);
    http_transfer_end(transfer, code);
}

static size_t end_completed(CURLM *multi)
{
    CURLMsg *message;
    size_t ended = 0;
    int left;

    while ((message = curl_multi_info_read(multi, &left))) {
        struct http_transfer *transfer = NULL;
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        end(multi, transfer, code);
        ended++;
    }
    return ended;
}

/* Ends what is interrupted; lowers `*wait_ms` to when the rest wants to be asked again. */
static size_t end_interrupted(CURLM *multi, struct http_transfer *transfers, size_t count,
                              int *wait_ms)
{
    int64_t now_ms = clock_boot_ms();
    size_t ended = 0;

    for (size_t i = 0; i < count; i++) {
        struct http_transfer *transfer = &transfers[i];
        if (transfer->ended) {
            continue;
        }
        if (http_transfer_interrupted(transfer, now_ms)) {
            end(multi, transfer, CURLE_OK);
            ended++;
        } else if (transfer->request->cancelled || transfer->request->idle_timeout_ms > 0) {
            int poll_ms = now_ms - transfer->started_ms < LONG_WAIT_MS ? POLL_MS : LONG_POLL_MS;
            *wait_ms = poll_ms < *wait_ms ? poll_ms : *wait_ms;
        }
    }
    return ended;
}

/* libcurl itself gave up: no transfer will move any more. */
static void end_all(CURLM *multi, struct http_transfer *transfers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!transfers[i].ended) {
            end(multi, &transfers[i], CURLE_FAILED_INIT);
        }
    }
}

static void run(struct http_transfer *transfers, size_t count)
{
    CURLM *multi = multi_acquire();
    int64_t now_ms = clock_boot_ms();
    size_t left = count;

    for (size_t i = 0; i < count; i++) {
        http_transfer_begin(&transfers[i], now_ms);
        if (curl_multi_add_handle(multi, transfers[i].connection->easy) != CURLM_OK) {
            http_transfer_end(&transfers[i], CURLE_FAILED_INIT);
            left--;
        }
    }
    while (left) {
        int wait_ms = UNPOLLED_MS, running;
        left -= end_interrupted(multi, transfers, count, &wait_ms);
        if (curl_multi_perform(multi, &running) != CURLM_OK) {
            end_all(multi, transfers, count);
            break;
        }
        left -= end_completed(multi);
        if (left) {
            curl_multi_poll(multi, NULL, 0, wait_ms, NULL);
        }
    }
    multi_release(multi);
}

int http_do(struct http_client *client, const struct http_request *request,
            struct http_response *response, struct error *error)
{
    struct http_transfer transfer = {
        .client = client, .request = request, .response = response, .error = error};

    *response = (struct http_response){0};
    run(&transfer, 1);
    return transfer.result;
}

void http_do_many(struct http_client *const *clients, const struct http_request *requests,
                  struct http_response *responses, int *results, struct error *errors, size_t count)
{
    AUTO_FREE struct http_transfer *transfers = xcalloc(count, sizeof *transfers);

    for (size_t i = 0; i < count; i++) {
        responses[i] = (struct http_response){0};
        transfers[i] = (struct http_transfer){.client = clients[i],
                                              .request = &requests[i],
                                              .response = &responses[i],
                                              .error = &errors[i]};
    }
    run(transfers, count);
    for (size_t i = 0; i < count; i++) {
        results[i] = transfers[i].result;
    }
}
