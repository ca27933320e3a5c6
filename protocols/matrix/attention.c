/* attention: showing people that they were heard. */
#include "protocols/matrix/attention.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/json.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "protocols/matrix/homeserver.h"
#include "protocols/matrix/matrix_settings.h"

enum {
	QUICK = 700,                    /* ms: what is answered by then needs no sign */
	LOOK = 500,                     /* ms between looks whether it goes on */
	TYPING = 30 * 1000,             /* ms that the homeserver shows it */
	LONGEST = 120 * 1000,           /* ms: whoever waits longer sees what is said of it */
};

struct attending {
	struct homeserver *at;          /* stays while this counts as one of its deliveries */
	const char *room, *event, *account;
};

static bool
put(struct task *task, const struct attending *attending, const char *method, const char *path, const char *body)
{
	const struct matrix_call call = { .method = method, .path = path, .body = body };
	struct matrix_answer answer;

	return path && !attending->at->leaving && homeserver_ask(task, attending->at, &call, &answer);
}

static void
mark_read(struct task *task, const struct attending *attending)
{
	struct json_object *body = json_new_object(task->arena);

	json_set(body, "m.fully_read", attending->event);
	json_set(body, "m.read", attending->event);
	put(task, attending, "POST", homeserver_path(task, "/_matrix/client/v3/rooms", attending->room, "read_markers", NULL), json_write(body));
}

static bool
type(struct task *task, const struct attending *attending, bool typing)
{
	struct json_object *body = json_new_object(task->arena);

	json_set_flag(body, "typing", typing);
	if (typing)
		json_set_integer(body, "timeout", TYPING);
	return put(task, attending, "PUT", homeserver_path(task, "/_matrix/client/v3/rooms", attending->room, "typing", attending->at->conf->user, NULL),
		json_write(body));
}

static bool
goes_on(const struct task *task, const struct attending *attending)
{
	return !task->cancelled && !attending->at->leaving && bridge_working(attending->at->link->bridge, attending->account);
}

static void
show(struct task *task, const struct attending *attending)
{
	int64_t began = clock_mono(), shown = 0;

	mark_read(task, attending);
	task_pause(task, QUICK);
	while (goes_on(task, attending) && clock_mono() - began < LONGEST) {
		if (!shown || clock_mono() - shown > TYPING / 2) {
			if (!type(task, attending, true))
				return;
			shown = clock_mono();
		}
		task_pause(task, LOOK);
	}
	if (shown && !task->cancelled)
		type(task, attending, false);
}

static void
attend(struct task *task, void *with)
{
	const struct attending *attending = with;

	show(task, attending);
	homeserver_leave(task, attending->at);
}

void
attention_pay(struct homeserver *at, const struct message *messages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct message *message = &messages[i];
		if (!message->from.proven || bridge_wants_proof(at->link, message) == PROOF_NONE)
			continue;
		const struct matrix_room *room = matrix_rooms_named(&at->rooms, message->place.channel);
		struct arena *arena = arena_new();
		struct attending *attending = arena_take(arena, sizeof *attending);
		*attending = (struct attending){ at, arena_text(arena, room ? room->id : message->place.channel), arena_text(arena, message->id),
			arena_text(arena, message->from.account) };
		at->deliveries++;
		if (!task_start(at->link->engine, "attention", attend, attending, arena))
			at->deliveries--;
	}
}
