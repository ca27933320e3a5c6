/* follow: rows that are looked at again until they end. */
#include "bridge/run/follow.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"

enum {
	AT_ONCE = 100,                  /* rows whose looks are started together */
	AGAIN_FIRST = 2000,             /* ms after a look that failed, doubling */
	AGAIN_MOST = 60 * 1000,
	CLOCK_BACK = 5 * 60 * 1000,     /* ms that the wall clock may go back between two lives */
};

static const char *const schema[] = {
	"CREATE TABLE follow(id INTEGER PRIMARY KEY, instance TEXT NOT NULL, kind TEXT NOT NULL, token TEXT NOT NULL, about TEXT, seen TEXT,"
	"  began INTEGER NOT NULL, due INTEGER NOT NULL, until INTEGER NOT NULL, ended INTEGER, UNIQUE(instance, kind, token)) STRICT;"
	"CREATE INDEX follow_due ON follow(due) WHERE ended IS NULL;",
	NULL
};

const struct tables follow_tables = { "follow", schema };

#define COLUMNS "SELECT id, instance, kind, token, about, seen, began, due, until, ended FROM follow "

struct follower {
	const char *kind;
	follow_fn *look;
	void *with;
};

/* A row that has not ended, as the loop knows it: no more than when to look. In mono ms: a clock that is set delays no look and ends nothing. */
struct known {
	int64_t id, due;
	int64_t apart;                  /* what a time of the row is by the monotonic clock, less what it says */
	unsigned failed;                /* looks in a row */
	uint64_t task;                  /* looking now */
	const struct follower *follower;
};

struct follows {
	const struct engine *engine;
	struct watch *timer;
	struct follower followers[8];
	size_t follower_count;
	struct known *known;
	size_t count, size;
	bool loading, again, closed, begun;
};

/* Rows. */

static void
read_row(const struct row *row, struct arena *arena, struct follow *out)
{
	*out = (struct follow){
		.id = row_integer(row, 0), .instance = arena_text(arena, row_text(row, 1)), .kind = arena_text(arena, row_text(row, 2)),
		.token = arena_text(arena, row_text(row, 3)), .about = arena_text(arena, row_text(row, 4)), .seen = arena_text(arena, row_text(row, 5)),
		.began = row_integer(row, 6), .due = row_integer(row, 7), .until = row_integer(row, 8), .ended = !row_null(row, 9),
	};
}

bool
follow_add(struct db *db, struct follow *follow, struct error *error)
{
	struct row row;

	/* What was followed before and is asked for again (a watch) is taken up anew. */
	if (!db_run(db, error, "INSERT INTO follow(instance, kind, token, about, began, due, until) VALUES(?,?,?,?,?,?,?)"
		" ON CONFLICT(instance, kind, token) DO UPDATE SET about=excluded.about, began=excluded.began, due=excluded.due, until=excluded.until,"
		" seen=NULL, ended=NULL WHERE ended IS NOT NULL", "ttttiii",
		follow->instance, follow->kind, follow->token, follow->about, follow->began, follow->due, follow->until))
		return false;
	db_query(db, &row, "SELECT id FROM follow WHERE instance=? AND kind=? AND token=?", "ttt", follow->instance, follow->kind, follow->token);
	if (row_next(&row))
		follow->id = row_integer(&row, 0);
	return row_end(&row, error);
}

bool
follow_seen(struct db *db, int64_t id, const char *seen, int64_t due, struct error *error)
{
	return db_run(db, error, "UPDATE follow SET seen=?, due=? WHERE id=?", "tii", seen, due, id);
}

bool
follow_end(struct db *db, int64_t id, const char *seen, struct error *error)
{
	return db_run(db, error, "UPDATE follow SET seen=?, ended=? WHERE id=?", "tii", seen, clock_wall(), id);
}

bool
follow_find(struct db *db, const char *instance, const char *kind, const char *token, struct arena *arena, struct follow *out)
{
	struct row row;
	bool found;

	db_query(db, &row, COLUMNS "WHERE instance=? AND kind=? AND token=?", "ttt", instance, kind, token);
	found = row_next(&row);
	if (found)
		read_row(&row, arena, out);
	return row_end(&row, NULL) && found;
}

