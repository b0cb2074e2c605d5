#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "sim/etcd/internal.h"

struct sim_disk *sim_disk_new(struct sim_etcd *etcd, const char *name)
{
    struct sim_disk *disk = xcalloc(1, sizeof *disk);

    disk->etcd = etcd;
    disk->name = xstrdup(name);
    disk->next = etcd->disks;
    etcd->disks = disk;
    return disk;
}

void sim_disk_free(struct sim_disk *disk)
{
    if (disk) {
        struct sim_disk **at = &disk->etcd->disks;
        while (*at != disk) {
            at = &(*at)->next;
        }
        *at = disk->next;
        data_unref(disk->data);
        free(disk->file);
        free(disk->name);
        free(disk);
    }
}

void sim_disk_move_aside(struct sim_disk *disk)
{
    data_unref(disk->data);
    disk->data = NULL;
    disk->garbage = disk->spoilt = false;
}

void sim_disk_wipe(struct sim_disk *disk)
{
    sim_trace(disk->etcd->sim, "disk %s: wiped", disk->name);
    sim_disk_move_aside(disk);
    free(disk->file);
    disk->file = NULL;
}

void sim_disk_corrupt(struct sim_disk *disk)
{
    sim_trace(disk->etcd->sim, "disk %s: the log's head is garbage", disk->name);
    disk->garbage = disk->data != NULL;
}

void sim_disk_spoil(struct sim_disk *disk)
{
    sim_trace(disk->etcd->sim, "disk %s: the database is garbage", disk->name);
    disk->spoilt = disk->data != NULL;
    if (disk->data) {
        disk->data->corrupt = true;
    }
}

bool sim_disk_is_spoilt(const struct sim_disk *disk)
{
    return disk->spoilt || (disk->data && disk->data->corrupt);
}

void sim_disk_set_slow(struct sim_disk *disk, int64_t slow_ms)
{
    disk->slow_ms = slow_ms;
}

uint64_t sim_disk_member_id(const struct sim_disk *disk)
{
    return disk->data ? disk->data->member_id : 0;
}

void sim_disk_destroyed(struct sim_disk *disk)
{
    if (disk->data) {
        ledger_destroyed(disk->etcd, disk->data);
    }
}

void sim_disk_doomed(struct sim_disk *disk)
{
    disk->doomed = true;
    sim_disk_destroyed(disk);
}

struct wal_facts sim_disk_wal(const struct sim_disk *disk)
{
    struct wal_facts facts = {WAL_NONE};

    if (disk->garbage) {
        facts.state = WAL_UNREADABLE;
        snprintf(facts.problem, sizeof facts.problem, "the first record is no checksum");
    } else if (disk->data) {
        facts = (struct wal_facts){.state = WAL_OK,
                                   .member_id = disk->data->member_id,
                                   .cluster_id = disk->data->cluster_id,
                                   .begun = disk->data->begun};
    }
    return facts;
}

void sim_disk_set_file(struct sim_disk *disk, const char *text)
{
    char *copy = text ? xstrdup(text) : NULL;

    free(disk->file);
    disk->file = copy;
}

const char *sim_disk_file(const struct sim_disk *disk)
{
    return disk->file;
}

void sim_disk_set_full(struct sim_disk *disk, bool full)
{
    sim_trace(disk->etcd->sim, "disk %s: %s", disk->name, full ? "full" : "has space again");
    disk->full = full;
}
