/* lock: what people hold up for a while, by name. */
#include "bridge/work/lock.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/role.h"
#include "bridge/rights/window.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/help.h"
#include "bridge/work/living.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

enum {
	LOCKS_MOST = 200,
	TARGET_MOST = 100,              /* bytes */
	WHY_MOST = 300,
	SOON = 100,                     /* ms until one whose time has passed is ended */
	AGAIN = 60 * 1000,              /* ms until one that could not be ended is tried again */
};

static const char OWNER[] = "owner", TIME_FORM[] = "%Y-%m-%dT%H:%M:%SZ";

static const struct setting settings[] = {
	{ "longest", TYPE_SPAN, offsetof(struct lock_settings, longest), NULL, "The longest that a lock may last, and how long one without a time does; "
		"without it such a one lasts until it is released.", NULL },
	{ "release", TYPE_LIST, offsetof(struct lock_settings, release), NULL, "Who may release a lock: roles, and \"owner\", who set it; "
		"the owner and those of admins where none is named.", NULL },
	{ 0 }
};

const struct shape lock_shape = { "lock", sizeof(struct lock_settings), settings, "How long locks may last, and who may release them.", true };

void
lock_settings_check(struct conf *conf, const struct section *at, const struct lock_settings *lock, const struct sections *roles)
{
	for (size_t i = 0; i < lock->release.count; i++) {
		const char *name = lock->release.each[i];
		bool known = !strcmp(name, OWNER);
		for (size_t r = 0; r < roles->count && !known; r++)
			known = !strcmp(((const struct role *)roles->each[r])->name, name);
		if (!known)
			conf_mistake(conf, lock->release.where[i], at, "no role is called %s.", name);
	}
}

static bool
in_list(const struct list *list, const char *word)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->each[i], word))
			return true;
	return false;
}

/* A lock: all but what `about` holds, where it was set and who is told. */
struct lock {
	char *id, *target, *by, *why, *about;
	int64_t since, until;           /* wall ms; until 0: it has no end */
	int64_t ends;                   /* mono ms */
	bool ending;                    /* a task is at it */
};

struct locks {
	const struct talk *talk;
	struct watch *timer;
	bool begun;
	size_t count;
	struct lock *each[LOCKS_MOST];  /* oldest first */
};

/* The row. */

static const char *const schema[] = {
	"CREATE TABLE lock(id TEXT PRIMARY KEY, target TEXT NOT NULL COLLATE NOCASE UNIQUE, by TEXT NOT NULL, why TEXT NOT NULL, about TEXT NOT NULL,"
	"  since INTEGER NOT NULL, until INTEGER NOT NULL) STRICT;",
	NULL
};

const struct tables lock_tables = { "lock", schema };

struct lock_row {
	const char *id, *target, *by, *why, *about;
	int64_t since, until;
};

struct lock_rows {
	size_t count;
	struct lock_row each[LOCKS_MOST];
};

static bool
insert(struct db *db, const struct lock_row *row, struct error *error)
{
	return db_run(db, error, "INSERT INTO lock(id, target, by, why, about, since, until) VALUES(?,?,?,?,?,?,?)", "tttttii", row->id, row->target,
		row->by, row->why, row->about, row->since, row->until);
}

static bool
read_rows(struct db *db, struct lock_rows *rows, struct arena *arena, struct error *error)
{
	struct row row;

	db_query(db, &row, "SELECT id, target, by, why, about, since, until FROM lock ORDER BY since, rowid", "");
	while (rows->count < LOCKS_MOST && row_next(&row))
		rows->each[rows->count++] = (struct lock_row){ arena_text(arena, row_text(&row, 0)), arena_text(arena, row_text(&row, 1)),
			arena_text(arena, row_text(&row, 2)), arena_text(arena, row_text(&row, 3)), arena_text(arena, row_text(&row, 4)),
			row_integer(&row, 5), row_integer(&row, 6) };
	return row_end(&row, error);
}

bool
lock_rows_read(struct db *db, struct arena *arena, struct lock_rows **out, struct error *error)
{
	*out = arena_take(arena, sizeof **out);
	return read_rows(db, *out, arena, error);
}

bool
lock_rows_write(struct db *db, const struct lock_rows *rows, struct error *error)
{
	if (!db_run(db, error, "DELETE FROM lock", ""))
		return false;
	for (size_t i = 0; i < rows->count; i++)
		if (!insert(db, &rows->each[i], error))
			return false;
	return true;
}

/* What is in force. */

static bool
in_force(const struct lock *lock)
{
	return lock->ends > clock_mono();
}

