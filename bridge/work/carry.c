/* carry: a command that was understood is decided upon, written down, carried out and answered.
 *
 * What only looks is answered at once. What changes something is written before its first byte leaves: asked and sent, in one
 * transaction. */
#include "bridge/work/carry.h"

#include <stdio.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/rights/guard.h"
#include "bridge/rights/role.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/approval.h"
#include "bridge/work/decide.h"
#include "bridge/work/intent.h"
#include "bridge/work/perform.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

static void
event_done(struct request *request)
{
	record_done(request->talk, request->own->event);
	request->own->event = 0;
}

void
carry_refuse(struct request *request, const char *sentence, const char *refused)
{
	struct arena *arena = request->task->arena;

	if (refused && request->person)
		log_info("%s: %s: %s", request->from.account ? request->from.account : request->from.shown, request->line, refused);
	if (refused)
		record_queue(request, "refused", request->command && request->count ? record_command(request) : redact_text(arena, request->line), refused, NULL, NULL);
	if (sentence)
		request_tell(request, card_new(arena, TONE_BAD, "%s", sentence));
	event_done(request);
}

/* The first time before anything is asked of the service, the second time upon the resolved arguments. */
static bool
decided(struct request *request, struct decision *decision)
{
	if (decide_may(request, decision))
		return true;
	char *sentence = task_text(request->task, "refused: %s. %swhy %s", decision->why, request->talk->prefix, request->line);
	carry_refuse(request, text_cut(request->task->arena, sentence, 380), "refused: no rule");
	return false;
}

static bool
resolved(struct request *request)
{
	if (!request->command->resolve)
		return true;
	request->own->asking = true;
	request->own->crowded = false;
	bool fine = request->command->resolve(request);
	request->own->asking = false;
	/* Nothing is left out, or it would be decided upon something else than is carried out. */
	if (fine && request->own->crowded)
		fine = task_fail(request->task, "that is more than I can pass on; leave some of it out");
	if (!fine && !request->task->cancelled)
		carry_refuse(request, request->task->error.text, NULL);
	return fine;
}

/* What only looks. */

/* Its audit rows are not waited for, so it is refused where they could not be written. */
static bool
auditable(struct request *request)
{
	struct error why;

	if (!store_failing(request->talk->engine->store, &why))
		return true;
	request_tell(request, card_new(request->task->arena, TONE_BAD, "refused: I cannot write the audit now: %s", why.text));
	event_done(request);
	return false;
}

static void
look(struct request *request, const struct decision *decision)
{
	bool fine = request->command->run(request);

	if (request->task->cancelled)
		return;
	if (!fine)
		request_tell(request, card_new(request->task->arena, TONE_BAD, "%s", request->task->error.text));
	if (request->command->care == CARE_LOOK)
		record_queue(request, "answered", NULL, "allowed", decision->rule, fine ? "answered" : request->task->error.text);
	else if (!fine)
		record_queue(request, "refused", NULL, request->task->error.text, NULL, NULL);
	event_done(request);
}

static void
rehearse(struct request *request, const struct decision *decision)
{
	struct task *task = request->task;

	task_rehearse(task);
	bool fine = request->command->run(request);
	if (task->cancelled)
		return;
	if (task->would)
		request_tell(request, card_new(task->arena, TONE_PLAIN, "Dry run, nothing sent. Would %s | allowed by %s%s", task->would, decision->rule, decide_beside(request)));
	else if (fine)
		request_tell(request, card_new(task->arena, TONE_PLAIN, "Dry run: nothing outside would change | allowed by %s%s", decision->rule, decide_beside(request)));
	else
		request_tell(request, card_new(task->arena, TONE_BAD, "Dry run: it would fail: %s", task->error.text));
	record_queue(request, "answered", task_text(task, "%s --dry-run", record_command(request)), "allowed", decision->rule, "dry run");
	event_done(request);
}

/* What changes something: T2 and T3 of the data model in one. */

struct sending {
	struct intent intent;
	struct audit_entry audit;
	struct label label;
	char letter;
};

static bool
write_sending(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct sending *sending = with;

	if (sending->intent.event && !message_done(db, sending->intent.event, error))
		return false;
	if (sending->letter) {
		if (!label_new(db, sending->letter, &sending->label, arena, error))
			return false;
		sending->intent.label = sending->label.name;
	}
	if (!intent_send(db, &sending->intent, error))
		return false;
	sending->audit.intent = sending->intent.id;
	return audit_write(db, &sending->audit, error);
}

static struct work *
sending_work(struct request *request, const struct decision *decision)
{
	struct work *work = work_new(write_sending, sizeof(struct sending));
	struct sending *sending = work_with(work);
	struct arena *arena = work_arena(work);
	struct intent *intent = &sending->intent;

	record_intent(arena, request, decision->rule, intent);
	sending->letter = request->command->letter;
	sending->label.kind = request->instance ? arena_text(arena, request->kind) : "own";
	sending->label.instance = intent->instance ? intent->instance : "";
	sending->label.subject = "";
	sending->label.room = intent->room;
	sending->audit = record_entry(arena, request, "asked", record_command(request));
	sending->audit.decision = "allowed";
	sending->audit.rule = intent->rule;
	return work;
}

static void
change(struct request *request, const struct decision *decision)
{
	struct task *task = request->task;
	struct work *work = sending_work(request, decision);
	const struct sending *sending = work_with(work);

	if (!store_commit(task, work)) {
		request_tell(request, card_new(task->arena, TONE_BAD, "refused: it could not be written down first, so nothing was done: %s", task->error.text));
		event_done(request);
		return;
	}
	request->own->event = 0;
	request->label = sending->intent.label;
	log_info("%s%s%s asked by %s in %s", request->label ? request->label : "", request->label ? ": " : "", record_command(request), request->from.account,
		request->room ? request->room->name : "private");
	perform(request, sending->intent.id);
}

static bool
held(struct request *request, struct decision *decision)
{
	const struct hold hold = decide_held(request, decision);

	if (hold.why)
		carry_refuse(request, task_text(request->task, "refused: %s. %s%s", hold.why, request->talk->prefix, hold.more),
			task_text(request->task, "refused: %s", hold.name));
	return hold.why;
}

void
carry_out(struct request *request)
{
	struct decision decision;
	struct needs needs;
	struct ask ask = decide_question(request);
	bool changes = request->command->care == CARE_CHANGE;

	if (request->command->care != CARE_LOOK && !request->person && !request->command->open) {
		carry_refuse(request, "refused: that is for people I know", "refused: not proven");
		return;
	}
	if (request->command->care != CARE_LOOK && request->from.only_looks) {
		carry_refuse(request, task_text(request->task, "refused: I cannot prove well enough who you are: %s proves only what looks", request->from.proof),
			"refused: not proven");
		return;
	}
	/* Who may not do it with any arguments costs the service nothing; what only looks is decided upon as it was written, too. */
	if ((!changes || !rights_could(request->talk->rights, &ask)) && !decided(request, &decision))
		return;
	if (!resolved(request) || !decided(request, &decision))
		return;
	if (changes && !request->own->dry && held(request, &decision))
		return;
	decide_needs(request, &needs);
	if (changes && !request->own->dry && needs.crowded)
		carry_refuse(request, "refused: more approvals are needed for it than I can ask for; the configuration must ask for fewer", "refused: too many approvals");
	else if (changes && !request->own->dry && needs_any(&needs))
		approval_hold(request, &decision, &needs);
	else if (changes && !request->own->dry)
		change(request, &decision);
	else if (!auditable(request))
		return;
	else if (request->own->dry)
		rehearse(request, &decision);
	else
		look(request, &decision);
}
