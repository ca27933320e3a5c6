/* more: the rest of an answer that was cut off. */
#include "bridge/work/more.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/talk.h"
#include "bridge/work/request.h"

enum {
	KEPT = 64,                      /* answers; the oldest goes first */
	LIFE = 30 * 60 * 1000,          /* ms */
	PRIVATE_MOST = 100,             /* lines at once in private */
};

/* One answer, and how much of it was shown. */
struct kept {
	struct arena *arena;            /* NULL: free */
	struct place place;
	const char *account, *shown;    /* who asked; account: NULL where it was not proven */
	bool open;                      /* said in a room: everybody there may go on with it */
	const struct card *card;
	int64_t when;                   /* mono ms */
};

struct mores {
	struct kept kept[KEPT];
};

struct mores *
mores_new(void)
{
	return memory_take(sizeof(struct mores));
}

static void
forget(struct kept *kept)
{
	arena_free(kept->arena);
	*kept = (struct kept){ 0 };
}

void
mores_free(struct mores *mores)
{
	for (size_t i = 0; mores && i < KEPT; i++)
		forget(&mores->kept[i]);
	free(mores);
}

/* A nick that somebody else has by now is nobody. */
static bool
same_person(const struct kept *kept, const struct speaker *from)
{
	if (kept->account || from->account)
		return kept->account && from->account && !strcmp(kept->account, from->account);
	return !strcmp(kept->shown, from->shown);
}

/* The newest of that place: their own, or (`others`) anybody's that was said in a room. */
static struct kept *
find(struct mores *mores, const struct request *request, bool others)
{
	struct kept *found = NULL;

	for (struct kept *at = mores->kept; at < mores->kept + KEPT; at++) {
		if (!at->arena || clock_mono() - at->when > LIFE || !place_same(&at->place, &request->place))
			continue;
		if (!same_person(at, &request->from) && !(others && at->open && request->room))
			continue;
		if (!found || at->when >= found->when)
			found = at;
	}
	return found;
}

static struct kept *
room_for(struct mores *mores, const struct request *request)
{
	struct kept *found = find(mores, request, false);

	for (struct kept *at = mores->kept; !found && at < mores->kept + KEPT; at++)
		if (!at->arena)
			return at;
	for (struct kept *at = mores->kept; !found || at < mores->kept + KEPT; at++)
		if (!found || at->when < found->when)
			found = at;
	return found;
}

void
more_keep(const struct request *request, const struct card *card)
{
	struct kept *kept;
	bool left;

	if (!request->talk->mores)
		return;
	card_shown(card, request->talk->lines, &left);
	if (!left) {
		/* What was shown whole ends what went before: !more would go on with something that nobody looks at any more. */
		if ((kept = find(request->talk->mores, request, false)))
			forget(kept);
		return;
	}
	kept = room_for(request->talk->mores, request);
	forget(kept);
	kept->arena = arena_new();
	kept->place = place_copy(kept->arena, &request->place);
	kept->account = arena_text(kept->arena, request->from.account);
	kept->shown = arena_text(kept->arena, request->from.shown);
	kept->open = request->room != NULL;
	kept->card = card_copy(kept->arena, card);
	kept->when = clock_mono();
}

/* All of it, to who asked, and nobody else sees it. */
static bool
in_private(struct request *request, const struct kept *kept)
{
	struct card *whole = card_copy(request->task->arena, kept->card);
	struct place place = request_alone(request);

	whole->skip = 0;
	whole->most = PRIVATE_MOST;
	whole->more = NULL;
	whole->to = NULL;
	outbox_say(request->talk->outbox, &place, NULL, whole);
	return request_reply(request, card_new(request->task->arena, TONE_PLAIN, "I told you all of it in private"));
}

/* All of it, as a file that everybody there may open. */
static bool
as_file(struct request *request, const struct kept *kept)
{
	struct task *task = request->task;
	struct card *whole = card_copy(task->arena, kept->card);

	if (!request_takes_files(request))
		return task_fail(task, "this chat takes no files; %smore dm tells you all of it in private", request->talk->prefix);
	whole->skip = 0;
	whole->most = 0;
	whole->more = NULL;
	whole->file = task_text(task, "%s.txt", whole->id ? whole->id : "answer");
	request_say(request, whole);
	return true;
}

bool
more_run(struct request *request)
{
	struct task *task = request->task;
	struct mores *mores = request->talk->mores;
	const char *where = request_param(request, "WHERE");
	struct kept *kept = find(mores, request, false);

	kept = kept ? kept : find(mores, request, true);
	if (where && strcasecmp(where, "dm") && strcasecmp(where, "file"))
		return task_fail(task, "it is %1$smore, %1$smore dm for all of it in private, or %1$smore file", request->talk->prefix);
	if (!kept)
		return task_fail(task, "there is nothing more to show here");
	if (where && !strcasecmp(where, "file"))
		return as_file(request, kept);
	if (where && request->room)
		return in_private(request, kept);
	struct card *next = card_copy(task->arena, kept->card);
	bool left;
	next->skip += card_shown(next, request->talk->lines, &left);
	forget(kept);           /* what is still left is kept for whoever asked now */
	return request_reply(request, next);
}