/* What the loop knows. */

static struct known *
find(struct follows *follows, int64_t id)
{
	for (size_t i = 0; i < follows->count; i++)
		if (follows->known[i].id == id)
			return &follows->known[i];
	return NULL;
}

static void
forget(struct follows *follows, int64_t id)
{
	struct known *known = find(follows, id);

	if (known)
		*known = follows->known[--follows->count];
}

static const struct follower *
follower_of(const struct follows *follows, const char *kind)
{
	for (size_t i = 0; i < follows->follower_count; i++)
		if (!strcmp(follows->followers[i].kind, kind))
			return &follows->followers[i];
	return NULL;
}

/* How far the monotonic clock is from the other one. */
static int64_t
apart_now(void)
{
	return clock_mono() - clock_wall();
}

/* The timer stands at the earliest row that nobody looks at. */
static void
set_timer(struct follows *follows)
{
	int64_t next = INT64_MAX, now = clock_mono();

	for (size_t i = 0; i < follows->count; i++)
		if (!follows->known[i].task && follows->known[i].due < next)
			next = follows->known[i].due;
	if (next == INT64_MAX || follows->closed)
		watch_off(follows->timer);
	else
		watch_after(follows->timer, next > now ? next - now : 0);
}

/* A look: on a task of its own. */

struct looking {
	struct follows *follows;
	int64_t id;
};

struct reading {
	int64_t id;
	bool found, ended;
	struct follow follow;
};

static bool
read_one(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct reading *reading = with;
	struct row row;

	db_query(db, &row, COLUMNS "WHERE id=? AND ended IS NULL", "i", reading->id);
	reading->found = row_next(&row);
	if (reading->found)
		read_row(&row, arena, &reading->follow);
	return row_end(&row, error);
}

static bool
read_again(struct task *task, int64_t id, struct reading **out)
{
	struct work *work = work_new(read_one, sizeof(struct reading));

	*out = work_with(work);
	(*out)->id = id;
	return store_commit(task, work);
}

/* When the row is looked at next: what its follower wrote; or later and later, where it wrote nothing. `apart` is of before the look: where
 * the clock was set meanwhile, the earlier moment counts. */
static void
set_next(struct follows *follows, int64_t id, const struct reading *before, const struct reading *after, int64_t apart)
{
	struct known *known = find(follows, id);

	if (!known)
		return;
	known->task = 0;
	if (after && !after->found) {
		forget(follows, id);
		return;
	}
	if (after && after->follow.due != before->follow.due) {
		known->failed = 0;
		known->due = after->follow.due + (apart < apart_now() ? apart : apart_now());
		return;
	}
	int64_t wait = (int64_t)AGAIN_FIRST << (known->failed < 5 ? known->failed : 5);
	known->failed++;
	known->due = clock_mono() + (wait < AGAIN_MOST ? wait : AGAIN_MOST);
}

static void
look(struct task *task, void *with)
{
	const struct looking *looking = with;
	struct follows *follows = looking->follows;
	struct reading *before, *after = NULL;
	int64_t id = looking->id, apart = apart_now();

	bool read = read_again(task, id, &before);
	if (!read || !before->found) {
		set_next(follows, id, before, read ? before : NULL, apart);
		set_timer(follows);
		return;
	}
	const struct known *known = find(follows, id);
	const struct follower *follower = known ? known->follower : NULL;
	if (follower && !task->cancelled) {
		before->follow.overdue = before->follow.until + known->apart < clock_mono();
		follower->look(task, &before->follow, follower->with);
	}
	if (task->cancelled)
		return;         /* we are being stopped */
	struct error why = task->error;
	if (!read_again(task, id, &after))
		after = NULL;
	if (after && after->found && after->follow.due == before->follow.due && why.text[0])
		log_info("%s at %s could not be looked at: %s", before->follow.kind, before->follow.instance, why.text);
	set_next(follows, id, before, after, apart);
	set_timer(follows);
}

static void
begin_look(struct follows *follows, struct known *known)
{
	struct arena *arena = arena_new();
	struct looking *looking = arena_take(arena, sizeof *looking);

	*looking = (struct looking){ follows, known->id };
	known->task = task_start(follows->engine, known->follower->kind, look, looking, arena);
	if (!known->task)
		known->due = clock_mono() + AGAIN_FIRST;
}

