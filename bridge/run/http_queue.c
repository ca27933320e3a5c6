/* The fair queue in front of curl: it only counts, and knows neither curl nor time. */
#include "bridge/run/http_queue.h"

#include <assert.h>
#include <string.h>

#include "bridge/base/arena.h"

void
queue_init(struct queue *queue)
{
	*queue = (struct queue){ .arena = arena_new() };
}

void
queue_finish(struct queue *queue)
{
	assert(queue->running == 0 && queue->waiting == 0);
	arena_free(queue->arena);
	*queue = (struct queue){0};
}

struct origin *
queue_find(const struct queue *queue, const char *name)
{
	struct origin *origin = queue->last;
	if (!origin)
		return NULL;
	do {
		if (strcmp(origin->name, name) == 0)
			return origin;
		origin = origin->next;
	} while (origin != queue->last);
	return NULL;
}

/* Origins come from the configuration, so they stay few and are kept. */
struct origin *
queue_origin(struct queue *queue, const char *name)
{
	struct origin *origin = queue_find(queue, name);
	if (origin)
		return origin;
	origin = arena_take(queue->arena, sizeof *origin);
	origin->name = arena_text(queue->arena, name);
	origin->next = origin;
	if (queue->last) {
		origin->next = queue->last->next;
		queue->last->next = origin;
	} else {
		queue->last = origin;
	}
	return origin;
}

void
queue_join(struct queue *queue, struct origin *origin, struct turn *turn)
{
	turn->origin = origin;
	turn->running = false;
	turn->after = NULL;
	turn->before = origin->last;
	if (origin->last)
		origin->last->after = turn;
	else
		origin->first = turn;
	origin->last = turn;
	queue->waiting++;
}

static void
stop_waiting(struct queue *queue, struct turn *turn)
{
	struct origin *origin = turn->origin;
	if (turn->before)
		turn->before->after = turn->after;
	else
		origin->first = turn->after;
	if (turn->after)
		turn->after->before = turn->before;
	else
		origin->last = turn->before;
	turn->before = turn->after = NULL;
	queue->waiting--;
}

static bool
may_start(const struct queue *queue, const struct origin *origin)
{
	if (!origin->first || origin->running >= QUEUE_LINES_OF_ORIGIN)
		return false;
	return origin->first->chat || queue->running < QUEUE_LINES;
}

static struct turn *
start(struct queue *queue, struct origin *origin)
{
	struct turn *turn = origin->first;
	stop_waiting(queue, turn);
	turn->running = true;
	origin->running++;
	if (!turn->chat)
		queue->running++;
	queue->last = origin;
	return turn;
}

struct turn *
queue_next(struct queue *queue)
{
	if (queue->waiting == 0)
		return NULL;
	struct origin *origin = queue->last;
	do {
		origin = origin->next;
		if (may_start(queue, origin))
			return start(queue, origin);
	} while (origin != queue->last);
	return NULL;
}

void
queue_leave(struct queue *queue, struct turn *turn)
{
	if (!turn->running) {
		stop_waiting(queue, turn);
		return;
	}
	turn->running = false;
	turn->origin->running--;
	if (!turn->chat)
		queue->running--;
}

static struct turn *
late_at(const struct origin *origin, int64_t now)
{
	for (struct turn *turn = origin->first; turn; turn = turn->after)
		if (turn->until <= now)
			return turn;
	return NULL;
}

struct turn *
queue_late(const struct queue *queue, int64_t now)
{
	if (queue->waiting == 0)
		return NULL;
	const struct origin *origin = queue->last;
	do {
		struct turn *turn = late_at(origin, now);
		if (turn)
			return turn;
		origin = origin->next;
	} while (origin != queue->last);
	return NULL;
}
