/* approval: a request that waits for a yes: asked, expired, taken back, and at last carried out, once. */
#include "bridge/talk/approval.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/rights/audit.h"
#include "bridge/rights/guard.h"
#include "bridge/rights/role.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/talk/card.h"
#include "bridge/talk/decide.h"
#include "bridge/talk/label.h"
#include "bridge/talk/manners.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/pause.h"
#include "bridge/talk/perform.h"
#include "bridge/talk/record.h"
#include "bridge/talk/request.h"
#include "bridge/talk/request_private.h"
#include "bridge/talk/resume.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"

enum {
	CODE_CHARS = 8,                 /* 40 bits */
	CODE_SIZE = CODE_CHARS + 2,     /* K7MQ-2XWD */
	LOOK_MOST = 30 * 1000,          /* ms: the wall clock may be set while we wait */
	CLOCK_BACK = 5 * 60 * 1000,     /* ms that the wall clock may go back between two lives */
};

static const char THUMBS[] = "\U0001f44d \U0001f44e";

static const char REQUEST_LETTER = 'R';         /* of a command that makes no living thing, while it waits */

/* -- What waits, in memory ----------------------------------------------------------------------------------------------- */

/* It may wait until the earlier of two moments: a clock that is set makes nothing live longer. */
struct entry {
	int64_t intent, until, deadline;        /* wall, mono */
	char *place, *replies;
	struct entry *next;
};

struct approvals {
	struct entry *first;
	struct watch *timer;
	const struct talk *talk;
};

struct approvals *
approvals_new(void)
{
	return memory_take(sizeof(struct approvals));
}

static void
free_entry(struct entry *entry)
{
	free(entry->place);
	free(entry->replies);
	free(entry);
}

void
approvals_free(struct approvals *approvals)
{
	struct entry *next;

	for (struct entry *entry = approvals ? approvals->first : NULL; entry; entry = next) {
		next = entry->next;
		free_entry(entry);
	}
	if (approvals)
		watch_free(approvals->timer);
	free(approvals);
}

size_t
approvals_count(const struct approvals *approvals)
{
	size_t count = 0;

	for (const struct entry *entry = approvals ? approvals->first : NULL; entry; entry = entry->next)
		count++;
	return count;
}

static void
forget(struct approvals *approvals, int64_t intent)
{
	for (struct entry **at = &approvals->first; *at; at = &(*at)->next)
		if ((*at)->intent == intent) {
			struct entry *gone = *at;
			*at = gone->next;
			free_entry(gone);
			return;
		}
}

static void expire(struct task *, void *with);

/* What the tasks here work on. */
struct expiring {
	const struct talk *talk;
	int64_t intent;
};

static void
begin_expiring(const struct talk *talk, int64_t intent)
{
	struct arena *arena = arena_new();
	struct expiring *expiring = arena_take(arena, sizeof *expiring);

	*expiring = (struct expiring){ talk, intent };
	if (!task_start(talk->engine, "expiry", expire, expiring, arena))
		log_error("A request that waited too long could not be ended: too much is going on. It is not carried out.");
}

static int64_t
left_of(const struct entry *entry)
{
	int64_t wall = entry->until - clock_wall(), mono = entry->deadline - clock_mono();
	int64_t left = wall < mono ? wall : mono;

	return left < 0 ? 0 : left < LOOK_MOST ? left : LOOK_MOST;
}

static void
look_again(void *with, int events)
{
	struct approvals *approvals = with;
	struct entry *next;
	int64_t soonest = LOOK_MOST;

	(void)events;
	for (struct entry *entry = approvals->first; entry; entry = next) {
		int64_t left = left_of(entry);
		next = entry->next;
		if (left < soonest)
			soonest = left;
		if (left > 0)
			continue;
		begin_expiring(approvals->talk, entry->intent);
		forget(approvals, entry->intent);
		soonest = LOOK_MOST;
	}
	if (approvals->first)
		watch_after(approvals->timer, soonest ? soonest : 1);
}

