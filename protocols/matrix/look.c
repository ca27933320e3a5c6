/* look: what is missing in the rooms of a link. It joins them as the gateway would, and says nothing in them. */
#include "protocols/matrix/look.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/url.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "protocols/matrix/homeserver.h"
#include "protocols/matrix/matrix_settings.h"

/* The same device would end the session of a gateway that runs. */
static const char DEVICE[] = "SALLYPORT-CHECK";

struct room_look {
	struct task *task;
	struct homeserver *at;
	const struct looking *looking;
	const char *channel, *id;
};

static void
trouble(const struct room_look *look, const char *sentence)
{
	look->looking->trouble(look->channel, sentence, look->looking->with);
}

/* NULL: there is no such state, or it may not be seen. */
static struct json_object *
state(const struct room_look *look, const char *type)
{
	const struct matrix_call call = { .path = homeserver_path(look->task, "/_matrix/client/v3/rooms", look->id, "state", type, NULL) };
	struct matrix_answer answer;

	return call.path && homeserver_insist(look->task, look->at, URGENCY_STATE, &call, &answer) ? answer.json : NULL;
}

static bool
find(struct room_look *look)
{
	struct task *task = look->task;
	struct matrix_answer answer;

	look->id = look->channel;
	if (*look->channel == '!')
		return true;
	const struct matrix_call call = { .path = homeserver_path(task, "/_matrix/client/v3/directory/room", look->channel, NULL) };
	if (!call.path || !homeserver_insist(task, look->at, URGENCY_STATE, &call, &answer)) {
		trouble(look, answer.status == 404 ? task_text(task, "no room has the alias %s; make it, or correct the place.", look->channel) : task->error.text);
		return false;
	}
	look->id = json_string(answer.json, "room_id", "");
	return *look->id;
}

static bool
join(const struct room_look *look)
{
	struct task *task = look->task;
	const char *path = homeserver_path(task, "/_matrix/client/v3/join", look->id, NULL), *server = strchr(look->channel, ':');
	struct matrix_answer answer;

	if (path && server)
		path = url_query(task->arena, task_text(task, "%s", path), "server_name", server + 1);
	const struct matrix_call call = { .method = "POST", .path = path, .body = "{}" };
	if (path && homeserver_insist(task, look->at, URGENCY_STATE, &call, &answer))
		return true;
	if (answer.status == 403)
		trouble(look, task_text(task, "%s cannot join %s: invite it there (%s).", look->at->conf->user, look->channel, *answer.says ? answer.says : "forbidden"));
	else
		trouble(look, task->error.text);
	return false;
}

/* What we do there, and the level that it needs (client-server API, m.room.power_levels). */
static const struct need {
	const char *type;               /* of events; NULL: the key itself */
	const char *key;
	int64_t fallback;
	const char *what, *so;
} needs[] = {
	{ "m.room.message", "events_default", 0, "say anything", "it would hear and never answer" },
	{ "m.reaction", "events_default", 0, "react", "what asked gets no sign at the end" },
	{ NULL, "redact", 50, "redact", "a pasted code stays to be seen" },
};

static int64_t
level_of(struct json_object *levels, const char *user)
{
	struct json_object *own = json_key(json_key(levels, "users"), user);

	return json_object_is_type(own, json_type_int) ? json_object_get_int64(own) : json_integer(levels, "users_default", 0);
}

static int64_t
level_for(struct json_object *levels, const struct need *need)
{
	struct json_object *named = need->type ? json_key(json_key(levels, "events"), need->type) : NULL;

	return json_object_is_type(named, json_type_int) ? json_object_get_int64(named) : json_integer(levels, need->key, need->fallback);
}

static void
compare_levels(const struct room_look *look)
{
	struct json_object *levels = state(look, "m.room.power_levels");
	const char *user = look->at->conf->user;

	for (size_t i = 0; levels && i < sizeof needs / sizeof *needs; i++) {
		int64_t has = level_of(levels, user), wants = level_for(levels, &needs[i]);
		if (has < wants)
			trouble(look, task_text(look->task, "%s is in %s, but may not %s there (level %lld, needs %lld), so %s.", user, look->channel, needs[i].what,
				(long long)has, (long long)wants, needs[i].so));
	}
}

static void
look_into(struct room_look *look)
{
	if (!find(look) || !join(look))
		return;
	if (state(look, "m.room.encryption"))
		trouble(look, task_text(look->task, "%s is encrypted, and that cannot be undone: it is neither read nor written. Make another room without encryption.",
			look->channel));
	struct json_object *replaced = state(look, "m.room.tombstone");
	if (replaced)
		trouble(look, task_text(look->task, "%s was upgraded into %s; name that one, or write upgrades = yes.", look->channel,
			json_string(replaced, "replacement_room", "another room")));
	compare_levels(look);
}

static void
log_out(struct task *task, struct homeserver *at)
{
	const struct matrix_call call = { .method = "POST", .path = "/_matrix/client/v3/logout", .body = "{}" };
	struct matrix_answer answer;

	/* A token that people made is theirs. */
	if (at->token && !at->conf->token)
		homeserver_ask(task, at, &call, &answer);
}

bool
look_at(struct task *task, struct link *link, const struct looking *looking)
{
	struct matrix *conf = arena_copy(task->arena, link->conf, sizeof *conf);

	conf->device = DEVICE;
	link->conf = conf;
	struct homeserver *at = homeserver_open(link, task);
	bool in = homeserver_login(task, at);
	for (size_t i = 0; in && link->channels[i] && !task->cancelled; i++) {
		struct room_look look = { .task = task, .at = at, .looking = looking, .channel = link->channels[i] };
		task->error.text[0] = '\0';
		look_into(&look);
	}
	if (in)
		log_out(task, at);
	homeserver_close(at);
	return in;
}
