/* sync: what the homeserver has to tell since it was asked last. */
#include "protocols/matrix/sync.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/json.h"
#include "bridge/base/json_walk.h"
#include "bridge/base/log.h"
#include "bridge/base/url.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "protocols/matrix/attention.h"
#include "protocols/matrix/event.h"
#include "protocols/matrix/homeserver.h"
#include "protocols/matrix/matrix_settings.h"
#include "protocols/matrix/membership.h"
#include "protocols/matrix/seen.h"

enum {
	ANSWER_MOST = 4 << 20,          /* bytes of one answer */
	TIMELINE_MOST = 50,             /* events of a room in one answer; the rest is asked for */
	GAP_PAGE = 100,                 /* events */
	GAP_MOST = 8 << 20,             /* bytes in one turn: the rest is not heard */
	INVITES_MOST = 10,              /* looked at in one turn */
	MESSAGES_LEAST = 64,
};

/* What one turn gathers. */
struct gathered {
	struct task *task;
	struct homeserver *at;
	bool first;                     /* nothing is heard */
	bool past;                      /* how the room was before what it tells of now */
	const char *until;              /* nor is what was said in this room before this event: we were not there yet; NULL: all is */
	size_t gap;                     /* bytes that were asked for because timelines left them out */
	struct message *each;
	size_t count, size;
	unsigned invites;
};

/* -- What is asked for ------------------------------------------------------------------------------------------------ */

static struct json_object *
types(struct arena *arena, const char *const *names)
{
	struct json_object *filter = json_new_object(arena), *list = json_new_array(arena);

	while (*names)
		json_push(list, *names++);
	json_put(filter, "types", list);
	return filter;
}

static const char *const state_types[] = { "m.room.member", "m.room.encryption", "m.room.tombstone", NULL };
static const char *const timeline_types[] = { "m.room.message", "m.reaction", "m.room.redaction", "m.room.member", "m.room.encryption",
	"m.room.tombstone", NULL };
static const char *const no_types[] = { NULL };

static const char *
filter_body(struct arena *arena, int64_t limit)
{
	struct json_object *filter = json_new_object(arena), *room = json_new_object(arena);
	struct json_object *state = types(arena, state_types), *timeline = types(arena, timeline_types);

	json_set_flag(state, "lazy_load_members", true);
	/* Else the homeserver leaves out whom it told an earlier life of ours about, and nobody has a name any more. */
	json_set_flag(state, "include_redundant_members", true);
	json_set_flag(timeline, "lazy_load_members", true);
	json_set_flag(timeline, "include_redundant_members", true);
	json_set_integer(timeline, "limit", limit);
	json_put(room, "state", state);
	json_put(room, "timeline", timeline);
	json_put(room, "ephemeral", types(arena, no_types));
	json_put(room, "account_data", types(arena, no_types));
	json_put(filter, "room", room);
	json_put(filter, "presence", types(arena, no_types));
	json_put(filter, "account_data", types(arena, no_types));
	return json_write(filter);
}

static bool
put_filter(struct task *task, struct homeserver *at, size_t which, int64_t limit)
{
	const struct matrix_call call = { .method = "POST", .path = homeserver_path(task, "/_matrix/client/v3/user", at->conf->user, "filter", NULL),
		.body = filter_body(task->arena, limit) };
	struct matrix_answer answer;

	if (at->filter[which])
		return true;
	if (!call.path || !homeserver_insist(task, at, URGENCY_RING, &call, &answer))
		return false;
	at->filter[which] = memory_text(json_string(answer.json, "filter_id", NULL));
	return at->filter[which] || task_fail(task, "The homeserver took a filter and gave it no name.");
}

bool
sync_prepare(struct task *task, struct homeserver *at)
{
	const char *since;

	if (!put_filter(task, at, 0, TIMELINE_MOST) || !put_filter(task, at, 1, 1))
		return false;
	if (at->began)
		return true;
	if (!bridge_heard_to(task, at->link, &since))
		return false;
	at->since = memory_text(since);
	return at->began = true;
}

/* -- What was said ---------------------------------------------------------------------------------------------------- */

static struct speaker
speaker_of(const struct gathered *gathered, const char *sender)
{
	struct homeserver *at = gathered->at;
	struct arena *arena = gathered->task->arena;
	const char *server = matrix_user_server(sender);
	bool proven = matrix_settings_believes(at->conf, sender);

	return (struct speaker){ .account = arena_printf(arena, "%s/%s", at->link->name, sender), .proven = proven,
		.shown = arena_text(arena, names_of(&at->names, sender)), .alone = arena_text(arena, sender),
		.proof = proven ? "homeserver" : arena_printf(arena, "the people of %s are not among those that I believe", server ? server : "that server") };
}

