/* ci_card: how a build is said, in every room and for every service. */
#include "integrations/kinds/ci_card.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/talk/card.h"

enum {
	SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR,
	WORTH_SAYING = 20 * SECOND,     /* how long a build must be expected to take, for that to be said */
	LAST_MOST = 80,                 /* bytes of a last line that goes into a headline */
	LINE_MOST = 200,                /* of a line of a log */
};

static const struct { const char *name; enum tone tone; } states[] = {
	[BUILD_UNKNOWN] = { "unknown", TONE_BAD },
	[BUILD_QUEUED]  = { "queued",  TONE_WAITING },
	[BUILD_RUNNING] = { "running", TONE_WAITING },
	[BUILD_PASSED]  = { "passed",  TONE_GOOD },
	[BUILD_FAILED]  = { "failed",  TONE_BAD },
	[BUILD_STOPPED] = { "stopped", TONE_PLAIN },
};

const char *
ci_state(enum build_state state)
{
	return states[state].name;
}

bool
ci_is_over(enum build_state state)
{
	return state != BUILD_QUEUED && state != BUILD_RUNNING;
}

char *
ci_name(struct arena *arena, const struct build *build)
{
	const char *job = build->job ? build->job : "the build";

	return build->number ? arena_printf(arena, "%s #%s", job, build->number) : arena_text(arena, job);
}

char *
ci_roughly(struct arena *arena, int64_t ms)
{
	static const struct { int64_t below, unit; const char *name; } units[] = {
		{ MINUTE - SECOND / 2, SECOND, "s" }, { HOUR - MINUTE / 2, MINUTE, "min" }, { 2 * (int64_t)DAY, HOUR, "h" }, { INT64_MAX, DAY, "days" } };
	size_t i = 0;

	if (ms < 0)
		ms = 0;
	while (ms >= units[i].below)
		i++;
	return arena_printf(arena, "%lld %s", (long long)((ms + units[i].unit / 2) / units[i].unit), units[i].name);
}

/* "2 min 14 s"; NULL where a time is not known. */
static char *
took(struct arena *arena, const struct build *build)
{
	return build->started && build->ended >= build->started ? clock_span(arena, build->ended - build->started) : NULL;
}

static void
add_progress(struct card *card, const struct build *build)
{
	int64_t run = clock_wall() - build->started;
	bool expected = build->started && build->expected >= WORTH_SAYING;

	if (build->steps)
		card_fact(card, NULL, "step %u of %u%s%s", build->step_number, build->steps, build->step ? " " : "", build->step ? build->step : "");
	else if (build->step)
		card_fact(card, NULL, "step %s", build->step);
	else if (build->last)
		card_fact(card, NULL, "%s", text_cut(card->arena, build->last, LAST_MOST));
	/* Longer than it should take: then a share would be a lie. */
	if (expected && run >= 0 && run < build->expected) {
		card_fact(card, NULL, "%lld%%", (long long)(100 * run / build->expected));
		card_fact(card, NULL, "about %s left", ci_roughly(card->arena, build->expected - run));
	}
}

struct card *
ci_card_going(struct arena *arena, const struct build *build, const char *parameters, const char *by, bool detail)
{
	struct card *card = card_new(arena, states[build->state].tone, "%s", ci_name(arena, build));

	card_state(card, NULL, ci_state(build->state));
	card->by = by;
	if (parameters)
		card_fact(card, NULL, "%s", parameters);
	if (build->state == BUILD_QUEUED && build->before)
		card_fact(card, NULL, "%u before it", build->before);
	if (build->state == BUILD_RUNNING && !detail && build->expected >= WORTH_SAYING)
		card_fact(card, NULL, "about %s", ci_roughly(arena, build->expected));
	if (build->state == BUILD_RUNNING && detail)
		add_progress(card, build);
	if (detail)
		card_url(card, build->url);
	return card;
}

/* What it printed last is worth a place where it is short and there is no page to look at. */
static const char *
last_line(const struct build *build)
{
	return build->last && !build->url && strlen(build->last) <= LAST_MOST ? build->last : NULL;
}

static char *
over_headline(struct arena *arena, const struct build *build)
{
	const char *name = ci_name(arena, build), *span = took(arena, build), *last = last_line(build);

	if (build->state == BUILD_PASSED)
		return arena_printf(arena, "%s%s%s%s%s", name, span ? " in " : "", span ? span : "", last ? ": " : "", last ? last : "");
	if (build->state == BUILD_STOPPED)
		return arena_printf(arena, "%s%s%s", name, span ? " after " : "", span ? span : "");
	return arena_text(arena, name);
}

struct card *
ci_card_over(struct arena *arena, const struct build *build)
{
	struct card *card = card_new(arena, states[build->state].tone, "%s", over_headline(arena, build));
	const char *span = took(arena, build);

	card_state(card, NULL, ci_state(build->state));
	card->closed = true;
	if (build->state == BUILD_FAILED && build->step)
		card_fact(card, NULL, "step %s", build->step);
	if ((build->state == BUILD_FAILED || build->state == BUILD_UNKNOWN) && build->why)
		card_fact(card, NULL, "%s", build->why);
	if (build->state == BUILD_FAILED && span)
		card_fact(card, NULL, "after %s", span);
	card_url(card, build->url);
	return card;
}

char *
ci_sentence(struct arena *arena, const struct build *build)
{
	const struct card *card = ci_card_over(arena, build);
	struct text text = text_in(arena, 1000);
	const char *span = took(arena, build);

	text_printf(&text, "%s %s", ci_name(arena, build), ci_state(build->state));
	if (build->state == BUILD_PASSED && span)
		text_printf(&text, " in %s", span);
	if (build->state == BUILD_STOPPED && span)
		text_printf(&text, " after %s", span);
	for (size_t i = 0; i < card->fact_count; i++)
		text_printf(&text, "%s%s", i ? ", " : ": ", card->facts[i].value);
	return text.bytes;
}

void
ci_card_log_lines(struct card *card, const struct ci_log *log, size_t most, const char *next)
{
	card_quote(card, log->text ? log->text : "", log->text ? log->length : 0, most);
	for (size_t i = 0; i < card->quote_count; i++)
		card->quotes[i] = text_cut(card->arena, card->quotes[i], LINE_MOST);
	card->next = arena_text(card->arena, next);
}
