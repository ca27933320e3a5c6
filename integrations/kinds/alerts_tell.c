/* alerts_tell: how a change of a group is told: which rooms hear of it, where it is an edit only, and where it waits. */
#include "integrations/kinds/alerts_tell.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/command.h"
#include "integrations/kinds/alerts_card.h"
#include "integrations/kinds/alerts_group.h"
#include "integrations/kinds/alerts_quiet.h"
#include "integrations/kinds/alerts_route.h"
#include "integrations/kinds/alerts_silence.h"
#include "integrations/kinds/alerts_storm.h"
#include "integrations/kinds/alerts_want.h"

enum { ROOMS_MOST = 64 };               /* that one group is told in */

const struct alerts *
alerts_of(const struct instance *instance)
{
	for (const struct command_set *set = instance ? instance->sets : NULL; set && set->kind; set++)
		if (!strcmp(set->kind, ALERTS_KIND))
			return set->driver;
	return NULL;
}

const struct alerts_options *
alerts_options_of(const struct instance *instance)
{
	return (const struct alerts_options *)(const void *)((const char *)instance->conf + alerts_of(instance)->options);
}

static struct list
offering(struct arena *arena, const struct rooms *rooms, const char *instance)
{
	const char **names = arena_take(arena, (rooms->count + 1) * sizeof *names);
	size_t count = 0;

	for (size_t i = 0; i < rooms->count; i++)
		if (room_offers(rooms->each[i], instance))
			names[count++] = arena_text(arena, rooms->each[i]->name);
	return (struct list){ count, names, NULL };
}

void
telling_make(struct telling *telling, struct arena *arena, const struct talk *talk, const struct instance *instance)
{
	*telling = (struct telling){ .instance = arena_text(arena, instance->name), .prefix = arena_text(arena, talk->prefix),
		.options = alerts_options_of(instance), .voices = outbox_voices(talk->outbox, arena, talk->rooms), .now = clock_wall(),
		.rooms = arena_take(arena, (talk->rooms->count + 1) * sizeof *telling->rooms), .room_count = talk->rooms->count };
	telling->usual = telling->options->webhook.rooms.count ? telling->options->webhook.rooms : offering(arena, talk->rooms, instance->name);
	for (size_t i = 0; i < talk->rooms->count; i++) {
		struct room_now *room = &telling->rooms[i];
		room->name = arena_text(arena, talk->rooms->each[i]->name);
		room->quiet = room_quiet(talk->rooms->each[i], telling->now, &room->since, &room->until);
	}
}

void
telling_begin(struct telling *telling, struct db *db, struct arena *arena, struct error *error)
{
	telling->db = db;
	telling->arena = arena;
	telling->error = error;
}

/* -- Rooms --------------------------------------------------------------------------------------------------------------- */

static const struct room_now *
room_now(const struct telling *telling, const char *name)
{
	for (size_t i = 0; i < telling->room_count; i++)
		if (!strcmp(telling->rooms[i].name, name))
			return &telling->rooms[i];
	return NULL;
}

static size_t
add_rooms(const char **out, size_t count, const struct list *rooms)
{
	for (size_t i = 0; i < rooms->count && count < ROOMS_MOST; i++) {
		size_t at = 0;
		while (at < count && strcmp(out[at], rooms->each[i]) != 0)
			at++;
		if (at == count)
			out[count++] = rooms->each[i];
	}
	return count;
}

const char *const *
telling_rooms(struct telling *telling)
{
	const char **out = arena_take(telling->arena, (ROOMS_MOST + 1) * sizeof *out);
	size_t count = add_rooms(out, 0, &telling->usual);

	for (size_t i = 0; i < telling->options->routes.count; i++)
		count = add_rooms(out, count, &((const struct alert_route *)telling->options->routes.each[i])->rooms);
	return out;
}

static struct json_object *
rooms_of(struct arena *arena, const struct alert_row *row)
{
	struct json_object *rooms = row->rooms ? json_read(arena, row->rooms, strlen(row->rooms), NULL) : NULL;

	return rooms ? rooms : json_new_array(arena);
}

