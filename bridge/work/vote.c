/* vote: the verbs that decide upon what somebody asked for. A vote, its count and what follows from it are one transaction. */
#include "bridge/work/vote.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/role.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/approval.h"
#include "bridge/work/approval_end.h"
#include "bridge/work/approved.h"
#include "bridge/work/pair.h"
#include "bridge/work/record.h"
#include "bridge/work/request.h"
#include "bridge/work/request_private.h"

/* -- Which one is meant, and who may decide ------------------------------------------------------------------------------ */

/* Decided in its own room, whichever chat that is, or in private: others may not see what they would decide upon. */
static bool
is_here(const struct request *request, const struct waiting *waiting)
{
	return !request->room || (waiting->row.room && !strcmp(request->room->name, waiting->row.room));
}

/* False without a sentence where a sign means nothing: people put thumbs on builds that went well, too. */
static bool
find(struct request *request, struct waiting *out)
{
	struct task *task = request->task;
	const char *word = request_param(request, "ID");

	if (!waiting_find(task, word, out))
		return task->error.text[0] || request->own->by_sign ? false : task_fail(task, "nothing called %s waits for a yes. What does: %sapprovals", word, request->talk->prefix);
	if (waiting_withdrawn(request->talk->approvals, out->row.intent))
		return task_fail(task, "%s was taken back by who asked for it", out->row.label);
	if (is_here(request, out))
		return true;
	return task_fail(task, "refused: %s was asked in %s; decide upon it there, or in private", out->row.label,
		out->row.room ? out->row.room : "private");
}

static bool
is_theirs(const struct request *request, const struct waiting *waiting)
{
	return !strcmp(request->person->name, waiting->row.person);
}

/* A bit for each thing needed whose role the person has. */
static int64_t
meets(const struct request *request, const struct approval_row *row)
{
	int64_t bits = 0;

	for (size_t i = 0; i < row->need_count; i++)
		if (rights_has_role_for_good(request->talk->rights, request->person, row->need[i].role))
			bits |= (int64_t)1 << i;
	return bits;
}

static bool
lacks_role(struct request *request, const struct waiting *waiting, const char *verb)
{
	struct text roles = text_in(request->task->arena, 300), theirs = text_in(request->task->arena, 300);
	const struct list *list = &request->person->roles;

	for (size_t i = 0; i < waiting->row.need_count; i++)
		text_printf(&roles, "%s%s", i ? " or " : "", waiting->row.need[i].role);
	for (size_t i = 0; i < list->count; i++)
		text_printf(&theirs, "%s%s", i ? " and " : "", list->each[i]);
	return task_fail(request->task, "refused: to %s %s needs the role %s; you are %s by %s with %s", verb, waiting->row.label, roles.bytes,
		request->person->name, request->from.account, theirs.length ? theirs.bytes : "no role");
}

/* Where it was said, if that is elsewhere than it was asked, and whether it was a sign. */
static const char *
how(const struct request *request, const struct waiting *waiting)
{
	struct place asked = { 0 };
	bool elsewhere = place_read(request->task->arena, waiting->row.place, &asked) && strcmp(asked.link, request->place.link) != 0;
	bool sign = request->own->by_sign;

	return task_text(request->task, "%s%s%s", elsewhere ? request->place.link : "", elsewhere && sign ? ", " : "", sign ? "reaction" : "");
}

/* -- Yes ----------------------------------------------------------------------------------------------------------------- */

/* T5 of the data model: the vote, its count, and the state that follows, at once. Two that race come one after the other here. */
struct voting {
	struct approval_row row;
	struct vote vote;
	struct audit_entry audit;
	int64_t event;
	const char *card, *card_met;            /* while more are needed; when it was the last */
	struct saying *saying, *saying_met;
	bool waits, first, met;
};

static bool
write_vote(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct voting *voting = with;
	struct intent intent;
	bool found, moved = true;

	if (!intent_read(db, voting->row.intent, arena, &intent, &found, error))
		return false;
	voting->waits = found && !strcmp(intent.state, "waiting") && clock_wall() < voting->row.until;
	if (!voting->waits)
		return true;
	if (!vote_write(db, &voting->row, &voting->vote, arena, &voting->first, &voting->met, error))
		return false;
	if (!voting->first)
		return true;
	if (voting->met && !intent_move(db, voting->row.intent, "waiting", "ready", &moved, error))
		return false;
	return moved && (!voting->event || message_done(db, voting->event, error)) && audit_write(db, &voting->audit, error)
	    && label_card(db, voting->row.label, voting->met ? voting->card_met : voting->card, false, error)
	    && outbox_write(db, voting->met ? voting->saying_met : voting->saying, voting->row.label, error);
}

