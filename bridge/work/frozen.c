/* frozen: what a freeze means to who asks. */
#include "bridge/work/frozen.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/rights/freeze.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/talk/card.h"
#include "bridge/talk/operators.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/request.h"

enum { LOOK_EACH = 60 * 1000 };         /* ms */

static const char *
with_approval(const struct freeze *freeze)
{
	return freeze->needs ? " with an approval" : "";
}

/* "; sre or lead may pass", "; sre may pass with an approval", or nothing. */
static const char *
who_passes(struct arena *arena, const struct freeze *freeze)
{
	struct text text = text_in(arena, 200);

	for (size_t i = 0; i < freeze->except.count; i++)
		text_printf(&text, "%s%s", !i ? "; " : i + 1 == freeze->except.count ? " or " : ", ", freeze->except.each[i]);
	return text.length ? arena_printf(arena, "%s may pass%s", text.bytes, with_approval(freeze)) : "";
}

bool
frozen_holds(struct arena *arena, const struct freezes *freezes, const struct ask *ask, const struct person *person, int64_t wall,
	const char **sentence, const char **passes)
{
	struct freeze_hold hold;
	const char *by = NULL;
	bool holds = freeze_holds(freezes, ask, person, wall, &hold);

	if (holds && hold.role) {
		by = arena_printf(arena, "%s may pass%s", hold.role, with_approval(hold.freeze));
		*sentence = arena_printf(arena, "freeze %s lets %s pass%s, until %s", hold.freeze->name, hold.role, with_approval(hold.freeze),
			clock_ago(arena, hold.until, wall));
	} else if (holds) {
		*sentence = arena_printf(arena, "frozen until %s: %s%s", clock_ago(arena, hold.until, wall), hold.freeze->name, who_passes(arena, hold.freeze));
	} else if (freeze_next(freezes, ask, person, wall, &hold)) {
		*sentence = arena_printf(arena, "no freeze until %s", clock_ago(arena, hold.from, wall));
	} else {
		*sentence = "no freeze";
	}
	if (passes)
		*passes = by;
	return holds && !by;
}

/* !freeze */

static const char *
rules_text(struct arena *arena, const struct freeze *freeze)
{
	struct text text = text_in(arena, 300);

	for (size_t i = 0; i < freeze->what.count; i++)
		text_printf(&text, "%s%s", i ? ", " : "", freeze->what.each[i]);
	return text.bytes;
}

static const char *
freeze_text(struct arena *arena, const struct freeze *freeze, const struct freeze_hold *hold, int64_t wall)
{
	if (!hold)
		return arena_printf(arena, "%s: %s is never frozen again by it", freeze->name, rules_text(arena, freeze));
	if (hold->from <= wall)
		return arena_printf(arena, "%s: %s is frozen until %s%s", freeze->name, rules_text(arena, freeze), clock_ago(arena, hold->until, wall),
			who_passes(arena, freeze));
	return arena_printf(arena, "%s: %s is open until %s, then frozen until %s", freeze->name, rules_text(arena, freeze),
		clock_ago(arena, hold->from, wall), clock_time(arena, hold->until, wall));
}

static bool
holds_in(const struct freeze *freeze, const struct room *room)
{
	bool here = !room || !freeze->in.count;

	for (size_t i = 0; i < freeze->in.count && !here; i++)
		here = !strcmp(freeze->in.each[i], room->name);
	return here;
}

bool
frozen_run(struct request *request)
{
	struct arena *arena = request->task->arena;
	const struct freezes *freezes = request->talk->freezes;
	size_t shown = 0, holding = 0, count = freezes ? freezes_count(freezes) : 0;
	int64_t wall = clock_wall();
	struct card *card = card_new(arena, TONE_PLAIN, "%s", "");

	for (size_t i = 0; i < count; i++) {
		struct freeze_hold hold;
		bool again = freeze_at(freezes, i, wall, &hold);
		if (!holds_in(freeze_of(freezes, i), request->room))
			continue;
		card_line(card, "%s", freeze_text(arena, freeze_of(freezes, i), again ? &hold : NULL, wall));
		shown++;
		holding += again && hold.from <= wall;
	}
	if (shown == 1)
		return request_reply(request, card_new(arena, holding ? TONE_WAITING : TONE_PLAIN, "%s", card->lines[0]));
	card->tone = holding ? TONE_WAITING : TONE_PLAIN;
	card->headline = !shown ? "nothing is ever frozen here"
	                        : arena_printf(arena, "%zu of %zu freezes hold%s now", holding, shown, holding == 1 ? "s" : "");
	return request_reply(request, card);
}

/* Calendars. */

struct frozen {
	const struct talk *talk;
	struct watch *timer;
};

static void
lost(const struct freeze *freeze, const char *sentence, void *with)
{
	const struct frozen *frozen = with;
	struct arena *arena = arena_new();

	log_error("The calendar of freeze %s is of no use any more, what it said before holds: %s", freeze->name, sentence);
	operators_tell(frozen->talk, card_new(arena, TONE_BAD, "the calendar of freeze %s is of no use any more, what it said before holds: %s", freeze->name,
		sentence), NULL);
	arena_free(arena);
}

static void
look(void *with, int events)
{
	struct frozen *frozen = with;

	(void)events;
	if (frozen->talk->freezes)
		freezes_look(frozen->talk->freezes, lost, frozen);
	watch_after(frozen->timer, LOOK_EACH);
}

struct frozen *
frozen_open(const struct talk *talk)
{
	struct frozen *frozen = memory_take(sizeof *frozen);

	frozen->talk = talk;
	frozen->timer = loop_timer(talk->engine->loop, look, frozen);
	watch_after(frozen->timer, LOOK_EACH);
	return frozen;
}

void
frozen_close(struct frozen *frozen)
{
	if (!frozen)
		return;
	watch_free(frozen->timer);
	free(frozen);
}
