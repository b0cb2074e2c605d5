/* The work queue: keys that want a pass, each at most once, never one key in two workers.
 *
 * Step functions over plain state; `struct work_queue` takes no lock and reads no clock.  The
 * blocking shell (work_pool.h) puts a mutex and worker threads around it.
 *
 * All operations cost O(log n).  A key added while it is being worked on is worked on once more
 * afterwards; of several times to do so the earliest holds.  What a failure costs is decided here
 * and nowhere else: the key's own back-off (5 ms doubled to 1000 s), or what the server asked for
 * when that is longer. */
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

/* The next key that is due, the one that has been due longest first, or NULL with `*wait_ms` set to
 * when to ask again (-1: only after an add). The key stays the queue's until work_queue_ended(). */
const char *work_queue_take(struct work_queue *queue, int64_t now_ms, int64_t *wait_ms);
/* The work on a taken key has ended. When it failed, the failure is counted and the key comes again
 * after its back-off, not before the server's `retry_after_ms` (0: the server did not say). Else
 * its failures are forgotten, and it comes again after `requeue_after_ms`, unless that is negative.
 */
void work_queue_ended(struct work_queue *queue, const char *key, bool failed,
                      int64_t retry_after_ms, int64_t requeue_after_ms, int64_t now_ms);

size_t work_queue_depth(const struct work_queue *queue); /* Due or waiting, not being worked on. */

#endif