static struct message *
room_for_one(struct gathered *gathered)
{
	if (gathered->count == gathered->size) {
		gathered->size = gathered->size ? 2 * gathered->size : MESSAGES_LEAST;
		struct message *more = arena_take(gathered->task->arena, gathered->size * sizeof *more);
		if (gathered->count)
			memcpy(more, gathered->each, gathered->count * sizeof *more);
		gathered->each = more;
	}
	return &gathered->each[gathered->count++];
}

static bool
take_talk(struct gathered *gathered, struct matrix_room *room, const struct event *event)
{
	struct homeserver *at = gathered->at;

	if (gathered->first || !strcmp(event->sender, at->conf->user) || seen_has(at->seen, event->id))
		return false;
	struct message *message = room_for_one(gathered);
	*message = event->message;
	message->place.link = at->link->name;
	message->place.channel = arena_text(gathered->task->arena, room->name ? room->name : room->id);
	message->direct = matrix_room_private(room);
	if (message->direct)
		matrix_room_with(room, event->sender);
	message->from = speaker_of(gathered, event->sender);
	return true;
}

/* Whether somebody came, went or took another name; then what there is to say of it. */
static bool
is_coming(const struct gathered *gathered, const struct event *event, enum message_kind *kind, const char **text)
{
	bool in = !strcmp(event->membership, "join"), gone = !strcmp(event->membership, "leave") || !strcmp(event->membership, "ban");

	*text = event->why;
	if (in && event->was_in) {
		*kind = MESSAGE_RENAMED;
		*text = event->shown;
		return event->shown && *event->shown && event->was && strcmp(event->shown, event->was);
	}
	if (gone && strcmp(event->sender, event->member))
		*text = arena_printf(gathered->task->arena, "%s%s%s", names_of(&gathered->at->names, event->sender), *event->why ? ": " : "", event->why);
	*kind = in ? MESSAGE_CAME : strcmp(event->sender, event->member) ? MESSAGE_REMOVED : MESSAGE_WENT;
	return in || (gone && event->was_in);
}

static bool
take_coming(struct gathered *gathered, const struct matrix_room *room, const struct event *event)
{
	struct homeserver *at = gathered->at;
	enum message_kind kind;
	const char *text;

	if (gathered->first || gathered->past || gathered->until || !event->id || !room->name || !strcmp(event->member, at->conf->user)
			|| seen_has(at->seen, event->id) || !bridge_wants_comings(at->link, room->name) || !is_coming(gathered, event, &kind, &text))
		return false;
	struct message *message = room_for_one(gathered);
	*message = (struct message){ .kind = kind, .id = event->id, .text = text, .from = speaker_of(gathered, event->member),
		.place = { .link = at->link->name, .channel = arena_text(gathered->task->arena, room->name) } };
	if (kind == MESSAGE_RENAMED)
		message->from.shown = event->was;
	return true;
}

/* -- How the rooms are ------------------------------------------------------------------------------------------------ */

/* True where its texts are needed later. */
static bool
use_event(struct gathered *gathered, struct matrix_room *room, const struct event *event)
{
	struct homeserver *at = gathered->at;

	if (gathered->until && event->id && !strcmp(gathered->until, event->id))
		gathered->until = NULL;
	switch (event->kind) {
	case EVENT_TALK:
		return !gathered->until && take_talk(gathered, room, event);
	case EVENT_MEMBER:
		if (!strcmp(event->membership, "join"))
			names_set(&at->names, event->member, event->shown);
		return take_coming(gathered, room, event);
	case EVENT_ENCRYPTION:
		membership_encrypted(at, room);
		break;
	case EVENT_TOMBSTONE:
		membership_replaced(gathered->task, at, room, event);
		break;
	case EVENT_OTHER:
		break;
	}
	return false;
}

static void
free_arena(void *arena)
{
	arena_free(arena);
}

static void
take_event(struct gathered *gathered, struct matrix_room *room, struct json_part part)
{
	struct arena *arena = arena_new();
	struct event event;

	/* One that cannot be read (too deep, a NUL in it) is none. */
	struct json_object *json = json_read(arena, part.at, part.length, NULL);
	bool kept = json && event_read(arena, json, &event) && use_event(gathered, room, &event);
	if (kept)
		arena_defer(gathered->task->arena, free_arena, arena);
	else
		arena_free(arena);
}

