/* elevation: roles that people took for a while: their rows, and how they end. */
#include "bridge/work/elevation.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/overlay.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/living.h"
#include "bridge/work/people.h"
#include "bridge/work/request.h"

enum {
	SOON = 100,                     /* ms until one whose time has passed is ended */
	AGAIN = 60 * 1000,              /* ms until one that could not be ended is tried again */
};

/* Each in an arena of its own. */
struct kept {
	struct elevation is;
	struct arena *arena;
};

struct elevations {
	const struct talk *talk;
	struct watch *timer;
	bool begun;
	size_t count;
	struct kept *each[ELEVATIONS_MOST];     /* oldest first */
};

/* -- The rows ------------------------------------------------------------------------------------------------------------- */

static const char *const schema[] = {
	"CREATE TABLE elevation(id TEXT PRIMARY KEY, person TEXT NOT NULL, role TEXT NOT NULL, why TEXT NOT NULL, approved TEXT NOT NULL, review TEXT NOT NULL,"
	"  about TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL, ended INTEGER NOT NULL DEFAULT 0, reviewed INTEGER NOT NULL DEFAULT 0,"
	"  reviewer TEXT, note TEXT) STRICT;",
	NULL
};

const struct tables elevation_tables = { "elevation", schema };

static struct elevation
copied(struct arena *arena, const struct elevation *from)
{
	struct elevation to = *from;
	const char **texts[] = { &to.id, &to.person, &to.role, &to.why, &to.approved, &to.review, &to.about };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = arena_text(arena, *texts[i]);
	return to;
}

static bool
write_new(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct elevation *new = with;

	(void)arena;
	return db_run(db, error, "INSERT INTO elevation(id, person, role, why, approved, review, about, since, until) VALUES(?,?,?,?,?,?,?,?,?)", "tttttttii",
		new->id, new->person, new->role, new->why, new->approved, new->review, new->about, new->since, new->until);
}

struct loading {
	size_t count;
	struct elevation each[ELEVATIONS_MOST];
};

static bool
load(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct loading *loading = with;
	struct row row;

	db_query(db, &row, "SELECT id, person, role, why, approved, review, about, since, until, ended FROM elevation"
		" WHERE ended=0 OR (review<>'' AND reviewed=0) ORDER BY since, rowid", "");
	while (loading->count < ELEVATIONS_MOST && row_next(&row)) {
		const struct elevation is = { row_text(&row, 0), row_text(&row, 1), row_text(&row, 2), row_text(&row, 3), row_text(&row, 4), row_text(&row, 5),
			row_text(&row, 6), row_integer(&row, 7), row_integer(&row, 8), row_integer(&row, 9), 0, false };
		loading->each[loading->count++] = copied(arena, &is);
	}
	return row_end(&row, error);
}

/* -- What is known while we run --------------------------------------------------------------------------------------------- */

static struct kept *
find(const struct elevations *elevations, const char *id)
{
	for (size_t i = 0; i < elevations->count; i++)
		if (!strcasecmp(elevations->each[i]->is.id, id))
			return elevations->each[i];
	return NULL;
}

static void
forget(struct elevations *elevations, const struct kept *kept)
{
	for (size_t i = 0; i < elevations->count; i++)
		if (elevations->each[i] == kept) {
			memmove(&elevations->each[i], &elevations->each[i + 1], (--elevations->count - i) * sizeof(struct kept *));
			arena_free(kept->arena);
			return;
		}
}

/* What is left of its time, and never more than it was given: a clock that was set back prolongs nothing. */
static void
keep(struct elevations *elevations, const struct elevation *is)
{
	struct arena *arena = arena_new();
	struct kept *kept = arena_take(arena, sizeof *kept);
	int64_t left = is->until - clock_wall(), whole = is->until - is->since;

	*kept = (struct kept){ copied(arena, is), arena };
	kept->is.ends = clock_mono() + (left < whole ? left : whole);
	elevations->each[elevations->count++] = kept;
}

static bool
in_force(const struct elevation *is)
{
	return !is->ended && is->ends > clock_mono();
}

size_t
elevations_count(const struct elevations *elevations)
{
	return elevations->count;
}

const struct elevation *
elevations_at(const struct elevations *elevations, size_t i)
{
	return &elevations->each[i]->is;
}

const struct elevation *
elevations_find(const struct elevations *elevations, const char *id)
{
	const struct kept *kept = find(elevations, id);

	return kept ? &kept->is : NULL;
}

const char *
elevations_orphan(const struct elevations *elevations, bool (*is_person)(const char *name, const void *with), const void *with)
{
	for (size_t i = 0; i < elevations->count; i++)
		if (in_force(&elevations->each[i]->is) && !is_person(elevations->each[i]->is.person, with))
			return elevations->each[i]->is.person;
	return NULL;
}

