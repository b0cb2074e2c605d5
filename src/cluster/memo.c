#include "cluster/memo.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

#define N_BUCKETS 256

struct memos {
    pthread_mutex_t
        mutex; /* Of the lists and `changed`; else a memo belongs to the worker with its key. */
    struct memo *buckets[N_BUCKETS];
    size_t length;
};

struct memos *memos_new(void)
{
    struct memos *memos = xcalloc(1, sizeof *memos);
    pthread_mutex_init(&memos->mutex, NULL);
    return memos;
}

void memo_forget_certificates(struct memo *memo)
{
    arena_free(memo->certificates_arena);
    memo->certificates_arena = NULL;
    memset(&memo->certificates, 0, sizeof memo->certificates);
}

static void memo_free(struct memo *memo)
{
    memo_forget_certificates(memo);
    quiet_forget(&memo->quiet);
    free(memo->key);
    free(memo);
}

void memos_free(struct memos *memos)
{
    if (!memos) {
        return;
    }
    for (size_t i = 0; i < N_BUCKETS; i++) {
        for (struct memo *memo = memos->buckets[i]; memo;) {
            struct memo *next = memo->next;
            memo_free(memo);
            memo = next;
        }
    }
    pthread_mutex_destroy(&memos->mutex);
    free(memos);
}

static struct memo **find(struct memos *memos, const char *key)
{
    uint32_t hash = 2166136261u; /* FNV-1a */
    for (const char *c = key; *c; c++) {
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    }
    struct memo **link = &memos->buckets[hash % N_BUCKETS];
    while (*link && strcmp((*link)->key, key) != 0) {
        link = &(*link)->next;
    }
    return link;
}

void memos_drop(struct memos *memos, const char *key)
{
    pthread_mutex_lock(&memos->mutex);
    struct memo **link = find(memos, key);
    struct memo *memo = *link;
    if (memo) {
        *link = memo->next;
        memos->length--;
    }
    pthread_mutex_unlock(&memos->mutex);
    if (memo) {
        memo_free(memo);
    }
}

struct memo *memos_get(struct memos *memos, const char *key, const char *uid)
{
    pthread_mutex_lock(&memos->mutex);
    struct memo *memo = *find(memos, key);
    pthread_mutex_unlock(&memos->mutex);
    if (memo && !strcmp(memo->uid, uid)) {
        return memo;
    }
    if (memo) {
        memos_drop(memos, key);
    }
    memo = xcalloc(1, sizeof *memo);
    memo->key = xstrdup(key);
    memo->changed = true; /* The pass that makes it has read the cluster already. */
    snprintf(memo->uid, sizeof memo->uid, "%s", uid);
    pthread_mutex_lock(&memos->mutex);
    struct memo **link = find(memos, key);
    memo->next = *link;
    *link = memo;
    memos->length++;
    pthread_mutex_unlock(&memos->mutex);
    return memo;
}

struct memo *memos_unchanged(struct memos *memos, const char *key)
{
    pthread_mutex_lock(&memos->mutex);
    struct memo *memo = *find(memos, key);
    bool changed = memo && memo->changed;
    pthread_mutex_unlock(&memos->mutex);
    return changed ? NULL : memo;
}

void memos_mark(struct memos *memos, const char *key, bool changed)
{
    pthread_mutex_lock(&memos->mutex);
    struct memo *memo = *find(memos, key);
    if (memo) {
        memo->changed = changed;
    }
    pthread_mutex_unlock(&memos->mutex);
}

size_t memos_length(struct memos *memos)
{
    pthread_mutex_lock(&memos->mutex);
    size_t length = memos->length;
    pthread_mutex_unlock(&memos->mutex);
    return length;
}
