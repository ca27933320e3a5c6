/* help: what one may do here, who one is, and how the gateway is. */
#include "bridge/work/help.h"

#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/rights/elevate.h"
#include "bridge/rights/guard.h"
#include "bridge/talk/card.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/own.h"
#include "bridge/work/request.h"

/* Joins names with blanks, each once. */
static void
add_once(struct text *list, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = list->bytes; (at = strstr(at, word)); at += length)
		if ((at == list->bytes || at[-1] == ' ') && (!at[length] || at[length] == ' '))
			return;
	text_printf(list, "%s%s", list->length ? " " : "", word);
}

const char *
help_admins(const struct talk *talk, struct arena *arena)
{
	const struct list *admins = rights_admins(talk->rights);
	struct text text = text_in(arena, 200);

	for (size_t i = 0; i < admins->count; i++)
		text_printf(&text, "%s%s", i ? " or " : "", admins->each[i]);
	return text.length ? text.bytes : "whoever keeps my configuration";
}

static bool
offered(const struct request *request, const struct instance *instance)
{
	return !request->room || room_offers(request->room, instance->name);
}

static struct ask
question(const struct request *request, const char *instance, const struct command *command)
{
	return (struct ask){ .account = request->from.account, .room = request->room ? request->room->name : NULL,
		.instance = instance, .verb = command->verb, .changes = command_needs_rule(command) };
}

/* Where nothing ever waits for a yes, nobody needs the verbs that say it; what is of use in private is not named where others read. */
static bool
may(const struct request *request, const char *instance, const struct command *command)
{
	struct ask ask = question(request, instance, command);

	if ((command->decides && !guards_any(request->talk->guards)) || (command->alone && request->room))
		return false;
	if (command->elevates && !request->talk->elevates->count)
		return false;
	return rights_could(request->talk->rights, &ask);
}

/* The verbs that a person may use here: those that look, that change, and that need a second person. */
struct verbs {
	struct text looks, changes, second;
};

static struct verbs
verbs_in(struct arena *arena)
{
	return (struct verbs){ text_in(arena, 600), text_in(arena, 600), text_in(arena, 300) };
}

static void
add_verb(const struct request *request, struct verbs *verbs, const char *instance, const struct command *command)
{
	struct ask ask = question(request, instance, command);

	if (command->care == CARE_LOOK)
		add_once(&verbs->looks, command->verb);
	else if (guards_may_need_others(request->talk->guards, &ask))
		add_once(&verbs->second, command->verb);
	else
		add_once(&verbs->changes, command->verb);
}

static void
show_verbs(struct card *card, const struct verbs *verbs)
{
	card_words(card, "look", verbs->looks.bytes);
	card_words(card, "change", verbs->changes.bytes);
	card_words(card, "with a second person", verbs->second.bytes);
}

static void
collect(const struct request *request, struct verbs *verbs, struct text *services)
{
	for (size_t i = 0; request->talk->instances[i]; i++) {
		const struct instance *instance = request->talk->instances[i];
		if (!offered(request, instance))
			continue;
		for (const struct command_set *set = instance->sets; set->kind; set++)
			for (const struct command *command = set->commands; command->verb; command++)
				if (may(request, instance->name, command)) {
					add_verb(request, verbs, instance->name, command);
					add_once(services, instance->name);
				}
	}
}

static bool
help_stranger(struct request *request)
{
	struct arena *arena = request->task->arena;
	const char *why = request->from.proven ? arena_printf(arena, "%s is nobody I know", request->from.account)
		: arena_printf(arena, "I cannot prove who you are: %s", request->from.proof ? request->from.proof : "no account");

	return request_reply(request, card_new(arena, TONE_PLAIN, "I run builds for people I can prove. %s. Access is given by: %s",
		why, help_admins(request->talk, arena)));
}

static bool
help_all(struct request *request)
{
	struct arena *arena = request->task->arena;
	const char *prefix = request->talk->prefix;
	struct verbs verbs = verbs_in(arena);
	struct text services = text_in(arena, 300);

	for (const struct command *own = own_commands; own->verb; own++)
		if (may(request, NULL, own))
			add_verb(request, &verbs, NULL, own);
	collect(request, &verbs, &services);
	struct card *card = card_new(arena, TONE_PLAIN, "here you may");
	show_verbs(card, &verbs);
	if (services.length)
		card_line(card, "Services: %s. %shelp VERB how to use it, %shelp SERVICE what it has, %swhy COMMAND what decides.",
			services.bytes, prefix, prefix, prefix);
	else
		card_line(card, "No service is offered to you in %s.", request->room ? request->room->name : "private");
	return request_reply(request, card);
}

