/* task: a piece of work on its own stack: its memory, its error, waiting, and being cancelled. */
#include "bridge/run/task.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/run/fiber.h"
#include "bridge/run/loop.h"

/* A task and what only this file knows of it. The low bits of its id are its slot, the rest counts that slot's tasks. */
struct slot {
	struct task task;
	struct tasks *tasks;
	struct slot *next;              /* in the queue of those to be resumed */
	struct fiber *fiber;
	task_fn *run;
	void *with;
	char *name;
	bool queued, parked, firmly;
};

struct tasks {
	struct engine *engine;
	struct fibers *fibers;
	struct watch *turn;             /* resumes the queue from the loop */
	struct slot **slots;            /* NULL: free */
	uint64_t *generations;
	size_t most, count, size, from; /* from: where the search for a free slot begins */
	struct slot *first, **last;
	struct slot *running;
};

enum { SLOT_BITS = 20, SLOTS_MOST = (1 << SLOT_BITS) - 1 };

static struct slot *
slot_of(struct tasks *tasks, uint64_t id)
{
	size_t at = (size_t)(id & ((1u << SLOT_BITS) - 1));
	struct slot *slot = at < tasks->size ? tasks->slots[at] : NULL;

	return slot && slot->task.id == id ? slot : NULL;
}

static void
grow(struct tasks *tasks)
{
	size_t size = tasks->size ? 2 * tasks->size : 64;

	tasks->slots = memory_resize(tasks->slots, size * sizeof(struct slot *));
	tasks->generations = memory_resize(tasks->generations, size * sizeof *tasks->generations);
	memset(tasks->slots + tasks->size, 0, (size - tasks->size) * sizeof(struct slot *));
	memset(tasks->generations + tasks->size, 0, (size - tasks->size) * sizeof *tasks->generations);
	tasks->from = tasks->size;
	tasks->size = size;
}

static uint64_t
give_id(struct tasks *tasks, struct slot *slot)
{
	if (tasks->count == tasks->size)
		grow(tasks);
	while (tasks->slots[tasks->from % tasks->size])
		tasks->from++;
	size_t at = tasks->from++ % tasks->size;
	tasks->slots[at] = slot;
	tasks->count++;
	return ++tasks->generations[at] << SLOT_BITS | at;
}

static void
slot_free(struct slot *slot)
{
	struct tasks *tasks = slot->tasks;

	tasks->slots[slot->task.id & ((1u << SLOT_BITS) - 1)] = NULL;
	tasks->count--;
	arena_free(slot->task.arena);
	free(slot->name);
	free(slot);
}

static void
enqueue(struct slot *slot)
{
	struct tasks *tasks = slot->tasks;

	if (slot->queued)
		return;
	slot->queued = true;
	slot->next = NULL;
	if (!tasks->first)
		watch_now(tasks->turn);
	*tasks->last = slot;
	tasks->last = &slot->next;
}

/* On the fiber. */
static void
life(void *with)
{
	struct slot *slot = with;

	slot->run(&slot->task, slot->with);
}

static void
resume(struct slot *slot)
{
	struct tasks *tasks = slot->tasks;
	struct slot *outer = tasks->running;

	if (!slot->fiber)
		slot->fiber = fiber_new(tasks->fibers, slot->name, life, slot);
	if (!slot->fiber) {
		/* No stack now: others will end and give theirs. */
		enqueue(slot);
		return;
	}
	slot->parked = slot->firmly = false;
	tasks->running = slot;
	log_number(slot->task.number);
	bool alive = fiber_enter(slot->fiber);
	tasks->running = outer;
	log_number(outer ? outer->task.number : NULL);
	if (!alive)
		slot_free(slot);
}

/* Those that were queued when the turn began; what they wake comes in the next, after the loop has looked at its descriptors. */
static void
turn(void *with, int events)
{
	struct tasks *tasks = with;
	struct slot *list = tasks->first;

	(void)events;
	tasks->first = NULL;
	tasks->last = &tasks->first;
	while (list) {
		struct slot *slot = list;
		list = slot->next;
		slot->queued = false;
		resume(slot);
	}
}

struct tasks *
tasks_open(struct engine *engine, size_t most)
{
	struct tasks *tasks = memory_take(sizeof *tasks);

	tasks->engine = engine;
	tasks->most = most < SLOTS_MOST - TASKS_RESERVE ? most : SLOTS_MOST - TASKS_RESERVE;
	tasks->fibers = fibers_open();
	tasks->turn = loop_later(engine->loop, turn, tasks);
	tasks->last = &tasks->first;
	return tasks;
}

void
tasks_close(struct tasks *tasks)
{
	if (!tasks)
		return;
	watch_free(tasks->turn);
	fibers_close(tasks->fibers);
	free(tasks->slots);
	free(tasks->generations);
	free(tasks);
}

size_t
tasks_count(const struct tasks *tasks)
{
	return tasks->count;
}

static void
cancel(struct slot *slot)
{
	slot->task.cancelled = true;
	if (slot->parked && !slot->firmly)
		enqueue(slot);
}

