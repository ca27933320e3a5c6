/* withdrawn: whose words or sign are taken back has not said yes, as long as it was not the last one that was needed; and what has been
 * carried out stays so, whoever takes back the message that asked, but the audit says that they did. */
#include "bridge/work/withdrawn.h"

#include <stdint.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/role.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/message.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/talk.h"
#include "bridge/work/approval.h"
#include "bridge/work/waiting.h"

enum { TRIES = 3 };

/* Queued as it is heard: whoever says yes after it finds it gone. */
struct withdrawing {
	const char *message;            /* its label */
	const char *id, *place;         /* its own, and where that was */
	const char *person, *by, *proof;        /* who took it back; NULL: nobody who can be proven */
	int64_t intent;                 /* 0: it said yes to nothing that waits */
	const char *voter, *label;
};

static const struct vote *
said_by(const struct vote *votes, size_t count, const char *message)
{
	for (size_t i = 0; i < count; i++)
		if (votes[i].message && !strcmp(votes[i].message, message))
			return &votes[i];
	return NULL;
}

static bool
write_audit(struct db *db, const struct withdrawing *withdrawing, const struct approval_row *row, const struct intent *intent, const struct vote *vote,
	struct arena *arena, struct error *error)
{
	const struct audit_entry audit = { .what = "withdrawn", .person = vote->person, .account = vote->account, .proof = vote->proof, .room = row->room,
		.place = withdrawing->place, .instance = intent->instance, .command = arena_printf(arena, "approve %s", row->label),
		.decision = arena_printf(arena, "taken back by %s", withdrawing->by ? withdrawing->by : "somebody"), .result = row->about, .intent = row->intent };

	return audit_write(db, &audit, error);
}

/* What asked was taken back when it had been carried out, or was on its way. */
static bool
write_too_late(struct db *db, const struct withdrawing *withdrawing, struct arena *arena, struct error *error)
{
	struct intent intent;
	bool found;

	if (!intent_asked_by(db, withdrawing->place, withdrawing->id, arena, &intent, &found, error))
		return false;
	if (!found)
		return true;
	const struct audit_entry audit = { .what = "taken back", .person = withdrawing->person, .account = withdrawing->by, .proof = withdrawing->proof,
		.room = intent.room, .place = withdrawing->place, .instance = intent.instance, .command = arena_printf(arena, "%s%s%s", intent.instance ? intent.instance : "", intent.instance ? " " : "", intent.verb),
		.decision = "it had begun, so nothing is undone", .result = intent.label, .intent = intent.id };
	return audit_write(db, &audit, error);
}

static bool
take_out(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct withdrawing *withdrawing = with;
	struct vote votes[VOTES_MOST];
	struct approval_row row;
	struct intent intent;
	int64_t id;
	size_t count;
	bool found;

	if (!vote_said_by(db, withdrawing->message, &id, error))
		return false;
	if (!id)
		return write_too_late(db, withdrawing, arena, error);
	if (!approval_read(db, id, arena, &row, &found, error) || !intent_read(db, id, arena, &intent, &found, error)
	    || !vote_list(db, id, arena, votes, &count, error))
		return false;
	const struct vote *vote = said_by(votes, count, withdrawing->message);
	if (!found || !vote || strcmp(intent.state, "waiting") != 0)
		return true;
	withdrawing->intent = id;
	withdrawing->voter = vote->person;
	withdrawing->label = row.label;
	return vote_withdraw(db, id, withdrawing->message, error) && write_audit(db, withdrawing, &row, &intent, vote, arena, error);
}

/* What the room sees of it, where nobody said anything since it was read. */
struct showing {
	int64_t intent;
	size_t votes;
	const char *label, *card;
	struct saying *saying;
	bool done;
};

static bool
write_card(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct showing *showing = with;
	struct vote votes[VOTES_MOST];
	struct intent intent;
	size_t count;
	bool found;

	if (!intent_read(db, showing->intent, arena, &intent, &found, error) || !vote_list(db, showing->intent, arena, votes, &count, error))
		return false;
	if (found && !strcmp(intent.state, "waiting") && count != showing->votes)
		return true;
	showing->done = true;
	return !found || strcmp(intent.state, "waiting") != 0
	    || (label_card(db, showing->label, showing->card, false, error) && outbox_write(db, showing->saying, showing->label, error));
}

static bool
show(struct task *task, const struct talk *talk, int64_t intent)
{
	struct waiting waiting;

	if (!waiting_of(task, intent, &waiting) || strcmp(waiting.intent.state, "waiting") != 0)
		return true;
	struct work *work = work_new(write_card, sizeof(struct showing));
	struct showing *showing = work_with(work);
	struct arena *arena = work_arena(work);
	struct card *card = waiting_card(arena, &waiting, "asked");

	card->next = arena_printf(arena, "%1$sapprove %2$s or %1$sdeny %2$s REASON", talk->prefix, waiting.row.label);
	*showing = (struct showing){ .intent = intent, .votes = waiting.vote_count, .label = arena_text(arena, waiting.row.label), .card = card_json(arena, card),
		.saying = approval_saying(arena, talk, &waiting, card) };
	return !store_commit(task, work) || showing->done;
}

struct job {
	const struct talk *talk;
	int64_t intent;
};

static void
show_all(struct task *task, void *with)
{
	const struct job *job = with;

	talk_hold(task, job->talk);
	for (int i = 0; i < TRIES && !show(task, job->talk, job->intent); i++)
		;
	outbox_kick(job->talk->outbox);
}

static void
taken_out(struct work *work, bool committed, const struct error *error, void *to)
{
	const struct withdrawing *withdrawing = work_with(work);
	const struct talk *talk = to;

	if (!committed)
		log_error("Whether a yes was taken back could not be written down; where it was one, it still counts: %s", error->text);
	if (!committed || !withdrawing->intent)
		return;
	log_info("%s: the yes of %s was taken back.", withdrawing->label, withdrawing->voter);
	struct arena *arena = arena_new();
	struct job *job = arena_take(arena, sizeof *job);
	*job = (struct job){ talk, withdrawing->intent };
	if (!task_start(talk->engine, "yes taken back", show_all, job, arena))
		log_warning("%s: that a yes was taken back is not shown: too much is going on.", withdrawing->label);
}

void
withdrawn_take(const struct talk *talk, const struct message *message)
{
	if (!message->on)
		return;
	struct work *work = work_new(take_out, sizeof(struct withdrawing));
	struct withdrawing *withdrawing = work_with(work);
	struct arena *arena = work_arena(work);
	const struct person *person = message->from.proven ? rights_person(talk->rights, message->from.account) : NULL;

	withdrawing->id = arena_text(arena, message->on);
	withdrawing->person = person ? arena_text(arena, person->name) : NULL;
	withdrawing->proof = arena_text(arena, message->from.proof);
	withdrawing->place = place_text(arena, &message->place);
	withdrawing->by = arena_text(arena, message->from.account);
	withdrawing->message = message_label(arena, withdrawing->place, message->on);
	waiting_taken_back(talk->approvals, withdrawing->message);
	store_queue(talk->engine->store, work, taken_out, (void *)(uintptr_t)talk);
}
