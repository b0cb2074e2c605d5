#include "kube/table.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define MIN_BUCKETS 16

uint64_t kube_hash(const void *data, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (const unsigned char *byte = data, *end = byte + size; byte < end; byte++) {
        hash = (hash ^ *byte) * 0x100000001b3u;
    }
    return hash;
}

static struct kube_table_node **bucket_of(const struct kube_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static void resize(struct kube_table *table, size_t bucket_count)
{
    struct kube_table old = *table;

    table->buckets = xcalloc(bucket_count, sizeof *table->buckets);
    table->bucket_count = bucket_count;
    for (size_t i = 0; i < old.bucket_count; i++) {
        for (struct kube_table_node *node = old.buckets[i], *next; node; node = next) {
            struct kube_table_node **bucket = bucket_of(table, node->hash);
            next = node->next;
            node->next = *bucket;
            *bucket = node;
        }
    }
    free(old.buckets);
}

struct kube_table_node *kube_table_find(const struct kube_table *table, const char *key)
{
    if (!table->length) {
        return NULL;
    }
    uint64_t hash = kube_hash(key, strlen(key));
    struct kube_table_node *node = *bucket_of(table, hash);
    while (node && (node->hash != hash || strcmp(node->key, key) != 0)) {
        node = node->next;
    }
    return node;
}

void kube_table_insert(struct kube_table *table, struct kube_table_node *node)
{
    if (table->length >= table->bucket_count) {
        resize(table, table->bucket_count ? 2 * table->bucket_count : MIN_BUCKETS);
    }
    node->hash = kube_hash(node->key, strlen(node->key));
    struct kube_table_node **bucket = bucket_of(table, node->hash);
    node->next = *bucket;
    *bucket = node;
    table->length++;
}

void kube_table_remove(struct kube_table *table, struct kube_table_node *node)
{
    struct kube_table_node **link = bucket_of(table, node->hash);

    while (*link != node) {
        link = &(*link)->next;
    }
    *link = node->next;
    if (--table->length == 0) {
        free(table->buckets);
        table->buckets = NULL;
        table->bucket_count = 0;
    }
}

static struct kube_table_node *first_from(const struct kube_table *table, size_t bucket)
{
    for (; bucket < table->bucket_count; bucket++) {
        if (table->buckets[bucket]) {
            return table->buckets[bucket];
        }
    }
    return NULL;
}

struct kube_table_node *kube_table_next(const struct kube_table *table,
                                        const struct kube_table_node *node)
{
    if (!node) {
        return first_from(table, 0);
    }
    if (node->next) {
        return node->next;
    }
    return first_from(table, (node->hash & (table->bucket_count - 1)) + 1);
}

void kube_table_fini(struct kube_table *table, void (*release)(struct kube_table_node *node))
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        for (struct kube_table_node *node = table->buckets[i], *next; node; node = next) {
            next = node->next;
            release(node);
        }
    }
    free(table->buckets);
    *table = (struct kube_table){0};
}
