/* Any bytes as the beginning of a write-ahead log. */
#include <stdlib.h>

#include "member/wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wal_facts facts = wal_parse(data, size);

    if (facts.state == WAL_NONE ||
        (facts.state == WAL_OK && !(facts.member_id && facts.cluster_id)) ||
        (facts.state == WAL_UNREADABLE && !*facts.problem)) {
        abort();
    }
    return 0;
}
