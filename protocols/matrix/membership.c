/* membership: being in the rooms of the configuration. */
#include "protocols/matrix/membership.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "protocols/matrix/event.h"
#include "protocols/matrix/homeserver.h"
#include "protocols/matrix/matrix_settings.h"

enum {
	PAUSE_FIRST = 30 * 1000,        /* ms until a room is tried again that does not let us in, doubling */
	PAUSE_MOST = 15 * 60 * 1000,
	SERVERS_MOST = 3,               /* that may know a room of another homeserver */
	WHY_MOST = 120,                 /* bytes of a room's trouble in a line of status */
};

static const char *
called(const struct matrix_room *room)
{
	return room->name ? room->name : room->id;
}

/* -- How it is -------------------------------------------------------------------------------------------------------- */

void
membership_report(struct homeserver *at)
{
	struct arena *arena = arena_new();
	struct text text = text_in(arena, 400);
	size_t in = 0;

	for (const struct matrix_room *room = at->rooms.first; room; room = room->next)
		in += room->name && room->in && !room->encrypted;
	text_printf(&text, "%s, as %s, %zu room%s", at->conf->server, at->conf->user, in, text_s(in));
	for (const struct matrix_room *room = at->rooms.first; room; room = room->next)
		if (room->name && room->encrypted)
			text_printf(&text, "; %s is encrypted", room->name);
		else if (room->name && !room->in)
			text_printf(&text, "; not in %s: %s", room->name, *room->why ? text_cut(arena, room->why, WHY_MOST) : "joining");
	if (!at->state || strcmp(at->state, text.bytes)) {
		free(at->state);
		at->state = memory_text(text.bytes);
		link_up(at->link, "%s", at->state);
	}
	arena_free(arena);
}

/* -- Joining ---------------------------------------------------------------------------------------------------------- */

static void
put_off(struct matrix_room *room, const char *why)
{
	snprintf(room->why, sizeof room->why, "%.190s", why);
	room->pause = !room->pause ? PAUSE_FIRST : room->pause * 2 < PAUSE_MOST ? room->pause * 2 : PAUSE_MOST;
	room->try_at = clock_mono() + room->pause;
}

/* An alias is asked once: whoever may move it later would move us into another room (threats M2). */
static bool
resolve(struct task *task, struct homeserver *at, struct matrix_room *room, struct json_object **servers)
{
	struct matrix_answer answer;

	*servers = NULL;
	if (room->id)
		return true;
	const struct matrix_call call = { .path = homeserver_path(task, "/_matrix/client/v3/directory/room", room->name, NULL) };
	if (!call.path || !homeserver_insist(task, at, URGENCY_RING, &call, &answer))
		return false;
	const char *id = json_string(answer.json, "room_id", NULL);
	if (!id || *id != '!')
		return task_fail(task, "the homeserver knows no room behind that alias");
	*servers = json_at(answer.json, "servers");
	/* It may be one that we are in already. */
	struct matrix_room *known = matrix_rooms_find(&at->rooms, id);
	if (known && !known->name) {
		known->name = room->name;
		room->name = NULL;
		snprintf(room->why, sizeof room->why, "the same as %s", id);
		return false;
	}
	matrix_room_is(room, id);
	log_info("%s: %s is the room %s.", at->link->name, room->name, id);
	return true;
}

static char *
through(struct task *task, const char *path, struct json_object *servers)
{
	char *url = task_text(task, "%s", path);

	for (size_t i = 0; i < json_count(servers, "") && i < SERVERS_MOST; i++) {
		const char *server = json_string(servers, task_text(task, "%zu", i), "");
		url = url_query(task->arena, url, "server_name", server);
	}
	return url;
}

static bool
join(struct task *task, struct homeserver *at, struct matrix_room *room)
{
	struct json_object *servers;
	struct matrix_answer answer;

	if (!resolve(task, at, room, &servers))
		return !room->name;
	const char *path = homeserver_path(task, "/_matrix/client/v3/join", room->id, NULL);
	const struct matrix_call call = { .method = "POST", .path = path ? through(task, path, servers) : NULL, .body = "{}" };
	return path && homeserver_insist(task, at, URGENCY_RING, &call, &answer);
}

/* A sync tells how the rooms are; one that it left out is asked about. Until that is known nothing is said in it. */
static void
look(struct task *task, struct homeserver *at, struct matrix_room *room)
{
	const struct matrix_call call = { .path = homeserver_path(task, "/_matrix/client/v3/rooms", room->id, "state", "m.room.encryption", NULL) };
	struct matrix_answer answer;

	room->try_at = clock_mono() + (at->known ? PAUSE_FIRST : 0);
	if (!at->known || !call.path)
		return;
	if (homeserver_insist(task, at, URGENCY_RING, &call, &answer))
		membership_encrypted(at, room);
	else if (answer.status != 404)
		return;
	room->in = true;
	room->pause = 0;
}

void
membership_join(struct task *task, struct homeserver *at)
{
	for (struct matrix_room *room = at->rooms.first; room && !task->cancelled && at->login == LOGIN_IN; room = room->next) {
		if (!room->name || room->in || clock_mono() < room->try_at)
			continue;
		if (join(task, at, room)) {
			if (room->id && !room->in)
				look(task, at, room);
			continue;
		}
		if (task->cancelled || !room->name)
			continue;
		put_off(room, task->error.text);
		log_warning("%s: I cannot join %s: %s", at->link->name, called(room), room->why);
	}
}

