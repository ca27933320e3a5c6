/* inbox: the deliveries of webhooks, committed and then carried out. */
#include "bridge/work/inbox.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/rights/audit.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/talk.h"
#include "bridge/work/command.h"
#include "bridge/work/webhook.h"

enum {
	WAITING_MOST = 10000,           /* rows that are still to be carried out */
	PRUNE_EVERY = 3600 * 1000,      /* ms */
	AGAIN = 2000,                   /* ms until what failed is tried again, times five each time */
	DEAD_TOLD_EVERY = 60 * 1000,
};

/* The deliveries of one instance: a task while there are any. */
struct lane {
	struct inbox *inbox;
	struct lane *next;
	char *instance;
	uint64_t task;
	bool again;                     /* one more came while the task looked */
	bool wanted;                    /* there was no task to be had */
};

struct inbox {
	const struct talk *talk;
	const struct engine *engine;
	struct watch *timer;
	struct lane *lanes;
	struct inbox_count *counts;
	size_t count;
	size_t waiting;
	int64_t left_until;             /* up to this id an earlier life took them, and may have died of one */
	int64_t tell_dead_from;         /* mono ms */
	int64_t prune_at;               /* mono ms */
	bool begun, stopped;
	bool early;                     /* one was kept before we had begun */
};

/* -- Counting -------------------------------------------------------------------------------------------------------- */

static struct inbox_count *
count_of(struct inbox *inbox, const char *instance)
{
	for (size_t i = 0; i < inbox->count; i++)
		if (!strcmp(inbox->counts[i].instance, instance))
			return &inbox->counts[i];
	inbox->counts = memory_resize(inbox->counts, (inbox->count + 1) * sizeof *inbox->counts);
	inbox->counts[inbox->count] = (struct inbox_count){ .instance = memory_text(instance) };
	return &inbox->counts[inbox->count++];
}

void
inbox_refused(struct inbox *inbox, const char *instance)
{
	count_of(inbox, instance ? instance : "")->refused++;
}

size_t
inbox_counts(const struct inbox *inbox, const struct inbox_count **each)
{
	*each = inbox->counts;
	return inbox->count;
}

bool
inbox_begun(const struct inbox *inbox)
{
	return inbox->begun;
}

size_t
inbox_waiting(const struct inbox *inbox)
{
	return inbox->waiting;
}

/* -- Carrying out -------------------------------------------------------------------------------------------------------- */

enum outcome { OUTCOME_NONE, OUTCOME_DONE, OUTCOME_FAILED, OUTCOME_HOPELESS };

/* What became of the one before is written, and the next one read. */
struct step {
	const char *instance, *error;
	int64_t id;
	enum outcome outcome;
	bool counted;                   /* that it was tried is written already */
	bool ended;                     /* of the one before: it is not new any more */
	struct inbox_row next;
};

static bool
end_last(struct db *db, struct step *step, struct arena *arena, struct error *error)
{
	struct inbox_row row;

	if (step->outcome == OUTCOME_DONE && !inbox_done(db, step->id, error))
		return false;
	if (step->outcome == OUTCOME_HOPELESS && !inbox_dead(db, step->id, step->error, error))
		return false;
	if (step->outcome == OUTCOME_FAILED) {
		if (!inbox_tried(db, step->id, !step->counted, step->error, error) || !inbox_get(db, arena, step->id, &row, error))
			return false;
		step->ended = !row.id || strcmp(row.state, "new");
		if (!step->ended && row.tries >= INBOX_TRIES) {
			step->ended = true;
			return inbox_dead(db, step->id, step->error, error);
		}
		return true;
	}
	step->ended = step->outcome != OUTCOME_NONE;
	return true;
}

static bool
write_step(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct step *step = with;

	return end_last(db, step, arena, error) && inbox_next(db, arena, step->instance, &step->next, error);
}

struct beginning { int64_t id; };

static bool
write_beginning(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return inbox_tried(db, ((struct beginning *)with)->id, 1, NULL, error);
}

/* One of an earlier life may be what that life died of: it is counted before it is begun. */
static bool
begin_left(struct task *task, int64_t id)
{
	struct work *work = work_new(write_beginning, sizeof(struct beginning));

	((struct beginning *)work_with(work))->id = id;
	work_is_outcome(work);
	return store_commit(task, work);
}

