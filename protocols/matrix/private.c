/* private: a room with one person alone. */
#include "protocols/matrix/private.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "protocols/matrix/homeserver.h"
#include "protocols/matrix/matrix_settings.h"

enum { SEEN_WITHIN = 20 * 1000, LOOK = 100 };   /* ms until the room is told of in a sync */

static struct json_object *
direct_rooms(struct task *task, struct homeserver *at, const char *path)
{
	const struct matrix_call call = { .path = path };
	struct matrix_answer answer;

	if (homeserver_insist(task, at, URGENCY_RING, &call, &answer) && answer.json)
		return answer.json;
	return answer.status == 404 ? json_new_object(task->arena) : NULL;
}

/* The rooms that were private ones before, newest last (client-server API, "Direct Messaging": m.direct). */
static const char *
known_room(struct homeserver *at, struct json_object *direct, const char *user)
{
	struct json_object *list = json_key(direct, user);

	for (size_t i = json_count(list, ""); i-- > 0;) {
		const char *id = json_object_get_string(json_object_array_get_idx(list, i));
		const struct matrix_room *room = id ? matrix_rooms_find(&at->rooms, id) : NULL;
		if (room && room->in && !room->encrypted && !room->name && room->members <= 2)
			return id;
	}
	return NULL;
}

static const char *
open_room(struct task *task, struct homeserver *at, const char *user)
{
	struct json_object *body = json_new_object(task->arena), *invite = json_new_array(task->arena);
	struct matrix_answer answer;

	json_push(invite, user);
	json_put(body, "invite", invite);
	json_set_flag(body, "is_direct", true);
	json_set(body, "preset", "trusted_private_chat");
	const struct matrix_call call = { .method = "POST", .path = "/_matrix/client/v3/createRoom", .body = json_write(body) };
	if (!homeserver_insist(task, at, URGENCY_RING, &call, &answer))
		return NULL;
	log_info("%s: a room with %s alone was opened; it is not encrypted.", at->link->name, user);
	return json_string(answer.json, "room_id", NULL);
}

static void
remember(struct task *task, struct homeserver *at, const char *path, struct json_object *direct, const char *user, const char *id)
{
	struct json_object *list = json_key(direct, user);
	struct matrix_answer answer;

	if (!json_object_is_type(list, json_type_array)) {
		list = json_new_array(task->arena);
		json_put(direct, user, list);
	}
	json_push(list, id);
	const struct matrix_call call = { .method = "PUT", .path = path, .body = json_write(direct) };
	if (!homeserver_insist(task, at, URGENCY_RING, &call, &answer))
		log_info("%s: that %s is a private room could not be kept: %s", at->link->name, id, task->error.text);
}

static struct matrix_room *
await(struct task *task, struct homeserver *at, const char *id)
{
	struct matrix_room *room = matrix_rooms_get(&at->rooms, id);

	for (int64_t end = clock_mono() + SEEN_WITHIN; !room->in && !at->leaving && clock_mono() < end; room = matrix_rooms_get(&at->rooms, id))
		if (!task_pause(task, LOOK))
			return NULL;
	return room->in ? room : NULL;
}

const struct matrix_room *
private_room(struct task *task, struct homeserver *at, const char *user)
{
	struct matrix_room *room = matrix_rooms_with(&at->rooms, user);

	if (room)
		return room;
	const char *path = homeserver_path(task, "/_matrix/client/v3/user", at->conf->user, "account_data", "m.direct", NULL);
	struct json_object *direct = path ? direct_rooms(task, at, path) : NULL;
	if (!direct)
		return NULL;
	const char *id = known_room(at, direct, user);
	if (!id) {
		id = open_room(task, at, user);
		if (!id)
			return NULL;
		remember(task, at, path, direct, user, id);
	}
	room = await(task, at, id);
	if (!room) {
		task_fail(task, "A private room with %s was opened, but the homeserver does not tell of it.", user);
		return NULL;
	}
	room->direct = true;
	matrix_room_with(room, user);
	return room;
}
