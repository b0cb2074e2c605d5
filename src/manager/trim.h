/* What the stores keep of each kind.  A thousand clusters have several thousand pods: an object
 * keeps only the fields that a reconcile pass reads, which tables in trim.c list.
 *
 * Each function makes a new object that shares the parts with the old one, which stays as it is;
 * the form of kube_store_options.trim. */
#ifndef MANAGER_TRIM_H
#define MANAGER_TRIM_H 1

#include <jansson.h>

json_t *trim_pod(const json_t *object);
json_t *trim_persistent_volume_claim(const json_t *object);
json_t *trim_job(const json_t *object);
/* Everything but managedFields and what kubectl keeps for itself: for the kinds whose every field
 * is compared or read. */
json_t *trim_common(const json_t *object);

#endif