static void
take_events(struct gathered *gathered, struct matrix_room *room, struct json_part list)
{
	struct json_walk walk = json_walk(list);
	struct json_part key, value;

	while (!walk.object && json_walk_next(&walk, &key, &value))
		take_event(gathered, room, value);
}

/* What the answer left out, oldest first (client-server API, "Syncing": limited timelines). */
static bool
fill_gap(struct gathered *gathered, struct matrix_room *room, const char *to)
{
	struct task *task = gathered->task;
	struct homeserver *at = gathered->at;
	const char *from = at->since;
	const char *path = homeserver_path(task, "/_matrix/client/v3/rooms", room->id, "messages", NULL);

	while (path && from && strcmp(from, to)) {
		if (gathered->gap > GAP_MOST) {
			log_warning("%s: so much was said in %s while I was away that I heard only the first and the last of it.", at->link->name,
				room->name ? room->name : room->id);
			return true;
		}
		char *url = url_query(task->arena, task_text(task, "%s?dir=f&limit=%d", path, GAP_PAGE), "from", from);
		const struct matrix_call call = { .path = url_query(task->arena, url, "to", to), .raw = true, .most = ANSWER_MOST };
		struct matrix_answer answer;
		if (!homeserver_insist(task, at, URGENCY_STATE, &call, &answer))
			return answer.status == 403 || answer.status == 404;    /* we were in that room no more */
		struct json_part all = json_part_of(answer.bytes, answer.length);
		gathered->gap += answer.length;
		take_events(gathered, room, json_part_key(all, "chunk"));
		from = json_part_text(task->arena, json_part_key(all, "end"));
	}
	return path;
}

static int64_t
number(struct task *task, struct json_part part)
{
	return part.at ? strtoll(arena_slice(task->arena, part.at, part.length < 12 ? part.length : 12), NULL, 10) : -1;
}

static void
count_members(struct gathered *gathered, struct matrix_room *room, struct json_part summary)
{
	int64_t joined = number(gathered->task, json_part_key(summary, "m.joined_member_count"));
	int64_t invited = number(gathered->task, json_part_key(summary, "m.invited_member_count"));

	if (joined >= 0)
		room->members = joined + (invited > 0 ? invited : 0);
}

/* The newest event of the list that is about our own membership. */
static bool
about_us(struct gathered *gathered, struct json_part list, struct event *out)
{
	struct json_walk walk = json_walk(list);
	struct json_part key, value;
	struct event event;
	bool found = false;

	while (!walk.object && json_walk_next(&walk, &key, &value)) {
		struct json_object *json = json_read(gathered->task->arena, value.at, value.length, NULL);
		if (!json || !event_read(gathered->task->arena, json, &event) || event.kind != EVENT_MEMBER || strcmp(event.member, gathered->at->conf->user))
			continue;
		*out = event;
		found = true;
	}
	return found;
}

static bool
take_joined(struct gathered *gathered, const char *id, struct json_part part)
{
	struct task *task = gathered->task;
	struct matrix_room *room = matrix_rooms_get(&gathered->at->rooms, id);
	struct json_part timeline = json_part_key(part, "timeline"), events = json_part_key(timeline, "events");
	struct event came;

	room->in = true;
	room->pause = 0;
	count_members(gathered, room, json_part_key(part, "summary"));
	gathered->past = true;
	take_events(gathered, room, json_part_key(json_part_key(part, "state"), "events"));
	gathered->past = false;
	/* What was said before we came is told too, where the room shows its past. */
	gathered->until = about_us(gathered, events, &came) && !strcmp(came.membership, "join") && !came.was_in ? came.id : NULL;
	const char *before = json_part_text(task->arena, json_part_key(timeline, "prev_batch"));
	bool gap = !gathered->first && !gathered->until && before && json_part_is(json_part_key(timeline, "limited"), "true");
	if (gap && !fill_gap(gathered, room, before))
		return false;
	take_events(gathered, room, events);
	gathered->until = NULL;
	return true;
}

static bool
take_invited(struct gathered *gathered, const char *id, struct json_part part)
{
	struct event event;

	if (gathered->invites++ < INVITES_MOST && about_us(gathered, json_part_key(json_part_key(part, "invite_state"), "events"), &event))
		membership_invited(gathered->task, gathered->at, id, event.sender, event.direct);
	return true;
}

