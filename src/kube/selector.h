/* Label selectors, as far as the operator uses them, evaluated locally: an answer to our own write
 * enters a store only if the store's watch would deliver the object too. */
#ifndef KUBE_SELECTOR_H
#define KUBE_SELECTOR_H 1

#include <jansson.h>
#include <stdbool.h>

/* Whether an object with these labels (may be NULL) matches "k=v,k==v,k!=v,k,!k".  NULL or ""
 * matches everything; a set-based requirement ("k in (a,b)") matches nothing. */
bool kube_selector_matches(const char *selector, const json_t *labels);

#endif
