/* perform: a command that was written down is carried out, and its outcome written together with what is said of it. */
#include "bridge/work/perform.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/run/follow.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/intent.h"
#include "bridge/work/living.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

enum {
	STORE_PATIENCE = 64,            /* s between two tries to store an outcome, at most */
	STORE_TRIES = 64,               /* for an hour: then the next start has to look what became of it */
};

/* T4: the outcome, what is said of it, and what is looked at from now on. */

struct ending {
	int64_t intent;
	const char *state, *outcome;
	struct audit_entry audit;
	const char *label, *subject, *card;
	bool closed;
	struct follow follow;
	size_t count;
	const struct saying *sayings[REPLIES_MOST];
};

static bool
write_ending(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct ending *ending = with;

	(void)arena;
	if (!intent_end(db, ending->intent, ending->state, ending->outcome, error) || !audit_write(db, &ending->audit, error))
		return false;
	if (ending->label && ending->subject && !label_subject(db, ending->label, ending->subject, error))
		return false;
	if (ending->label && ending->card && !label_card(db, ending->label, ending->card, ending->closed, error))
		return false;
	if (ending->follow.kind && !follow_add(db, &ending->follow, error))
		return false;
	for (size_t i = 0; i < ending->count; i++)
		if (!outbox_write(db, ending->sayings[i], ending->label, error))
			return false;
	return true;
}

static void
fill_follow(struct ending *ending, struct arena *arena, const struct request *request)
{
	const struct request_private *own = request->own;
	int64_t now = clock_wall();

	if (!own->follow_kind)
		return;
	struct living living = { .label = request->label, .room = request->room ? request->room->name : NULL, .place = request->place,
		.shown = request->from.shown, .account = request->from.account, .replies = own->replies_to, .asked = now,
		.approved = own->approved && *own->approved ? own->approved : NULL };
	ending->follow = (struct follow){
		.instance = arena_text(arena, request->instance->name), .kind = arena_text(arena, own->follow_kind),
		.token = arena_text(arena, own->follow_token), .about = living_json(arena, &living),
		.began = now, .due = now + own->look_in, .until = now + own->give_up_in,
	};
}

static void
fill_sayings(struct ending *ending, struct arena *arena, const struct request *request)
{
	const struct request_private *own = request->own;

	for (size_t i = 0; i < own->reply_count; i++) {
		struct card *card = own->replies[i];
		if (card->state && own->approved && *own->approved)
			card_fact(card, NULL, "approved by %s", own->approved);
		card->seen = card->state && card->id && !request->label && !own->by_sign;
		ending->sayings[ending->count++] = outbox_saying(request->talk->outbox, arena, request->room, &request->place, own->replies_to, card);
		if (card->state)
			ending->card = card_json(arena, card);
	}
}

static bool
try_ending(struct request *request, int64_t intent, const char *state, const char *outcome, bool said)
{
	struct work *work = work_new(write_ending, sizeof(struct ending));
	struct ending *ending = work_with(work);
	struct arena *arena = work_arena(work);

	ending->intent = intent;
	ending->state = state;
	ending->outcome = redact_text(arena, outcome);
	ending->audit = record_entry(arena, request, "ended", record_command(request));
	ending->audit.intent = intent;
	ending->audit.result = arena_printf(arena, "%s%s%s: %s", request->label ? request->label : "", request->label ? " " : "", state, ending->outcome);
	ending->label = arena_text(arena, request->label);
	ending->subject = arena_text(arena, request->own->subject);
	ending->closed = !request->own->follow_kind && strcmp(state, "unknown") != 0;
	fill_follow(ending, arena, request);
	fill_sayings(ending, arena, request);
	if (said)
		ending->count = 0;
	work_is_outcome(work);
	return store_commit(request->task, work);
}

static void
say_unstored(struct request *request)
{
	struct request_private *own = request->own;

	for (size_t i = 0; i < own->reply_count; i++)
		request_tell(request, own->replies[i]);
	request_tell(request, card_new(request->task->arena, TONE_BAD, "I cannot write down how %s ended, and go on trying: %s",
		request->label ? request->label : record_words(request), request->task->error.text));
}