static void
fill_voting(struct voting *voting, struct arena *arena, struct request *request, struct waiting *waiting)
{
	struct vote *vote = &voting->vote;

	voting->row = waiting->row;
	voting->event = request->own->event;
	*vote = (struct vote){ .person = arena_text(arena, request->person->name), .account = arena_text(arena, request->from.account),
		.proof = arena_text(arena, request->from.proof), .how = arena_text(arena, how(request, waiting)), .yes = true,
		.meets = meets(request, &waiting->row), .at = clock_wall(), .message = arena_text(arena, request->own->message) };
	voting->audit = record_entry(arena, request, "approved", record_command(request));
	voting->audit.intent = waiting->row.intent;
	voting->audit.result = waiting->row.about;
	if (waiting->vote_count < VOTES_MOST)
		waiting->votes[waiting->vote_count++] = *vote;
	struct card *more = waiting_card(arena, waiting, "asked"), *last = waiting_card(arena, waiting, "approved");
	more->next = task_text(request->task, "%1$sapprove %2$s or %1$sdeny %2$s REASON", request->talk->prefix, waiting->row.label);
	voting->card = card_json(arena, more);
	voting->card_met = card_json(arena, last);
	voting->saying = approval_saying(arena, request->talk, waiting, more);
	voting->saying_met = approval_saying(arena, request->talk, waiting, last);
}

static bool
vote(struct request *request, struct waiting *waiting)
{
	struct task *task = request->task;

	if (waiting_was_taken_back(request->talk->approvals, request->own->message))
		return true;
	struct work *work = work_new(write_vote, sizeof(struct voting));
	struct voting *voting = work_with(work);

	fill_voting(voting, work_arena(work), request, waiting);
	if (!store_commit(task, work))
		return false;
	if (!voting->waits)
		return task_fail(task, "%s waits for a yes no more", voting->row.label);
	if (!voting->first)
		return task_fail(task, "you have decided upon %s already", voting->row.label);
	outbox_kick(request->talk->outbox);
	if (voting->met)
		approved_run(request->talk, voting->row.intent);
	if (request->room)
		return true;            /* the card says it there */
	return request_reply(request, card_new(task->arena, TONE_GOOD, "%s: you approved it%s", voting->row.label, voting->met ? "; it runs now" : ""));
}

/* Whoever got hold of one account could pair another one, and be two. */
static bool
is_fresh(struct request *request, const char *label)
{
	struct task *task = request->task;
	int64_t now = clock_wall(), settled = rights_account_fresh(request->talk->rights, request->from.account, now, clock_mono());

	if (!settled)
		return false;
	task_fail(task, "refused: %s was paired less than a day ago, so it cannot approve %s; it may from %s", request->from.account, label,
		clock_ago(task->arena, settled, now));
	return true;
}

static bool
confirm(struct request *request, struct waiting *waiting);

bool
approve_run(struct request *request)
{
	struct task *task = request->task;
	struct waiting waiting;

	if (!find(request, &waiting))
		return !task->error.text[0];
	const struct approval_row *row = &waiting.row;
	if (row->stage == STAGE_CONFIRM)
		return is_theirs(request, &waiting) ? confirm(request, &waiting)
			: task_fail(task, "refused: %s waits for %s to confirm it", row->label, row->person);
	if (row->stage == STAGE_CODE)
		return task_fail(task, "refused: %s waits for the one-time code of %s", row->label, row->person);
	if (is_theirs(request, &waiting))
		return task_fail(task, "refused: you asked for %s, as %s. Somebody else must approve it", row->label, waiting.intent.account);
	if (!meets(request, row))
		return lacks_role(request, &waiting, "approve");
	if (is_fresh(request, row->label))
		return false;
	if (request->own->by_sign && !row->reaction)
		return task_fail(task, "refused: a sign is not enough for %s; say %sapprove %s", row->label, request->talk->prefix, row->label);
	return task->dry ? task_would(task, "approve %s: %s", row->label, row->about) : vote(request, &waiting);
}

/* -- The asker's own yes ------------------------------------------------------------------------------------------------- */

static bool
confirm(struct request *request, struct waiting *waiting)
{
	if (request->task->dry)
		return task_would(request->task, "confirm %s: %s", waiting->row.label, waiting->row.about);
	return approval_advance(request, waiting, "confirmed");
}

struct listing {
	struct arena *arena;
	const char *person, *place, *room;
	bool all;
	struct waiting found;           /* the newest that this person has to confirm there */
	struct { const struct approval_row *row; const char *line; } each[64];
	size_t count;
};

