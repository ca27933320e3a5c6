/* task: a piece of work on its own stack: its memory, its error, waiting, and being cancelled.
 *
 * A function that waits takes a struct task *, and nothing else waits. Every wait returns false once the task is
 * cancelled, loops on its own condition, and unregisters what it registered before it returns. Across a wait carry
 * ids, not pointers, to shared things. */
#ifndef SALLYPORT_RUN_TASK_H
#define SALLYPORT_RUN_TASK_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/run/engine.h"

/* Read its fields, write none. */
struct task {
	uint64_t id;                    /* never given out again while the process lives */
	struct arena *arena;            /* gone with the task */
	const struct engine *engine;
	const char *name;               /* for the log: "B31", "link corp" */
	const char *number;             /* of the command that it carries out: in each of its log lines; NULL: none */
	struct error error;             /* why it failed; empty until then */
	bool cancelled;
	bool unsure;                    /* a change was asked for and no answer came: it may have happened. Set by http_send() and its like. */
	bool dry;                       /* set by task_rehearse(): nothing that changes anything may leave */
	const char *would;              /* what a dry task would have sent */
};

typedef void task_fn(struct task *, void *with);

enum { TASKS_RESERVE = 2000 };          /* above the most there may be: for what keeps the house running */
struct tasks *tasks_open(struct engine *, size_t most);         /* at most that many at once, and the reserve */
void tasks_close(struct tasks *);                               /* all have ended: tasks_cancel_all() and the loop first */
size_t tasks_count(const struct tasks *);
void tasks_cancel_all(struct tasks *);

/* Starts run(task, with) from the loop, soon. `with` must outlive the task: put it into `arena`, which the task
 * takes over (NULL: it makes its own). `name` is copied. The id, or 0 (and the arena is freed) where there are too many tasks. */
uint64_t task_start(const struct engine *, const char *name, task_fn *, void *with, struct arena *);
/* The same for a link, and what else the others need to come to their end: from the reserve, where these have taken all there is. */
uint64_t task_start_reserved(const struct engine *, const char *name, task_fn *, void *with, struct arena *);
void task_cancel(const struct engine *, uint64_t id);           /* its wait returns false; harmless where it has ended */
void task_wake(const struct engine *, uint64_t id);             /* ends its task_park(), from the loop; harmless where it has ended */
void task_wake_now(const struct engine *, uint64_t id);         /* the same, at once: only from the loop, never from a task */

/* From inside. */
bool task_park(struct task *);                                  /* until woken: false once cancelled. May wake for nothing. */
void task_park_firmly(struct task *);                           /* the same, and cancelling does not end it: for commits */
bool task_sleep(struct task *, unsigned seconds);               /* false once cancelled */
bool task_pause(struct task *, int64_t ms);
void task_number(struct task *, const char *number);            /* borrowed, until the task ends */
bool task_fail(struct task *, const char *format, ...) __attribute__((format(printf, 2, 3)));     /* always false */
char *task_text(struct task *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* One turn of a loop that goes on for days: what the task takes between the two goes with the second. Nothing of it is used after. */
struct arena *task_turn(struct task *);
void task_turn_end(struct task *, struct arena *before);
struct arena *task_turn_take(struct task *, struct arena *before);      /* the same, but what was taken is the caller's now, to be freed by it */
void task_defer(struct task *, void (*call)(void *), void *with);
bool task_ready(struct task *, int fd, int events, int64_t ms); /* waits for a descriptor; ms < 0: no limit; false: cancelled or late */

/* A rehearsal (--dry-run): whoever is about to change something outside asks task_dry() and says what it would do.
 * task_would() is always false, as a failure is; the first sentence is kept. */
void task_rehearse(struct task *);
bool task_would(struct task *, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
