/* The blocking shell around a reflector: it lists and watches one kind until it is told to stop. */
#ifndef KUBE_REFLECTOR_THREAD_H
#define KUBE_REFLECTOR_THREAD_H 1

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "kube/store.h"
#include "kube/transport.h"

/* What the threads of one client wait on; broadcast when a list has ended, too. */
struct kube_stop {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    atomic_bool stopping;
};

void kube_stop_init(struct kube_stop *stop);
void kube_stop_fini(struct kube_stop *stop);
void kube_stop_now(struct kube_stop *stop);
void kube_stop_notify(struct kube_stop *stop);
/* Waits for a notification, at most `wait_ms`, unless it is time to stop. */
void kube_stop_wait(struct kube_stop *stop, int64_t wait_ms);

struct kube_watch {
    struct kube_watch *next;
    const struct kube_resource *resource;
    char *namespace;      /* NULL: all. */
    char *label_selector; /* NULL: none. */
    struct kube_store *store;
    struct kube_transport *transport;
    struct kube_stop *stop;
    pthread_t thread;
    bool running;
};

/* The thread's function; `watch` is a struct kube_watch. Returns after kube_stop_now(). */
void *kube_watch_run(void *watch);

#endif
