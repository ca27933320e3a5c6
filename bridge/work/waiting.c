/* waiting: what waits for a yes: how long still, which message asked, and what is shown of it. */
#include "bridge/work/waiting.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/base/typed.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/message.h"
#include "bridge/talk/talk.h"

enum {
	LOOK_MOST = 30 * 1000,          /* ms: the wall clock may be set while we wait */
	CLOCK_BACK = 5 * 60 * 1000,     /* ms that the wall clock may go back between two lives */
	AGAIN = 5 * 1000,               /* ms until what could not be ended is tried again */
	TAKEN_BACK = 64,                /* messages */
};

static const char THUMBS[] = "\U0001f44d \U0001f44e";

/* -- What waits, in memory ----------------------------------------------------------------------------------------------- */

/* It may wait until the earlier of two moments: a clock that is set makes nothing live longer. */
struct entry {
	int64_t intent, until, deadline;        /* wall, mono */
	int64_t tried;                  /* mono: it was to be ended; 0: not yet */
	bool withdrawn;                 /* what asked for it was taken back */
	char *place, *replies;
	struct entry *next;
};

struct approvals {
	struct entry *first;
	char *taken_back[TAKEN_BACK];   /* the newest in place of the oldest */
	size_t taken_back_count;
	struct watch *timer;
	const struct talk *talk;
	void (*over)(const struct talk *, int64_t intent);
};

struct approvals *
approvals_open(const struct talk *talk, void (*over)(const struct talk *, int64_t intent))
{
	struct approvals *approvals = memory_take(sizeof *approvals);

	*approvals = (struct approvals){ .timer = NULL, .talk = talk, .over = over };
	return approvals;
}

static void
free_entry(struct entry *entry)
{
	free(entry->place);
	free(entry->replies);
	free(entry);
}