void
approvals_note(const struct talk *talk, const struct approval_row *row, const char *replies)
{
	struct approvals *approvals = talk->approvals;
	struct entry *entry = memory_take(sizeof *entry);
	int64_t now = clock_wall(), left = row->until - now;

	/* Of an earlier life whose clock went otherwise: what was asked in the future is over. */
	if (row->asked - now > CLOCK_BACK)
		left = 0;
	forget(approvals, row->intent);
	*entry = (struct entry){ row->intent, row->until, clock_mono() + left, memory_text(row->place), memory_text(replies), approvals->first };
	approvals->first = entry;
	approvals->talk = talk;
	if (!approvals->timer)
		approvals->timer = loop_timer(talk->engine->loop, look_again, approvals);
	watch_after(approvals->timer, left_of(entry) + 1);
	look_again(approvals, 0);
}

/* -- Reading it --------------------------------------------------------------------------------------------------------- */

struct reading {
	const char *label;
	unsigned char code[APPROVAL_HASH];
	int64_t intent;                 /* 0: by label or code */
	struct waiting found;
	bool there;
};

static bool
read_waiting(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct reading *reading = with;
	struct waiting *found = &reading->found;
	bool fine = reading->intent ? approval_read(db, reading->intent, arena, &found->row, &reading->there, error)
		: approval_find(db, reading->label, reading->code, arena, &found->row, &reading->there, error);

	if (!fine || !reading->there)
		return fine;
	return intent_read(db, found->row.intent, arena, &found->intent, &reading->there, error)
	    && vote_list(db, found->row.intent, arena, found->votes, &found->vote_count, error);
}

static bool
read_one(struct task *task, struct work *work, struct waiting *out)
{
	const struct reading *reading = work_with(work);

	if (!store_commit(task, work))
		return false;
	*out = reading->found;
	return reading->there;
}

static bool
waiting_of(struct task *task, int64_t intent, struct waiting *out)
{
	struct work *work = work_new(read_waiting, sizeof(struct reading));

	((struct reading *)work_with(work))->intent = intent;
	return read_one(task, work, out);
}

bool
waiting_find(struct task *task, const char *word, struct waiting *out)
{
	struct work *work = work_new(read_waiting, sizeof(struct reading));
	struct reading *reading = work_with(work);

	reading->label = arena_text(work_arena(work), word);
	approval_code_hash(word, reading->code);
	return read_one(task, work, out);
}

struct loading {
	const struct talk *talk;
	struct arena *arena;
	struct loaded { struct approval_row row; const char *replies; struct loaded *next; } *first, **last;
};

static void
load_one(const struct approval_row *row, void *with)
{
	struct loading *loading = with;
	struct loaded *one = arena_take(loading->arena, sizeof *one);

	*one = (struct loaded){ .row = *row };
	*loading->last = one;
	loading->last = &one->next;
}

static bool
load(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct loading *loading = with;
	struct intent intent;
	bool found;

	loading->arena = arena;
	loading->last = &loading->first;
	if (!approval_each(db, arena, load_one, loading, error))
		return false;
	for (struct loaded *one = loading->first; one; one = one->next) {
		if (!intent_read(db, one->row.intent, arena, &intent, &found, error))
			return false;
		one->replies = found ? intent.replies : NULL;
	}
	return true;
}

bool
approvals_load(struct task *task, const struct talk *talk)
{
	struct work *work = work_new(load, sizeof(struct loading));
	const struct loading *loading = work_with(work);

	if (!store_commit(task, work))
		return false;
	for (const struct loaded *one = loading->first; one; one = one->next)
		approvals_note(talk, &one->row, one->replies);
	return true;
}

/* -- What binds it ------------------------------------------------------------------------------------------------------ */

/* No letter or figure that is taken for another one; 32 of them. */
static const char code_alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

static void
make_code(char code[CODE_SIZE])
{
	unsigned char chance[CODE_CHARS];
	size_t at = 0;

	if (RAND_bytes(chance, sizeof chance) != 1)
		abort();
	for (size_t i = 0; i < CODE_CHARS; i++) {
		if (i == CODE_CHARS / 2)
			code[at++] = '-';
		code[at++] = code_alphabet[chance[i] & 31];
	}
	code[at] = '\0';
}

static void
digest_all(const void *const *parts, const size_t *lengths, size_t count, unsigned char out[APPROVAL_HASH])
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (!digest || !EVP_DigestInit_ex(digest, EVP_sha256(), NULL))
		abort();
	for (size_t i = 0; i < count; i++)
		EVP_DigestUpdate(digest, parts[i], lengths[i]);
	EVP_DigestFinal_ex(digest, out, NULL);
	EVP_MD_CTX_free(digest);
}

