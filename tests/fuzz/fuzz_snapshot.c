/* Any bytes as a snapshot. The first byte is not of it: its bits 0 and 1 make the checksum of meta
 * record 0 or 1 right, and bit 2 puts the right hash behind it, which no mutation would hit; the
 * rest is the size of the pieces. */
#include <stdlib.h>

#include "snapshot/reader.h"
#include "unit/snapshot/snapshot_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int read_all(const uint8_t *bytes, size_t size, size_t piece, struct snapshot_facts *facts,
                    struct error *error)
{
    struct snapshot_reader *reader = snapshot_reader_new();
    struct snapshot_sink sink = snapshot_reader_sink(reader);

    for (size_t at = 0; at < size; at += piece) {
        size_t some = size - at < piece ? size - at : piece;
        snapshot_sink_write(&sink, bytes + at, some, error);
    }
    int result = snapshot_reader_finish(reader, facts, error);
    snapshot_reader_free(reader);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snapshot_facts one, many;
    struct error first = {0}, second = {0};
    struct sample sample = {0};
    uint8_t bytes[SNAPSHOT_SIZE];

    if (size < 1 || size > 1 + SAMPLE_SIZE) {
        return 0;
    }
    memcpy(sample.bytes, data + 1, size - 1);
    for (unsigned meta = 0; meta < 2; meta++) {
        if (data[0] & 1 << meta) {
            sample_seal(&sample, meta);
        }
    }
    size_t length = size - 1;
    memcpy(bytes, sample.bytes, length);
    if (data[0] & 4) {
        SHA256(bytes, length, bytes + length);
        length += 32;
    }
    int whole = read_all(bytes, length, length + 1, &one, &first);
    int cut = read_all(bytes, length, (data[0] >> 3) + 1U, &many, &second);
    if (whole != cut || strcmp(first.message, second.message) != 0 ||
        (!whole && (one.contents.revision != many.contents.revision ||
                    one.contents.records != many.contents.records))) {
        abort();
    }
    return 0;
}
