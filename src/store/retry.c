#include <poll.h>

#include "base/clock.h"
#include "base/random.h"
#include "store/backend.h"

/* Eight tries, with pauses of 12.7 s in sum and up to twice that by chance: longer than a store's
 * usual hiccup, short enough to say that it is none. */
#define TRIES    8
#define FIRST_MS 100
#define MAX_MS   20000
#define POLL_MS  100

static bool is_cancelled(const struct store *store)
{
    return store->cancelled && store->cancelled(store->cancelled_context);
}

/* False when cancelled. */
static bool sleep_ms(const struct store *store, int64_t pause_ms, bool uncancelled)
{
    int64_t until_ms = clock_boot_ms() + pause_ms, left_ms = pause_ms;

    while (left_ms > 0) {
        if (!uncancelled && is_cancelled(store)) {
            return false;
        }
        poll(NULL, 0, (int)(left_ms < POLL_MS ? left_ms : POLL_MS));
        left_ms = until_ms - clock_boot_ms();
    }
    return true;
}

bool store_retry(const struct store *store, struct store_retry *retry, bool uncancelled,
                 struct error *error)
{
    struct backoff backoff = {
        .base_ms = FIRST_MS, .max_ms = MAX_MS, .factor = 2, .jitter = 1, .failures = retry->tries};

    if (error->kind != ERROR_RETRYABLE) {
        return false;
    }
    retry->tries++;
    if (retry->tries >= TRIES) {
        error_wrap(error, "failed %u times, at last", retry->tries);
        return false;
    }
    int64_t pause_ms = backoff_next_ms(&backoff, random_chance());
    if (error->retry_after_ms > pause_ms) {
        pause_ms = error->retry_after_ms < MAX_MS ? error->retry_after_ms : MAX_MS;
    }
    if (!sleep_ms(store, pause_ms, uncancelled)) {
        error->kind = ERROR_CANCELLED;
        error_wrap(error, "cancelled while waiting to try again after");
        return false;
    }
    return true;
}
