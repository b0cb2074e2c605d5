#include "backup/act.h"

#include <string.h>

#include "backup/job.h"
#include "backup/schedule.h"
#include "base/json.h"
#include "cluster/names.h"

static int set_finalizer(const struct backup_options *options, const struct backup_world *world,
                         bool wanted, struct error *error)
{
    const struct kube_api *kube = options->kube;
    json_t *finalizers = json_array(), *item;
    size_t i;

    json_array_foreach(json_path(world->object, "metadata", "finalizers", NULL), i, item)
    {
        if (strcmp(json_string_value(item), FINALIZER) != 0) {
            json_array_append(finalizers, item);
        }
    }
    if (wanted) {
        json_array_append_new(finalizers, json_string(FINALIZER));
    }
    AUTO_JSON json_t *patch =
        json_pack("{s:{s:o, s:s, s:s}}", "metadata", "finalizers", finalizers, "resourceVersion",
                  world->resource_version, "uid", world->uid);
    int result = kube->merge_patch(kube->context, &kube_etcd_backups, world->namespace, world->name,
                                   patch, NULL, error);
    return result == -(int)ERROR_NOT_FOUND ? 0 : result;
}

/* A Job of this name that was made before, or by somebody else. */
static int look_at_taken_name(const struct backup_options *options,
                              const struct backup_world *world, const char *name,
                              struct error *error)
{
    const struct kube_api *kube = options->kube;
    json_t *found = NULL;

    int result = kube->get(kube->context, &kube_jobs, world->namespace, name, &found, error);
    bool ours = !result && object_is_owned_by(found, world->uid);
    json_decref(found);
    if (result || ours) { /* The watch is to come. */
        return result == -(int)ERROR_NOT_FOUND ? 0 : result;
    }
    return error_set(error, ERROR_INVALID,
                     "there is a Job %s already, which is not of this EtcdBackup: delete it, or "
                     "create the EtcdBackup under another name",
                     name);
}

/* The account belongs to no single backup, so it has no owner and stays. */
static int create_job(const struct backup_options *options, const struct backup_world *world,
                      json_t *job, struct error *error)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *made = job;

    if (!world->spec.job_template.service_account) {
        AUTO_JSON json_t *account = backup_account(world->namespace);
        int result = kube->apply(kube->context, &kube_service_accounts, account, true, NULL, error);
        if (result) {
            return error_wrap(error, "the account of the backup's pod");
        }
    }
    int result = kube->create(kube->context, &kube_jobs, made, NULL, error);
    return result == -(int)ERROR_EXISTS
               ? look_at_taken_name(options, world,
                                    json_path_string(made, "metadata", "name", NULL), error)
               : result;
}

/* Its pods go with it, each with its time to abort an upload. */
static int delete_job(const struct backup_options *options, const struct backup_world *world,
                      const struct backup_job *job, struct error *error)
{
    const struct kube_api *kube = options->kube;
    const struct kube_delete_options how = {
        .uid = job->uid, .grace_period_seconds = -1, .propagation_policy = "Background"};

    return kube->remove(kube->context, &kube_jobs, world->namespace, job->name, &how, error);
}

static int apply_cron_job(const struct backup_options *options, const struct backup_world *world,
                          struct error *error)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *object = backup_cron_job(world);

    return kube->apply(kube->context, &kube_cron_jobs, object, true, NULL, error);
}

static int create_child(const struct backup_options *options, const struct backup_world *world,
                        const char *name, struct error *error)
{
    const struct kube_api *kube = options->kube;
    AUTO_JSON json_t *object = backup_child_object(world, name);
    int result = kube->create(kube->context, &kube_etcd_backups, object, NULL, error);

    return result == -(int)ERROR_EXISTS ? 0 : result; /* The watch is to come. */
}

static int delete_target(const struct backup_options *options, const struct backup_world *world,
                         const struct kube_resource *resource, const struct backup_plan *plan,
                         struct error *error)
{
    const struct kube_api *kube = options->kube;
    const struct kube_delete_options how = {
        .uid = plan->target_uid, .grace_period_seconds = -1, .propagation_policy = "Background"};
    int result = kube->remove(kube->context, resource, world->namespace, plan->target, &how, error);

    return result == -(int)ERROR_CONFLICT ? 0 : result; /* Another one of that name by now. */
}

int backup_act(const struct backup_options *options, const struct backup_world *world,
               const struct backup_plan *plan, struct arena *arena, struct error *error)
{
    switch (plan->action) {
    case BACKUP_NOTHING:
        return 0;
    case BACKUP_ADD_FINALIZER:
        return set_finalizer(options, world, true, error);
    case BACKUP_REMOVE_FINALIZER:
        return set_finalizer(options, world, false, error);
    case BACKUP_CREATE_SAVE:
        return create_job(options, world, backup_save_job(world, arena), error);
    case BACKUP_DELETE_SAVE:
        return delete_job(options, world, &world->save, error);
    case BACKUP_CREATE_REMOVE:
        return create_job(options, world, backup_remove_job(world, arena), error);
    case BACKUP_DELETE_REMOVE:
        return delete_job(options, world, &world->remove, error);
    case BACKUP_APPLY_CRON_JOB:
        return apply_cron_job(options, world, error);
    case BACKUP_CREATE_CHILD:
        return create_child(options, world, plan->target, error);
    case BACKUP_DELETE_CHILD:
        return delete_target(options, world, &kube_etcd_backups, plan, error);
    case BACKUP_DELETE_TICK:
        return delete_target(options, world, &kube_jobs, plan, error);
    }
    return 0;
}
