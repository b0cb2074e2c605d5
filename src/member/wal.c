#include "member/wal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/crc32c.h"
#include "base/memory.h"

enum { RECORD_METADATA = 1, RECORD_CRC = 4, RECORD_SNAPSHOT = 5 };

#define FIRST_SEGMENT    "0000000000000000-0000000000000000.wal"
#define MAX_HEAD_RECORDS 8 /* The metadata record is the second one. */

struct bytes {
    const uint8_t *data;
    size_t size;
};

struct record {
    uint64_t type;
    uint32_t crc;
    struct bytes data;
};

/* One field of a protobuf message: a number, or bytes. */
struct proto_field {
    uint64_t number;
    bool is_bytes;
    uint64_t value;
    struct bytes bytes;
};

__attribute__((format(printf, 1, 2))) static struct wal_facts unreadable(const char *format, ...)
{
    struct wal_facts facts = {.state = WAL_UNREADABLE};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(facts.problem, sizeof facts.problem, format, arguments);
    va_end(arguments);
    return facts;
}

static bool take(struct bytes *from, size_t size, struct bytes *out)
{
    if (size > from->size) {
        return false;
    }
    *out = (struct bytes){from->data, size};
    from->data += size;
    from->size -= size;
    return true;
}

static bool take_varint(struct bytes *from, uint64_t *value)
{
    struct bytes byte;

    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (!take(from, 1, &byte)) {
            return false;
        }
        *value |= (uint64_t)(*byte.data & 0x7f) << shift;
        if (!(*byte.data & 0x80)) {
            return true;
        }
    }
    return false;
}

/* False at a message that is cut or has a wire type that etcd never uses here. */
static bool take_field(struct bytes *from, struct proto_field *out)
{
    uint64_t key, size;

    if (!take_varint(from, &key)) {
        return false;
    }
    *out = (struct proto_field){.number = key >> 3, .is_bytes = (key & 7) == 2};
    if (out->is_bytes) {
        return take_varint(from, &size) && size <= from->size &&
               take(from, (size_t)size, &out->bytes);
    }
    return (key & 7) == 0 && take_varint(from, &out->value);
}

static bool parse_record(struct bytes from, struct record *out)
{
    struct proto_field field;

    *out = (struct record){0};
    while (from.size) {
        if (!take_field(&from, &field)) {
            return false;
        }
        if (field.number == 1 && !field.is_bytes) {
            out->type = field.value;
        } else if (field.number == 2 && !field.is_bytes) {
            out->crc = (uint32_t)field.value;
        } else if (field.number == 3 && field.is_bytes) {
            out->data = field.bytes;
        }
    }
    return true;
}

static bool parse_metadata(struct bytes from, struct wal_facts *out)
{
    struct proto_field field;

    while (from.size) {
        if (!take_field(&from, &field)) {
            return false;
        }
        if (field.number == 1 && !field.is_bytes) {
            out->member_id = field.value;
        } else if (field.number == 2 && !field.is_bytes) {
            out->cluster_id = field.value;
        }
    }
    return out->member_id && out->cluster_id;
}

/* The next frame's record; false with `*problem` set when there is none. */
static bool take_frame(struct bytes *from, struct record *out, const char **problem)
{
    struct bytes head, body, padding;
    uint64_t length = 0;

    if (!take(from, 8, &head)) {
        *problem = "it ends where a record should begin";
        return false;
    }
    for (int i = 0; i < 8; i++) {
        length |= (uint64_t)head.data[i] << 8 * i;
    }
    size_t pad = length >> 63 ? length >> 56 & 7 : 0;
    uint64_t size = length & ((UINT64_C(1) << 56) - 1);
    if (!size) {
        *problem = "it holds zeros where a record should begin";
        return false;
    }
    if (size > from->size || !take(from, (size_t)size, &body) || !take(from, pad, &padding)) {
        *problem = "a record is longer than the rest of it";
        return false;
    }
    if (!parse_record(body, out)) {
        *problem = "a record is not a protobuf message of etcd's";
        return false;
    }
    return true;
}

/* Whether anything but the first snapshot record and zeros follows the metadata. */
static bool has_begun(struct bytes from)
{
    struct bytes rest = from;
    struct record record;
    const char *problem;

    while (take_frame(&from, &record, &problem)) {
        if (record.type != RECORD_SNAPSHOT) {
            return true;
        }
        rest = from;
    }
    for (size_t i = 0; i < rest.size; i++) {
        if (rest.data[i]) {
            return true;
        }
    }
    return false;
}

