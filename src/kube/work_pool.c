#include "kube/work_pool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "kube/queue.h"

/* jansson parses recursively and allows 2048 levels: measured, that takes up to 700 KiB. What is
 * not used of a stack costs no memory. */
#define STACK_SIZE ((size_t)1024 * 1024)

/* The condition's clock stands still while the machine sleeps, the queue's does not: look again
 * this often. */
#define LONGEST_WAIT_MS 30000

struct work_pool {
    struct work_pool_options options;
    pthread_mutex_t lock;
    pthread_cond_t wake;  /* A key was added, or stop. */
    pthread_cond_t ended; /* A worker has left. */
    struct work_queue *queue;
    pthread_t *threads;
    size_t started, running;
    bool stopping;
};

struct work_pool *work_pool_new(const struct work_pool_options *options)
{
    struct work_pool *pool = xcalloc(1, sizeof *pool);
    pthread_condattr_t attributes;

    pool->options = *options;
    if (!pool->options.workers) {
        pool->options.workers = 1;
    }
    pool->queue = work_queue_new();
    pool->threads = xcalloc(pool->options.workers, sizeof *pool->threads);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->wake, &attributes);
    pthread_cond_init(&pool->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    return pool;
}

static struct timespec deadline_in(int64_t milliseconds)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += milliseconds / 1000;
    at.tv_nsec += milliseconds % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

static void wait_for_work(struct work_pool *pool, int64_t wait_ms)
{
    if (wait_ms < 0) {
        pthread_cond_wait(&pool->wake, &pool->lock);
        return;
    }
    struct timespec until = deadline_in(wait_ms < LONGEST_WAIT_MS ? wait_ms : LONGEST_WAIT_MS);
    pthread_cond_timedwait(&pool->wake, &pool->lock, &until);
}

static void log_failure(const char *key, const struct error *error)
{
    /* A conflict only says that the next pass must read again, a stop that there is none. */
    bool ordinary = error->kind == ERROR_CONFLICT || error->kind == ERROR_CANCELLED;

    log_write(ordinary ? LOG_DEBUG : LOG_WARNING, "pass failed, will be retried", "key", key,
              "kind", error_kind_name(error->kind), "error", error->message, NULL);
}

/* Called with the lock held; drops it for the pass. */
static void work_on(struct work_pool *pool, const char *key)
{
    struct work_result result = {.requeue_after_ms = -1};
    struct error error = {0};

    pthread_mutex_unlock(&pool->lock);
    int failed = pool->options.work(pool->options.context, key, &result, &error);
    if (failed) {
        error.kind = error.kind ? error.kind : (enum error_kind) - failed;
        log_failure(key, &error);
    }
    pthread_mutex_lock(&pool->lock);

    work_queue_ended(pool->queue, key, failed, error.retry_after_ms, result.requeue_after_ms,
                     clock_boot_ms());
}

static void *work(void *argument)
{
    struct work_pool *pool = argument;

    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        int64_t wait_ms;
        const char *key = work_queue_take(pool->queue, clock_boot_ms(), &wait_ms);
        if (key) {
            /* One add woke one worker; what else is due is for another one. */
            pthread_cond_signal(&pool->wake);
            work_on(pool, key);
        } else {
            wait_for_work(pool, wait_ms);
        }
    }
    pool->running--;
    pthread_cond_broadcast(&pool->ended);
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

int work_pool_start(struct work_pool *pool, struct error *error)
{
    pthread_attr_t attributes;
    int problem = 0;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_mutex_lock(&pool->lock);
    while (!problem && pool->started < pool->options.workers) {
        problem = pthread_create(&pool->threads[pool->started], &attributes, work, pool);
        if (!problem) {
            pool->started++;
            pool->running++;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    pthread_attr_destroy(&attributes);
    if (problem) {
        work_pool_stop(pool, -1);
        return error_set(error, ERROR_TERMINAL, "start a worker thread: %s", strerror(problem));
    }
    return 0;
}

void work_pool_add(struct work_pool *pool, const char *key)
{
    pthread_mutex_lock(&pool->lock);
    work_queue_add(pool->queue, key, clock_boot_ms());
    pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

size_t work_pool_depth(struct work_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    size_t depth = work_queue_depth(pool->queue);
    pthread_mutex_unlock(&pool->lock);
    return depth;
}

bool work_pool_stop(struct work_pool *pool, int64_t timeout_ms)
{
    struct timespec until = deadline_in(timeout_ms > 0 ? timeout_ms : 0);
    int problem = 0;

    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->wake);
    while (pool->running && !problem) {
        problem = timeout_ms < 0 ? pthread_cond_wait(&pool->ended, &pool->lock)
                                 : pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
    }
    bool all_ended = !pool->running;
    pthread_mutex_unlock(&pool->lock);
    if (all_ended) {
        while (pool->started) {
            pthread_join(pool->threads[--pool->started], NULL);
        }
    }
    return all_ended;
}

void work_pool_free(struct work_pool *pool)
{
    if (!pool || !work_pool_stop(pool, 0)) {
        return;
    }
    work_queue_free(pool->queue);
    free(pool->threads);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->ended);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
