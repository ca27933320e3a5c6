/* online: sallyport check --online: logs in, joins, and tells what is missing in a room. */
#include "bridge/cli/online.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "bridge/run/engine.h"
#include "bridge/run/http.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"

enum { TASKS = 100, PATIENCE = 60 * 1000 };     /* ms for all of it */

struct trouble {
	struct where where;
	const char *line;
};

struct check {
	const struct setup *setup;
	struct arena *arena;
	struct engine engine;
	size_t left;                    /* links that are still looked at */
	struct trouble *each;
	size_t count;
};

/* One link that is looked at. */
struct look {
	struct check *check;
	struct link link;
	const struct link_setup *setup;
};

static const struct room *
room_with(const struct setup *setup, const char *link, const char *channel)
{
	const struct place place = { link, channel, NULL };

	return room_of(&setup->rooms, &place);
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static void
add(struct check *check, struct where where, const char *line)
{
	struct trouble *more = arena_take(check->arena, (check->count + 1) * sizeof *more);

	if (check->count)
		memcpy(more, check->each, check->count * sizeof *more);
	more[check->count++] = (struct trouble){ where, arena_printf(check->arena, "%s:%d: %s", base_name(where.file), where.line, redact_text(check->arena, line)) };
	check->each = more;
}

static void
take_trouble(const char *channel, const char *sentence, void *with)
{
	const struct look *look = with;
	const struct room *room = room_with(look->check->setup, look->link.name, channel);
	struct arena *arena = look->check->arena;

	if (room)
		add(look->check, room->where, arena_printf(arena, "room \"%s\": %s: %s", room->name, look->link.name, sentence));
	else
		add(look->check, look->setup->where, arena_printf(arena, "%s \"%s\": %s", look->link.protocol->name, look->link.name, sentence));
}

static void
run_look(struct task *task, void *with)
{
	struct look *look = with;
	const struct looking looking = { take_trouble, look };

	if (!look->link.protocol->look(task, &look->link, &looking))
		take_trouble("", task->cancelled ? "it did not answer within a minute." : task->error.text, look);
	if (!--look->check->left)
		loop_stop(look->check->engine.loop);
}

static void
give_up(void *with, int events)
{
	const struct check *check = with;

	(void)events;
	tasks_cancel_all(check->engine.tasks);
}

static void
begin(struct check *check, const struct link_setup *setup)
{
	struct look *look = arena_take(check->arena, sizeof *look);

	*look = (struct look){ .check = check, .setup = setup, .link = { .name = setup->name, .protocol = setup->protocol, .conf = setup->conf,
		.engine = &check->engine, .nick = check->setup->gateway.name, .prefix = check->setup->gateway.prefix, .channels = setup->channels } };
	check->left += task_start(&check->engine, setup->name, run_look, look, NULL) != 0;
}

static int
by_place(const void *a, const void *b)
{
	const struct trouble *one = a, *other = b;
	int files = strcmp(one->where.file, other->where.file);

	return files ? files : one->where.line - other->where.line;
}

static void
look_around(struct check *check)
{
	const struct setup *setup = check->setup;
	struct watch *late = loop_timer(check->engine.loop, give_up, check);

	for (size_t i = 0; i < setup->link_count; i++)
		if (setup->links[i].protocol->look)
			begin(check, &setup->links[i]);
	watch_after(late, PATIENCE);
	if (check->left)
		loop_run(check->engine.loop);
	watch_free(late);
}

static bool
open_engine(struct engine *engine, struct error *error)
{
	engine->loop = loop_open(error);
	if (!engine->loop)
		return false;
	engine->tasks = tasks_open(engine, TASKS);
	engine->http = http_open(engine, error);
	return engine->http;
}

static void
close_engine(struct engine *engine)
{
	http_close(engine->http);
	if (engine->tasks)
		tasks_close(engine->tasks);
	if (engine->loop)
		loop_close(engine->loop);
}

static void
tell(const struct check *check, const char *counts)
{
	const char *sign = "";

	printf("%s, %zu trouble%s online\n", counts, check->count, text_s(check->count));
	for (size_t i = 0; i < check->count; i++)
		printf("%s\n", check->each[i].line);
	for (size_t i = 0; i < check->setup->link_count; i++)
		if (!check->setup->links[i].protocol->look && !check->setup->links[i].protocol->single) {
			printf("%s%s", *sign ? sign : "Not looked at: ", check->setup->links[i].name);
			sign = ", ";
		}
	printf("%s", *sign ? ".\n" : "");
}

int
online_check(const struct setup *setup, const char *counts)
{
	struct check check = { .setup = setup, .arena = arena_new() };
	struct error error;
	int code = EX_OSERR;

	if (open_engine(&check.engine, &error)) {
		look_around(&check);
		if (check.count)
			qsort(check.each, check.count, sizeof *check.each, by_place);
		tell(&check, counts);
		code = check.count ? 1 : EX_OK;
	} else
		fprintf(stderr, "sallyport: %s\n", error.text);
	close_engine(&check.engine);
	arena_free(check.arena);
	return code;
}