static const struct instance *
instance_named(const struct talk *talk, const char *name)
{
	for (size_t i = 0; talk->instances[i]; i++)
		if (!strcmp(talk->instances[i]->name, name))
			return talk->instances[i];
	return NULL;
}

static bool
say_it(struct task *task, const struct webhook *webhook, const struct received *received)
{
	struct told told[TOLD_MOST] = { 0 };
	size_t count = 0;

	return webhook->look(task, received, told, TOLD_MOST, &count) && received_done(task, received, told, count);
}

static enum outcome
carry_out(struct task *task, struct inbox *inbox, const struct inbox_row *row)
{
	const struct instance *instance = instance_named(inbox->talk, row->instance);
	const struct webhook *webhook = instance ? instance->webhook : NULL;
	bool hopeless = false, left = row->id <= inbox->left_until;
	struct received received = { .id = row->id, .talk = inbox->talk, .instance = instance, .rest = row->rest, .headers = row->headers,
		.header_count = row->header_count, .type = row->type, .body = row->body, .length = row->length, .arrived = row->arrived, .tries = row->tries,
		.hopeless = &hopeless };

	talk_hold(task, inbox->talk);
	task->error.text[0] = '\0';
	if (!webhook) {
		task_fail(task, "No service called %s takes webhooks any more.", row->instance);
		return OUTCOME_HOPELESS;
	}
	if (left && row->tries >= INBOX_TRIES) {
		task_fail(task, "It was begun %d times, and each time the gateway ended before it had an end.", INBOX_TRIES);
		return OUTCOME_HOPELESS;
	}
	if (left && !begin_left(task, row->id))
		return OUTCOME_NONE;
	bool done = webhook->run ? webhook->run(task, &received) : say_it(task, webhook, &received);
	if (done)
		return OUTCOME_DONE;
	if (!*task->error.text)
		task_fail(task, "It could not be carried out.");
	return hopeless ? OUTCOME_HOPELESS : OUTCOME_FAILED;
}

static void
tell_dead(struct inbox *inbox, const char *instance, int64_t id, const char *why)
{
	log_warning("Delivery %lld of %s came to nothing: %s", (long long)id, instance, why);
	count_of(inbox, instance)->dead++;
	if (clock_mono() < inbox->tell_dead_from)
		return;
	struct arena *arena = arena_new();
	inbox->tell_dead_from = clock_mono() + DEAD_TOLD_EVERY;
	operators_tell(inbox->talk, card_new(arena, TONE_BAD, "delivery %lld of %s came to nothing: %s", (long long)id, instance, why), NULL);
	arena_free(arena);
}

/* Writes how the last one ended, until the store takes it; false once we are stopped. */
static bool
take_step(struct task *task, struct lane *lane, int64_t id, enum outcome outcome, const char *error, struct step **out)
{
	for (;;) {
		struct work *work = work_new(write_step, sizeof(struct step));
		struct step *step = work_with(work);
		struct arena *arena = work_arena(work);
		*step = (struct step){ .instance = arena_text(arena, lane->instance), .error = arena_text(arena, error), .id = id, .outcome = outcome,
			.counted = id <= lane->inbox->left_until };
		work_is_outcome(work);
		*out = step;
		if (store_commit(task, work))
			return !task->cancelled;
		if (task->cancelled || !task_pause(task, AGAIN))
			return false;
	}
}

/* One delivery, and how it ended; false: nothing is left, or we are stopped. */
static bool
turn(struct task *task, struct lane *lane, int64_t *id, enum outcome *outcome, struct error *why)
{
	struct inbox *inbox = lane->inbox;
	struct step *step;

	lane->again = false;
	if (!take_step(task, lane, *id, *outcome, *outcome == OUTCOME_NONE ? NULL : why->text, &step))
		return false;
	bool dead = step->ended && *outcome >= OUTCOME_FAILED;
	if (step->ended && inbox->waiting)
		inbox->waiting--;
	if (dead)
		tell_dead(inbox, lane->instance, *id, why->text);
	*id = step->next.id;
	*outcome = OUTCOME_NONE;
	if (!*id)
		return lane->again;
	int64_t wait = step->next.tries && step->next.error ? AGAIN * (step->next.tries > 1 ? 5 : 1) : 0;
	if (inbox->stopped || (wait && !task_pause(task, wait)))
		return false;
	*outcome = carry_out(task, inbox, &step->next);
	*why = task->error;
	return !task->cancelled;
}

