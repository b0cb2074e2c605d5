/* A hash table of nodes that live inside the caller's structures, by string key.  No lock, no
 * allocation but the buckets; it grows with its length and shrinks to nothing when emptied. */
#ifndef KUBE_TABLE_H
#define KUBE_TABLE_H 1

#include <stddef.h>
#include <stdint.h>

struct kube_table_node {
    struct kube_table_node *next; /* In the same bucket. */
    uint64_t hash;
    const char *key; /* Owned by the structure around the node. */
};

struct kube_table {
    struct kube_table_node **buckets;
    size_t bucket_count; /* 0 or a power of two. */
    size_t length;
};

/* The structure of `type` whose member `member` is `node`. */
#define KUBE_CONTAINER(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* FNV-1a, 64 bits, over `size` bytes. */
uint64_t kube_hash(const void *data, size_t size);

struct kube_table_node *kube_table_find(const struct kube_table *table, const char *key);
/* `node->key` is set and not in the table yet. */
void kube_table_insert(struct kube_table *table, struct kube_table_node *node);
/* `node` is in the table. */
void kube_table_remove(struct kube_table *table, struct kube_table_node *node);

/* Hands every node to `release` and frees the buckets. */
void kube_table_fini(struct kube_table *table, void (*release)(struct kube_table_node *node));
/* The node after `node` in no particular order, NULL at the end; starts with NULL. The table must
 * not change in between. */
struct kube_table_node *kube_table_next(const struct kube_table *table,
                                        const struct kube_table_node *node);

#endif
