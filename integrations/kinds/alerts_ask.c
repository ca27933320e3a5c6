/* alerts_ask: what the verbs ask of the rows, and change in them, from a task. */
#include "integrations/kinds/alerts_ask.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/request.h"
#include "integrations/kinds/alerts_tell.h"
#include "integrations/kinds/alerts_want.h"

static bool
no_such(struct request *request, const char *word)
{
	return task_fail(request->task, "there is no %s among what I know of %s; %salerts shows what fires", word, request->instance->name, request->talk->prefix);
}

/* -- Groups -------------------------------------------------------------------------------------------------------------- */

struct finding {
	const char *label;
	struct alert_row row;
	struct silence_row silence;
	bool found, held;
};

static bool
find_row(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct finding *finding = with;

	(void)error;
	finding->found = alert_row_by_label(db, arena, finding->label, &finding->row);
	finding->held = finding->found && finding->row.silence
		&& silence_row_by_id(db, arena, finding->row.instance, finding->row.silence, &finding->silence);
	return true;
}

bool
ask_row(struct request *request, const char *word, struct alert_row *out, struct silence_row *held_by, bool *held)
{
	struct work *work = work_new(find_row, sizeof(struct finding));
	struct finding *finding = work_with(work);
	struct label label;

	finding->label = arena_text(work_arena(work), word);
	bool read = store_commit(request->task, work);
	if (!read || !request_label(request, word, ALERTS_KIND, &label))
		return false;
	if (!finding->found)
		return no_such(request, label.name);
	*out = finding->row;
	*held = finding->held;
	*held_by = finding->silence;
	return true;
}

struct listing {
	const char *instance;
	int64_t since;
	size_t most;
	bool (*wanted)(const struct alert_row *, void *);
	void *with;
	struct arena *arena;
	struct rows rows;
};

static bool
keep(const struct alert_row *row, void *with)
{
	struct listing *listing = with;

	if (listing->wanted && !listing->wanted(row, listing->with))
		return true;
	if (listing->rows.count < listing->most)
		listing->rows.each[listing->rows.count++] = arena_copy(listing->arena, row, sizeof *row);
	listing->rows.all++;
	return true;
}

static bool
list_rows(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct listing *listing = with;

	listing->arena = arena;
	listing->rows.each = arena_take(arena, (listing->most + 1) * sizeof *listing->rows.each);
	return alert_rows_each(db, arena, listing->instance, listing->since, keep, listing, error);
}

bool
ask_rows(struct request *request, int64_t since, size_t most, bool (*wanted)(const struct alert_row *, void *), void *with, struct rows *out)
{
	struct work *work = work_new(list_rows, sizeof(struct listing));
	struct listing *listing = work_with(work);

	*listing = (struct listing){ .instance = arena_text(work_arena(work), request->instance->name), .since = since, .most = most, .wanted = wanted, .with = with };
	if (!store_commit(request->task, work))
		return false;
	*out = listing->rows;
	return true;
}

/* -- What people do ------------------------------------------------------------------------------------------------------ */

struct doing {
	struct telling telling;
	const char *label, *note;
	struct alert_ack ack;
	bool ours, acks, found;
	struct alert_row row;
};

static bool
write_doing(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct doing *doing = with;
	struct telling *telling = &doing->telling;

	telling_begin(telling, db, arena, error);
	doing->found = alert_row_by_label(db, arena, doing->label, &doing->row);
	if (!doing->found)
		return true;
	if (doing->acks) {
		doing->row.ack = doing->ack;
		doing->row.ack_ours = doing->ours;
		doing->row.reminded = telling->now;
		doing->row.reminders = 0;
		return tell_group(telling, &doing->row);
	}
	return tell_note(telling, &doing->row, doing->note);
}

static struct work *
doing_work(struct request *request, const char *label)
{
	struct work *work = work_new(write_doing, sizeof(struct doing));
	struct doing *doing = work_with(work);
	struct arena *arena = work_arena(work);

	telling_make(&doing->telling, arena, request->talk, request->instance);
	doing->telling.but = request->room ? arena_text(arena, request->room->name) : NULL;
	doing->label = arena_text(arena, label);
	return work;
}

static bool
done(struct request *request, struct work *work, const char *label, struct alert_row *out)
{
	const struct doing *doing = work_with(work);

	if (!store_commit(request->task, work))
		return false;
	if (!doing->found)
		return no_such(request, label);
	if (out)
		*out = doing->row;
	outbox_kick(request->talk->outbox);
	return true;
}

