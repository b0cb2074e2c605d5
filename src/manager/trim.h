/* What the stores keep of each kind.  A thousand clusters have several thousand pods: an object
 * keeps only the fields that a reconcile pass reads, which tables in trim.c list.
 *
 * Each function changes the object in place; the form of kube_store_options.trim. */
#ifndef MANAGER_TRIM_H
#define MANAGER_TRIM_H 1

#include <jansson.h>

void trim_pod(json_t *object);
void trim_persistent_volume_claim(json_t *object);
/* Everything but managedFields and what kubectl keeps for itself: for the kinds whose every field
 * is compared or read. */
void trim_common(json_t *object);

#endif