bool
row_told_in(struct arena *arena, const struct alert_row *row, const char *room)
{
	struct json_object *rooms = rooms_of(arena, row);

	for (size_t i = 0; i < json_count(rooms, ""); i++)
		if (!strcmp(json_object_get_string(json_object_array_get_idx(rooms, i)), room))
			return true;
	return false;
}

void
row_tell_in(struct arena *arena, struct alert_row *row, const char *room)
{
	struct json_object *rooms = rooms_of(arena, row);

	if (row_told_in(arena, row, room) || json_count(rooms, "") >= ROOMS_MOST)
		return;
	json_push(rooms, room);
	row->rooms = arena_text(arena, json_write(rooms));
}

bool
tell_room(struct telling *telling, const char *room, const struct card *card, const char *label)
{
	return outbox_write_in(telling->db, telling->arena, telling->voices, room, card, label, telling->error);
}

bool
tell_all(struct telling *telling, const struct card *card, const char *label)
{
	for (const char *const *room = telling_rooms(telling); *room; room++)
		if (!tell_room(telling, *room, card, label))
			return false;
	return true;
}

/* -- A group ------------------------------------------------------------------------------------------------------------- */

/* What the change is to those who hear of it. */
struct change {
	struct alert_row *row;
	bool first;                     /* it was not there before, or over */
	bool news;                      /* it is new, in another state, or worse than before: a line */
	struct card *card;
	const char *note;
	const struct named *labels;
};

static struct card *
as_edit(struct arena *arena, const struct card *card)
{
	struct card *edit = card_copy(arena, card);

	edit->progress = true;
	return edit;
}

static bool
write_in(struct telling *telling, struct change *change, const char *room, bool line)
{
	struct alert_row *row = change->row;
	const struct card *card = line ? change->card : as_edit(telling->arena, change->card);

	row_tell_in(telling->arena, row, room);
	return tell_room(telling, room, card, row->label)
	    && (!change->note || outbox_write_under(telling->db, telling->arena, telling->voices, room,
		card_new(telling->arena, TONE_PLAIN, "%s", change->note), row->label, telling->error));
}

static bool
tell_in(struct telling *telling, struct change *change, const char *name)
{
	const struct room_now *room = room_now(telling, name);
	const struct alert_row *row = change->row;
	bool told = row_told_in(telling->arena, row, name), critical = row->severity == SEVERITY_CRITICAL;

	if (!room)
		return true;
	if (!told && !want_hear(telling->db, telling->arena, telling->instance, name, change->labels))
		return true;
	if (room->quiet && !critical) {
		if (change->news && !quiet_count(telling, room, row->state == ALERT_FIRING, row->state == ALERT_RESOLVED))
			return false;
		return !told || write_in(telling, change, name, false);
	}
	/* What nobody there was told to fire is not told to have ended, or to be somebody's. */
	if (!told && row->state != ALERT_FIRING)
		return true;
	if (telling->storm && !told)
		return !storm_names(telling, row) || write_in(telling, change, name, true);
	bool line = change->news && !(telling->storm && !critical) && !(telling->but && !strcmp(telling->but, name));
	return write_in(telling, change, name, line);
}

static bool
tell_rooms(struct telling *telling, struct change *change)
{
	struct arena *arena = telling->arena;
	struct json_object *told = rooms_of(arena, change->row);
	const struct alert_group *group = group_of_row(arena, change->row);
	const char *const *rooms = route_rooms(arena, telling->options, &telling->usual, group);

	change->labels = route_labels(arena, group);
	for (const char *const *room = rooms; *room; room++)
		if (!row_told_in(arena, change->row, *room) && !tell_in(telling, change, *room))
			return false;
	for (size_t i = 0; i < json_count(told, ""); i++)
		if (!tell_in(telling, change, json_object_get_string(json_object_array_get_idx(told, i))))
			return false;
	return true;
}