void
elevations_overlay(const struct elevations *elevations, struct arena *arena, struct overlay *overlay)
{
	struct overlay_role *roles = arena_take(arena, (elevations->count + 1) * sizeof *roles);

	for (size_t i = 0; i < elevations->count; i++) {
		const struct elevation *is = &elevations->each[i]->is;
		if (in_force(is))
			roles[overlay->role_count++] = (struct overlay_role){ arena_text(arena, is->person), arena_text(arena, is->role), is->until };
	}
	overlay->roles = roles;
}

/* -- Ending one -------------------------------------------------------------------------------------------------------------- */

struct ending {
	const char *id, *card;
	int64_t now;
	bool closed;
	struct audit_entry audit;
	const struct saying *saying;    /* NULL: who ends it is answered there */
};

static bool
write_end(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct ending *ending = with;
	struct label label;

	if (!db_run(db, error, "UPDATE elevation SET ended=? WHERE id=? AND ended=0", "it", ending->now, ending->id))
		return false;
	if (label_get(db, ending->id, arena, &label) && !label_card(db, ending->id, ending->card, ending->closed, error))
		return false;
	return audit_write(db, &ending->audit, error) && (!ending->saying || outbox_write(db, ending->saying, ending->id, error));
}

static struct card *
ended_card(struct arena *arena, const struct talk *talk, const struct elevation *is, const char *how)
{
	struct card *card = card_new(arena, TONE_PLAIN, "%s was %s for %s: %s", is->person, is->role, clock_span(arena, clock_wall() - is->since), how);

	card_state(card, is->id, "ended");
	card->closed = !*is->review;
	if (*is->review)
		card->next = arena_printf(arena, "not reviewed yet, by %s: %sreviewed %s", is->review, talk->prefix, is->id);
	return card;
}

static struct work *
work_to_end(const struct elevations *elevations, const struct elevation *is, const char *how, const struct audit_entry *audit, const struct request *by)
{
	struct work *work = work_new(write_end, sizeof(struct ending));
	struct ending *ending = work_with(work);
	struct arena *arena = work_arena(work);
	const struct talk *talk = elevations->talk;
	struct card *card = ended_card(arena, talk, is, how);
	struct living living;

	*ending = (struct ending){ arena_text(arena, is->id), card_json(arena, card), clock_wall(), card->closed, audit_copy(arena, audit), NULL };
	bool known = living_read(arena, is->about, &living);
	const struct room *room = known && living.room ? room_named(talk->rooms, living.room) : NULL;
	bool answered = known && by && room == by->room && (room || place_same(&living.place, &by->place));
	if (known && !answered)
		ending->saying = outbox_saying(talk->outbox, arena, room, &living.place, living.replies, card);
	if (!room || !room->operators)
		operators_tell(talk, card, NULL);
	return work;
}

static void set_timer(struct elevations *);

/* Its role counts no more from here on, whatever becomes of the row. */
static void
has_ended(struct elevations *elevations, const char *id)
{
	struct kept *kept = find(elevations, id);

	if (!kept)
		return;
	kept->is.ended = clock_wall();
	kept->is.ending = false;
	if (!*kept->is.review)
		forget(elevations, kept);
	people_changed(elevations->talk->people);
	set_timer(elevations);
}

bool
elevations_end(struct task *task, struct elevations *elevations, const char *id, const char *how, const struct audit_entry *audit, const struct request *by)
{
	const struct elevation *is = elevations_find(elevations, id);

	if (!is || is->ended)
		return task_fail(task, "%s has ended already", id);
	if (!store_commit(task, work_to_end(elevations, is, how, audit, by)))
		return false;
	has_ended(elevations, id);
	outbox_kick(elevations->talk->outbox);
	return true;
}

struct timed { struct elevations *elevations; const char *id, *how; };

static void
end_task(struct task *task, void *with)
{
	const struct timed *timed = with;
	struct elevations *elevations = timed->elevations;
	const struct elevation *is = elevations_find(elevations, timed->id);

	if (!is || is->ended)
		return;
	talk_hold(task, elevations->talk);
	const struct audit_entry audit = { .what = "unelevated", .person = task_text(task, "%s", is->person),
		.result = task_text(task, "%s %s: %s", is->id, is->role, timed->how) };
	bool fine = elevations_end(task, elevations, timed->id, timed->how, &audit, NULL);
	struct kept *kept = find(elevations, timed->id);
	if (fine || task->cancelled || !kept)
		return;
	log_error("%s, whose time has passed, could not be written down: %s", timed->id, task->error.text);
	kept->is.ending = false;
	kept->is.ends = clock_mono() - 1;
	if (elevations->begun)
		watch_after(elevations->timer, AGAIN);
}

