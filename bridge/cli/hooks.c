/* hooks: sallyport hooks try: what a webhook would look like in the chats. */
#include "bridge/cli/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "bridge/run/engine.h"
#include "bridge/run/http.h"
#include "bridge/run/loop.h"
#include "bridge/run/process.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"
#include "bridge/talk/card.h"
#include "bridge/work/command.h"
#include "bridge/work/webhook.h"

enum { TASKS = 10, BODY_MOST = 25 << 20, STEP = 64 * 1024 };

const struct instance *
hooks_instance(const struct setup *setup, const char *name)
{
	for (size_t i = 0; name && i < setup->instance_count; i++)
		if (!strcmp(setup->instances[i]->name, name)) {
			if (!setup->instances[i]->webhook)
				fprintf(stderr, "sallyport: %s takes no webhooks.\n", name);
			return setup->instances[i]->webhook ? setup->instances[i] : NULL;
		}
	fprintf(stderr, "sallyport: No service is called %s.\n", name ? name : "");
	return NULL;
}

/* -- A task without a gateway ---------------------------------------------------------------------------------------- */

struct running {
	struct engine engine;
	void (*run)(struct task *, void *);
	void *with;
};

static void
run_and_end(struct task *task, void *with)
{
	struct running *running = with;

	running->run(task, running->with);
	loop_stop(running->engine.loop);
}

static bool
open_engine(struct engine *engine, struct error *error)
{
	engine->loop = loop_open(error);
	if (!engine->loop)
		return false;
	engine->tasks = tasks_open(engine, TASKS);
	engine->children = children_open(engine);
	engine->http = http_open(engine, error);
	return engine->http;
}

static void
close_engine(struct engine *engine)
{
	http_close(engine->http);
	if (engine->children)
		children_close(engine->children);
	if (engine->tasks)
		tasks_close(engine->tasks);
	if (engine->loop)
		loop_close(engine->loop);
}

bool
hooks_run(const struct setup *setup, void (*run)(struct task *, void *), void *with)
{
	struct running running = { .engine = { .state = setup->gateway.state }, .run = run, .with = with };
	struct error error = { "" };
	bool fine = open_engine(&running.engine, &error) && task_start(&running.engine, "hooks", run_and_end, &running, NULL);

	if (fine) {
		loop_run(running.engine.loop);
		while (tasks_count(running.engine.tasks))
			loop_turn(running.engine.loop);
	} else
		fprintf(stderr, "sallyport: %s\n", error.text);
	close_engine(&running.engine);
	return fine;
}

/* -- try ----------------------------------------------------------------------------------------------------------------- */

struct trying {
	const struct setup *setup;
	struct received received;
	int code;
};

/* NULL after a sentence. */
static char *
read_body(struct arena *arena, const char *path, size_t *length)
{
	FILE *file = strcmp(path, "-") ? fopen(path, "re") : stdin;
	char *bytes = file ? arena_take(arena, BODY_MOST + 1) : NULL;

	*length = file ? fread(bytes, 1, BODY_MOST + 1, file) : 0;
	bool failed = !file || ferror(file) || *length > BODY_MOST;
	if (failed)
		fprintf(stderr, "sallyport: %s cannot be read: %s.\n", path, *length > BODY_MOST ? "it is larger than any webhook may be" : strerror(errno));
	if (file && file != stdin)
		fclose(file);
	if (failed)
		return NULL;
	bytes[*length] = '\0';
	return bytes;
}

static void
print_lines(const char *chat, const char *drawn)
{
	printf("%s\n", chat);
	while (*drawn) {
		size_t length = strcspn(drawn, "\n");
		printf("    %.*s\n", (int)length, drawn);
		drawn += length + (drawn[length] == '\n');
	}
}

static void
print_told(struct arena *arena, const struct told *told)
{
	if (told->letter && !told->card->id)
		told->card->id = arena_printf(arena, "%c1", told->letter);
	struct card *card = card_redacted(arena, told->card);
	if (told->room)
		printf("In %s:\n", told->room);
	for (size_t i = 0; protocols[i]; i++)
		if (protocols[i]->drawn)
			print_lines(protocols[i]->shown, protocols[i]->drawn(arena, card));
}

static void
try_it(struct task *task, void *with)
{
	struct trying *trying = with;
	struct told told[TOLD_MOST] = { 0 };
	size_t count = 0, said = 0;

	if (!trying->received.instance->webhook->look(task, &trying->received, told, TOLD_MOST, &count)) {
		printf("It would come to nothing: %s\n", *task->error.text ? task->error.text : "it is not understood.");
		trying->code = 1;
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (!told[i].card)
			continue;
		printf("%s", said++ ? "\n" : "");
		print_told(task->arena, &told[i]);
	}
	if (!said)
		printf("Nothing would be said of it.\n");
}

int
hooks_try(const struct setup *setup, const char *const *words)
{
	bool shown[1] = { false };
	const struct instance *instance;
	struct arena *arena = arena_new();
	struct trying trying = { .setup = setup, .received = { .rest = "", .arrived = clock_wall(), .hopeless = shown } };

	if (!words[0] || !words[1] || words[2]) {
		fprintf(stderr, "It is sallyport hooks try SERVICE FILE; - is what comes on standard input.\n");
		trying.code = EX_USAGE;
	} else if (!(instance = hooks_instance(setup, words[0]))) {
		trying.code = EX_USAGE;
	} else if (!(trying.received.body = read_body(arena, words[1], &trying.received.length))) {
		trying.code = EX_NOINPUT;
	} else {
		size_t blank = strspn(trying.received.body, " \t\r\n");
		trying.received.instance = instance;
		trying.received.type = strchr("{[", trying.received.body[blank]) ? "application/json" : "application/x-www-form-urlencoded";
		if (!instance->webhook->look) {
			fprintf(stderr, "sallyport: What %s sends is told only together with what it sent before.\n", instance->name);
			trying.code = 1;
		} else if (!hooks_run(setup, try_it, &trying))
			trying.code = EX_OSERR;
	}
	arena_free(arena);
	return trying.code;
}
