/* request: what a command's handler asks of the request that it carries out. */
#include "bridge/work/request.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/intent.h"
#include "bridge/work/more.h"
#include "bridge/work/request_private.h"

enum { PRIVATE_LINES = 3 };     /* times what a room gets: nobody else has to read it */

const char *
request_param(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->count; i++)
		if (!strcmp(request->args[i].name, name))
			return request->args[i].value;
	return NULL;
}

void
request_set(struct request *request, const char *name, const char *value)
{
	struct arena *arena = request->task->arena;

	for (size_t i = 0; i < request->count; i++)
		if (!strcmp(request->args[i].name, name)) {
			request->args[i].value = arena_text(arena, value);
			return;
		}
	if (request->count == sizeof request->args / sizeof *request->args) {
		request->own->crowded = true;
		return;
	}
	request->args[request->count++] = (struct named){ arena_text(arena, name), arena_text(arena, value) };
}

void
request_foresee(struct request *request, const char *sentence)
{
	request->own->foreseen = arena_text(request->task->arena, sentence);
}

bool
request_waited(const struct request *request)
{
	return request->own->approved;
}

bool
request_is_param(const struct request *request, const char *name)
{
	for (size_t i = 0; i < sizeof request->command->params / sizeof *request->command->params; i++)
		if (request->command->params[i].name && !strcmp(request->command->params[i].name, name))
			return true;
	return false;
}

const void *
request_conf(const struct request *request)
{
	return request->instance ? request->instance->conf : NULL;
}

void
request_say(const struct request *request, const struct card *card)
{
	const struct request_private *own = request->own;

	(request->person ? outbox_say : outbox_say_spare)(request->talk->outbox, &request->place, own->replies_to, card);
	if (request->person && request->room && request->room->relay)
		outbox_say_elsewhere(request->talk->outbox, request->room, &request->place, own->replies_to, card);
}

void
request_tell(struct request *request, struct card *card)
{
	if (!card->id && !card->to && request->room)
		card->to = request->from.shown;
	card->whom = request->from.account;
	request_say(request, card);
}

bool
request_reply(struct request *request, struct card *card)
{
	struct request_private *own = request->own;

	if (own->asking || own->dry)
		return true;
	if (card->state && !card->id)
		card->id = request->label;
	if (!card->id && !card->to && request->room)
		card->to = request->from.shown;
	card->whom = request->from.account;
	if (request->command && request->command->care == CARE_CHANGE) {
		if (own->reply_count < REPLIES_MOST)
			own->replies[own->reply_count++] = card;
		return true;
	}
	card->most = card->most ? card->most : request->room ? request->talk->lines : PRIVATE_LINES * request->talk->lines;
	if (card->file) {
		request_say(request, card);
		return true;
	}
	card->more = task_text(request->task, "%smore", request->talk->prefix);
	more_keep(request, card);
	request_say(request, card);
	return true;
}

const char *
request_code(const struct request *request)
{
	return *request->own->digits ? request->own->digits : NULL;
}

void
request_take_away(const struct request *request)
{
	outbox_take_away(request->talk->outbox, &request->place, request->own->replies_to);
}

struct place
request_alone(const struct request *request)
{
	if (!request->room && !request->from.alone)
		return request->place;
	return (struct place){ request->place.link, request->from.alone ? request->from.alone : request->from.shown, NULL };
}

bool
request_takes_files(const struct request *request)
{
	return outbox_can(request->talk->outbox, request->place.link) & CAN_UPLOAD;
}

void
request_subject(struct request *request, const char *subject)
{
	request->own->subject = arena_text(request->task->arena, subject);
}

void
request_follow(struct request *request, const char *kind, const char *token, int64_t look_in_ms, int64_t give_up_in_ms)
{
	request->own->follow_kind = kind;
	request->own->follow_token = arena_text(request->task->arena, token);
	request->own->look_in = look_in_ms;
	request->own->give_up_in = give_up_in_ms;
}

bool
request_settle(struct request *request, enum settled settled, struct card *card)
{
	request->own->settled = (int)settled;
	if (card)
		request_reply(request, card);
	return true;
}

struct asking {
	const char *label, *args;
};

static bool
read_asked(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct asking *asking = with;

	return intent_asked(db, asking->label, arena, &asking->args, error);
}

bool
request_asked(struct request *request, const char *label, struct named *out, size_t most, size_t *count)
{
	struct task *task = request->task;
	struct work *work = work_new(read_asked, sizeof(struct asking));
	struct asking *asking = work_with(work);

	asking->label = arena_text(work_arena(work), label);
	if (!store_commit(task, work))
		return false;
	if (!asking->args)
		return task_fail(task, "I do not know any more what %s was asked to do", label);
	*count = intent_read_args(task->arena, asking->args, out, most);
	return true;
}

bool
request_label(struct request *request, const char *word, const char *kind, struct label *out)
{
	struct task *task = request->task;

	if (!label_look(task, word, out))
		return task->error.text[0] ? false : task_fail(task, "there is no %s", word);
	if (strcmp(out->kind, kind) || strcmp(out->instance, request->instance->name))
		return task_fail(task, "%s is not one of %s", out->name, request->instance->name);
	return true;
}
