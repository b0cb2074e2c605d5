/* Answers on the metrics port while the member waits: the report to the operator, 503 to probes.
 * One thread, everything bounded: few connections, short requests, a deadline for each. */
#ifndef MEMBER_RESPONDER_H
#define MEMBER_RESPONDER_H 1

#include <stdint.h>

#include "base/error.h"

struct responder;

/* Listens on all addresses, IPv6 and IPv4. */
int responder_open(uint16_t port, struct responder **out, struct error *error);
void responder_close(struct responder *responder); /* NULL is allowed. */

/* What is answered from now on; both are copied. */
void responder_set(struct responder *responder, const char *report, const char *message);

/* Serves until `milliseconds` have passed. */
void responder_serve(struct responder *responder, int64_t milliseconds);

#endif
