#include "kube/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/backoff.h"
#include "base/memory.h"
#include "kube/table.h"

/* client-go, util/workqueue/default_rate_limiters.go: the per-item exponential back-off. */
#define RETRY_BASE_MS 5
#define RETRY_MAX_MS  1000000

#define NOT_WAITING SIZE_MAX
#define NEVER       INT64_MAX

/* One key. It lives while it waits, is worked on, or has failures to remember. */
struct item {
    struct kube_table_node node;
    size_t position; /* In the heap, or NOT_WAITING. */
    int64_t due_ms;  /* When waiting; when being worked on: when to work on it again, or NEVER. */
    uint64_t order;  /* Of being added: among equal times the first comes first. */
    uint32_t failures;
    bool working;
    char key[];
};

struct work_queue {
    struct kube_table items;
    struct item **heap; /* Binary, the earliest at 0. */
    size_t length, capacity;
    uint64_t next_order;
};

/* --- The heap ---------------------------------------------------------------------------- */

static bool before(const struct item *a, const struct item *b)
{
    return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->order < b->order;
}

static void place(struct work_queue *queue, struct item *item, size_t position)
{
    queue->heap[position] = item;
    item->position = position;
}

static void sift_up(struct work_queue *queue, struct item *item)
{
    size_t position = item->position;

    while (position && before(item, queue->heap[(position - 1) / 2])) {
        place(queue, queue->heap[(position - 1) / 2], position);
        position = (position - 1) / 2;
    }
    place(queue, item, position);
}

static void sift_down(struct work_queue *queue, struct item *item)
{
    size_t position = item->position, child;

    while ((child = 2 * position + 1) < queue->length) {
        if (child + 1 < queue->length && before(queue->heap[child + 1], queue->heap[child])) {
            child++;
        }
        if (!before(queue->heap[child], item)) {
            break;
        }
        place(queue, queue->heap[child], position);
        position = child;
    }
    place(queue, item, position);
}

static void push(struct work_queue *queue, struct item *item)
{
    if (queue->length == queue->capacity) {
        queue->capacity = queue->capacity ? 2 * queue->capacity : 16;
        queue->heap = xrealloc(queue->heap, queue->capacity * sizeof(struct item *));
    }
    item->order = queue->next_order++;
    place(queue, item, queue->length++);
    sift_up(queue, item);
}

static struct item *pop(struct work_queue *queue)
{
    struct item *first = queue->heap[0];
    struct item *last = queue->heap[--queue->length];

    if (last != first) {
        last->position = 0;
        sift_down(queue, last);
    }
    first->position = NOT_WAITING;
    return first;
}

/* --- Items ------------------------------------------------------------------------------- */

static struct item *find(const struct work_queue *queue, const char *key)
{
    struct kube_table_node *node = kube_table_find(&queue->items, key);
    return node ? KUBE_CONTAINER(node, struct item, node) : NULL;
}

static struct item *need(struct work_queue *queue, const char *key)
{
    struct item *item = find(queue, key);

    if (!item) {
        size_t size = strlen(key) + 1;
        item = xcalloc(1, sizeof *item + size);
        memcpy(item->key, key, size);
        item->node.key = item->key;
        item->position = NOT_WAITING;
        item->due_ms = NEVER;
        kube_table_insert(&queue->items, &item->node);
    }
    return item;
}

static void release_if_idle(struct work_queue *queue, struct item *item)
{
    if (!item->working && item->position == NOT_WAITING && !item->failures) {
        kube_table_remove(&queue->items, &item->node);
        free(item);
    }
}

static void release(struct kube_table_node *node)
{
    free(KUBE_CONTAINER(node, struct item, node));
}

static void want(struct work_queue *queue, struct item *item, int64_t due_ms)
{
    bool waiting = item->position != NOT_WAITING;

    if ((waiting || item->working) && item->due_ms <= due_ms) {
        return;
    }
    item->due_ms = due_ms;
    if (waiting) {
        item->order = queue->next_order++;
        sift_up(queue, item);
    } else if (!item->working) {
        push(queue, item);
    }
}

/* --- The door ---------------------------------------------------------------------------- */

struct work_queue *work_queue_new(void)
{
    return xcalloc(1, sizeof(struct work_queue));
}

void work_queue_free(struct work_queue *queue)
{
    if (!queue) {
        return;
    }
    kube_table_fini(&queue->items, release);
    free(queue->heap);
    free(queue);
}

void work_queue_add(struct work_queue *queue, const char *key, int64_t now_ms)
{
    want(queue, need(queue, key), now_ms);
}

void work_queue_add_after(struct work_queue *queue, const char *key, int64_t delay_ms,
                          int64_t now_ms)
{
    want(queue, need(queue, key), delay_ms > 0 ? now_ms + delay_ms : now_ms);
}

const char *work_queue_take(struct work_queue *queue, int64_t now_ms, int64_t *wait_ms)
{
    if (!queue->length) {
        *wait_ms = -1;
        return NULL;
    }
    if (queue->heap[0]->due_ms > now_ms) {
        *wait_ms = queue->heap[0]->due_ms - now_ms;
        return NULL;
    }
    struct item *item = pop(queue);
    item->working = true;
    item->due_ms = NEVER;
    return item->key;
}

/* The delay after one more failure. */
static int64_t count_failure(struct item *item, int64_t retry_after_ms)
{
    struct backoff backoff = {
        .base_ms = RETRY_BASE_MS, .max_ms = RETRY_MAX_MS, .factor = 2, .failures = item->failures};
    int64_t delay_ms = backoff_next_ms(&backoff, 0);

    item->failures = backoff.failures;
    return delay_ms > retry_after_ms ? delay_ms : retry_after_ms;
}

void work_queue_ended(struct work_queue *queue, const char *key, bool failed,
                      int64_t retry_after_ms, int64_t requeue_after_ms, int64_t now_ms)
{
    struct item *item = find(queue, key);

    if (!item || !item->working) {
        return;
    }
    if (failed) {
        want(queue, item, now_ms + count_failure(item, retry_after_ms));
    } else {
        item->failures = 0;
        if (requeue_after_ms >= 0) {
            want(queue, item, now_ms + requeue_after_ms);
        }
    }
    item->working = false;
    if (item->due_ms != NEVER) {
        /* It lines up behind those that have been waiting, whenever it was asked for. */
        if (item->due_ms < now_ms) {
            item->due_ms = now_ms;
        }
        push(queue, item);
    }
    release_if_idle(queue, item);
}

size_t work_queue_depth(const struct work_queue *queue)
{
    return queue->length;
}