void
approval_code_hash(const char *code, unsigned char out[APPROVAL_HASH])
{
	char plain[CODE_CHARS + 1] = "";
	size_t length = 0;

	for (; *code && length < CODE_CHARS; code++)
		if (*code != '-' && *code != ' ')
			plain[length++] = (char)toupper((unsigned char)*code);
	digest_all((const void *[]){ plain }, (size_t[]){ length }, 1, out);
}

void
approval_hash(const struct intent *intent, const struct approval_row *row, unsigned char out[APPROVAL_HASH])
{
	const char *room = row->room ? row->room : "";
	const void *parts[] = { intent->hash, intent->account, room, row->place, row->needs, &row->until };
	const size_t lengths[] = { sizeof intent->hash, strlen(intent->account) + 1, strlen(room) + 1, strlen(row->place) + 1, strlen(row->needs) + 1,
		sizeof row->until };

	digest_all(parts, lengths, sizeof parts / sizeof *parts, out);
}

/* -- What the room sees ------------------------------------------------------------------------------------------------- */

/* "1 other deployer and 2 others with the role sre" */
static const char *
missing_text(struct arena *arena, const struct waiting *waiting)
{
	struct text text = text_in(arena, 400);
	int64_t missing[NEED_MOST];

	vote_missing(&waiting->row, waiting->votes, waiting->vote_count, missing);
	for (size_t i = 0; i < waiting->row.need_count; i++)
		if (missing[i])
			text_printf(&text, missing[i] == 1 ? "%s%lld other %s" : "%s%lld others with the role %s", text.length ? " and " : "",
				(long long)missing[i], waiting->row.need[i].role);
	return text.bytes;
}

static const char *
votes_text(struct arena *arena, const struct waiting *waiting)
{
	struct text text = text_in(arena, 400);

	for (size_t i = 0; i < waiting->vote_count; i++)
		if (waiting->votes[i].yes)
			text_printf(&text, "%s%s%s%s%s", text.length ? " and " : "", waiting->votes[i].person, *waiting->votes[i].how ? " (" : "",
				waiting->votes[i].how, *waiting->votes[i].how ? ")" : "");
	return text.bytes;
}

struct card *
waiting_card(struct arena *arena, const struct waiting *waiting, const char *state)
{
	const struct approval_row *row = &waiting->row;
	struct card *card = card_new(arena, TONE_WAITING, "%s", row->about);
	const char *votes = votes_text(arena, waiting);

	card_state(card, row->label, state);
	card->by = waiting->intent.shown;
	bool asks = !strcmp(state, "asked"), pressed = row->stage == STAGE_CONFIRM || row->reaction;
	card->offers = asks && pressed && !waiting->vote_count ? THUMBS : NULL;
	card->unoffers = asks ? NULL : THUMBS;
	if (*votes)
		card_fact(card, NULL, "approved by %s", votes);
	if (!strcmp(state, "asked") && row->stage == STAGE_VOTES)
		card_fact(card, NULL, "needs %s by %s", missing_text(arena, waiting), clock_ago(arena, row->until, clock_wall()));
	return card;
}

struct card *
waiting_last_card(struct arena *arena, const struct waiting *waiting, const char *state, const char *why)
{
	struct card *card = card_new(arena, TONE_BAD, "%s", waiting->row.about);

	card_state(card, waiting->row.label, state);
	card_fact(card, NULL, "%s", why);
	card->unoffers = THUMBS;
	card->closed = true;
	card->ring = true;
	card->to = waiting->intent.shown;
	card->whom = waiting->intent.account;
	return card;
}

const char *
waiting_line(struct arena *arena, const struct waiting *waiting)
{
	const struct approval_row *row = &waiting->row;
	const char *needs = row->stage == STAGE_CONFIRM ? "the yes of who asked" : missing_text(arena, waiting);

	return arena_printf(arena, "%s: %s, asked by %s, needs %s by %s", row->label, row->about, row->person, needs,
		clock_ago(arena, row->until, clock_wall()));
}

static const char *
what_to_type(struct task *task, const struct talk *talk, const struct approval_row *row, const char *code)
{
	if (row->stage == STAGE_CONFIRM)
		return task_text(task, "%syes within %s makes it so", talk->prefix, clock_span(task->arena, row->until - row->asked));
	return task_text(task, "%sapprove %s or %sdeny %s REASON", talk->prefix, code, talk->prefix, code);
}

/* -- Asking ------------------------------------------------------------------------------------------------------------- */