void
membership_invited(struct task *task, struct homeserver *at, const char *id, const char *by, bool direct)
{
	struct matrix_room *room = matrix_rooms_find(&at->rooms, id);
	struct matrix_answer answer;
	bool ours = room && room->name;

	if (!matrix_settings_invites(at->conf, by) || !(ours || direct)) {
		log_info("%s: an invitation of %s to %s is not taken.", at->link->name, text_clean(task->arena, by, strlen(by)), id);
		return;
	}
	const struct matrix_call call = { .method = "POST", .path = homeserver_path(task, "/_matrix/client/v3/join", id, NULL), .body = "{}" };
	if (!call.path || !homeserver_insist(task, at, URGENCY_RING, &call, &answer)) {
		log_warning("%s: %s invited me to %s, but I cannot join it: %s", at->link->name, by, id, task->error.text);
		return;
	}
	room = matrix_rooms_get(&at->rooms, id);
	room->direct = room->direct || direct;
	log_info("%s: %s invited me to %s.", at->link->name, by, id);
}

/* -- What may happen to a room ---------------------------------------------------------------------------------------- */

void
membership_lost(struct homeserver *at, struct matrix_room *room, const struct event *event)
{
	bool banned = event && !strcmp(event->membership, "ban"), by_others = event && strcmp(event->sender, at->conf->user);

	room->in = false;
	if (!by_others)
		snprintf(room->why, sizeof room->why, "I left");
	else
		snprintf(room->why, sizeof room->why, "%s by %.60s%s%.100s", banned ? "banned" : "removed", event->sender, *event->why ? ": " : "", event->why);
	room->pause = banned ? PAUSE_MOST : PAUSE_FIRST;
	room->try_at = clock_mono() + room->pause;
	if (room->name)
		link_tell(at->link, "I am not in %s any more: %s", room->name, room->why);
}

void
membership_encrypted(struct homeserver *at, struct matrix_room *room)
{
	room->encrypted = true;
	if (room->told_encrypted)
		return;
	room->told_encrypted = true;
	if (room->name)
		link_tell(at->link, "%s is encrypted; I cannot read or write there, and will not write in clear. Said once", room->name);
	else
		log_info("%s: %s is encrypted, so I neither read nor write there.", at->link->name, room->id);
}

static bool
comes_from(struct task *task, struct homeserver *at, const char *new, const char *old)
{
	const struct matrix_call call = { .path = homeserver_path(task, "/_matrix/client/v3/rooms", new, "state", "m.room.create", NULL) };
	struct matrix_answer answer;

	return call.path && homeserver_insist(task, at, URGENCY_RING, &call, &answer) && !strcmp(json_string(answer.json, "predecessor.room_id", ""), old);
}

static bool
follow(struct task *task, struct homeserver *at, const char *new, const char *old)
{
	const char *path = homeserver_path(task, "/_matrix/client/v3/join", new, NULL), *server = strchr(old, ':');
	struct matrix_answer answer;

	if (!path)
		return false;
	const struct matrix_call call = { .method = "POST", .path = server ? url_query(task->arena, task_text(task, "%s", path), "server_name", server + 1) : path,
		.body = "{}" };
	if (!homeserver_insist(task, at, URGENCY_RING, &call, &answer))
		return false;
	return comes_from(task, at, new, old) || task_fail(task, "the new room does not say that it comes from the old one");
}

/* An upgrade makes another room, whose rights are whatever its maker wrote: followed only where people want that (threats M2). */
void
membership_replaced(struct task *task, struct homeserver *at, struct matrix_room *room, const struct event *event)
{
	if (!room->name || room->replaced_by)
		return;
	room->replaced_by = memory_text(event->replaced_by);
	if (!at->conf->upgrades)
		link_tell(at->link, "%s was upgraded into %s. I stay where I am; name the new room in the configuration, or write upgrades = yes",
			room->name, room->replaced_by);
	else if (!follow(task, at, room->replaced_by, room->id))
		link_tell(at->link, "%s was upgraded into %s, but I cannot follow: %s", room->name, room->replaced_by, task->error.text);
	else {
		struct matrix_room *new = matrix_rooms_get(&at->rooms, room->replaced_by);
		log_info("%s: %s was upgraded into %s.", at->link->name, room->name, new->id);
		if (!new->name) {
			new->name = room->name;
			room->name = NULL;
		}
	}
}

/* -- Others ----------------------------------------------------------------------------------------------------------- */

bool
membership_gone(struct task *task, struct link *link, const char *channel, const char *account)
{
	struct homeserver *at = link->own;
	const char *slash = strchr(account, '/');
	const struct matrix_room *room = at && !at->leaving ? matrix_rooms_named(&at->rooms, channel) : NULL;
	struct matrix_answer answer;

	if (!room || !room->id || !slash)
		return false;
	const struct matrix_call call = { .path = homeserver_path(task, "/_matrix/client/v3/rooms", room->id, "state", "m.room.member", slash + 1, NULL) };
	at->deliveries++;
	bool asked = call.path && homeserver_ask(task, at, &call, &answer);
	homeserver_leave(task, at);
	return asked && strcmp(json_string(answer.json, "membership", "join"), "join") != 0;
}