static void
run_lane(struct task *task, void *with)
{
	struct lane *lane = with;
	enum outcome outcome = OUTCOME_NONE;
	struct error why = { "" };
	int64_t id = 0;
	bool more = true;

	while (more && !task->cancelled) {
		struct arena *before = task_turn(task);
		more = turn(task, lane, &id, &outcome, &why);
		task_turn_end(task, before);
	}
	lane->task = 0;
}

static void
kick(struct lane *lane)
{
	struct inbox *inbox = lane->inbox;

	lane->again = true;
	if (lane->task || inbox->stopped)
		return;
	lane->task = task_start_reserved(inbox->engine, lane->instance, run_lane, lane, NULL);
	lane->wanted = !lane->task;
	if (lane->wanted)
		watch_after(inbox->timer, AGAIN);
}

static struct lane *
lane_of(struct inbox *inbox, const char *instance)
{
	for (struct lane *lane = inbox->lanes; lane; lane = lane->next)
		if (!strcmp(lane->instance, instance))
			return lane;
	struct lane *lane = memory_take(sizeof *lane);
	*lane = (struct lane){ .inbox = inbox, .next = inbox->lanes, .instance = memory_text(instance) };
	inbox->lanes = lane;
	return lane;
}

/* -- Taking ----------------------------------------------------------------------------------------------------------------- */

struct keeping {
	struct posted posted;
	int64_t id;
};

static bool
keep(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct keeping *keeping = with;

	return inbox_keep(db, arena, &keeping->posted, &keeping->id, error);
}

static void
posted_into(struct arena *arena, const struct posted *from, struct posted *to)
{
	struct named *headers = arena_take(arena, (from->header_count + 1) * sizeof *headers);

	*to = *from;
	to->instance = arena_text(arena, from->instance);
	to->name = arena_text(arena, from->name);
	to->rest = arena_text(arena, from->rest);
	to->type = arena_text(arena, from->type);
	to->body = arena_slice(arena, from->body, from->length);
	to->headers = headers;
	for (size_t i = 0; i < from->header_count; i++)
		headers[i] = (struct named){ arena_text(arena, from->headers[i].name), arena_text(arena, from->headers[i].value) };
}

bool
inbox_take(struct task *task, struct inbox *inbox, const struct posted *posted, enum inbox_taken *taken)
{
	*taken = INBOX_FULL;
	if (inbox->stopped || inbox->waiting >= WAITING_MOST)
		return true;
	struct work *work = work_new(keep, sizeof(struct keeping));
	struct keeping *keeping = work_with(work);
	posted_into(work_arena(work), posted, &keeping->posted);
	if (!store_commit(task, work))
		return false;
	*taken = keeping->id ? INBOX_TAKEN : INBOX_KNOWN;
	struct inbox_count *count = count_of(inbox, posted->instance);
	if (!keeping->id) {
		count->known++;
		return true;
	}
	count->taken++;
	inbox->early = !inbox->begun;
	if (inbox->early)
		return true;
	inbox->waiting++;
	kick(lane_of(inbox, posted->instance));
	return true;
}

struct replaying {
	int64_t id;
	const char *account;
	const char *instance;           /* NULL: none to be carried out again */
};

static bool
write_again(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct replaying *replaying = with;
	struct inbox_row row;

	if (!inbox_get(db, arena, replaying->id, &row, error))
		return false;
	if (!row.id || !strcmp(row.state, "new"))
		return true;
	replaying->instance = row.instance;
	const struct audit_entry entry = { .what = "replayed", .account = replaying->account, .proof = "unix", .instance = row.instance,
		.command = arena_printf(arena, "hooks replay %lld", (long long)row.id), .result = row.name };
	return inbox_again(db, replaying->id, error) && audit_write(db, &entry, error);
}

