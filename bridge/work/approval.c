/* approval: a request that waits for a yes: asked, and on to what it needs next. */
#include "bridge/work/approval.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/base/typed.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/guard.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/approved.h"
#include "bridge/work/code.h"
#include "bridge/work/decide.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

enum {
	CODE_PATIENCE = 2 * 60 * 1000,  /* ms that somebody has to give their one-time code */
};

static const char REQUEST_LETTER = 'R';         /* of a command that makes no living thing, while it waits */

/* `code` NULL: it was said before, and the id is as good. */
static const char *
what_to_type(struct task *task, const struct talk *talk, const struct approval_row *row, const char *code)
{
	const char *name = code ? code : row->label;

	if (row->stage == STAGE_CONFIRM)
		return task_text(task, "%syes within %s makes it so", talk->prefix, clock_span(task->arena, row->until - row->asked));
	if (row->stage == STAGE_CODE)
		return NULL;
	return task_text(task, "%1$sapprove %2$s or %1$sdeny %2$s REASON", talk->prefix, name);
}

/* What it waits for first, or behind that. */
static bool
next_stage(struct approval_row *row, bool confirms, bool wants_code, bool has_code)
{
	if (confirms)
		row->stage = STAGE_CONFIRM;
	else if (wants_code && !has_code)
		row->stage = STAGE_CODE;
	else if (row->need_count)
		row->stage = STAGE_VOTES;
	else
		return false;
	int64_t now = clock_wall();
	row->until = now + (row->stage == STAGE_CONFIRM ? row->confirm_within : row->stage == STAGE_CODE ? CODE_PATIENCE : row->within);
	return true;
}

/* Their code is asked for where nobody else reads. */
static void
ask_for_code(struct request *request, const struct approval_row *row)
{
	struct place alone = request_alone(request);

	outbox_say(request->talk->outbox, &alone, NULL, card_new(request->task->arena, TONE_WAITING, "%s, %s, asked in %s: your 6-digit code, within %s",
		row->label, row->about, row->room ? row->room : "private", clock_span(request->task->arena, CODE_PATIENCE)));
}

struct saying *
approval_saying(struct arena *arena, const struct talk *talk, const struct waiting *waiting, const struct card *card)
{
	const struct intent *intent = &waiting->intent;
	const struct room *room = intent->room ? room_named(talk->rooms, intent->room) : NULL;
	struct place place;
	bool there = place_read(arena, intent->place, &place);

	return outbox_saying(talk->outbox, arena, room, there ? &place : NULL, intent->replies, card);
}

/* -- Asking ------------------------------------------------------------------------------------------------------------- */

struct naming {
	struct label label;
	char letter;
	const char *person;
	int64_t code_age;               /* ms: how old a code of theirs may be; 0: none is needed */
	struct code code;
	bool fresh;                     /* they gave one since */
};

/* Who has no codes is told so before anything waits. */
static bool
write_name(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct naming *naming = with;
	const struct code_now now = { clock_wall(), clock_mono() };

	if (naming->code_age && (!code_read(db, naming->person, now, arena, &naming->code, error)
	    || !code_fresh(db, naming->person, naming->code_age, now, &naming->fresh, error)))
		return false;
	if (naming->code_age && naming->code.state != CODE_ENROLLED)
		return true;
	return label_new(db, naming->letter, &naming->label, arena, error);
}

/* The id first, because the card says it. */
static bool
name_it(struct request *request, const struct needs *needs, bool *fresh)
{
	struct work *work = work_new(write_name, sizeof(struct naming));
	struct naming *naming = work_with(work);
	struct arena *arena = work_arena(work);

	naming->letter = request->command->letter ? request->command->letter : REQUEST_LETTER;
	naming->label = (struct label){ .kind = request->instance ? arena_text(arena, request->kind) : "own",
		.instance = request->instance ? arena_text(arena, request->instance->name) : "", .subject = "",
		.room = request->room ? arena_text(arena, request->room->name) : NULL };
	naming->person = arena_text(arena, request->person->name);
	naming->code_age = needs->code;
	if (!store_commit(request->task, work))
		return task_fail(request->task, "it could not be written down first, so nothing was done: %s", task_text(request->task, "%s", request->task->error.text));
	if (!naming->label.name)
		return task_fail(request->task, "it needs a one-time code of yours, and yours are not set up. Say to me in private: %scode", request->talk->prefix);
	request->label = naming->label.name;
	*fresh = naming->fresh;
	return true;
}

struct holding {
	struct waiting waiting;
	struct audit_entry audit;
	const char *card;
	struct saying *saying;
};

