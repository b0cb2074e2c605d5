#include "snapshot/target.h"

#include <sys/stat.h>

#include "snapshot/pipe.h"

int snapshot_target_begin(struct snapshot_target *target, struct error *error)
{
    if (!target->store) {
        return snapshot_file_create(&target->file, target->name, error);
    }
    int result = store_put_begin(target->store, target->name, NULL, &target->put, error);
    if (!result) {
        target->pipe = snapshot_pipe_new((struct snapshot_sink){store_put_write, target->put});
    }
    return result;
}

struct snapshot_sink snapshot_target_sink(struct snapshot_target *target)
{
    return target->store ? snapshot_pipe_sink(target->pipe) : snapshot_file_sink(&target->file);
}

static int finish_file(struct snapshot_target *target, struct snapshot_manifest *manifest,
                       struct error *error)
{
    struct stat stat;

    manifest->name = target->name;
    manifest->size = fstat(target->file.fd, &stat) ? 0 : (uint64_t)stat.st_size;
    return snapshot_file_commit(&target->file, error);
}

int snapshot_target_finish(struct snapshot_target *target, struct arena *arena,
                           struct snapshot_manifest *manifest, struct error *error)
{
    struct store_object stored = {0};

    if (!target->store) {
        return finish_file(target, manifest, error);
    }
    int result = snapshot_pipe_finish(target->pipe, error);
    if (!result) {
        result = store_put_finish(target->put, arena, &stored, error);
    }
    if (!result) {
        manifest->name = target->name;
        manifest->size = stored.size;
        manifest->checksum = stored.checksum;
    }
    return result;
}

void snapshot_target_abort(struct snapshot_target *target)
{
    if (target->store) {
        snapshot_pipe_free(target->pipe);
        target->pipe = NULL;
        store_put_free(target->put);
        target->put = NULL;
    } else {
        snapshot_file_fini(&target->file);
    }
}