struct naming {
	struct label label;
	char letter;
};

static bool
write_name(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct naming *naming = with;

	return label_new(db, naming->letter, &naming->label, arena, error);
}

/* The id first, because the card says it. */
static bool
name_it(struct request *request)
{
	struct work *work = work_new(write_name, sizeof(struct naming));
	struct naming *naming = work_with(work);
	struct arena *arena = work_arena(work);

	naming->letter = request->command->letter ? request->command->letter : REQUEST_LETTER;
	naming->label = (struct label){ .kind = request->instance ? arena_text(arena, request->kind) : "own",
		.instance = request->instance ? arena_text(arena, request->instance->name) : "", .subject = "",
		.room = request->room ? arena_text(arena, request->room->name) : NULL };
	if (!store_commit(request->task, work))
		return false;
	request->label = naming->label.name;
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
fill_needs(struct arena *arena, struct approval_row *row, const struct needs *needs)
{
	for (size_t i = 0; i < needs->count; i++)
		row->need[row->need_count++] = (struct need){ needs->approvals[i]->count, arena_text(arena, needs->approvals[i]->by) };
	row->needs = needs_policy(arena, needs);
	row->stage = needs->confirm ? STAGE_CONFIRM : STAGE_VOTES;
	row->within = needs->within;
	row->reaction = needs->reaction;
	row->until = row->asked + (needs->confirm ? needs->confirm : needs->within);
}

static void
fill_holding(struct holding *holding, struct arena *arena, const struct request *request, const struct decision *decision, const struct needs *needs,
	const char code[CODE_SIZE])
{
	struct waiting *waiting = &holding->waiting;
	struct intent *intent = &waiting->intent;
	struct approval_row *row = &waiting->row;

	record_intent(arena, request, decision->rule, intent);
	intent->label = arena_text(arena, request->label);
	*row = (struct approval_row){ .person = intent->person, .label = intent->label, .room = intent->room, .place = intent->place,
		.about = arena_text(arena, record_command(request)), .asked = intent->asked };
	fill_needs(arena, row, needs);
	approval_code_hash(code, row->code);
	approval_hash(intent, row, row->hash);
	holding->audit = record_entry(arena, request, "asked", record_command(request));
	holding->audit.decision = row->stage == STAGE_CONFIRM ? "waits to be confirmed" : "waits for approval";
	holding->audit.rule = intent->rule;
}

void
approval_hold(struct request *request, const struct decision *decision, const struct needs *needs)
{
	struct task *task = request->task;
	struct work *work = work_new(write_holding, sizeof(struct holding));
	struct holding *holding = work_with(work);
	struct arena *arena = work_arena(work);
	char code[CODE_SIZE];

	make_code(code);
	if (name_it(request)) {
		fill_holding(holding, arena, request, decision, needs, code);
		struct card *card = waiting_card(arena, &holding->waiting, "asked");
		card->next = what_to_type(task, request->talk, &holding->waiting.row, code);
		holding->card = card_json(arena, card);
		holding->saying = outbox_saying(request->talk->outbox, arena, request->room, &request->place, request->own->replies_to, card);
	}
	if (!request->label || !store_commit(task, work)) {
		request_tell(request, card_new(task->arena, TONE_BAD, "refused: it could not be written down first, so nothing was done: %s", task->error.text));
		record_done(request->talk, request->own->event);
		return;
	}
	request->own->event = 0;
	log_info("%s: %s asked by %s in %s, and waits.", request->label, holding->waiting.row.about, request->from.account,
		request->room ? request->room->name : "private");
	approvals_note(request->talk, &holding->waiting.row, request->own->replies_to);
	outbox_kick(request->talk->outbox);
}

/* -- Ending without being carried out ------------------------------------------------------------------------------------ */

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

static struct audit_entry
audit_copy(struct arena *arena, const struct audit_entry *entry)
{
	struct audit_entry copy = *entry;
	const char **texts[] = { &copy.what, &copy.person, &copy.account, &copy.proof, &copy.room, &copy.place, &copy.command, &copy.decision, &copy.rule,
		&copy.result, &copy.instance, &copy.args };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		*texts[i] = arena_text(arena, *texts[i]);
	copy.args_hash = NULL;
	copy.args_hash_size = 0;
	return copy;
}

bool
waiting_end(struct task *task, const struct talk *talk, const struct waiting *waiting, const char *state, const char *outcome,
	const struct audit_entry *audit, struct card *card, bool *ended)
{
	struct work *work = work_new(write_finishing, sizeof(struct finishing));
	struct finishing *finishing = work_with(work);
	struct arena *arena = work_arena(work);
	const struct intent *intent = &waiting->intent;
	const struct room *room = intent->room ? room_named(talk->rooms, intent->room) : NULL;
	struct place place;

	*finishing = (struct finishing){ .intent = intent->id, .from = arena_text(arena, intent->state), .state = arena_text(arena, state),
		.outcome = arena_text(arena, outcome), .label = arena_text(arena, intent->label), .card = card_json(arena, card),
		.audit = audit_copy(arena, audit) };
	finishing->audit.intent = intent->id;
	bool there = place_read(task->arena, intent->place, &place);
	finishing->saying = outbox_saying(talk->outbox, arena, room, there ? &place : NULL, intent->replies, card);
	if (!store_commit(task, work))
		return false;
	*ended = finishing->moved;
	forget(talk->approvals, intent->id);
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

static void
end_it(struct task *task, const struct talk *talk, const struct waiting *waiting, const char *state, const char *why)
{
	const struct audit_entry audit = entry_of(waiting, state, why);
	struct card *card = waiting_last_card(task->arena, waiting, state, why);
	bool ended;

	if (!strcmp(state, "expired"))
		card->next = task_text(task, "again: %s%s", talk->prefix, waiting->intent.line);
	if (!waiting_end(task, talk, waiting, state, why, &audit, card, &ended))
		log_error("%s waits no more (%s), and that could not be written down: %s", waiting->intent.label, why, task->error.text);
}

static void
expire(struct task *task, void *with)
{
	const struct expiring *expiring = with;
	struct waiting waiting;

	talk_hold(task, expiring->talk);
	if (!waiting_of(task, expiring->intent, &waiting) || strcmp(waiting.intent.state, "waiting") != 0)
		return;
	const char *span = clock_span(task->arena, waiting.row.until - waiting.row.asked);
	end_it(task, expiring->talk, &waiting, "expired", waiting.row.stage == STAGE_CONFIRM
		? task_text(task, "not confirmed within %s. Nothing ran", span)
		: task_text(task, "not approved within %s. Nothing ran", span));
}

static void
take_back(struct task *task, void *with)
{
	const struct expiring *expiring = with;
	struct waiting waiting;

	talk_hold(task, expiring->talk);
	if (waiting_of(task, expiring->intent, &waiting) && !strcmp(waiting.intent.state, "waiting"))
		end_it(task, expiring->talk, &waiting, "revoked", "what asked for it was taken back. Nothing ran");
}

void
approval_taken_back(const struct talk *talk, const struct message *message)
{
	const struct entry *entry = talk->approvals ? talk->approvals->first : NULL;
	struct place place;

	for (; entry && message->on; entry = entry->next) {
		struct arena *arena = arena_new();
		bool same = entry->replies && !strcmp(entry->replies, message->on) && place_read(arena, entry->place, &place)
			&& place_same(&place, &message->place);
		struct expiring *expiring = arena_take(arena, sizeof *expiring);
		*expiring = (struct expiring){ talk, entry->intent };
		if (!same)
			arena_free(arena);
		else if (!task_start(talk->engine, "taken back", take_back, expiring, arena))
			log_error("A request that was taken back could not be ended: too much is going on.");
	}
}

/* -- Carrying it out ---------------------------------------------------------------------------------------------------- */

/* Whoever said yes must still be able to. */
static const char *
votes_hinder(struct task *task, const struct talk *talk, const struct waiting *waiting)
{
	struct vote still[VOTES_MOST];
	int64_t missing[NEED_MOST];

	for (size_t i = 0; i < waiting->vote_count; i++) {
		const struct person *person = rights_person(talk->rights, waiting->votes[i].account);
		still[i] = waiting->votes[i];
		still[i].meets = 0;
		for (size_t n = 0; person && !strcmp(person->name, still[i].person) && n < waiting->row.need_count; n++)
			if (rights_has_role(talk->rights, person, waiting->row.need[n].role))
				still[i].meets |= 1 << n;
	}
	vote_missing(&waiting->row, still, waiting->vote_count, missing);
	for (size_t n = 0; n < waiting->row.need_count; n++)
		if (missing[n])
			return task_text(task, "who approved it is no %s any more", waiting->row.need[n].role);
	return NULL;
}

/* Why it must not be carried out now, though it was approved; NULL: it may. Everything is looked at again. */
static const char *
hindrance(struct request *request, const struct waiting *waiting, struct decision *decision)
{
	struct task *task = request->task;
	struct intent again = waiting->intent;
	unsigned char hash[APPROVAL_HASH];
	struct needs needs;

	intent_hash(&again);
	approval_hash(&again, &waiting->row, hash);
	if (memcmp(again.hash, waiting->intent.hash, sizeof again.hash) || CRYPTO_memcmp(hash, waiting->row.hash, sizeof hash))
		return "what is stored is not what was approved";
	if (!request->person || strcmp(request->person->name, waiting->intent.person))
		return task_text(task, "%s is not %s any more", waiting->intent.account, waiting->intent.person);
	if (!request->command->run || (waiting->intent.room && !request->room))
		return "it cannot be carried out any more: the configuration has changed";
	if (!decide_may(request, decision))
		return decision->why[0] ? task_text(task, "%s", decision->why) : "no rule allows it any more";
	decide_needs(request, &needs);
	if (strcmp(needs_policy(task->arena, &needs), waiting->row.needs))
		return "other rules are in force than when it was asked";
	const char *why = votes_hinder(task, request->talk, waiting);
	if (why)
		return why;
	if (request->room && request->talk->gone && request->talk->gone(task, &request->place, request->from.account, request->talk->with))
		return task_text(task, "%s is in the room no more", waiting->intent.person);
	return decide_held(request, decision).why;
}

struct launching {
	int64_t intent;
	struct audit_entry audit;
	bool moved;
};

static bool
write_launching(struct db *db, void *with, struct arena *arena, struct error *error)
{
	struct launching *launching = with;

	(void)arena;
	if (!intent_move(db, launching->intent, "ready", "sent", &launching->moved, error) || !launching->moved)
		return !error->text[0];
	return approval_done(db, launching->intent, error) && audit_write(db, &launching->audit, error);
}

static bool
launch(struct request *request, const struct waiting *waiting, const struct decision *decision)
{
	struct work *work = work_new(write_launching, sizeof(struct launching));
	struct launching *launching = work_with(work);
	struct arena *arena = work_arena(work);
	const char *votes = votes_text(arena, waiting);

	launching->intent = waiting->intent.id;
	launching->audit = record_entry(arena, request, "sent", record_command(request));
	launching->audit.intent = waiting->intent.id;
	launching->audit.decision = *votes ? arena_printf(arena, "approved: %s", votes) : "confirmed";
	launching->audit.rule = arena_text(arena, decision->rule);
	if (store_commit(request->task, work))
		return launching->moved;
	end_it(request->task, request->talk, waiting, "refused", task_text(request->task, "it could not be written down first: %s. Nothing ran",
		request->task->error.text));
	return false;
}

static void
run(struct task *task, void *with)
{
	const struct expiring *running = with;
	const struct talk *talk = running->talk;
	struct request_private own = { 0 };
	struct request request;
	struct waiting waiting;
	struct decision decision = { 0 };

	talk_hold(task, talk);
	if (!waiting_of(task, running->intent, &waiting) || strcmp(waiting.intent.state, "ready") != 0)
		return;
	task_number(task, waiting.intent.key);
	forget(talk->approvals, waiting.intent.id);
	if (!resume_request(task, talk, &waiting.intent, &request, &own)) {
		log_error("Request %s was approved, and its place cannot be read.", waiting.intent.key);
		return;
	}
	const char *why = hindrance(&request, &waiting, &decision);
	if (why) {
		end_it(task, talk, &waiting, "refused", task_text(task, "%s. Nothing ran", why));
		return;
	}
	own.approved = votes_text(task->arena, &waiting);
	bool counted = manners_begin(talk->manners, request.from.account);
	if (launch(&request, &waiting, &decision))
		perform(&request, waiting.intent.id);
	if (counted)
		manners_end(talk->manners, request.from.account);
}

void
approval_run(const struct talk *talk, int64_t intent)
{
	struct arena *arena = arena_new();
	struct expiring *running = arena_take(arena, sizeof *running);

	*running = (struct expiring){ talk, intent };
	if (!task_start(talk->engine, "approved", run, running, arena))
		log_error("A request that was approved could not be begun: too much is going on. It is begun after the next start.");
}