static void
due(void *with, int events)
{
	struct follows *follows = with;
	int64_t now = clock_mono();
	size_t begun = 0;

	(void)events;
	for (size_t i = 0; i < follows->count && begun < AT_ONCE; i++)
		if (!follows->known[i].task && follows->known[i].due <= now) {
			begin_look(follows, &follows->known[i]);
			begun++;
		}
	set_timer(follows);
}

/* Loading: the rows that the loop does not know yet. */

struct rows {
	size_t count, size;
	struct times { int64_t id, began, due; const char *kind; } *each;
};

static bool
read_rows(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct rows *rows = with;
	struct row row;

	db_query(db, &row, "SELECT id, began, due, kind FROM follow WHERE ended IS NULL", "");
	while (row_next(&row)) {
		if (rows->count == rows->size) {
			size_t size = rows->size ? 2 * rows->size : 64;
			void *larger = arena_take(arena, size * sizeof *rows->each);
			if (rows->count)
				memcpy(larger, rows->each, rows->count * sizeof *rows->each);
			rows->each = larger;
			rows->size = size;
		}
		rows->each[rows->count++] = (struct times){ row_integer(&row, 0), row_integer(&row, 1), row_integer(&row, 2),
			arena_text(arena, row_text(&row, 3)) };
	}
	return row_end(&row, error);
}

/* What began in the future was written while the clock went otherwise: it is looked at now, and has the time that it was given. */
static void
learn(struct follows *follows, const struct times *row)
{
	const struct follower *follower = follower_of(follows, row->kind);
	bool back = row->began > clock_wall() + CLOCK_BACK;

	if (find(follows, row->id) || !follower)
		return;
	if (follows->count == follows->size) {
		follows->size = follows->size ? 2 * follows->size : 16;
		follows->known = memory_resize(follows->known, follows->size * sizeof *follows->known);
	}
	follows->known[follows->count++] = (struct known){ .id = row->id, .due = back ? 0 : row->due + apart_now(),
		.apart = back ? clock_mono() - row->began : apart_now(), .follower = follower };
}

static void
loaded(struct work *work, bool committed, const struct error *error, void *to)
{
	struct follows *follows = to;
	const struct rows *rows = work_with(work);

	(void)error;
	follows->loading = false;
	if (!committed || follows->closed)
		return;
	for (size_t i = 0; i < rows->count; i++)
		learn(follows, &rows->each[i]);
	set_timer(follows);
	if (follows->again)
		follows_kick(follows);
}

void
follows_kick(struct follows *follows)
{
	if (follows->closed || !follows->begun)
		return;
	follows->again = follows->loading;
	if (follows->loading)
		return;
	follows->loading = true;
	store_queue(follows->engine->store, work_new(read_rows, sizeof(struct rows)), loaded, follows);
}

struct follows *
follows_open(const struct engine *engine)
{
	struct follows *follows = memory_take(sizeof *follows);

	follows->engine = engine;
	follows->timer = loop_timer(engine->loop, due, follows);
	return follows;
}

void
follows_close(struct follows *follows)
{
	if (!follows)
		return;
	watch_free(follows->timer);
	free(follows->known);
	free(follows);
}

void
follows_stop(struct follows *follows)
{
	follows->closed = true;
	watch_off(follows->timer);
}

void
follows_kind(struct follows *follows, const char *kind, follow_fn *call, void *with)
{
	if (follows->follower_count < sizeof follows->followers / sizeof *follows->followers)
		follows->followers[follows->follower_count++] = (struct follower){ kind, call, with };
}

void
follows_begin(struct follows *follows)
{
	follows->begun = true;
	follows_kick(follows);
}

unsigned
follows_count(const struct follows *follows, const char *kind)
{
	unsigned count = 0;

	for (size_t i = 0; i < follows->count; i++)
		count += !kind || !strcmp(follows->known[i].follower->kind, kind);
	return count + (kind ? follows->loading : 0);
}

void
follows_look(struct follows *follows, int64_t id)
{
	struct known *known = find(follows, id);

	if (!known || known->task)
		return;
	known->due = 0;
	set_timer(follows);
}