void
tasks_cancel_all(struct tasks *tasks)
{
	for (size_t i = 0; i < tasks->size; i++)
		if (tasks->slots[i])
			cancel(tasks->slots[i]);
}

static uint64_t
start(const struct engine *engine, const char *name, task_fn *run, void *with, struct arena *arena, size_t most)
{
	struct tasks *tasks = engine->tasks;

	if (tasks->count >= most) {
		arena_free(arena);
		return 0;
	}
	struct slot *slot = memory_take(sizeof *slot);
	slot->tasks = tasks;
	slot->run = run;
	slot->with = with;
	slot->name = memory_text(name);
	slot->task = (struct task){ .arena = arena ? arena : arena_new(), .engine = engine, .name = slot->name };
	slot->task.id = give_id(tasks, slot);
	enqueue(slot);
	return slot->task.id;
}

uint64_t
task_start(const struct engine *engine, const char *name, task_fn *run, void *with, struct arena *arena)
{
	return start(engine, name, run, with, arena, engine->tasks->most);
}

uint64_t
task_start_reserved(const struct engine *engine, const char *name, task_fn *run, void *with, struct arena *arena)
{
	return start(engine, name, run, with, arena, engine->tasks->most + TASKS_RESERVE);
}

void
task_cancel(const struct engine *engine, uint64_t id)
{
	struct slot *slot = slot_of(engine->tasks, id);

	if (slot)
		cancel(slot);
}

void
task_wake(const struct engine *engine, uint64_t id)
{
	struct slot *slot = slot_of(engine->tasks, id);

	if (slot && slot->parked)
		enqueue(slot);
}

void
task_wake_now(const struct engine *engine, uint64_t id)
{
	struct slot *slot = slot_of(engine->tasks, id);

	if (!slot || !slot->parked)
		return;
	/* From inside another task, or where it is queued already, its turn comes from the loop. */
	if (engine->tasks->running || slot->queued)
		enqueue(slot);
	else
		resume(slot);
}

static void
leave(struct task *task, bool firmly)
{
	struct slot *slot = (struct slot *)task;

	slot->parked = true;
	slot->firmly = firmly;
	fiber_leave(slot->fiber);
}

bool
task_park(struct task *task)
{
	if (!task->cancelled)
		leave(task, false);
	return !task->cancelled;
}

void
task_park_firmly(struct task *task)
{
	leave(task, true);
}

/* What a wait of a task registers with the loop. */
struct waiting {
	const struct engine *engine;
	uint64_t task;
	bool over;
	int events;
};

static void
over(void *with, int events)
{
	struct waiting *waiting = with;

	waiting->over = true;
	waiting->events |= events;
	task_wake_now(waiting->engine, waiting->task);
}

bool
task_pause(struct task *task, int64_t ms)
{
	struct waiting waiting = { task->engine, task->id, false, 0 };
	struct watch *timer = loop_timer(task->engine->loop, over, &waiting);

	watch_after(timer, ms);
	while (!waiting.over && task_park(task))
		;
	watch_free(timer);
	return !task->cancelled;
}

bool
task_sleep(struct task *task, unsigned seconds)
{
	return task_pause(task, (int64_t)seconds * 1000);
}

bool
task_ready(struct task *task, int fd, int events, int64_t ms)
{
	struct waiting ready = { task->engine, task->id, false, 0 }, late = ready;
	struct watch *descriptor = loop_descriptor(task->engine->loop, fd, events, over, &ready);
	struct watch *timer = ms < 0 ? NULL : loop_timer(task->engine->loop, over, &late);

	if (timer)
		watch_after(timer, ms);
	while (!ready.over && !late.over && task_park(task))
		;
	watch_free(timer);
	watch_free(descriptor);
	return ready.over && !task->cancelled;
}

bool
task_fail(struct task *task, const char *format, ...)
{
	char text[sizeof task->error.text];
	va_list values;

	/* The sentence may quote the one before. */
	va_start(values, format);
	vsnprintf(text, sizeof text, format, values);
	va_end(values);
	return error_set(&task->error, "%s", text);
}

char *
task_text(struct task *task, const char *format, ...)
{
	va_list values;

	va_start(values, format);
	char *text = arena_vprintf(task->arena, format, values);
	va_end(values);
	return text;
}

void
task_number(struct task *task, const char *number)
{
	task->number = number;
	log_number(number);
}

struct arena *
task_turn(struct task *task)
{
	struct arena *before = task->arena;

	task->arena = arena_new();
	return before;
}

struct arena *
task_turn_take(struct task *task, struct arena *before)
{
	struct arena *taken = task->arena;

	task->arena = before;
	return taken;
}

void
task_turn_end(struct task *task, struct arena *before)
{
	arena_free(task_turn_take(task, before));
}

void
task_defer(struct task *task, void (*call)(void *), void *with)
{
	arena_defer(task->arena, call, with);
}

void
task_rehearse(struct task *task)
{
	task->dry = true;
}

bool
task_would(struct task *task, const char *format, ...)
{
	va_list values;

	if (task->would)
		return false;
	va_start(values, format);
	task->would = arena_vprintf(task->arena, format, values);
	va_end(values);
	return false;
}
