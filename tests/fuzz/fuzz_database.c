/* Any bytes as a database. The first byte is not of it: with its bit 0 or 1 the checksum of meta
 * record 0 or 1 is made right, which no mutation would hit. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "member/database.h"
#include "unit/member/database_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge(int fd)
{
    struct database_facts quick = database_judge(fd, false), facts = database_judge(fd, true);

    if ((facts.state == DATABASE_BAD) != (*facts.problem != '\0') ||
        (quick.state == DATABASE_BAD && facts.state != DATABASE_BAD)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sample sample = {0};

    if (size < 1 || size > 1 + sizeof sample.bytes) {
        return 0;
    }
    memcpy(sample.bytes, data + 1, size - 1);
    for (unsigned meta = 0; meta < 2; meta++) {
        if (data[0] & 1 << meta) {
            sample_seal(&sample, meta);
        }
    }
    int fd = memfd_create("database", MFD_CLOEXEC);
    if (fd < 0 || write(fd, sample.bytes, size - 1) != (ssize_t)(size - 1)) {
        abort();
    }
    judge(fd);
    close(fd);
    return 0;
}