static void
find_unconfirmed(const struct approval_row *row, void *with)
{
	struct listing *listing = with;

	if (row->stage == STAGE_CONFIRM && !strcmp(row->person, listing->person) && !strcmp(row->place, listing->place))
		listing->found.row = *row;
}

static bool
read_unconfirmed(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct listing *listing = with;
	bool found;

	return approval_each(db, arena, find_unconfirmed, listing, error)
	    && (!listing->found.row.label || intent_read(db, listing->found.row.intent, arena, &listing->found.intent, &found, error));
}

bool
yes_run(struct request *request)
{
	if (pair_waits(request))
		return pair_yes_run(request);
	if (!request->person)
		return task_fail(request->task, "I asked you nothing here that a yes would answer");
	struct work *work = work_new(read_unconfirmed, sizeof(struct listing));
	struct listing *listing = work_with(work);

	listing->person = arena_text(work_arena(work), request->person->name);
	listing->place = place_text(work_arena(work), &request->place);
	if (!store_commit(request->task, work))
		return false;
	if (!listing->found.row.label)
		return task_fail(request->task, "I asked you nothing here that a yes would answer");
	return confirm(request, &listing->found);
}

/* -- No ------------------------------------------------------------------------------------------------------------------ */

bool
deny_run(struct request *request)
{
	struct task *task = request->task;
	const char *reason = request_param(request, "REASON");
	struct waiting waiting;
	bool ended;

	if (!find(request, &waiting))
		return !task->error.text[0];
	bool theirs = is_theirs(request, &waiting);
	if (!theirs && (waiting.row.stage != STAGE_VOTES || !meets(request, &waiting.row)))
		return lacks_role(request, &waiting, "deny");
	if (!theirs && request->own->by_sign && !waiting.row.reaction)
		return task_fail(task, "refused: a sign is not enough for %s; say %sdeny %s", waiting.row.label, request->talk->prefix, waiting.row.label);
	if (task->dry)
		return task_would(task, "deny %s: %s", waiting.row.label, waiting.row.about);
	const char *who = theirs ? task_text(task, "taken back by %s", request->person->name) : task_text(task, "by %s", request->person->name);
	const char *why = task_text(task, "%s%s%s. Nothing ran", who, reason ? ": " : "", reason ? reason : "");
	struct audit_entry audit = record_entry(task->arena, request, "denied", record_command(request));
	audit.result = waiting.row.about;
	struct card *card = waiting_last_card(task->arena, &waiting, theirs ? "revoked" : "denied", why);
	if (!approval_end(task, request->talk, &waiting, theirs ? "revoked" : "refused", why, &audit, card, &ended))
		return false;
	if (!ended)
		return task_fail(task, "%s waits for a yes no more", waiting.row.label);
	return request->room || request_reply(request, card_new(task->arena, TONE_PLAIN, "%s: %s", waiting.row.label, why));
}

/* -- What waits ---------------------------------------------------------------------------------------------------------- */

static void
list_one(const struct approval_row *row, void *with)
{
	struct listing *listing = with;

	if (listing->count < sizeof listing->each / sizeof *listing->each && (listing->all || (row->room && !strcmp(row->room, listing->room)))) {
		struct approval_row *copy = arena_copy(listing->arena, row, sizeof *row);
		listing->each[listing->count++].row = copy;
	}
}

static bool
read_list(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct listing *listing = with;
	struct waiting waiting;
	bool found;

	listing->arena = arena;
	if (!approval_each(db, arena, list_one, listing, error))
		return false;
	for (size_t i = 0; i < listing->count; i++) {
		waiting.row = *listing->each[i].row;
		if (!intent_read(db, waiting.row.intent, arena, &waiting.intent, &found, error)
		    || !vote_list(db, waiting.row.intent, arena, waiting.votes, &waiting.vote_count, error))
			return false;
		listing->each[i].line = waiting_line(arena, &waiting);
	}
	return true;
}

bool
approvals_run(struct request *request)
{
	struct task *task = request->task;
	struct work *work = work_new(read_list, sizeof(struct listing));
	struct listing *listing = work_with(work);

	listing->all = !request->room;
	listing->room = request->room ? arena_text(work_arena(work), request->room->name) : NULL;
	if (!store_commit(task, work))
		return false;
	if (!listing->count)
		return request_reply(request, card_new(task->arena, TONE_PLAIN, "nothing waits for a yes%s", request->room ? " here" : ""));
	struct card *card = card_new(task->arena, TONE_PLAIN, "%zu wait%s for a yes. %sapprove ID or %sdeny ID REASON", listing->count,
		listing->count == 1 ? "s" : "", request->talk->prefix, request->talk->prefix);
	for (size_t i = 0; i < listing->count; i++)
		card_line(card, "%s", listing->each[i].line);
	return request_reply(request, card);
}