bool
inbox_replay(struct task *task, struct inbox *inbox, int64_t id, const char *account, bool *found)
{
	struct work *work = work_new(write_again, sizeof(struct replaying));
	struct replaying *replaying = work_with(work);

	replaying->id = id;
	replaying->account = arena_text(work_arena(work), account);
	if (!store_commit(task, work))
		return false;
	*found = replaying->instance;
	if (!*found)
		return true;
	if (!inbox->begun) {
		inbox->early = true;
		return true;
	}
	inbox->waiting++;
	kick(lane_of(inbox, replaying->instance));
	return true;
}

/* -- A life ------------------------------------------------------------------------------------------------------------------- */

struct left {
	struct arena *arena;
	size_t count, size;
	const char **instances;
	int64_t rows, last;
};

static void
add_left(const char *instance, int64_t count, void *with)
{
	struct left *left = with;

	if (left->count == left->size) {
		left->size = left->size ? 2 * left->size : 16;
		const char **larger = arena_take(left->arena, left->size * sizeof *larger);
		if (left->count)
			memcpy(larger, left->instances, left->count * sizeof *larger);
		left->instances = larger;
	}
	left->instances[left->count++] = instance;
	left->rows += count;
}

static bool
read_left(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct left *left = with;

	left->arena = arena;
	return inbox_left(db, arena, add_left, left, &left->last, error);
}

static void
loaded(struct work *work, bool committed, const struct error *error, void *to)
{
	const struct left *left = work_with(work);
	struct inbox *inbox = to;

	if (!committed)
		log_error("Which deliveries of webhooks are still to be carried out could not be read: %s", error->text);
	if (committed && inbox->early) {
		inbox->early = false;
		inbox_begin(inbox);
		return;
	}
	inbox->begun = committed;
	if (!committed) {
		watch_after(inbox->timer, AGAIN);
		return;
	}
	inbox->waiting = (size_t)left->rows;
	inbox->left_until = left->last;
	for (size_t i = 0; i < left->count; i++)
		kick(lane_of(inbox, left->instances[i]));
	watch_after(inbox->timer, AGAIN);
}

void
inbox_begin(struct inbox *inbox)
{
	store_queue(inbox->engine->store, work_new(read_left, sizeof(struct left)), loaded, inbox);
}

static bool
prune(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)arena;
	return inbox_prune(db, clock_wall(), with, error);
}

static void
pruned(struct work *work, bool committed, const struct error *error, void *to)
{
	const bool *more = work_with(work);
	struct inbox *inbox = to;

	(void)error;
	inbox->prune_at = clock_mono() + (committed && *more ? 0 : PRUNE_EVERY);
	if (!inbox->stopped)
		watch_after(inbox->timer, committed && *more ? AGAIN : PRUNE_EVERY);
}

static void
look_around(void *with, int events)
{
	struct inbox *inbox = with;

	(void)events;
	if (inbox->stopped)
		return;
	if (!inbox->begun) {
		inbox_begin(inbox);
		return;
	}
	for (struct lane *lane = inbox->lanes; lane; lane = lane->next)
		if (lane->wanted)
			kick(lane);
	if (clock_mono() >= inbox->prune_at) {
		inbox->prune_at = INT64_MAX;
		store_queue(inbox->engine->store, work_new(prune, sizeof(bool)), pruned, inbox);
	} else if (inbox->prune_at != INT64_MAX)
		watch_after(inbox->timer, inbox->prune_at - clock_mono());
}

struct inbox *
inbox_open(const struct talk *talk)
{
	struct inbox *inbox = memory_take(sizeof *inbox);

	*inbox = (struct inbox){ .talk = talk, .engine = talk->engine };
	inbox->timer = loop_timer(talk->engine->loop, look_around, inbox);
	return inbox;
}

void
inbox_stop(struct inbox *inbox)
{
	inbox->stopped = true;
	watch_off(inbox->timer);
}

void
inbox_close(struct inbox *inbox)
{
	if (!inbox)
		return;
	while (inbox->lanes) {
		struct lane *lane = inbox->lanes;
		inbox->lanes = lane->next;
		free(lane->instance);
		free(lane);
	}
	for (size_t i = 0; i < inbox->count; i++)
		free((char *)(uintptr_t)inbox->counts[i].instance);
	free(inbox->counts);
	watch_free(inbox->timer);
	free(inbox);
}