static bool
help_verb(struct request *request, const struct command *command, const char *services)
{
	const char *prefix = request->talk->prefix;
	struct card *card = card_new(request->task->arena, TONE_PLAIN, "%s%s%s%s%s %s. Example: %s%s%s%s", prefix, command->verb,
		*command->usage ? " " : "", command->usage, command->care == CARE_CHANGE ? " [--dry-run]" : "", command->about,
		prefix, command->example, *services ? " | On " : "", services);

	return request_reply(request, card);
}

/* A verb may have two rows: one for everybody, one for those who administer. */
static bool
help_own(struct request *request, const char *word)
{
	const struct command *first = NULL;

	for (const struct command *own = own_commands; own->verb; own++)
		if (!strcasecmp(own->verb, word) && (!first || may(request, NULL, own))) {
			if (first)
				help_verb(request, first, "");
			first = own;
		}
	return help_verb(request, first, "");
}

static bool
help_service(struct request *request, const struct instance *instance)
{
	struct arena *arena = request->task->arena;
	const char *prefix = request->talk->prefix;
	struct verbs verbs = verbs_in(arena);

	for (const struct command_set *set = instance->sets; set->kind; set++)
		for (const struct command *command = set->commands; command->verb; command++)
			if (may(request, instance->name, command))
				add_verb(request, &verbs, instance->name, command);
	if (!verbs.looks.length && !verbs.changes.length && !verbs.second.length)
		return task_fail(request->task, "you may use nothing of %s here. %swhy %s list tells what is missing", instance->name, prefix, instance->name);
	struct card *card = card_new(arena, TONE_PLAIN, "%s (%s):", instance->name, instance->service);
	show_verbs(card, &verbs);
	card_fact(card, NULL, "%shelp VERB how to use it", prefix);
	return request_reply(request, card);
}

bool
help_run(struct request *request)
{
	const char *word = request_param(request, "WORD");
	struct arena *arena = request->task->arena;
	struct text services = text_in(arena, 300);
	const struct command *found = NULL;

	if (!request->person)
		return help_stranger(request);
	if (!word)
		return help_all(request);
	if (command_find(own_commands, word))
		return help_own(request, word);
	for (size_t i = 0; request->talk->instances[i]; i++) {
		const struct instance *instance = request->talk->instances[i];
		if (!offered(request, instance))
			continue;
		if (!strcasecmp(instance->name, word))
			return help_service(request, instance);
		for (const struct command_set *set = instance->sets; set->kind; set++) {
			const struct command *command = command_find(set->commands, word);
			if (!command || !may(request, instance->name, command))
				continue;
			found = command;
			text_printf(&services, "%s%s", services.length ? " and " : "", instance->name);
		}
	}
	if (found)
		return help_verb(request, found, services.bytes);
	return task_fail(request->task, "there is nothing called %s that you may use here. %shelp shows what there is", word, request->talk->prefix);
}

bool
help_ping(struct request *request)
{
	const char *word = request_param(request, "WORD");

	return request_reply(request, card_new(request->task->arena, TONE_PLAIN, "pong%s%s", word ? " " : "", word ? word : ""));
}

/* The last ones may be for a while. */
static void
say_roles(struct text *text, struct arena *arena, const struct person *person)
{
	size_t good = person->roles.count - person->elevated;

	for (size_t i = 0; i < person->roles.count; i++) {
		text_printf(text, "%s%s", i ? " and " : "", person->roles.each[i]);
		if (i >= good)
			text_printf(text, " until %s", clock_ago(arena, person->until[i - good], clock_wall()));
	}
}

bool
help_whoami(struct request *request)
{
	struct arena *arena = request->task->arena;
	struct text roles = text_in(arena, 300);

	if (!request->from.proven)
		return request_reply(request, card_new(arena, TONE_PLAIN, "I cannot prove who you are: %s. A nick is no proof",
			request->from.proof ? request->from.proof : "no account"));
	if (!request->person)
		return request_reply(request, card_new(arena, TONE_PLAIN, "you are %s, proven by %s, and nobody I know. Access is given by: %s",
			request->from.account, request->from.proof, help_admins(request->talk, arena)));
	say_roles(&roles, arena, request->person);
	struct verbs verbs = verbs_in(arena);
	struct text services = text_in(arena, 300);
	collect(request, &verbs, &services);
	struct card *card = card_new(arena, TONE_PLAIN, "you are %s by %s, proven by %s, with %s%s%s", request->person->name, request->from.account,
		request->from.proof, roles.length ? "the role " : "no role", roles.bytes, services.length ? "; here you may" : "");
	show_verbs(card, &verbs);
	card_words(card, "on", services.bytes);
	return request_reply(request, card);
}

bool
help_gateway(struct request *request)
{
	return request_reply(request, request->talk->gateway(request->task->arena, request->talk->with));
}
