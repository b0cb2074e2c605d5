/* What the operator remembers of a cluster's upkeep, so that it neither repeats itself nor forgets
 * when what happened: kept in the memo between passes, by this process's own clock.  Losing it is
 * always safe: what was tried may be tried once more, and what it cannot date it leaves alone. */
#ifndef CLUSTER_UPKEEP_H
#define CLUSTER_UPKEEP_H 1

#include <stdbool.h>
#include <stdint.h>

#include "api/etcdcluster.h"

/* What a compaction for want of room leaves: long enough for a watcher that has lost its connection
 * to come back and for a list in pages to end, and no longer, for writes are refused meanwhile. */
#define UPKEEP_HISTORY_MS (2 * INT64_C(60000))
#define UPKEEP_SAMPLES    10 /* An eighth of that apart at least: one is always old enough. */

/* HashKV of the voters, asked of each at one revision. */
struct hash_check {
    int64_t revision; /* 0: none was made. */
    int64_t at_ms;
    bool alarmed; /* The alarm CORRUPT was raised then. */
    struct hash_answer {
        uint64_t member_id; /* 0: it did not answer. */
        int64_t compact_revision;
        uint32_t hash;
    } answers[ETCDCLUSTER_MAX_SIZE]; /* By ordinal. */
};

struct upkeep {
    int64_t since_ms;            /* When the cluster was first looked at; 0: not yet. */
    struct hash_check checks[2]; /* The last, and the one before. */
    struct upkeep_sample {
        int64_t revision, at_ms;
    } samples[UPKEEP_SAMPLES]; /* The store's newest revision at a time, oldest first. */
    int n_samples;
    struct upkeep_sample compacted; /* The last compaction; revision 0: none. */
    struct {
        uint64_t member_id; /* 0: never */
        int64_t at_ms;
    } defragmented[ETCDCLUSTER_MAX_SIZE]; /* By ordinal: when it was last tried. */
};

void upkeep_note_revision(struct upkeep *upkeep, int64_t revision, int64_t now_ms);
/* The newest revision that is known to be older than UPKEEP_HISTORY_MS; 0: none is. */
int64_t upkeep_old_revision(const struct upkeep *upkeep, int64_t now_ms);

#endif
