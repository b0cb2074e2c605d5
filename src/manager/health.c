#include "manager/health.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

/* A namespace, a slash and a name: 63 + 1 + 253 characters. */
#define KEY_SIZE 320

struct pass {
    bool running;
    int64_t started_ms;
    char key[KEY_SIZE];
};

struct health {
    pthread_mutex_t lock;
    size_t workers;
    struct pass passes[]; /* One for each worker. */
};

struct health *health_new(size_t workers)
{
    struct health *health = xcalloc(1, sizeof *health + workers * sizeof health->passes[0]);
    pthread_mutex_init(&health->lock, NULL);
    health->workers = workers;
    return health;
}

void health_free(struct health *health)
{
    if (health) {
        pthread_mutex_destroy(&health->lock);
        free(health);
    }
}

size_t health_pass_begin(struct health *health, const char *key, int64_t now_ms)
{
    size_t slot = 0;

    pthread_mutex_lock(&health->lock);
    while (slot < health->workers && health->passes[slot].running) {
        slot++;
    }
    if (slot < health->workers) {
        struct pass *pass = &health->passes[slot];
        pass->running = true;
        pass->started_ms = now_ms;
        snprintf(pass->key, sizeof pass->key, "%s", key);
    }
    pthread_mutex_unlock(&health->lock);
    return slot;
}

void health_pass_end(struct health *health, size_t slot)
{
    pthread_mutex_lock(&health->lock);
    if (slot < health->workers) {
        health->passes[slot].running = false;
    }
    pthread_mutex_unlock(&health->lock);
}

bool health_live(struct health *health, int64_t now_ms, struct buffer *out)
{
    bool live = true;

    pthread_mutex_lock(&health->lock);
    for (size_t i = 0; i < health->workers; i++) {
        const struct pass *pass = &health->passes[i];
        int64_t age_ms = now_ms - pass->started_ms;
        if (pass->running && age_ms > HEALTH_STUCK_MS) {
            buffer_printf(out, "worker %zu has been busy with %s for %lld s\n", i, pass->key,
                          (long long)age_ms / 1000);
            live = false;
        }
    }
    pthread_mutex_unlock(&health->lock);
    if (live) {
        buffer_printf(out, "ok\n");
    }
    return live;
}
