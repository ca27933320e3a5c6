/* gate: who may send next where the homeserver said that it gets too many requests. */
#include "protocols/matrix/gate.h"

#include <stddef.h>

#include "bridge/base/clock.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum {
	NARROW = 60 * 1000,             /* ms that it stays narrow after the last pause: its limit has not grown since */
	PAUSE_LEAST = 50, PAUSE_MOST = 5 * 60 * 1000,   /* ms */
};

struct waiting_at_gate {
	struct waiting_at_gate *next;
	const struct engine *engine;
	uint64_t task;
	enum urgency urgency;
};

/* The most urgent, the first of them. */
static const struct waiting_at_gate *
next_in(const struct gate *gate)
{
	const struct waiting_at_gate *best = gate->first;

	for (const struct waiting_at_gate *at = gate->first; at; at = at->next)
		if (at->urgency < best->urgency)
			best = at;
	return best;
}

static void
wake(void *with, int events)
{
	const struct waiting_at_gate *mine = with;

	(void)events;
	task_wake(mine->engine, mine->task);
}

static void
come(struct gate *gate, struct waiting_at_gate *mine)
{
	struct waiting_at_gate **at = &gate->first;

	while (*at)
		at = &(*at)->next;
	*at = mine;
}

static void
go(struct gate *gate, const struct waiting_at_gate *mine)
{
	for (struct waiting_at_gate **at = &gate->first; *at; at = &(*at)->next)
		if (*at == mine) {
			*at = mine->next;
			return;
		}
}

bool
gate_is_narrow(const struct gate *gate)
{
	return clock_mono() < gate->narrow_until;
}

bool
gate_enter(struct task *task, struct gate *gate, enum urgency urgency, bool *narrow)
{
	struct waiting_at_gate mine = { .engine = task->engine, .task = task->id, .urgency = urgency };

	*narrow = false;
	if (!gate_is_narrow(gate) && !gate->closed)
		return !task->cancelled;
	struct watch *timer = loop_timer(task->engine->loop, wake, &mine);
	come(gate, &mine);
	while (!task->cancelled && !gate->closed && (gate->passing || clock_mono() < gate->opens || next_in(gate) != &mine)) {
		if (clock_mono() < gate->opens)
			watch_after(timer, gate->opens - clock_mono());
		task_park(task);
	}
	watch_free(timer);
	go(gate, &mine);
	if (!task->cancelled && !gate->closed) {
		*narrow = gate->passing = true;
		return true;
	}
	if (gate->first)
		task_wake(task->engine, next_in(gate)->task);
	return task_fail(task, "I am leaving this homeserver.");
}

void
gate_leave(struct task *task, struct gate *gate)
{
	gate->passing = false;
	if (gate->first)
		task_wake(task->engine, next_in(gate)->task);
}

void
gate_shut(struct gate *gate, int64_t ms)
{
	int64_t opens = clock_mono() + (ms < PAUSE_LEAST ? PAUSE_LEAST : ms > PAUSE_MOST ? PAUSE_MOST : ms);

	/* Of several that were refused the longest pause counts. */
	gate->opens = opens > gate->opens ? opens : gate->opens;
	gate->narrow_until = gate->opens + NARROW;
}

void
gate_close(struct gate *gate)
{
	gate->closed = true;
	for (const struct waiting_at_gate *at = gate->first; at; at = at->next)
		task_wake(at->engine, at->task);
}