static void
free_lock(struct lock *lock)
{
	free(lock->id);
	free(lock->target);
	free(lock->by);
	free(lock->why);
	free(lock->about);
	free(lock);
}

/* Its time is what is left of it, and never more than it was given: a clock that was set back prolongs nothing. */
static void
add(struct locks *locks, const struct lock_row *row)
{
	struct lock *lock = memory_take(sizeof *lock);
	int64_t left = row->until - clock_wall(), whole = row->until - row->since;

	*lock = (struct lock){ .id = memory_text(row->id), .target = memory_text(row->target), .by = memory_text(row->by), .why = memory_text(row->why),
		.about = memory_text(row->about), .since = row->since, .until = row->until };
	lock->ends = row->until ? clock_mono() + (left < whole ? left : whole) : INT64_MAX;
	locks->each[locks->count++] = lock;
}

static void
take_out(struct locks *locks, const char *id)
{
	for (size_t i = 0; i < locks->count; i++)
		if (!strcmp(locks->each[i]->id, id)) {
			free_lock(locks->each[i]);
			memmove(&locks->each[i], &locks->each[i + 1], (--locks->count - i) * sizeof(struct lock *));
			return;
		}
}

static struct lock *
with_id(const struct locks *locks, const char *id)
{
	for (size_t i = 0; i < locks->count; i++)
		if (!strcasecmp(locks->each[i]->id, id))
			return locks->each[i];
	return NULL;
}

/* By its target, or else its id. */
static struct lock *
named(const struct locks *locks, const char *word)
{
	for (size_t i = 0; i < locks->count; i++)
		if (!strcasecmp(locks->each[i]->target, word))
			return locks->each[i];
	return with_id(locks, word);
}

static const char *
until_text(struct arena *arena, const struct lock *lock)
{
	return lock->until ? arena_printf(arena, " until %s", clock_ago(arena, lock->until, clock_wall())) : "";
}

static const char *
said(const struct lock *lock, struct arena *arena)
{
	int64_t now = clock_wall();

	return arena_printf(arena, "%s is locked by %s since %s%s%s: %s (%s)", lock->target, lock->by, clock_ago(arena, lock->since, now),
		lock->until ? " until " : "", lock->until ? clock_time(arena, lock->until, now) : "", lock->why, lock->id);
}

/* What it holds. */

