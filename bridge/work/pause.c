/* pause: one switch for everything that changes something; it survives restarts. */
#include "bridge/work/pause.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/request.h"

/* At most one row: there is a pause, or there is none. */
static const char *const schema[] = {
	"CREATE TABLE pause(one INTEGER PRIMARY KEY CHECK(one=1), by TEXT NOT NULL, since INTEGER NOT NULL, why TEXT) STRICT;",
	NULL
};

const struct tables pause_tables = { "pause", schema };

struct pause {
	bool on;
	char *by, *why;
	int64_t since;                  /* wall ms */
};

struct pause *
pause_new(void)
{
	return memory_take(sizeof(struct pause));
}

static void
set(struct pause *pause, bool on, const char *by, int64_t since, const char *why)
{
	free(pause->by);
	free(pause->why);
	*pause = (struct pause){ on, memory_text(by), memory_text(why), since };
}

void
pause_free(struct pause *pause)
{
	if (!pause)
		return;
	set(pause, false, NULL, 0, NULL);
	free(pause);
}

const char *
pause_why(const struct pause *pause, struct arena *arena)
{
	if (!pause->on)
		return NULL;
	return arena_printf(arena, "everything that changes something is paused by %s since %s%s%s", pause->by,
		clock_ago(arena, pause->since, clock_wall()), pause->why ? ": " : "", pause->why ? pause->why : "");
}

/* -- The row ---------------------------------------------------------------------------------------------------------- */

bool
pause_write(struct db *db, const struct pause_row *row, struct error *error)
{
	if (!row->on)
		return db_run(db, error, "DELETE FROM pause", "");
	return db_run(db, error, "INSERT OR REPLACE INTO pause(one, by, since, why) VALUES(1,?,?,?)", "tit", row->by, row->since, row->why);
}

bool
pause_read(struct db *db, struct pause_row *out, struct arena *arena, struct error *error)
{
	struct row row;

	*out = (struct pause_row){ 0 };
	db_query(db, &row, "SELECT by, since, why FROM pause", "");
	if (row_next(&row))
		*out = (struct pause_row){ true, arena_text(arena, row_text(&row, 0)), arena_text(arena, row_text(&row, 2)), row_integer(&row, 1) };
	return row_end(&row, error);
}

static bool
write_row(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return pause_write(db, with, error);
}

static bool
read_row(struct db *db, void *with, struct arena *arena, struct error *error)
{
	return pause_read(db, with, arena, error);
}

bool
pause_load(struct task *task, struct pause *pause)
{
	struct work *work = work_new(read_row, sizeof(struct pause_row));
	const struct pause_row *found = work_with(work);

	if (!store_commit(task, work))
		return false;
	set(pause, found->on, found->by, found->since, found->why);
	return true;
}

/* The row first: what is in force has been written. */
static bool
turn(struct request *request, bool on, const char *why)
{
	struct work *work = work_new(write_row, sizeof(struct pause_row));
	struct pause_row *switching = work_with(work);
	struct arena *arena = work_arena(work);

	*switching = (struct pause_row){ on, arena_text(arena, request->person->name), arena_text(arena, why), clock_wall() };
	if (!store_commit(request->task, work))
		return false;
	set(request->talk->pause, on, switching->by, switching->since, switching->why);
	return true;
}

/* -- The verbs -------------------------------------------------------------------------------------------------------- */

/* The operators' rooms hear of it too, wherever it was asked for. */
static bool
answer(struct request *request, enum tone tone, const char *text)
{
	struct card *card = card_new(request->task->arena, tone, "%s", text);

	card->by = request->from.shown;
	if (!request->room || !request->room->operators)
		operators_tell(request->talk, card, NULL);
	return request_reply(request, card);
}

bool
pause_run(struct request *request)
{
	struct task *task = request->task;
	struct pause *pause = request->talk->pause;

	if (pause->on)
		return task_fail(task, "%s. %sresume ends it", pause_why(pause, task->arena), request->talk->prefix);
	if (task->dry)
		return task_would(task, "refuse everything that changes something, in every room");
	const char *why = request_param(request, "REASON");
	if (!turn(request, true, why))
		return false;
	return answer(request, TONE_WAITING, task_text(task, "Paused: nothing that changes something is carried out, in any room%s%s. %sresume ends it",
		why ? ": " : "", why ? why : "", request->talk->prefix));
}

bool
resume_run(struct request *request)
{
	struct task *task = request->task;
	struct pause *pause = request->talk->pause;
	int64_t since = pause->since;

	if (!pause->on)
		return task_fail(task, "nothing is paused");
	if (task->dry)
		return task_would(task, "end the pause of %s", pause->by);
	if (!turn(request, false, NULL))
		return false;
	return answer(request, TONE_GOOD, task_text(task, "Resumed after %s", clock_span(task->arena, clock_wall() - since)));
}

static bool
settle(struct request *request, bool wanted)
{
	bool done = request->talk->pause->on == wanted;
	const char *why = pause_why(request->talk->pause, request->task->arena);

	return request_settle(request, done ? SETTLED_DONE : SETTLED_NEVER,
		card_new(request->task->arena, done ? TONE_GOOD : TONE_BAD, "%s", why ? why : "nothing is paused"));
}

bool
pause_settle(struct request *request)
{
	return settle(request, true);
}

bool
resume_settle(struct request *request)
{
	return settle(request, false);
}