/* Nobody is left without an answer, and no outcome is given up, because the store refuses for a while. False where it was not stored: the row
 * says sent, and the next start looks what became of it. */
static bool
commit_ending(struct request *request, int64_t intent, const char *state, const char *outcome)
{
	unsigned wait = 1;

	for (unsigned tries = 0; !try_ending(request, intent, state, outcome, tries > 0); tries++) {
		log_error("The outcome of %s could not be stored (%s): %s", record_command(request), outcome, request->task->error.text);
		if (tries == 0)
			say_unstored(request);
		if (tries == STORE_TRIES || !task_sleep(request->task, wait))
			return false;
		wait = wait < STORE_PATIENCE ? 2 * wait : STORE_PATIENCE;
	}
	request->own->reply_count = 0;
	log_info("%s %s: %s", request->label ? request->label : record_command(request), state, outcome);
	outbox_kick(request->talk->outbox);
	follows_kick(request->talk->follows);
	return true;
}

/* A sentence about the request itself: with its id and state where it makes a living thing. */
static void
reply_state(struct request *request, const char *state, enum tone tone, const char *sentence)
{
	struct card *card = card_new(request->task->arena, tone, "%s", sentence);

	card_state(card, request->label, request->label ? state : NULL);
	card->to = request->from.shown;
	card->whom = request->from.account;
	card->ring = tone == TONE_BAD;
	request_reply(request, card);
}

/* Looks a few times whether it happened; never asks for it again. */
void
perform_settle(struct request *request, int64_t intent)
{
	struct task *task = request->task;

	for (unsigned wait = 1; request->command->settle; wait *= 2) {
		request->own->settled = SETTLED_UNKNOWN;
		request->own->reply_count = 0;
		task->error.text[0] = '\0';
		bool looked = request->command->settle(request);
		if (task->cancelled)
			return;
		if (looked && request->own->settled != SETTLED_UNKNOWN) {
			commit_ending(request, intent, request->own->settled == SETTLED_DONE ? "done" : "failed", "found by looking");
			return;
		}
		if (wait >= 64)
			break;
		request->own->reply_count = 0;
		if (!task_sleep(task, wait))
			return;
	}
	struct card *card = card_new(task->arena, TONE_BAD, "I could not find out whether it happened%s%s; look there before you ask for it again",
		task->error.text[0] ? ": " : "", task->error.text);
	card_state(card, request->label, request->label ? "unknown" : NULL);
	request_tell(request, card);
}

/* The unknown itself, written before the looking begins: the person hears "unknown", never silence. */
void
perform_unknown(struct request *request, int64_t intent, const char *reason)
{
	const char *there = request->instance ? request->instance->name : "it";
	char *sentence = request->command->settle
		? task_text(request->task, "%s. I will not ask twice; looking there now", reason)
		: task_text(request->task, "%s. I will not ask twice; look at %s before you ask again", reason, there);

	request->own->reply_count = 0;
	request->own->follow_kind = NULL;
	reply_state(request, "unknown", TONE_BAD, sentence);
	if (commit_ending(request, intent, "unknown", reason) && request->command->settle)
		perform_settle(request, intent);
}

/* A command that makes no living thing got an id because it had to wait: the message that shows it tells how it ended. */
static void
name_the_end(struct request *request)
{
	struct request_private *own = request->own;

	if (!own->reply_count)
		request_reply(request, card_new(request->task->arena, TONE_GOOD, "%s", record_command(request)));
	card_state(own->replies[0], request->label, "done");
	own->replies[0]->closed = true;
}

void
perform(struct request *request, int64_t intent)
{
	struct task *task = request->task;

	task->error.text[0] = '\0';
	bool fine = request->command->run(request);
	if (fine) {
		if (request->label && !request->command->letter)
			name_the_end(request);
		commit_ending(request, intent, "done", "done");
		return;
	}
	if (task->cancelled)
		return;         /* we are being stopped: the row says sent, and the next start looks what became of it */
	char *why = arena_text(task->arena, task->error.text);
	if (task->unsure) {
		perform_unknown(request, intent, why);
		return;
	}
	request->own->reply_count = 0;
	request->own->follow_kind = NULL;
	reply_state(request, "failed", TONE_BAD, why);
	commit_ending(request, intent, "failed", why);
}
