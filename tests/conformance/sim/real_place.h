/* Real etcd processes on the loopback as a place for scenarios. */
#ifndef TEST_CONFORMANCE_SIM_REAL_PLACE_H
#define TEST_CONFORMANCE_SIM_REAL_PLACE_H 1

#include <sys/types.h>

#include "etcd/client.h"
#include "place.h"

struct real_process {
    pid_t pid; /* 0: not running. */
    bool ended;
    int code;
    uint16_t client_port;
    char name[16];
    long log_from; /* Where in its log the present process began. */
};

struct real_place {
    struct place place; /* First. */
    char directory[64];
    const char *binary, *old_binary;
    struct etcd_client *client;
    struct real_process processes[PLACES];
};

/* `old_binary` may be NULL. */
void real_place_init(struct real_place *place, const char *binary, const char *old_binary);
void real_place_fini(struct real_place *place);
/* What the binary says of its version: "3.6.16". */
void real_version(const char *binary, char *out, size_t size);

#endif
