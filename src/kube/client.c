#include "kube/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "kube/client_internal.h"

/* jansson parses recursively and allows 2048 levels: measured, that takes up to 700 KiB. What is
 * not used of a stack costs no memory. */
#define STACK_SIZE ((size_t)1024 * 1024)

#define DEFAULT_NAME "etcd-operator"

int kube_client_new(const struct kube_client_options *options, struct kube_client **client,
                    struct error *error)
{
    struct kube_transport *transport;
    int result = kube_transport_new(options, &transport, error);

    *client = NULL;
    if (result) {
        return result;
    }
    struct kube_client *made = xcalloc(1, sizeof *made);
    made->transport = transport;
    made->field_manager = xstrdup(options->field_manager ? options->field_manager : DEFAULT_NAME);
    kube_stop_init(&made->stop);
    kube_client_fill_api(made);
    made->events =
        event_recorder_new(&made->api, options->event_source ? options->event_source : DEFAULT_NAME,
                           options->event_instance);
    *client = made;
    return 0;
}

void kube_client_free(struct kube_client *client)
{
    if (!client) {
        return;
    }
    kube_client_stop(client);
    for (struct kube_watch *watch = client->watches, *next; watch; watch = next) {
        next = watch->next;
        free(watch->namespace);
        free(watch->label_selector);
        free(watch);
    }
    event_recorder_free(client->events);
    kube_transport_free(client->transport);
    kube_stop_fini(&client->stop);
    free(client->field_manager);
    free(client);
}

void kube_client_watch(struct kube_client *client, const struct kube_resource *resource,
                       const char *namespace, const char *label_selector, struct kube_store *store)
{
    struct kube_watch *watch = xcalloc(1, sizeof *watch);

    watch->resource = resource;
    watch->namespace = namespace ? xstrdup(namespace) : NULL;
    watch->label_selector = label_selector ? xstrdup(label_selector) : NULL;
    watch->store = store;
    watch->transport = client->transport;
    watch->stop = &client->stop;
    watch->next = client->watches;
    client->watches = watch;
    kube_store_add_scope(store, namespace);
}

int kube_client_start(struct kube_client *client, struct error *error)
{
    pthread_attr_t attributes;
    int problem = 0;

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    for (struct kube_watch *watch = client->watches; watch && !problem; watch = watch->next) {
        problem = pthread_create(&watch->thread, &attributes, kube_watch_run, watch);
        watch->running = !problem;
    }
    pthread_attr_destroy(&attributes);
    if (problem) {
        kube_client_stop(client);
        return error_set(error, ERROR_TERMINAL, "start a watch thread: %s", strerror(problem));
    }
    return 0;
}

static bool all_synced(const struct kube_client *client)
{
    for (const struct kube_watch *watch = client->watches; watch; watch = watch->next) {
        if (!kube_store_synced(watch->store)) {
            return false;
        }
    }
    return true;
}

bool kube_client_wait_synced(struct kube_client *client, int64_t timeout_ms)
{
    int64_t deadline = clock_boot_ms() + timeout_ms;

    /* A notification between the look and the wait may be missed: do not wait for long. */
    while (!all_synced(client)) {
        int64_t left = deadline - clock_boot_ms();
        if (left <= 0 || atomic_load(&client->stop.stopping)) {
            return false;
        }
        kube_stop_wait(&client->stop, left < 100 ? left : 100);
    }
    return true;
}

void kube_client_stop(struct kube_client *client)
{
    kube_stop_now(&client->stop);
    for (struct kube_watch *watch = client->watches; watch; watch = watch->next) {
        if (watch->running) {
            pthread_join(watch->thread, NULL);
            watch->running = false;
        }
    }
}

const struct kube_api *kube_client_api(struct kube_client *client)
{
    return &client->api;
}

int kube_client_ping(struct kube_client *client, struct error *error)
{
    AUTO_HTTP_RESPONSE struct http_response response = {0};
    const struct kube_call call = {
        .verb = "get", .method = "GET", .target = "/version", .max_response = (size_t)64 * 1024};

    return kube_transport_do(client->transport, &call, &response, error);
}