static bool
take_left(struct gathered *gathered, const char *id, struct json_part part)
{
	struct matrix_room *room = matrix_rooms_find(&gathered->at->rooms, id);
	struct event event;

	if (!room || !room->in)
		return true;
	bool known = about_us(gathered, json_part_key(json_part_key(part, "timeline"), "events"), &event)
	          || about_us(gathered, json_part_key(json_part_key(part, "state"), "events"), &event);
	membership_lost(gathered->at, room, known ? &event : NULL);
	return true;
}

/* -- One turn --------------------------------------------------------------------------------------------------------- */

static bool
each_room(struct gathered *gathered, struct json_part rooms, bool (*take)(struct gathered *, const char *id, struct json_part))
{
	struct json_walk walk = json_walk(rooms);
	struct json_part key, value;

	while (walk.object && json_walk_next(&walk, &key, &value)) {
		const char *id = json_part_text(gathered->task->arena, key);
		if (id && *id && !take(gathered, id, value))
			return false;
	}
	return true;
}

static void
remember(struct homeserver *at, const struct gathered *gathered, const char *next)
{
	for (size_t i = 0; i < gathered->count; i++)
		seen_add(at->seen, gathered->each[i].id);
	free((char *)(uintptr_t)at->since);
	at->since = memory_text(next);
	at->known = true;
	at->too_much = false;
}

static bool
take_answer(struct task *task, struct homeserver *at, const struct matrix_answer *answer)
{
	struct gathered gathered = { .task = task, .at = at, .first = !at->since };
	struct json_part all = json_part_of(answer->bytes, answer->length), rooms = json_part_key(all, "rooms");
	const char *next = json_part_text(task->arena, json_part_key(all, "next_batch"));

	if (!next)
		return task_fail(task, "The homeserver answered a sync with what cannot be read.");
	if (!each_room(&gathered, json_part_key(rooms, "join"), take_joined))
		return false;
	each_room(&gathered, json_part_key(rooms, "leave"), take_left);
	each_room(&gathered, json_part_key(rooms, "invite"), take_invited);
	if ((gathered.count || !at->since || strcmp(at->since, next)) && !bridge_hear(task, at->link, gathered.each, gathered.count, next))
		return false;
	remember(at, &gathered, next);
	attention_pay(at, gathered.each, gathered.count);
	return true;
}

/* A cursor that the homeserver does not know any more: it was restored, or another one stands in its place. What was said meanwhile is not
 * known to be new, so none of it is heard. */
static bool
begin_again(struct homeserver *at)
{
	log_warning("%s: the homeserver does not know how far I had heard; what was said meanwhile is not heard.", at->link->name);
	free((char *)(uintptr_t)at->since);
	at->since = NULL;
	return true;
}

/* How long the homeserver may wait. Without a cursor it never does, and the number makes the question another one than the last time: Synapse keeps
 * the answer to the same question for two minutes, and what was said since then would seem to be new (threats M5). */
static int64_t
patience(const struct homeserver *at)
{
	uint32_t chance = 0;

	if (at->since)
		return at->known ? at->conf->poll : 0;
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (uint32_t)clock_mono();
	return 1 + chance % 1000000;
}

bool
sync_turn(struct task *task, struct homeserver *at, bool *answered)
{
	bool narrow = at->too_much || !at->since;
	char *path = task_text(task, "/_matrix/client/v3/sync?set_presence=offline&timeout=%" PRId64, patience(at));

	path = url_query(task->arena, path, "filter", at->filter[narrow]);
	/* Rooms where nothing happened are told of only so, and an earlier life's knowledge of them is gone. */
	if (at->since && !at->known)
		path = url_query(task->arena, path, "full_state", "true");
	const struct matrix_call call = { .path = at->since ? url_query(task->arena, path, "since", at->since) : path, .raw = true, .most = ANSWER_MOST,
		.seconds = (unsigned)(at->conf->poll / 1000) + 30, .lingers = true, .unwanted = at->known ? &at->renewed : NULL };
	struct matrix_answer answer;
	*answered = true;
	if (homeserver_enter(task, at, &call, &answer))
		return take_answer(task, at, &answer);
	if (at->known && at->renewed && !answer.status && !*task->error.text && !task->cancelled) {
		*answered = false;
		return true;
	}
	if (answer.status == 400 && at->since)
		return begin_again(at);
	if (!answer.too_much || at->too_much)
		return false;
	log_warning("%s: %s I ask for less at once.", at->link->name, task->error.text);
	return at->too_much = true;
}