bool
tell_note(struct telling *telling, const struct alert_row *row, const char *note)
{
	struct json_object *told = rooms_of(telling->arena, row);
	const struct card *card = card_new(telling->arena, TONE_PLAIN, "%s", note);

	for (size_t i = 0; i < json_count(told, ""); i++)
		if (!outbox_write_under(telling->db, telling->arena, telling->voices, json_object_get_string(json_object_array_get_idx(told, i)), card, row->label,
		    telling->error))
			return false;
	return true;
}

/* A thing that fires again long after it was over is another one. */
static bool
name_it(struct telling *telling, struct alert_row *row)
{
	const struct alert_group *group = group_of_row(telling->arena, row);
	struct label label = { .kind = ALERTS_KIND, .instance = telling->instance, .subject = row->key,
		.room = route_rooms(telling->arena, telling->options, &telling->usual, group)[0] };

	if (row->label)
		return true;
	if (!label_new(telling->db, 'A', &label, telling->arena, telling->error))
		return false;
	row->label = label.name;
	return true;
}

/* A silence is told by whoever made it: where they did, that is not told again of each alert that it holds. */
static const char *
told_by(const struct telling *telling, const struct alert_row *row, const struct silence_row *held_by)
{
	return row->state == ALERT_SILENCED && held_by && held_by->room ? held_by->room : telling->but;
}

static const char *
note_of(struct arena *arena, const struct alert_row *row, const struct silence_row *held_by, int64_t now)
{
	int64_t all = row->firing + row->omitted;
	const char *why = alert_why(arena, row->state == ALERT_ACKED ? row->ack.why : held_by ? held_by->why : NULL);
	const char *who = row->state == ALERT_ACKED ? row->ack.by : row->state == ALERT_SILENCED && held_by && held_by->by ? held_by->by : "";

	return arena_printf(arena, "%s %s, %lld alert%s%s%s%s%s%s%s", clock_time(arena, now, now), alert_state_word(row->state), (long long)all, text_s((unsigned long)all),
		*who ? ", by " : "", who, why ? ": " : "", why ? why : "", row->text && row->state == ALERT_FIRING ? ": " : "",
		row->text && row->state == ALERT_FIRING ? row->text : "");
}

static bool
tell_change(struct telling *telling, struct change *change, const struct silence_row *held_by)
{
	struct arena *arena = telling->arena;
	struct alert_row *row = change->row;
	const char *but = telling->but;

	if (change->news)
		row->told = telling->now;
	change->card = alert_card(arena, row, held_by, telling->prefix, telling->now);
	/* The signs are put there once: they stay through all edits. */
	if (!change->first)
		change->card->offers = NULL;
	change->note = note_of(arena, row, held_by, telling->now);
	telling->but = told_by(telling, row, held_by);
	bool told = tell_rooms(telling, change) && label_card(telling->db, row->label, card_json(arena, change->card), row->state == ALERT_RESOLVED, telling->error);
	telling->but = but;
	return told;
}

bool
tell_group(struct telling *telling, struct alert_row *row)
{
	struct alert_row before = { 0 };
	struct silence_row silence;
	bool known = row->label && alert_row_by_label(telling->db, telling->arena, row->label, &before);
	bool held = row->silence && silence_row_by_id(telling->db, telling->arena, telling->instance, row->silence, &silence);

	row->instance = telling->instance;
	row->rooms = row->rooms ? row->rooms : "[]";
	row->state = group_state(row, telling->now);
	const char *drawn = group_drawn(telling->arena, row);
	if (known && row->drawn && !strcmp(row->drawn, drawn))
		return alert_row_write(telling->db, row, telling->error);
	row->drawn = drawn;
	struct change change = { .row = row, .first = !known || before.state == ALERT_RESOLVED, .news = !known || before.state != row->state || row->severity > before.severity };
	return name_it(telling, row) && tell_change(telling, &change, held ? &silence : NULL) && alert_row_write(telling->db, row, telling->error);
}