static bool
write_holding(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct holding *holding = with;
	struct intent *intent = &holding->waiting.intent;
	bool moved;

	(void)arena;
	if (intent->event && !message_done(db, intent->event, error))
		return false;
	if (!intent_write(db, intent, error) || !intent_move(db, intent->id, "asked", "waiting", &moved, error))
		return false;
	holding->waiting.row.intent = holding->audit.intent = intent->id;
	return approval_write(db, &holding->waiting.row, error) && audit_write(db, &holding->audit, error)
	    && label_card(db, intent->label, holding->card, false, error) && outbox_write(db, holding->saying, intent->label, error);
}

static void
fill_needs(struct arena *arena, struct approval_row *row, const struct needs *needs, bool fresh)
{
	for (size_t i = 0; i < needs->count; i++)
		if (needs->approvals[i]->count)
			row->need[row->need_count++] = (struct need){ needs->approvals[i]->count, arena_text(arena, needs->approvals[i]->by) };
	row->needs = needs_policy(arena, needs);
	row->within = needs->within;
	row->confirm_within = needs->confirm;
	row->code_age = needs->code;
	row->reaction = needs->reaction;
	/* Where a code is all, and was given before, it waits for nothing, and goes on from there at once. */
	if (!next_stage(row, needs->confirm, needs->code, fresh))
		next_stage(row, false, true, false);
}

/* The command, and what it would do where its words alone do not say it. */
static const char *
about(struct arena *arena, const struct request *request)
{
	const char *foreseen = request->own->foreseen;

	return arena_printf(arena, "%s%s%s", record_command(request), foreseen ? ": " : "", foreseen ? foreseen : "");
}

static void
fill_holding(struct holding *holding, struct arena *arena, const struct request *request, const struct decision *decision, const struct needs *needs,
	bool fresh, const char code[TYPED_SIZE])
{
	struct waiting *waiting = &holding->waiting;
	struct intent *intent = &waiting->intent;
	struct approval_row *row = &waiting->row;

	record_intent(arena, request, decision->rule, intent);
	intent->label = arena_text(arena, request->label);
	*row = (struct approval_row){ .person = intent->person, .label = intent->label, .room = intent->room, .place = intent->place,
		.about = about(arena, request), .asked = intent->asked };
	fill_needs(arena, row, needs, fresh);
	typed_hash(code, row->code);
	waiting_hash(intent, row, row->hash);
	holding->audit = record_entry(arena, request, "asked", record_command(request));
	holding->audit.decision = row->stage == STAGE_CONFIRM ? "waits to be confirmed" : row->stage == STAGE_CODE ? "waits for a one-time code" : "waits for approval";
	holding->audit.rule = intent->rule;
}

/* Nothing waits, and who asked hears why. */
static void
refuse(struct request *request)
{
	struct task *task = request->task;

	request_tell(request, card_new(task->arena, TONE_BAD, "refused: %s", task->error.text));
	record_queue(request, "refused", NULL, task->error.text, NULL, NULL);
	record_done(request->talk, request->own->event);
	request->own->event = 0;
}

void
approval_hold(struct request *request, const struct decision *decision, const struct needs *needs)
{
	struct task *task = request->task;
	char code[TYPED_SIZE];
	bool fresh = false;

	if (!name_it(request, needs, &fresh)) {
		refuse(request);
		return;
	}
	struct work *work = work_new(write_holding, sizeof(struct holding));
	struct holding *holding = work_with(work);
	struct arena *arena = work_arena(work);
	typed_make(code);
	fill_holding(holding, arena, request, decision, needs, fresh, code);
	struct card *card = waiting_card(arena, &holding->waiting, "asked");
	card->next = what_to_type(task, request->talk, &holding->waiting.row, code);
	holding->card = card_json(arena, card);
	holding->saying = outbox_saying(request->talk->outbox, arena, request->room, &request->place, request->own->replies_to, card);
	if (!store_commit(task, work)) {
		task_fail(task, "it could not be written down first, so nothing was done: %s", task_text(task, "%s", task->error.text));
		refuse(request);
		return;
	}
	request->own->event = 0;
	log_info("%s: %s asked by %s in %s, and waits.", request->label, holding->waiting.row.about, request->from.account,
		request->room ? request->room->name : "private");
	waiting_note(request->talk, &holding->waiting.row, request->own->replies_to);
	outbox_kick(request->talk->outbox);
	if (holding->waiting.row.stage != STAGE_CODE)
		return;
	if (!fresh)
		ask_for_code(request, &holding->waiting.row);
	else if (!approval_advance(request, &holding->waiting, "code given before"))
		request_tell(request, card_new(task->arena, TONE_BAD, "%s", task->error.text));
}

/* -- On to what it needs next ------------------------------------------------------------------------------------------- */

