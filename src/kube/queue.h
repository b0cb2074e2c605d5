/* The work queue: keys that want a pass, each at most once, never one key in two workers.
 *
 * Step functions over plain state; `struct work_queue` takes no lock and reads no clock.  The
 * blocking shell (work_pool.h) puts a mutex and worker threads around it.
 *
 * All operations cost O(log n).  A key added while it is being worked on is worked on once more
 * afterwards.  work_queue_retry() adds it after its own back-off (5 ms doubled to 1000 s),
 * work_queue_add_after() at a time: of several times the earliest holds. */
#ifndef KUBE_QUEUE_H
#define KUBE_QUEUE_H 1

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct work_queue;

struct work_queue *work_queue_new(void);
void work_queue_free(struct work_queue *queue);

void work_queue_add(struct work_queue *queue, const char *key, int64_t now_ms);
void work_queue_add_after(struct work_queue *queue, const char *key, int64_t delay_ms,
                          int64_t now_ms);
void work_queue_retry(struct work_queue *queue, const char *key, int64_t now_ms);
/* Forgets the key's failures. */
void work_queue_forget(struct work_queue *queue, const char *key);

/* The next key that is due, the one that has been due longest first, or NULL with `*wait_ms` set to
 * when to ask again (-1: only after an add). The key stays the queue's until work_queue_done(). */
const char *work_queue_take(struct work_queue *queue, int64_t now_ms, int64_t *wait_ms);
void work_queue_done(struct work_queue *queue, const char *key, int64_t now_ms);

size_t work_queue_depth(const struct work_queue *queue); /* Due or waiting, not being worked on. */

#endif
