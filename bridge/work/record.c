/* record: what is written of a request: its words, its row, and the rows of the audit. */
#include "bridge/work/record.h"

#include <ctype.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/run/store.h"
#include "bridge/talk/manners.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/intent.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

/* Where an argument stands when it is typed. */
enum stand { STANDS_PLAIN, STANDS_NAMED, STANDS_LAST, STANDS };

static enum stand
stand_of(const struct command *command, const char *name)
{
	const struct param *param = command->params, *end = param + sizeof command->params / sizeof *param;
	bool behind = false;

	for (; param < end && param->name; param++) {
		if (!strcmp(param->name, name))
			return param->rest ? STANDS_LAST : behind ? STANDS_NAMED : STANDS_PLAIN;
		behind = behind || param->rest;
	}
	return STANDS_NAMED;
}

/* FOR is typed for=1h; what is no parameter of the command's own stays as it is. */
static void
add_name(struct text *text, const struct request *request, const char *name)
{
	bool own = request_is_param(request, name);

	for (; *name; name++)
		text_printf(text, "%c", own ? tolower((unsigned char)*name) : *name);
	text_add(text, "=");
}

char *
record_words(const struct request *request)
{
	struct text text = text_in(request->task->arena, 1000);

	text_add(&text, request->command->verb);
	for (int stand = STANDS_PLAIN; stand < STANDS; stand++)
		for (size_t i = 0; i < request->count; i++) {
			const struct named *arg = &request->args[i];
			if ((int)stand_of(request->command, arg->name) != stand)
				continue;
			text_add(&text, " ");
			if (stand == STANDS_NAMED)
				add_name(&text, request, arg->name);
			text_add(&text, arg->value);
		}
	return redact_text(request->task->arena, text_clean(request->task->arena, text.bytes, text.length));
}

char *
record_command(const struct request *request)
{
	const struct instance *instance = request->instance;

	return task_text(request->task, "%s%s%s", instance ? instance->name : "", instance ? " " : "", record_words(request));
}

struct audit_entry
record_entry(struct arena *arena, const struct request *request, const char *what, const char *command)
{
	return (struct audit_entry){
		.what = what,
		.person = request->person ? arena_text(arena, request->person->name) : NULL,
		.account = arena_text(arena, request->from.account ? request->from.account : request->from.shown),
		.proof = arena_text(arena, request->from.proof),
		.room = request->room ? arena_text(arena, request->room->name) : NULL,
		.place = place_text(arena, &request->place),
		.instance = request->instance ? arena_text(arena, request->instance->name) : NULL,
		.command = arena_text(arena, command),
		.args = request->count ? intent_args(arena, request->args, request->count) : NULL,
	};
}

static bool
write_audit(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return audit_write(db, with, error);
}

void
record_queue(const struct request *request, const char *what, const char *command, const char *decision, const char *rule, const char *result)
{
	if (!request->person && !manners_audited(request->talk->manners, clock_mono()))
		return;
	struct work *work = work_new(write_audit, sizeof(struct audit_entry));
	struct arena *arena = work_arena(work);
	struct audit_entry *row = work_with(work);

	*row = record_entry(arena, request, what, command ? command : record_command(request));
	row->decision = arena_text(arena, decision);
	row->rule = arena_text(arena, rule);
	row->result = redact_text(arena, result);
	store_queue(request->talk->engine->store, work, NULL, NULL);
}

void
record_intent(struct arena *arena, const struct request *request, const char *rule, struct intent *out)
{
	*out = (struct intent){
		.event = request->own->event, .key = arena_text(arena, request->key),
		.person = arena_text(arena, request->person->name), .account = arena_text(arena, request->from.account),
		.proof = arena_text(arena, request->from.proof), .shown = arena_text(arena, request->from.shown),
		.place = place_text(arena, &request->place), .replies = arena_text(arena, request->own->replies_to),
		.room = request->room ? arena_text(arena, request->room->name) : NULL,
		.instance = request->instance ? arena_text(arena, request->instance->name) : NULL,
		.verb = arena_text(arena, request->command->verb), .line = arena_text(arena, request->line),
		.args = intent_args(arena, request->args, request->count),
		.rule = arena_text(arena, rule), .asked = clock_wall(),
	};
	intent_hash(out);
}

struct done { int64_t event; };

static bool
write_done(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return message_done(db, ((struct done *)with)->event, error);
}

void
record_done(const struct talk *talk, int64_t event)
{
	if (!event)
		return;
	struct work *work = work_new(write_done, sizeof(struct done));
	((struct done *)work_with(work))->event = event;
	store_queue(talk->engine->store, work, NULL, NULL);
}