struct wal_facts wal_parse(const uint8_t *head, size_t size)
{
    struct bytes from = {head, size};
    struct wal_facts facts = {.state = WAL_OK};
    struct record record;
    const char *problem = NULL;
    uint32_t crc = 0;

    for (int i = 0; i < MAX_HEAD_RECORDS; i++) {
        if (!take_frame(&from, &record, &problem)) {
            return unreadable("record %d: %s", i, problem);
        }
        if (i == 0 && record.type != RECORD_CRC) {
            return unreadable("it begins with a record of type %llu, not with a checksum",
                              (unsigned long long)record.type);
        }
        if (record.type == RECORD_CRC) {
            crc = record.crc;
            continue;
        }
        crc = crc32c_update(crc, record.data.data, record.data.size);
        if (crc != record.crc) {
            return unreadable("record %d: the checksum does not fit", i);
        }
        if (record.type == RECORD_METADATA) {
            facts.begun = has_begun(from);
            return parse_metadata(record.data, &facts)
                       ? facts
                       : unreadable("record %d: the metadata names no member", i);
        }
    }
    return unreadable("the first %d records name no member", MAX_HEAD_RECORDS);
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t length = strlen(name), tail = strlen(suffix);
    return length >= tail && !strcmp(name + length - tail, suffix);
}

/* 16 hex digits, a dash, 16 hex digits, ".wal": sequence and first raft index. */
static bool is_segment(const char *name)
{
    return strlen(name) == 37 && strspn(name, "0123456789abcdef") == 16 && name[16] == '-' &&
           strspn(name + 17, "0123456789abcdef") == 16 && has_suffix(name, ".wal");
}

static void cleanup_closedir(DIR **directory)
{
    if (*directory) {
        closedir(*directory);
    }
}

/* The first segment by name ("" if none), and how many *.wal there are. False at a directory that
 * cannot be read. */
static bool find_first_segment(DIR *directory, char first[NAME_MAX + 1], size_t *count)
{
    struct dirent *entry;

    *first = '\0';
    *count = 0;
    while (errno = 0, (entry = readdir(directory))) {
        *count += has_suffix(entry->d_name, ".wal");
        if (is_segment(entry->d_name) && (!*first || strcmp(entry->d_name, first) < 0)) {
            snprintf(first, NAME_MAX + 1, "%s", entry->d_name);
        }
    }
    return errno == 0;
}

static struct wal_facts inspect_segment(int directory, const char *name)
{
    AUTO_FREE uint8_t *head = xmalloc(WAL_HEAD_SIZE);
    AUTO_CLOSE int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    size_t size = 0;

    if (fd < 0) {
        return unreadable("%s cannot be opened: %s", name, strerror(errno));
    }
    while (size < WAL_HEAD_SIZE) {
        ssize_t got = read(fd, head + size, WAL_HEAD_SIZE - size);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return unreadable("%s cannot be read: %s", name, strerror(errno));
        }
        if (!got) {
            break;
        }
        size += (size_t)got;
    }
    return wal_parse(head, size);
}

struct wal_facts wal_inspect(const char *data_dir)
{
    AUTO_FREE char *path = xasprintf("%s/member/wal", data_dir);
    char first[NAME_MAX + 1];
    size_t count;

    CLEANUP(cleanup_closedir) DIR *directory = opendir(path);
    if (!directory) {
        return errno == ENOENT ? (struct wal_facts){.state = WAL_NONE}
                               : unreadable("%s cannot be opened: %s", path, strerror(errno));
    }
    if (!find_first_segment(directory, first, &count)) {
        return unreadable("%s cannot be listed: %s", path, strerror(errno));
    }
    if (!*first) {
        /* etcd takes any *.wal for a log. */
        return count ? unreadable("%s holds no segment with a name of etcd's", path)
                     : (struct wal_facts){.state = WAL_NONE};
    }
    struct wal_facts facts = inspect_segment(dirfd(directory), first);
    bool newborn =
        facts.state == WAL_OK && !facts.begun && count == 1 && !strcmp(first, FIRST_SEGMENT);
    return newborn ? (struct wal_facts){.state = WAL_NONE} : facts;
}
