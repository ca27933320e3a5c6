/* webhook: what integrations ask of a delivery, and how it ends. */
#include "bridge/work/webhook.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/form.h"
#include "bridge/base/json.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/command.h"
#include "bridge/work/inbox_rows.h"

/* -- What it says ---------------------------------------------------------------------------------------------------- */

const char *
received_header(const struct received *received, const char *name)
{
	for (size_t i = 0; i < received->header_count; i++)
		if (!strcasecmp(received->headers[i].name, name))
			return received->headers[i].value;
	return NULL;
}

const void *
received_conf(const struct received *received)
{
	return received->instance->conf;
}

/* Some put JSON into a field of a form. */
static struct json_object *
read_form(struct arena *arena, const struct received *received, struct error *error)
{
	struct json_object *form = form_read(arena, received->body, received->length, error);
	const char *payload = json_string(form, "payload", NULL);

	return payload ? json_read(arena, payload, strlen(payload), error) : form;
}

/* Many a script says JSON and calls it a form, as curl -d does. */
struct json_object *
received_json(struct arena *arena, const struct received *received, struct error *error)
{
	size_t blank = strspn(received->body, " \t\r\n");
	bool form = !strcmp(received->type, "application/x-www-form-urlencoded") && received->body[blank] != '{' && received->body[blank] != '[';

	return form ? read_form(arena, received, error) : json_read(arena, received->body, received->length, error);
}

bool
received_refuse(struct task *task, const struct received *received, const char *format, ...)
{
	va_list values;

	if (received->hopeless)
		*received->hopeless = true;
	va_start(values, format);
	error_vset(&task->error, format, values);
	va_end(values);
	return false;
}

/* -- How it ends ------------------------------------------------------------------------------------------------------- */

/* The living things that the cards are of: known ones by their subject, others drawn now. A crash behind it finds them again. */
struct naming {
	const char *instance, *kind;
	size_t count;
	struct naming_one { char letter; const char *subject, *room, *name; bool closed; } each[TOLD_MOST];
};

static bool
name_one(struct db *db, struct naming *naming, struct naming_one *one, struct arena *arena, struct error *error)
{
	struct label label;

	if (label_of(db, naming->kind, naming->instance, one->subject, arena, &label) && (!label.closed || one->closed)) {
		one->name = label.name;
		return true;
	}
	label = (struct label){ .kind = naming->kind, .instance = naming->instance, .subject = one->subject, .room = one->room };
	if (!label_new(db, one->letter, &label, arena, error))
		return false;
	one->name = label.name;
	return true;
}

static bool
write_names(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct naming *naming = with;

	for (size_t i = 0; i < naming->count; i++)
		if (naming->each[i].letter && !name_one(db, naming, &naming->each[i], arena, error))
			return false;
	return true;
}

static bool
name_things(struct task *task, const struct received *received, const struct told *told, size_t count)
{
	struct work *work = work_new(write_names, sizeof(struct naming));
	struct naming *naming = work_with(work);
	struct arena *arena = work_arena(work);

	naming->instance = arena_text(arena, received->instance->name);
	naming->kind = arena_text(arena, received->instance->service);
	naming->count = count;
	for (size_t i = 0; i < count; i++)
		if (told[i].card && told[i].letter)
			naming->each[i] = (struct naming_one){ .letter = told[i].letter, .subject = arena_text(arena, told[i].subject),
				.room = arena_text(arena, told[i].room), .closed = told[i].card->closed };
	if (!store_commit(task, work))
		return false;
	for (size_t i = 0; i < count; i++)
		if (naming->each[i].name)
			told[i].card->id = naming->each[i].name;
	return true;
}

static const struct list *
rooms_of(const struct received *received)
{
	const struct webhook_settings *settings = (const void *)((const char *)received->instance->conf + received->instance->webhook->settings);

	return &settings->rooms;
}

/* Where it is said: the room that is named, else those of the instance. */
static bool
is_for(const struct received *received, const struct told *told, const struct room *room)
{
	const struct list *rooms = rooms_of(received);

	if (told->room)
		return !strcmp(told->room, room->name);
	for (size_t i = 0; i < rooms->count; i++)
		if (!strcmp(rooms->each[i], room->name))
			return true;
	return !rooms->count && room_offers(room, received->instance->name);
}

struct ending {
	int64_t id;
	size_t count;
	struct ending_one { const char *label, *card; bool closed; size_t saying_count; const struct saying **sayings; } each[TOLD_MOST];
};

static bool
write_ending(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct ending *ending = with;

	(void)arena;
	for (size_t i = 0; i < ending->count; i++) {
		const struct ending_one *one = &ending->each[i];
		if (one->label && !label_card(db, one->label, one->card, one->closed, error))
			return false;
		for (size_t s = 0; s < one->saying_count; s++)
			if (!outbox_write(db, one->sayings[s], NULL, error))
				return false;
	}
	return inbox_done(db, ending->id, error);
}

static void
add_told(const struct received *received, const struct told *told, struct arena *arena, struct ending_one *one)
{
	const struct talk *talk = received->talk;

	if (!told->card)
		return;
	one->sayings = arena_take(arena, (talk->rooms->count + 1) * sizeof *one->sayings);
	if (told->letter) {
		one->label = arena_text(arena, told->card->id);
		one->card = card_json(arena, told->card);
		one->closed = told->card->closed;
	}
	for (size_t i = 0; i < talk->rooms->count; i++)
		if (is_for(received, told, talk->rooms->each[i]))
			one->sayings[one->saying_count++] = outbox_saying(talk->outbox, arena, talk->rooms->each[i], NULL, NULL, told->card);
}

static bool
check_told(struct task *task, const struct received *received, const struct told *told, size_t count)
{
	if (count > TOLD_MOST)
		return received_refuse(task, received, "It has more to say than %d messages.", TOLD_MOST);
	for (size_t i = 0; i < count; i++)
		if (told[i].room && !room_named(received->talk->rooms, told[i].room))
			return received_refuse(task, received, "It is for a room %s, and there is none.", told[i].room);
	return true;
}

bool
received_done(struct task *task, const struct received *received, const struct told *told, size_t count)
{
	bool names = false;

	if (!check_told(task, received, told, count))
		return false;
	for (size_t i = 0; i < count; i++)
		names = names || (told[i].card && told[i].letter);
	if (names && !name_things(task, received, told, count))
		return false;
	struct work *work = work_new(write_ending, sizeof(struct ending));
	struct ending *ending = work_with(work);
	ending->id = received->id;
	ending->count = count;
	for (size_t i = 0; i < count; i++)
		add_told(received, &told[i], work_arena(work), &ending->each[i]);
	work_is_outcome(work);
	if (!store_commit(task, work))
		return false;
	outbox_kick(received->talk->outbox);
	return true;
}
