/* What the files of the client share; nobody else includes it. */
#ifndef KUBE_CLIENT_INTERNAL_H
#define KUBE_CLIENT_INTERNAL_H 1

#include "kube/client.h"
#include "kube/events.h"
#include "kube/reflector_thread.h"
#include "kube/transport.h"

struct kube_client {
    struct kube_api api;
    struct kube_transport *transport;
    struct event_recorder *events;
    char *field_manager;
    struct kube_watch *watches; /* Fixed once started. */
    struct kube_stop stop;
};

/* client_api.c: the table's functions, with the client as their context. */
void kube_client_fill_api(struct kube_client *client);

#endif
