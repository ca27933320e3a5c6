/* gate: who may send next where the homeserver said that it gets too many requests: one at a time, the most urgent first. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_GATE_H
#define SALLYPORT_PROTOCOLS_MATRIX_GATE_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/talk/outbox.h"

struct task;
struct waiting_at_gate;

struct gate {
	struct waiting_at_gate *first;
	int64_t opens;                  /* mono ms; before it nobody passes */
	int64_t narrow_until;           /* mono ms; before it they pass one by one */
	bool passing;                   /* one of those */
	bool closed;                    /* nobody passes any more */
};

/* Waits for its turn; false once the task is cancelled or the gate closed. `*narrow`: it must gate_leave(). */
bool gate_enter(struct task *, struct gate *, enum urgency, bool *narrow);
void gate_leave(struct task *, struct gate *);
void gate_shut(struct gate *, int64_t ms);      /* the server wants a pause of that length */
bool gate_is_narrow(const struct gate *);       /* they pass one by one */
void gate_close(struct gate *);                 /* all who wait are sent away */

#endif
