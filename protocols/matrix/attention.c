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
	struct link *link;
	const char *room, *event, *account;
};

/* The link may have left, or another one come in its place. */
static struct homeserver *
still(const struct attending *attending)
{
	struct homeserver *at = attending->link->own;

	return at && !at->leaving ? at : NULL;
}

static bool
put(struct task *task, const struct attending *attending, const char *method, const char *path, const char *body)
{
	struct homeserver *at = still(attending);
	const struct matrix_call call = { .method = method, .path = path, .body = body };
	struct matrix_answer answer;

	if (!at || !path)
		return false;
	at->deliveries++;
	bool fine = homeserver_ask(task, at, &call, &answer);
	if (!--at->deliveries && at->leaving)
		task_wake(task->engine, at->task);
	return fine;
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
	struct homeserver *at = still(attending);
	struct json_object *body = json_new_object(task->arena);

	json_set_flag(body, "typing", typing);
	if (typing)
		json_set_integer(body, "timeout", TYPING);
	return at && put(task, attending, "PUT", homeserver_path(task, "/_matrix/client/v3/rooms", attending->room, "typing", at->conf->user, NULL), json_write(body));
}

static void
attend(struct task *task, void *with)
{
	const struct attending *attending = with;
	int64_t began = clock_mono(), shown = 0;

	mark_read(task, attending);
	task_pause(task, QUICK);
	while (!task->cancelled && still(attending) && bridge_working(attending->link->bridge, attending->account) && clock_mono() - began < LONGEST) {
		if (clock_mono() - shown > TYPING / 2 || !shown) {
			if (!type(task, attending, true))
				return;
			shown = clock_mono();
		}
		task_pause(task, LOOK);
	}
	if (shown && !task->cancelled)
		type(task, attending, false);
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
		*attending = (struct attending){ at->link, arena_text(arena, room ? room->id : message->place.channel), arena_text(arena, message->id),
			arena_text(arena, message->from.account) };
		task_start(at->link->engine, "attention", attend, attending, arena);
	}
}