void
approvals_close(struct approvals *approvals)
{
	struct entry *next;

	for (struct entry *entry = approvals ? approvals->first : NULL; entry; entry = next) {
		next = entry->next;
		free_entry(entry);
	}
	for (size_t i = 0; approvals && i < TAKEN_BACK; i++)
		free(approvals->taken_back[i]);
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

void
waiting_forget(struct approvals *approvals, int64_t intent)
{
	for (struct entry **at = &approvals->first; *at; at = &(*at)->next)
		if ((*at)->intent == intent) {
			struct entry *gone = *at;
			*at = gone->next;
			free_entry(gone);
			return;
		}
}

static int64_t
left_of(const struct entry *entry)
{
	int64_t now = clock_mono(), wall = entry->until - clock_wall(), mono = entry->deadline - now;
	int64_t left = entry->tried ? entry->tried + AGAIN - now : entry->withdrawn ? 0 : wall < mono ? wall : mono;

	return left < 0 ? 0 : left < LOOK_MOST ? left : LOOK_MOST;
}

static void
look_again(void *with, int events)
{
	struct approvals *approvals = with;
	int64_t soonest = LOOK_MOST;

	(void)events;
	for (struct entry *entry = approvals->first; entry; entry = entry->next) {
		if (!left_of(entry)) {
			entry->tried = clock_mono();
			approvals->over(approvals->talk, entry->intent);
		}
		int64_t left = left_of(entry);
		soonest = left < soonest ? left : soonest;
	}
	if (approvals->first)
		watch_after(approvals->timer, soonest ? soonest : 1);
}

void
waiting_note(const struct talk *talk, const struct approval_row *row, const char *replies)
{
	struct approvals *approvals = talk->approvals;
	struct entry *entry = memory_take(sizeof *entry);
	int64_t now = clock_wall(), left = row->until - now;

	/* Of an earlier life whose clock went otherwise: what was asked in the future is over. */
	if (row->asked - now > CLOCK_BACK)
		left = 0;
	waiting_forget(approvals, row->intent);
	*entry = (struct entry){ .intent = row->intent, .until = row->until, .deadline = clock_mono() + left, .place = memory_text(row->place),
		.replies = memory_text(replies), .next = approvals->first };
	approvals->first = entry;
	if (!approvals->timer)
		approvals->timer = loop_timer(talk->engine->loop, look_again, approvals);
	watch_after(approvals->timer, left_of(entry) + 1);
	look_again(approvals, 0);
}

void
waiting_taken_back(struct approvals *approvals, const char *message)
{
	char **at = &approvals->taken_back[approvals->taken_back_count++ % TAKEN_BACK];

	free(*at);
	*at = memory_text(message);
}

bool
waiting_was_taken_back(const struct approvals *approvals, const char *message)
{
	for (size_t i = 0; approvals && message && i < TAKEN_BACK; i++)
		if (approvals->taken_back[i] && !strcmp(approvals->taken_back[i], message))
			return true;
	return false;
}

void
waiting_withdraw(struct approvals *approvals, const struct place *at, const char *message)
{
	struct arena *arena = arena_new();
	struct place place;

	for (struct entry *entry = approvals->first; entry; entry = entry->next)
		if (entry->replies && !strcmp(entry->replies, message) && place_read(arena, entry->place, &place) && place_same(&place, at)) {
			entry->withdrawn = true;
			entry->tried = 0;
		}
	arena_free(arena);
	look_again(approvals, 0);
}

bool
waiting_withdrawn(const struct approvals *approvals, int64_t intent)
{
	for (const struct entry *entry = approvals->first; entry; entry = entry->next)
		if (entry->intent == intent)
			return entry->withdrawn;
	return false;
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

bool
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
	typed_hash(word, reading->code);
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
		waiting_note(talk, &one->row, one->replies);
	return true;
}

/* -- Working on it ------------------------------------------------------------------------------------------------------ */

bool
waiting_task(const struct talk *talk, const char *name, int64_t intent, void (*run)(struct task *, void *))
{
	struct arena *arena = arena_new();
	struct waiting_job *job = arena_take(arena, sizeof *job);

	*job = (struct waiting_job){ talk, intent };
	return task_start(talk->engine, name, run, job, arena);
}

/* -- What binds it ------------------------------------------------------------------------------------------------------ */

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
waiting_hash(const struct intent *intent, const struct approval_row *row, unsigned char out[APPROVAL_HASH])
{
	struct arena *arena = arena_new();
	const char *room = row->room ? row->room : "", *need = approval_need_text(arena, row);
	const void *parts[] = { intent->hash, intent->account, room, row->place, row->needs, need, &row->stage, &row->reaction, &row->until };
	const size_t lengths[] = { sizeof intent->hash, strlen(intent->account) + 1, strlen(room) + 1, strlen(row->place) + 1, strlen(row->needs) + 1,
		strlen(need) + 1, sizeof row->stage, sizeof row->reaction, sizeof row->until };

	digest_all(parts, lengths, sizeof parts / sizeof *parts, out);
	arena_free(arena);
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

const char *
waiting_votes(struct arena *arena, const struct waiting *waiting)
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
	const char *votes = waiting_votes(arena, waiting);

	card_state(card, row->label, state);
	card->by = waiting->intent.shown;
	bool asks = !strcmp(state, "asked"), pressed = row->stage == STAGE_CONFIRM || row->reaction;
	card->offers = asks && pressed && !waiting->vote_count ? THUMBS : NULL;
	card->unoffers = asks ? NULL : THUMBS;
	if (*votes)
		card_fact(card, NULL, "approved by %s", votes);
	if (!strcmp(state, "asked") && row->stage == STAGE_VOTES)
		card_fact(card, NULL, "needs %s by %s", missing_text(arena, waiting), clock_ago(arena, row->until, clock_wall()));
	if (asks && row->stage == STAGE_CODE)
		card_fact(card, NULL, "wants your one-time code; I asked you in private");
	return card;
}

struct card *
waiting_last_card(struct arena *arena, const struct waiting *waiting, const char *state, const char *why)
{
	struct card *card = card_new(arena, TONE_BAD, "%s, %s", waiting->row.about, why);

	card_state(card, waiting->row.label, state);
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
	const char *needs = row->stage == STAGE_CONFIRM ? "the yes of who asked" : row->stage == STAGE_CODE ? "the one-time code of who asked"
		: missing_text(arena, waiting);

	return arena_printf(arena, "%s: %s, asked by %s, needs %s by %s", row->label, row->about, row->person, needs,
		clock_ago(arena, row->until, clock_wall()));
}