struct advancing {
	struct approval_row row;
	enum stage from;
	struct audit_entry audit;
	const char *card;
	struct saying *saying;
	int64_t event;
	bool waits, moved;
};

static bool
write_advancing(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct advancing *advancing = with;
	struct intent intent;
	struct approval_row now;
	bool found, still;

	if (!intent_read(db, advancing->row.intent, arena, &intent, &found, error) || !approval_read(db, advancing->row.intent, arena, &now, &still, error))
		return false;
	advancing->moved = found && still && !strcmp(intent.state, "waiting") && now.stage == advancing->from && clock_wall() < now.until;
	if (!advancing->moved)
		return true;
	if (advancing->waits ? !approval_to_stage(db, &advancing->row, error) : !intent_move(db, now.intent, "waiting", "ready", &found, error))
		return false;
	return (!advancing->event || message_done(db, advancing->event, error)) && audit_write(db, &advancing->audit, error)
	    && (!advancing->waits || (label_card(db, now.label, advancing->card, false, error) && outbox_write(db, advancing->saying, now.label, error)));
}

struct reading_code {
	const char *person;
	int64_t age;
	bool fresh;
};

static bool
read_code(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct reading_code *reading = with;

	(void)arena;
	return code_fresh(db, reading->person, reading->age, (struct code_now){ clock_wall(), clock_mono() }, &reading->fresh, error);
}

static bool
has_code(struct request *request, const struct approval_row *row, bool *fresh)
{
	*fresh = false;
	if (!row->code_age)
		return true;
	struct work *work = work_new(read_code, sizeof(struct reading_code));
	struct reading_code *reading = work_with(work);
	*reading = (struct reading_code){ arena_text(work_arena(work), row->person), row->code_age, false };
	if (!store_commit(request->task, work))
		return false;
	*fresh = reading->fresh;
	return true;
}

bool
approval_advance(struct request *request, struct waiting *waiting, const char *what)
{
	struct task *task = request->task;
	struct approval_row *row = &waiting->row;
	bool fresh;

	if (waiting_withdrawn(request->talk->approvals, row->intent))
		return task_fail(task, "%s was taken back by who asked for it", row->label);
	if (!has_code(request, row, &fresh))
		return false;
	struct work *work = work_new(write_advancing, sizeof(struct advancing));
	struct advancing *advancing = work_with(work);
	struct arena *arena = work_arena(work);
	advancing->from = row->stage;
	advancing->waits = next_stage(row, false, row->code_age, fresh);
	waiting_hash(&waiting->intent, row, row->hash);
	advancing->row = *row;
	advancing->event = request->own->event;
	advancing->audit = record_entry(arena, request, what, record_command(request));
	advancing->audit.intent = row->intent;
	advancing->audit.result = row->about;
	struct card *card = waiting_card(arena, waiting, "asked");
	card->next = what_to_type(task, request->talk, row, NULL);
	advancing->card = card_json(arena, card);
	advancing->saying = approval_saying(arena, request->talk, waiting, card);
	if (!store_commit(task, work))
		return false;
	if (!advancing->moved)
		return task_fail(task, "%s waits for that no more", row->label);
	outbox_kick(request->talk->outbox);
	if (!advancing->waits)
		approved_run(request->talk, row->intent);
	else
		waiting_note(request->talk, row, waiting->intent.replies);
	if (advancing->waits && row->stage == STAGE_CODE)
		ask_for_code(request, row);
	return true;
}

struct listing {
	const char *person;
	int64_t intents[16];
	size_t count;
};

static void
list_code(const struct approval_row *row, void *with)
{
	struct listing *listing = with;

	if (row->stage == STAGE_CODE && !strcmp(row->person, listing->person) && listing->count < sizeof listing->intents / sizeof *listing->intents)
		listing->intents[listing->count++] = row->intent;
}

static bool
read_listing(struct db *db, void *with, struct arena *arena, struct error *error)
{
	return approval_each(db, arena, list_code, with, error);
}

const char *
approval_code_given(struct request *request)
{
	struct task *task = request->task;
	struct work *work = work_new(read_listing, sizeof(struct listing));
	struct listing *listing = work_with(work);
	struct text names = text_in(task->arena, 200);
	struct waiting waiting;

	listing->person = arena_text(work_arena(work), request->person->name);
	if (!store_commit(task, work))
		return "";
	for (size_t i = 0; i < listing->count; i++)
		if (waiting_of(task, listing->intents[i], &waiting) && approval_advance(request, &waiting, "code given"))
			text_printf(&names, "%s%s", names.length ? " and " : "", waiting.row.label);
	return names.bytes;
}
