/* resume: a request from its row; what an earlier life left open is settled. */
#include "bridge/work/resume.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/log.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/intent.h"
#include "bridge/work/own.h"
#include "bridge/work/perform.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

struct open_intent {
	const struct talk *talk;
	struct intent intent;
	struct request request;
	struct request_private own;
};

static const struct instance *
instance_named(const struct talk *talk, const char *name)
{
	for (size_t i = 0; name && talk->instances[i]; i++)
		if (!strcmp(talk->instances[i]->name, name))
			return talk->instances[i];
	return NULL;
}

/* A service that is not configured any more cannot be looked at, nor what happened after a backup was made; but who asked hears of it. */
static const struct command *
forgotten(struct arena *arena, const struct intent *intent)
{
	struct command *command = arena_take(arena, sizeof *command);

	command->verb = intent->verb;
	command->care = CARE_CHANGE;
	command->letter = intent->label ? *intent->label : '\0';
	return command;
}

bool
resume_request(struct task *task, const struct talk *talk, const struct intent *intent, struct request *request, struct request_private *own)
{
	*request = (struct request){ .task = task, .talk = talk, .instance = instance_named(talk, intent->instance),
		.from = { .account = intent->account, .shown = intent->shown, .proof = intent->proof, .proven = true },
		.person = rights_person(talk->rights, intent->account), .key = intent->key, .label = intent->label,
		.line = intent->line, .own = own };
	own->replies_to = intent->replies;
	if (!place_read(task->arena, intent->place, &request->place))
		return false;
	request->room = intent->room ? room_named(talk->rooms, intent->room) : NULL;
	for (const struct command_set *set = request->instance ? request->instance->sets : NULL; set && set->kind && !request->command; set++) {
		request->command = command_find(set->commands, intent->verb);
		request->kind = set->kind;
		request->driver = set->driver;
	}
	if (!intent->instance)
		request->command = command_find(own_commands, intent->verb);
	if (!request->command || intent->restored)
		request->command = forgotten(task->arena, intent);
	request->count = intent_read_args(task->arena, intent->args, request->args, sizeof request->args / sizeof *request->args);
	return true;
}

static void
settle_open(struct task *task, void *with)
{
	struct open_intent *open = with;
	const struct intent *intent = &open->intent;
	struct request *request = &open->request;
	const char *service = intent->instance ? intent->instance : "it";

	talk_hold(task, open->talk);
	task_number(task, intent->key);
	if (!resume_request(task, open->talk, intent, request, &open->own)) {
		log_error("Request %s (%s) was left open by %s, and its place cannot be read.", intent->key, intent->line, intent->person);
		return;
	}
	if (!strcmp(intent->state, "sent"))
		perform_unknown(request, intent->id, intent->restored
			? task_text(task, "I asked %s to %s just before the backup was made that I was put back from", service, record_words(request))
			: task_text(task, "I was restarted while asking %s to %s", service, record_words(request)));
	else if (request->command->settle)
		perform_settle(request, intent->id);
}

void
resume_intent(const struct talk *talk, const struct intent *intent)
{
	struct arena *arena = arena_new();
	struct open_intent *open = arena_take(arena, sizeof *open);

	open->talk = talk;
	open->intent = intent_copy(arena, intent);
	if (!task_start(talk->engine, intent->label ? open->intent.label : "settle", settle_open, open, arena))
		log_error("Request %s could not be looked at: too much is going on. It is looked at after the next start.", intent->key);
}
