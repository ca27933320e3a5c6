/* lock_verb: the verbs of locks: lock, unlock, locks. */
#include "bridge/work/lock_verb.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/rights/role.h"
#include "bridge/rights/window.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/help.h"
#include "bridge/work/living.h"
#include "bridge/work/lock.h"
#include "bridge/work/lock_rows.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

enum {
	TARGET_MOST = 100,              /* bytes */
	WHY_MOST = 300,
};

static const char TIME_FORM[] = "%Y-%m-%dT%H:%M:%SZ";

/* !lock */

static bool
taken(struct request *request, const char *target)
{
	const struct lock *lock = locks_find(request->talk->locks, target);

	if (!lock || strcasecmp(lock->target, target))
		return false;
	task_fail(request->task, "%s already", lock_said(lock, request->task->arena));
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
		const char *also = list_has(admins, row->by) ? "" : arena_printf(arena, "%s%s", row->by, admins->count ? " or " : "");
		return arena_printf(arena, "%s%s", also, admins->count ? help_admins(request->talk, arena) : "");
	}
	for (size_t i = 0; i < limits->release.count; i++)
		text_printf(&text, "%s%s", !i ? "" : i + 1 == limits->release.count ? " or " : ", ",
			strcmp(limits->release.each[i], LOCK_OWNER) ? limits->release.each[i] : row->by);
	return text.bytes;
}

static bool
write_lock(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return lock_row_write(db, with, error);
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
	if (locks_count(locks) == LOCKS_MOST)
		return task_fail(task, "%d locks are in force already; %slocks shows them", LOCKS_MOST, request->talk->prefix);
	if (task->dry)
		return task_would(task, "lock %s", target);
	struct work *work = lock_work(request);
	const struct lock_row *row = work_with(work);
	if (!store_commit(task, work))
		return false;
	locks_add(locks, row);
	request_subject(request, row->target);
	return reply_locked(request, row);
}

bool
lock_settle(struct request *request)
{
	const struct lock *lock = locks_with_id(request->talk->locks, request->label);

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

	if (!locks_count(locks))
		return request_reply(request, card_new(arena, TONE_PLAIN, "nothing is locked"));
	if (locks_count(locks) == 1)
		return request_reply(request, card_new(arena, TONE_WAITING, "%s", locks_text(locks, arena, 0)));
	struct card *card = card_new(arena, TONE_WAITING, "%zu locks", locks_count(locks));
	for (size_t i = 0; i < locks_count(locks); i++)
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
		return owner || list_has(rights_admins(request->talk->rights), person->name);
	if (owner && list_has(&limits->release, LOCK_OWNER))
		return true;
	for (size_t i = 0; i < person->roles.count; i++)
		if (list_has(&limits->release, person->roles.each[i]))
			return true;
	return false;
}

bool
unlock_resolve(struct request *request)
{
	const struct lock *lock = locks_find(request->talk->locks, request_param(request, "TARGET"));

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
	const struct lock *lock = locks_with_id(locks, id);

	if (!lock)
		return task_fail(task, "%s was released already", id);
	if (!may_release(request, lock))
		return task_fail(task, "refused: %s may be released by %s", lock_said(lock, task->arena),
			releasers(request, &(struct lock_row){ .by = lock->by }));
	if (task->dry)
		return task_would(task, "release %s", lock_said(lock, task->arena));
	struct card *card = locks_release(task, locks, lock, request);
	return card && request_reply(request, card);
}

bool
unlock_settle(struct request *request)
{
	const char *id = request_param(request, "LOCK");
	const struct lock *lock = locks_with_id(request->talk->locks, id);
	struct card *card = lock ? card_new(request->task->arena, TONE_BAD, "%s", lock_said(lock, request->task->arena))
	                         : card_new(request->task->arena, TONE_GOOD, "%s is released", id);

	return request_settle(request, lock ? SETTLED_NEVER : SETTLED_DONE, card);
}
