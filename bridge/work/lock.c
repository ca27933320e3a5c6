/* lock: what people hold up for a while, by name: what is locked, what that holds, and its end. */
#include "bridge/work/lock.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/role.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/living.h"
#include "bridge/work/lock_rows.h"
#include "bridge/work/request.h"

enum {
	SOON = 100,                     /* ms until one whose time has passed is ended */
	AGAIN = 60 * 1000,              /* ms until one that could not be ended is tried again */
};

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
		bool known = !strcmp(name, LOCK_OWNER);
		for (size_t r = 0; r < roles->count && !known; r++)
			known = !strcmp(((const struct role *)roles->each[r])->name, name);
		if (!known)
			conf_mistake(conf, lock->release.where[i], at, "no role is called %s.", name);
	}
}

struct locks {
	const struct talk *talk;
	struct watch *timer;
	bool begun;
	size_t count;
	struct lock *each[LOCKS_MOST];  /* oldest first */
};

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

static void set_timer(struct locks *);

/* Its time is what is left of it, and never more than it was given: a clock that was set back prolongs nothing. */
void
locks_add(struct locks *locks, const struct lock_row *row)
{
	struct lock *lock = memory_take(sizeof *lock);
	int64_t left = row->until - clock_wall(), whole = row->until - row->since;

	*lock = (struct lock){ .id = memory_text(row->id), .target = memory_text(row->target), .by = memory_text(row->by), .why = memory_text(row->why),
		.about = memory_text(row->about), .since = row->since, .until = row->until };
	lock->ends = row->until ? clock_mono() + (left < whole ? left : whole) : INT64_MAX;
	locks->each[locks->count++] = lock;
	set_timer(locks);
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

const struct lock *
locks_with_id(const struct locks *locks, const char *id)
{
	return with_id(locks, id);
}

const struct lock *
locks_find(const struct locks *locks, const char *word)
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

const char *
lock_said(const struct lock *lock, struct arena *arena)
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
			return lock_said(locks->each[i], arena);
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

	if (!lock_row_delete(db, releasing->id, error))
		return false;
	if (label_get(db, releasing->id, arena, &label) && !label_card(db, releasing->id, releasing->card, true, error))
		return false;
	if (releasing->audit.what && !audit_write(db, &releasing->audit, error))
		return false;
	return !releasing->saying || outbox_write(db, releasing->saying, releasing->id, error);
}

static struct card *
last_card(struct arena *arena, const struct lock *lock, const struct request *by)
{
	struct card *card = card_new(arena, TONE_GOOD, "%s after %s%s", lock->target, clock_span(arena, clock_wall() - lock->since),
		by ? "" : ": its time has passed");

	card_state(card, lock->id, "unlocked");
	card->by = by ? by->person->name : lock->by;
	card->closed = true;
	return card;
}

/* Who releases it there is answered otherwise. */
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

struct card *
locks_release(struct task *task, struct locks *locks, const struct lock *lock, const struct request *by)
{
	struct work *work = work_new(write_release, sizeof(struct releasing));
	struct releasing *releasing = work_with(work);
	struct arena *arena = work_arena(work);
	struct card *card = last_card(task->arena, lock, by);

	*releasing = (struct releasing){ .id = arena_text(arena, lock->id), .card = card_json(arena, card) };
	if (!by)
		releasing->audit = (struct audit_entry){ .what = "unlocked", .result = arena_printf(arena, "%s %s: its time has passed", lock->id, lock->target) };
	say_where_set(work, locks->talk, lock, card, by);
	if (!store_commit(task, work))
		return NULL;
	take_out(locks, releasing->id);
	set_timer(locks);
	outbox_kick(locks->talk->outbox);
	return card;
}

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
	if (locks_release(task, locks, lock, NULL) || task->cancelled || !(lock = with_id(locks, ending->id)))
		return;
	log_error("%s, whose time has passed, could not be taken out: %s", lock->id, task->error.text);
	lock->ending = false;
	lock->ends = clock_mono() + AGAIN;
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
	return lock_rows_read(db, arena, with, error);
}

bool
locks_load(struct task *task, struct locks *locks)
{
	struct work *work = work_new(load, sizeof(struct lock_rows *));
	struct lock_rows *const *rows = work_with(work);

	if (!store_commit(task, work))
		return false;
	for (size_t i = 0; i < (*rows)->count; i++)
		locks_add(locks, &(*rows)->each[i]);
	return true;
}

void
locks_begin(struct locks *locks)
{
	locks->begun = true;
	set_timer(locks);
}