static bool
begin_end(struct elevations *elevations, struct elevation *is, const char *how)
{
	struct arena *arena = arena_new();
	struct timed *timed = arena_take(arena, sizeof *timed);

	*timed = (struct timed){ elevations, arena_text(arena, is->id), arena_text(arena, how) };
	is->ending = task_start(elevations->talk->engine, is->id, end_task, timed, arena) != 0;
	return is->ending;
}

static void
due(void *with, int events)
{
	struct elevations *elevations = with;
	bool some = false;

	(void)events;
	for (size_t i = 0; i < elevations->count; i++) {
		struct elevation *is = &elevations->each[i]->is;
		if (is->ended || is->ending || in_force(is))
			continue;
		begin_end(elevations, is, "its time has passed");
		some = true;
	}
	if (some)
		people_changed(elevations->talk->people);
	set_timer(elevations);
}

static void
set_timer(struct elevations *elevations)
{
	int64_t next = INT64_MAX, now = clock_mono();

	for (size_t i = 0; i < elevations->count; i++) {
		const struct elevation *is = &elevations->each[i]->is;
		if (!is->ended && !is->ending)
			next = is->ends < next ? is->ends : next;
	}
	if (!elevations->begun || next == INT64_MAX)
		watch_off(elevations->timer);
	else
		watch_after(elevations->timer, next > now ? next - now : SOON);
}

size_t
elevations_revoke(struct elevations *elevations, const char *person)
{
	size_t count = 0;

	for (size_t i = 0; i < elevations->count; i++) {
		struct elevation *is = &elevations->each[i]->is;
		if (is->ended || is->ending || strcmp(is->person, person))
			continue;
		is->ends = clock_mono() - 1;
		count += begin_end(elevations, is, "who had it is no person any more");
	}
	return count;
}

/* -- Beginning one, and its review ------------------------------------------------------------------------------------------- */

bool
elevations_add(struct task *task, struct elevations *elevations, const struct elevation *new)
{
	struct work *work = work_new(write_new, sizeof(struct elevation));

	*(struct elevation *)work_with(work) = copied(work_arena(work), new);
	if (!store_commit(task, work))
		return false;
	keep(elevations, new);
	people_changed(elevations->talk->people);
	set_timer(elevations);
	return true;
}

struct reviewing {
	const char *id, *by, *note;
	int64_t now;
	struct audit_entry audit;
};

static bool
write_review(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct reviewing *reviewing = with;
	struct label label;

	if (!db_run(db, error, "UPDATE elevation SET reviewed=?, reviewer=?, note=? WHERE id=?", "ittt", reviewing->now, reviewing->by, reviewing->note, reviewing->id))
		return false;
	if (label_get(db, reviewing->id, arena, &label) && !label_card(db, reviewing->id, label.card, true, error))
		return false;
	return audit_write(db, &reviewing->audit, error);
}

bool
elevations_reviewed(struct task *task, struct elevations *elevations, const char *id, const char *by, const char *note, const struct audit_entry *audit)
{
	struct work *work = work_new(write_review, sizeof(struct reviewing));
	struct arena *arena = work_arena(work);

	*(struct reviewing *)work_with(work) = (struct reviewing){ arena_text(arena, id), arena_text(arena, by), arena_text(arena, note), clock_wall(),
		audit_copy(arena, audit) };
	if (!store_commit(task, work))
		return false;
	const struct kept *kept = find(elevations, id);
	if (kept)
		forget(elevations, kept);
	return true;
}

/* -- Our life ------------------------------------------------------------------------------------------------------------------ */

struct elevations *
elevations_open(const struct talk *talk)
{
	struct elevations *elevations = memory_take(sizeof *elevations);

	elevations->talk = talk;
	elevations->timer = loop_timer(talk->engine->loop, due, elevations);
	return elevations;
}

void
elevations_close(struct elevations *elevations)
{
	if (!elevations)
		return;
	watch_free(elevations->timer);
	while (elevations->count)
		forget(elevations, elevations->each[0]);
	free(elevations);
}

bool
elevations_load(struct task *task, struct elevations *elevations)
{
	struct work *work = work_new(load, sizeof(struct loading));
	const struct loading *loading = work_with(work);

	if (!store_commit(task, work))
		return false;
	for (size_t i = 0; i < loading->count; i++)
		keep(elevations, &loading->each[i]);
	return true;
}

void
elevations_begin(struct elevations *elevations)
{
	elevations->begun = true;
	set_timer(elevations);
}