static char *
folded(struct arena *arena, const char *text)
{
	char *copy = arena_text(arena, text);

	for (char *at = copy; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return copy;
}

static bool
fits(struct arena *arena, const struct lock *lock, const struct ask *ask)
{
	const char *target = folded(arena, lock->target), *service = folded(arena, ask->instance);

	if (text_glob(target, service))
		return true;
	for (size_t i = 0; i < ask->count; i++) {
		const char *value = folded(arena, ask->args[i].value);
		if (text_glob(target, value) || text_glob(target, arena_printf(arena, "%s/%s", service, value)))
			return true;
	}
	return false;
}

const char *
locks_hold(const struct locks *locks, struct arena *arena, const struct ask *ask)
{
	for (size_t i = 0; ask->instance && i < locks->count; i++)
		if (in_force(locks->each[i]) && fits(arena, locks->each[i], ask))
			return said(locks->each[i], arena);
	return NULL;
}

size_t
locks_count(const struct locks *locks)
{
	return locks->count;
}

const char *
locks_text(const struct locks *locks, struct arena *arena, size_t i)
{
	const struct lock *lock = locks->each[i];

	return arena_printf(arena, "%s %s%s by %s: %s", lock->id, lock->target, until_text(arena, lock), lock->by, lock->why);
}

struct json_object *
locks_json(const struct locks *locks, struct arena *arena)
{
	struct json_object *all = json_new_object(arena);

	for (size_t i = 0; i < locks->count; i++) {
		const struct lock *lock = locks->each[i];
		struct json_object *one = json_new_object(arena);
		json_set(one, "target", lock->target);
		json_set(one, "by", lock->by);
		json_set(one, "why", lock->why);
		json_set_integer(one, "since", lock->since);
		json_set_integer(one, "until", lock->until);
		json_object_object_add(all, lock->id, json_object_get(one));
	}
	return all;
}

/* Ending one: its row goes, its card is the last, and the room where it was set hears of it. */

struct releasing {
	const char *id, *card;
	const struct saying *saying;    /* NULL: who releases it is answered there */
	struct audit_entry audit;       /* where `what` is set */
};

static bool
write_release(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct releasing *releasing = with;
	struct label label;

	if (!db_run(db, error, "DELETE FROM lock WHERE id=?", "t", releasing->id))
		return false;
	if (label_get(db, releasing->id, arena, &label) && !label_card(db, releasing->id, releasing->card, true, error))
		return false;
	if (releasing->audit.what && !audit_write(db, &releasing->audit, error))
		return false;
	return !releasing->saying || outbox_write(db, releasing->saying, releasing->id, error);
}

static struct card *
unlocked(struct arena *arena, const struct lock *lock, const char *by, const char *how)
{
	struct card *card = card_new(arena, TONE_GOOD, "%s after %s%s", lock->target, clock_span(arena, clock_wall() - lock->since), how);

	card_state(card, lock->id, "unlocked");
	card->by = by;
	card->closed = true;
	return card;
}

/* Who releases it there is answered otherwise; `by` NULL: nobody does. */
static void
say_where_set(struct work *work, const struct talk *talk, const struct lock *lock, const struct card *card, const struct request *by)
{
	struct releasing *releasing = work_with(work);
	struct arena *arena = work_arena(work);
	struct living living;

	if (!living_read(arena, lock->about, &living))
		return;
	const struct room *room = living.room ? room_named(talk->rooms, living.room) : NULL;
	if (by && room == by->room && (room || place_same(&living.place, &by->place)))
		return;
	releasing->saying = outbox_saying(talk->outbox, arena, room, &living.place, living.replies, card);
}

static struct work *
release_work(const struct lock *lock, const struct card *card)
{
	struct work *work = work_new(write_release, sizeof(struct releasing));
	struct releasing *releasing = work_with(work);

	*releasing = (struct releasing){ .id = arena_text(work_arena(work), lock->id), .card = card_json(work_arena(work), card) };
	return work;
}

static void set_timer(struct locks *);

struct ending { struct locks *locks; const char *id; };

static void
end_task(struct task *task, void *with)
{
	const struct ending *ending = with;
	struct locks *locks = ending->locks;
	struct lock *lock = with_id(locks, ending->id);

	if (!lock)
		return;
	talk_hold(task, locks->talk);
	struct card *card = unlocked(task->arena, lock, lock->by, ": its time has passed");
	struct work *work = release_work(lock, card);
	struct releasing *releasing = work_with(work);
	say_where_set(work, locks->talk, lock, card, NULL);
	releasing->audit = (struct audit_entry){ .what = "unlocked", .result = arena_printf(work_arena(work), "%s %s: its time has passed", lock->id, lock->target) };
	bool fine = store_commit(task, work);
	if (!task->cancelled && fine) {
		take_out(locks, ending->id);
		outbox_kick(locks->talk->outbox);
	} else if (!task->cancelled && (lock = with_id(locks, ending->id))) {
		log_error("%s, whose time has passed, could not be taken out: %s", lock->id, task->error.text);
		lock->ending = false;
		lock->ends = clock_mono() + AGAIN;
	}
	if (!task->cancelled)
		set_timer(locks);
}

static void
due(void *with, int events)
{
	struct locks *locks = with;

	(void)events;
	for (size_t i = 0; i < locks->count; i++) {
		struct lock *lock = locks->each[i];
		if (in_force(lock) || lock->ending)
			continue;
		struct arena *arena = arena_new();
		struct ending *ending = arena_take(arena, sizeof *ending);
		*ending = (struct ending){ locks, arena_text(arena, lock->id) };
		lock->ending = task_start(locks->talk->engine, lock->id, end_task, ending, arena) != 0;
	}
	set_timer(locks);
}

/* It stands at the lock that ends next, and where one could not be begun, looks again in a while. */
static void
set_timer(struct locks *locks)
{
	int64_t next = INT64_MAX, now = clock_mono();

	for (size_t i = 0; i < locks->count; i++) {
		const struct lock *lock = locks->each[i];
		if (lock->ending || lock->ends == INT64_MAX)
			continue;
		next = lock->ends < next ? lock->ends : next;
	}
	if (!locks->begun || next == INT64_MAX)
		watch_off(locks->timer);
	else
		watch_after(locks->timer, next > now ? next - now : SOON);
}

struct locks *
locks_open(const struct talk *talk)
{
	struct locks *locks = memory_take(sizeof *locks);

	locks->talk = talk;
	locks->timer = loop_timer(talk->engine->loop, due, locks);
	return locks;
}

void
locks_close(struct locks *locks)
{
	if (!locks)
		return;
	watch_free(locks->timer);
	for (size_t i = 0; i < locks->count; i++)
		free_lock(locks->each[i]);
	free(locks);
}

static bool
load(struct db *db, void *with, struct arena *arena, struct error *error)
{
	return read_rows(db, with, arena, error);
}

bool
locks_load(struct task *task, struct locks *locks)
{
	struct work *work = work_new(load, sizeof(struct lock_rows));
	const struct lock_rows *rows = work_with(work);

	if (!store_commit(task, work))
		return false;
	for (size_t i = 0; i < rows->count; i++)
		add(locks, &rows->each[i]);
	return true;
}

void
locks_begin(struct locks *locks)
{
	locks->begun = true;
	set_timer(locks);
}

/* !lock */

static bool
taken(struct request *request, const char *target)
{
	const struct lock *lock = named(request->talk->locks, target);

	if (!lock || strcasecmp(lock->target, target))
		return false;
	task_fail(request->task, "%s already", said(lock, request->task->arena));
	return true;
}

static bool
read_until(struct request *request, int64_t now, int64_t *until)
{
	const char *at = request_param(request, "UNTIL"), *span = request_param(request, "FOR");

	*until = 0;
	if (at && span)
		return task_fail(request->task, "say either until=TIME or for=SPAN");
	if (at)
		return window_moment(at, now, until) || task_fail(request->task, "until is a time to come: 16:00, \"Mon 08:00\", 2026-12-24 or \"2026-12-24 09:00\"");
	if (span && (!clock_parse_span(span, until) || !*until))
		return task_fail(request->task, "for is a span of time: 30m, 2h, 1d");
	*until += span ? now : 0;
	return true;
}

bool
lock_resolve(struct request *request)
{
	struct task *task = request->task;
	const char *target = request_param(request, "TARGET"), *why = request_param(request, "REASON");
	const struct lock_settings *limits = request->talk->lock_limits;
	int64_t now = clock_wall(), until, longest = limits ? limits->longest : 0;
	char text[32];

	if (!*target || strlen(target) > TARGET_MOST || strlen(why) > WHY_MOST)
		return task_fail(task, "a target has up to %d bytes, a reason up to %d", TARGET_MOST, WHY_MOST);
	if (taken(request, target) || !read_until(request, now, &until))
		return false;
	if (!until && longest)
		until = now + longest;
	if (longest && until - now > longest)
		return task_fail(task, "a lock lasts %s at most", clock_span(task->arena, longest));
	if (until) {
		time_t seconds = (time_t)((until + 999) / 1000);
		struct tm parts;
		strftime(text, sizeof text, TIME_FORM, gmtime_r(&seconds, &parts));
		request_set(request, "UNTIL", text);
	}
	return true;
}

/* Who may release it, as a person says it. */
static const char *
releasers(const struct request *request, const struct lock_row *row)
{
	const struct lock_settings *limits = request->talk->lock_limits;
	struct arena *arena = request->task->arena;
	struct text text = text_in(arena, 300);

	if (!limits || !limits->release.count) {
		const struct list *admins = rights_admins(request->talk->rights);
		const char *also = in_list(admins, row->by) ? "" : arena_printf(arena, "%s%s", row->by, admins->count ? " or " : "");
		return arena_printf(arena, "%s%s", also, admins->count ? help_admins(request->talk, arena) : "");
	}
	for (size_t i = 0; i < limits->release.count; i++)
		text_printf(&text, "%s%s", !i ? "" : i + 1 == limits->release.count ? " or " : ", ",
			strcmp(limits->release.each[i], OWNER) ? limits->release.each[i] : row->by);
	return text.bytes;
}

static bool
write_lock(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return insert(db, with, error);
}

static struct work *
lock_work(const struct request *request)
{
	struct work *work = work_new(write_lock, sizeof(struct lock_row));
	struct arena *arena = work_arena(work);
	struct tm parts = { 0 };
	const char *until = request_param(request, "UNTIL");
	const struct living living = { .label = request->label, .room = request->room ? request->room->name : NULL, .place = request->place,
		.shown = request->from.shown, .account = request->from.account, .replies = request->own->replies_to, .asked = clock_wall() };

	if (until)
		strptime(until, TIME_FORM, &parts);
	*(struct lock_row *)work_with(work) = (struct lock_row){ .id = arena_text(arena, request->label), .target = arena_text(arena, request_param(request, "TARGET")),
		.by = arena_text(arena, request->person->name), .why = arena_text(arena, request_param(request, "REASON")), .about = living_json(arena, &living),
		.since = clock_wall(), .until = until ? (int64_t)timegm(&parts) * 1000 : 0 };
	return work;
}

static bool
reply_locked(struct request *request, const struct lock_row *row)
{
	struct arena *arena = request->task->arena;
	struct card *card = card_new(arena, TONE_WAITING, "%s%s%s: %s", row->target, row->until ? " until " : "",
		row->until ? clock_ago(arena, row->until, clock_wall()) : "", row->why);

	card_state(card, row->id, "locked");
	card->by = row->by;
	card_fact(card, "Release", "%sunlock %s, by %s", request->talk->prefix, strchr(row->target, ' ') ? row->id : row->target, releasers(request, row));
	return request_reply(request, card);
}

bool
lock_run(struct request *request)
{
	struct task *task = request->task;
	struct locks *locks = request->talk->locks;
	const char *target = request_param(request, "TARGET");

	/* Somebody may have been faster. */
	if (taken(request, target))
		return false;
	if (locks->count == LOCKS_MOST)
		return task_fail(task, "%d locks are in force already; %slocks shows them", LOCKS_MOST, request->talk->prefix);
	if (task->dry)
		return task_would(task, "lock %s", target);
	struct work *work = lock_work(request);
	const struct lock_row *row = work_with(work);
	if (!store_commit(task, work))
		return false;
	add(locks, row);
	set_timer(locks);
	request_subject(request, row->target);
	return reply_locked(request, row);
}

bool
lock_settle(struct request *request)
{
	const struct lock *lock = with_id(request->talk->locks, request->label);

	if (!lock) {
		struct card *card = card_new(request->task->arena, TONE_BAD, "%s was not locked; ask again", request_param(request, "TARGET"));
		card_state(card, request->label, "failed");
		return request_settle(request, SETTLED_NEVER, card);
	}
	request->own->settled = SETTLED_DONE;
	return reply_locked(request, &(struct lock_row){ lock->id, lock->target, lock->by, lock->why, lock->about, lock->since, lock->until });
}

bool
lock_list(struct request *request)
{
	struct arena *arena = request->task->arena;
	const struct locks *locks = request->talk->locks;

	if (!locks->count)
		return request_reply(request, card_new(arena, TONE_PLAIN, "nothing is locked"));
	if (locks->count == 1)
		return request_reply(request, card_new(arena, TONE_WAITING, "%s", locks_text(locks, arena, 0)));
	struct card *card = card_new(arena, TONE_WAITING, "%zu locks", locks->count);
	for (size_t i = 0; i < locks->count; i++)
		card_line(card, "%s", locks_text(locks, arena, i));
	return request_reply(request, card);
}

/* !unlock */

static bool
may_release(const struct request *request, const struct lock *lock)
{
	const struct lock_settings *limits = request->talk->lock_limits;
	const struct person *person = request->person;
	bool owner = !strcmp(person->name, lock->by);

	if (!limits || !limits->release.count)
		return owner || in_list(rights_admins(request->talk->rights), person->name);
	if (owner && in_list(&limits->release, OWNER))
		return true;
	for (size_t i = 0; i < person->roles.count; i++)
		if (in_list(&limits->release, person->roles.each[i]))
			return true;
	return false;
}

bool
unlock_resolve(struct request *request)
{
	const struct lock *lock = named(request->talk->locks, request_param(request, "TARGET"));

	if (!lock)
		return task_fail(request->task, "no lock is on %s; %slocks shows those there are", request_param(request, "TARGET"), request->talk->prefix);
	request_set(request, "LOCK", lock->id);
	return true;
}

bool
unlock_run(struct request *request)
{
	struct task *task = request->task;
	struct locks *locks = request->talk->locks;
	const char *id = request_param(request, "LOCK");
	const struct lock *lock = with_id(locks, id);

	if (!lock)
		return task_fail(task, "%s was released already", id);
	if (!may_release(request, lock))
		return task_fail(task, "refused: %s may be released by %s", said(lock, task->arena),
			releasers(request, &(struct lock_row){ .by = lock->by }));
	if (task->dry)
		return task_would(task, "release %s", said(lock, task->arena));
	struct card *card = unlocked(task->arena, lock, request->person->name, "");
	struct work *work = release_work(lock, card);
	say_where_set(work, request->talk, lock, card, request);
	if (!store_commit(task, work))
		return false;
	take_out(locks, id);
	set_timer(locks);
	outbox_kick(request->talk->outbox);
	return request_reply(request, card);
}

bool
unlock_settle(struct request *request)
{
	const char *id = request_param(request, "LOCK");
	const struct lock *lock = with_id(request->talk->locks, id);
	struct card *card = lock ? card_new(request->task->arena, TONE_BAD, "%s", said(lock, request->task->arena))
	                         : card_new(request->task->arena, TONE_GOOD, "%s is released", id);

	return request_settle(request, lock ? SETTLED_NEVER : SETTLED_DONE, card);
}
