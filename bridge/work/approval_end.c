/* approval_end: a request that waited for a yes and is carried out never: too late, taken back, refused. */
#include "bridge/work/approval_end.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/log.h"
#include "bridge/rights/audit.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/talk.h"
#include "bridge/work/approval.h"
#include "bridge/work/waiting.h"

struct finishing {
	int64_t intent;
	const char *from, *state, *outcome, *label, *card;
	struct audit_entry audit;
	struct saying *saying;
	bool moved;
};

static bool
write_finishing(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct finishing *finishing = with;

	(void)arena;
	if (!intent_move(db, finishing->intent, finishing->from, finishing->state, &finishing->moved, error))
		return false;
	if (!finishing->moved)
		return true;
	return intent_end(db, finishing->intent, finishing->state, finishing->outcome, error) && approval_done(db, finishing->intent, error)
	    && audit_write(db, &finishing->audit, error) && label_card(db, finishing->label, finishing->card, true, error)
	    && outbox_write(db, finishing->saying, finishing->label, error);
}

bool
approval_end(struct task *task, const struct talk *talk, const struct waiting *waiting, const char *state, const char *outcome,
	const struct audit_entry *audit, struct card *card, bool *ended)
{
	struct work *work = work_new(write_finishing, sizeof(struct finishing));
	struct finishing *finishing = work_with(work);
	struct arena *arena = work_arena(work);
	const struct intent *intent = &waiting->intent;

	*finishing = (struct finishing){ .intent = intent->id, .from = arena_text(arena, intent->state), .state = arena_text(arena, state),
		.outcome = arena_text(arena, outcome), .label = arena_text(arena, intent->label), .card = card_json(arena, card),
		.audit = audit_copy(arena, audit) };
	finishing->audit.intent = intent->id;
	finishing->saying = approval_saying(arena, talk, waiting, card);
	if (!store_commit(task, work))
		return false;
	*ended = finishing->moved;
	waiting_forget(talk->approvals, intent->id);
	if (*ended)
		log_info("%s: %s %s: %s", intent->label, waiting->row.about, state, outcome);
	outbox_kick(talk->outbox);
	return true;
}

/* What nobody said, but happened. */
static struct audit_entry
entry_of(const struct waiting *waiting, const char *what, const char *result)
{
	const struct intent *intent = &waiting->intent;

	return (struct audit_entry){ .what = what, .person = intent->person, .account = intent->account, .proof = intent->proof, .room = intent->room,
		.place = intent->place, .instance = intent->instance, .command = waiting->row.about, .args = intent->args, .rule = intent->rule, .result = result };
}

void
approval_end_by_itself(struct task *task, const struct talk *talk, const struct waiting *waiting, const char *state, const char *why)
{
	const struct audit_entry audit = entry_of(waiting, state, why);
	struct card *card = waiting_last_card(task->arena, waiting, state, why);
	bool ended;

	if (!strcmp(state, "expired"))
		card->next = task_text(task, "again: %s%s", talk->prefix, waiting->intent.line);
	if (!approval_end(task, talk, waiting, state, why, &audit, card, &ended))
		log_error("%s waits no more (%s), and that could not be written down: %s", waiting->intent.label, why, task->error.text);
}

static const char *const stage_ends[] = {
	[STAGE_CONFIRM] = "not confirmed in time", [STAGE_CODE] = "no code was given in time", [STAGE_VOTES] = "not approved in time",
};

/* Where it cannot be read or written it is tried again after a while (waiting.c), and until then nothing is decided upon it. */
static void
end_it(struct task *task, void *with)
{
	const struct waiting_job *job = with;
	const struct talk *talk = job->talk;
	struct waiting waiting;

	talk_hold(task, talk);
	if (!waiting_of(task, job->intent, &waiting)) {
		if (task->error.text[0])
			log_error("A request that waits no more could not be read: %s", task->error.text);
		else
			waiting_forget(talk->approvals, job->intent);
	} else if (strcmp(waiting.intent.state, "waiting") != 0)
		waiting_forget(talk->approvals, job->intent);
	else if (waiting_withdrawn(talk->approvals, job->intent))
		approval_end_by_itself(task, talk, &waiting, "revoked", "what asked for it was taken back. Nothing ran");
	else
		approval_end_by_itself(task, talk, &waiting, "expired", task_text(task, "%s. Nothing ran", stage_ends[waiting.row.stage]));
}

void
approval_over(const struct talk *talk, int64_t intent)
{
	if (!waiting_task(talk, "waits no more", intent, end_it))
		log_error("A request that waits no more could not be ended: too much is going on. It is not carried out.");
}

void
approval_taken_back(const struct talk *talk, const struct message *message)
{
	if (talk->approvals && message->on)
		waiting_withdraw(talk->approvals, &message->place, message->on);
}