bool
ask_acked(struct request *request, const char *label, const struct alert_ack *ack, bool ours, struct alert_row *out)
{
	struct work *work = doing_work(request, label);
	struct doing *doing = work_with(work);
	struct arena *arena = work_arena(work);

	doing->acks = true;
	doing->ours = ours;
	doing->ack = (struct alert_ack){ arena_text(arena, ack->by), arena_text(arena, ack->why), ack->at, ack->until };
	return done(request, work, label, out);
}

bool
ask_noted(struct request *request, const char *label, const char *note)
{
	struct work *work = doing_work(request, label);

	((struct doing *)work_with(work))->note = arena_text(work_arena(work), note);
	return done(request, work, label, NULL);
}

/* -- Silences ------------------------------------------------------------------------------------------------------------ */

struct silencing {
	struct silence_row row;
	const char *before;
	bool found;
	struct silence_row *rows;
	size_t count;
};

static bool
find_silence(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct silencing *silencing = with;

	(void)error;
	silencing->found = silence_row_by_label(db, arena, silencing->row.label, &silencing->row);
	return true;
}

bool
ask_silence(struct request *request, const char *word, struct silence_row *out)
{
	struct work *work = work_new(find_silence, sizeof(struct silencing));
	struct silencing *silencing = work_with(work);

	silencing->row.label = arena_text(work_arena(work), word);
	if (!store_commit(request->task, work))
		return false;
	if (!silencing->found || strcmp(silencing->row.instance, request->instance->name) != 0)
		return task_fail(request->task, "there is no silence %s at %s; %ssilences shows them", word, request->instance->name, request->talk->prefix);
	*out = silencing->row;
	return true;
}

static bool
list_silences(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct silencing *silencing = with;

	silencing->count = silence_rows_open(db, arena, silencing->row.instance, &silencing->rows, error);
	return true;
}

bool
ask_silences(struct request *request, struct silence_row **out, size_t *count)
{
	struct work *work = work_new(list_silences, sizeof(struct silencing));
	struct silencing *silencing = work_with(work);

	silencing->row.instance = arena_text(work_arena(work), request->instance->name);
	if (!store_commit(request->task, work))
		return false;
	*out = silencing->rows;
	*count = silencing->count;
	return true;
}

static bool
write_silenced(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct silencing *silencing = with;
	const struct silence_row *row = &silencing->row;

	(void)arena;
	return (!silencing->before || silence_row_moved(db, row->instance, silencing->before, row->id, error)) && silence_row_write(db, row, error);
}

bool
ask_silenced(struct request *request, const struct silence_row *row, const char *before)
{
	struct work *work = work_new(write_silenced, sizeof(struct silencing));
	struct silencing *silencing = work_with(work);
	struct arena *arena = work_arena(work);

	silencing->row = (struct silence_row){ arena_text(arena, row->instance), arena_text(arena, row->id), arena_text(arena, row->label),
		arena_text(arena, row->matchers), row->starts, row->ends, arena_text(arena, row->by), arena_text(arena, row->why), arena_text(arena, row->room),
		row->noticed, row->over };
	silencing->before = arena_text(arena, before);
	return store_commit(request->task, work);
}

/* -- What a room wants --------------------------------------------------------------------------------------------------- */

struct wanting {
	const char *instance, *room, *what, *by, *text;
	bool off, on, was;
};

static bool
write_wanting(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct wanting *wanting = with;

	if (wanting->off)
		return want_off(db, wanting->instance, wanting->room, wanting->what, wanting->by, &wanting->was, error);
	if (wanting->on)
		return want_on(db, wanting->instance, wanting->room, wanting->what, &wanting->was, error);
	wanting->text = want_text(db, arena, wanting->instance, wanting->room);
	return true;
}

static struct wanting *
wanting_in(struct work *work, const struct request *request)
{
	struct wanting *wanting = work_with(work);
	struct arena *arena = work_arena(work);

	*wanting = (struct wanting){ .instance = arena_text(arena, request->instance->name), .room = arena_text(arena, request->room->name),
		.by = arena_text(arena, request->from.shown) };
	return wanting;
}

bool
ask_off(struct request *request, const char *what, bool off, bool *was)
{
	struct work *work = work_new(write_wanting, sizeof(struct wanting));
	struct wanting *wanting = wanting_in(work, request);

	wanting->what = arena_text(work_arena(work), what);
	wanting->off = off;
	wanting->on = !off;
	if (!store_commit(request->task, work))
		return false;
	*was = wanting->was;
	return true;
}

bool
ask_what_is_off(struct request *request, const char **text)
{
	struct work *work = work_new(write_wanting, sizeof(struct wanting));
	struct wanting *wanting = wanting_in(work, request);

	if (!store_commit(request->task, work))
		return false;
	*text = wanting->text;
	return true;
}
