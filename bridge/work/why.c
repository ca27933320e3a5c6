/* why: which rule decides a command, or what is missing. */
#include "bridge/work/why.h"

#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/freeze.h"
#include "bridge/rights/guard.h"
#include "bridge/talk/card.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/frozen.h"
#include "bridge/work/help.h"
#include "bridge/work/lock.h"
#include "bridge/work/own.h"
#include "bridge/work/request.h"

/* One reading of the words: as a verb of ours (instance NULL), or of that service. */
struct reading {
	const struct instance *instance;
	const struct command *command;
	size_t from;                    /* the first word behind the verb */
};

static void
add(struct text *text, const char *sentence)
{
	if (sentence && *sentence)
		text_printf(text, "%s%s", text->length ? "; " : "", sentence);
}

/* What it would need beyond the rule, and what would hold it up. */
static const char *
clear(struct arena *arena, const struct why_asked *asked, const struct reading *reading, const struct ask *ask)
{
	struct text text = text_in(arena, 1000);
	struct needs needs = { 0 };
	const struct person *person = rights_person(asked->rights, asked->account);
	bool may_freeze = reading->instance && command_held(reading->command) && asked->freezes;
	const char *freeze;

	if (asked->guards && ask->changes)
		guards_needs(asked->guards, ask, &needs);
	if (may_freeze)
		freezes_needs(asked->freezes, ask, person, asked->wall, &needs);
	add(&text, needs_text(arena, &needs));
	if (may_freeze) {
		const char *lock = asked->locks ? locks_hold(asked->locks, arena, ask) : NULL;
		frozen_holds(arena, asked->freezes, ask, person, asked->wall, &freeze, NULL);
		add(&text, lock ? lock : asked->locks ? "no lock" : NULL);
		add(&text, freeze);
	}
	return text.length ? text.bytes : NULL;
}

static bool
decide(struct arena *arena, const struct why_asked *asked, const struct words *words, const struct reading *reading, struct why *out,
	struct error *error)
{
	struct named args[64];
	size_t count = 0;
	bool dry = false;

	if (!command_bind(arena, reading->command, words, reading->from, args, &count, &dry, error))
		return false;
	struct ask ask = { .account = asked->account, .room = asked->room ? asked->room->name : NULL,
		.instance = reading->instance ? reading->instance->name : NULL, .verb = reading->command->verb,
		.changes = command_needs_rule(reading->command), .args = args, .count = count };
	rights_decide(asked->rights, &ask, &out->decision);
	out->missing = rights_missing(asked->rights, &ask, arena);
	out->clear = clear(arena, asked, reading, &ask);
	out->command = reading->instance ? arena_printf(arena, "%s %s", reading->instance->name, reading->command->verb) : reading->command->verb;
	return true;
}

static const struct command *
verb_of(const struct instance *instance, const char *verb)
{
	const struct command *found = NULL;

	for (const struct command_set *set = instance->sets; set->kind && !found; set++)
		found = command_find(set->commands, verb);
	return found;
}

/* The next service that the words may mean, behind `after`; false where there is none. */
static bool
next_reading(const struct why_asked *asked, const struct words *words, size_t *after, struct reading *out)
{
	const struct instance *instance;

	while ((instance = asked->instances[*after])) {
		bool named = words->count > 1 && !strcasecmp(instance->name, words->each[0]);
		++*after;
		if (asked->room && !room_offers(asked->room, instance->name))
			continue;
		*out = (struct reading){ instance, verb_of(instance, words->each[named]), named ? 2 : 1 };
		if (out->command)
			return true;
	}
	return false;
}

bool
why_find(struct arena *arena, const struct why_asked *asked, const char *line, struct why *out, struct error *error)
{
	struct words words;
	struct reading reading = { 0 };
	size_t after = 0;
	bool found = false;

	if (!words_read(arena, line, &words, error))
		return false;
	if (!words.count)
		return error_set(error, "that is no command");
	reading = (struct reading){ NULL, own_find(&words), 1 };
	if (reading.command)
		return decide(arena, asked, &words, &reading, out, error);
	while ((!found || !out->decision.allowed) && next_reading(asked, &words, &after, &reading)) {
		if (!decide(arena, asked, &words, &reading, out, error))
			return false;
		found = true;
	}
	return found || error_set(error, "no service here has such a command");
}

bool
why_run(struct request *request)
{
	struct task *task = request->task;
	const struct talk *talk = request->talk;
	const struct why_asked asked = { .rights = talk->rights, .guards = talk->guards, .freezes = talk->freezes, .locks = talk->locks, .instances = talk->instances, .room = request->room,
		.account = request->from.account, .wall = clock_wall() };
	const char *line = request_param(request, "COMMAND");
	struct why why;

	line += strncmp(line, talk->prefix, strlen(talk->prefix)) ? 0 : strlen(talk->prefix);
	if (!why_find(task->arena, &asked, line, &why, &task->error))
		return task_fail(task, "%s. %shelp shows what there is", task_text(task, "%s", task->error.text), talk->prefix);
	if (why.decision.allowed)
		return request_reply(request, card_new(task->arena, TONE_PLAIN, "%s: allowed by %s%s%s", why.command, why.decision.rule,
			why.clear ? "; " : "", why.clear ? why.clear : ""));
	return request_reply(request, card_new(task->arena, TONE_PLAIN, "%s: no rule of yours allows it. %s%s%s; %s can give it%s%s", why.command,
		*why.missing ? "Role " : "No role would", why.missing, *why.missing ? " would" : "", help_admins(talk, task->arena),
		why.clear ? "; then: " : "", why.clear ? why.clear : ""));
}
