/* The objects that were stored or read last stay parsed: a cluster that changes is read in pass
 * after pass, and written several times in between.  One for all stores of a process, because it
 * bounds what they hold together.  Lock inside; any thread. */
#ifndef KUBE_RECENT_H
#define KUBE_RECENT_H 1

#include <stddef.h>

/* What a cluster of five members has: parsed JSON takes some eleven times the bytes of its text. */
#define KUBE_RECENT_SIZE ((size_t)512 << 10)

struct kube_recent;

/* `size`: bytes of the parsed objects, about. */
struct kube_recent *kube_recent_new(size_t size);
/* After the stores that use it. NULL is allowed. */
void kube_recent_free(struct kube_recent *recent);

#endif
