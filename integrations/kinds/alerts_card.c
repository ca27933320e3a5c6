/* alerts_card: how a group of alerts is said, in every room and for every service. */
#include "integrations/kinds/alerts_card.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/text.h"
#include "bridge/talk/card.h"
#include "integrations/kinds/alerts_group.h"
#include "integrations/kinds/alerts_silence.h"

enum { LISTED_MOST = 20, WHY_MOST = 200, LABELS_MOST = 600 };

/* Signs that mean acknowledge and silence. */
static const char OFFERS[] = "\u2705 \U0001f515";

static enum tone
tone_of(const struct alert_row *row)
{
	if (row->state == ALERT_RESOLVED)
		return TONE_GOOD;
	return row->state == ALERT_FIRING && row->severity != SEVERITY_INFO ? TONE_BAD : TONE_WAITING;
}

const char *
alert_title(struct arena *arena, const struct alert_row *row)
{
	const char *severity = alerts_severity_word(row->severity);

	return arena_printf(arena, "%s%s%s%s%s", severity, *severity ? " " : "", row->name, row->object ? " " : "", row->object ? row->object : "");
}

const char *
alert_why(struct arena *arena, const char *why)
{
	return why && *why ? text_cut(arena, text_clean(arena, why, strlen(why)), WHY_MOST) : NULL;
}

/* "3 alerts, 1 silenced"; nothing where there is one. */
static void
add_counts(struct card *card, const struct alert_row *row)
{
	int64_t all = row->firing + row->omitted;

	if (all < 2)
		return;
	if (row->held && row->held < all)
		card_fact(card, NULL, "%lld alerts, %lld silenced", (long long)all, (long long)row->held);
	else
		card_fact(card, NULL, "%lld alerts", (long long)all);
}

static void
add_ack(struct card *card, const struct alert_row *row, int64_t now)
{
	const char *why = alert_why(card->arena, row->ack.why);

	if (row->ack.until)
		card_fact(card, NULL, "until %s", clock_ago(card->arena, row->ack.until, now));
	if (why)
		card_fact(card, NULL, "%s", why);
	card->by = row->ack.by;
}

static void
add_silence(struct card *card, const struct silence_row *by, int64_t now)
{
	if (!by)
		return;
	const char *why = alert_why(card->arena, by->why);
	card_fact(card, NULL, "until %s", clock_ago(card->arena, by->ends, now));
	if (by->label)
		card_fact(card, NULL, "%s", by->label);
	if (why)
		card_fact(card, NULL, "%s", why);
	card->by = by->by && *by->by ? by->by : NULL;
}

static struct card *
resolved(struct arena *arena, const struct alert_row *row)
{
	const char *span = clock_span(arena, row->ended > row->since ? row->ended - row->since : 0);
	struct card *card = card_new(arena, TONE_GOOD, "%s after %s", alert_title(arena, row), span);

	if (row->ack.by)
		card_fact(card, NULL, "acked by %s within %s", row->ack.by, clock_span(arena, row->ack.at > row->since ? row->ack.at - row->since : 0));
	card->closed = true;
	card->unoffers = OFFERS;
	return card;
}

static struct card *
going(struct arena *arena, const struct alert_row *row, const struct silence_row *held_by, const char *prefix, int64_t now)
{
	struct card *card = card_new(arena, tone_of(row), "%s", alert_title(arena, row));

	if (row->text)
		card_fact(card, NULL, "%s", row->text);
	add_counts(card, row);
	if (row->state == ALERT_SILENCED)
		add_silence(card, held_by, now);
	else if (row->state == ALERT_ACKED)
		add_ack(card, row, now);
	else {
		card_fact(card, NULL, "since %s", clock_time(arena, row->since, now));
		card_fact(card, "On it", "nobody. %sack %s", prefix, row->label);
		card->offers = OFFERS;
	}
	return card;
}

struct card *
alert_card(struct arena *arena, const struct alert_row *row, const struct silence_row *held_by, const char *prefix, int64_t now)
{
	struct card *card = row->state == ALERT_RESOLVED ? resolved(arena, row) : going(arena, row, held_by, prefix, now);

	card_state(card, row->label, alert_state_word(row->state));
	card_url(card, row->url);
	return card;
}

static void
add_labels(struct card *card, const struct alert_row *row)
{
	struct text text = text_in(card->arena, LABELS_MOST);

	for (const struct named *label = group_labels(card->arena, row->labels); label->name; label++)
		text_printf(&text, "%s%s=%s", text.length ? " " : "", label->name, label->value);
	if (text.length)
		card_line(card, "labels: %s", text.bytes);
}

struct card *
alert_card_whole(struct arena *arena, const struct alert_row *row, const struct silence_row *held_by, const char *prefix, int64_t now)
{
	struct card *card = alert_card(arena, row, held_by, prefix, now);
	const char *lines[LISTED_MOST];
	size_t count = group_lines(arena, row, lines, LISTED_MOST), all = (size_t)(row->firing + row->omitted);

	card->offers = card->unoffers = NULL;
	if (row->state != ALERT_FIRING)
		card_fact(card, NULL, "since %s", clock_ago(arena, row->since, now));
	for (size_t i = 0; count > 1 && i < count; i++)
		card_line(card, "%s", lines[i]);
	if (count > 1 && all > count)
		card_line(card, "and %zu more", all - count);
	add_labels(card, row);
	if (row->runbook)
		card_line(card, "runbook: %s", row->runbook);
	return card;
}

static const char *
who_is_on_it(struct arena *arena, const struct alert_row *row, int64_t now)
{
	if (!row->ack.by)
		return "nobody";
	return row->ack.until ? arena_printf(arena, "%s until %s", row->ack.by, clock_time(arena, row->ack.until, now)) : row->ack.by;
}

const char *
alert_line(struct arena *arena, const struct alert_row *row, int64_t now)
{
	int64_t all = row->firing + row->omitted;
	const char *count = all > 1 ? arena_printf(arena, ", %lld alerts", (long long)all) : "";

	if (row->state == ALERT_RESOLVED)
		return arena_printf(arena, "%s resolved: %s, %s", row->label, alert_title(arena, row), clock_ago(arena, row->ended, now));
	return arena_printf(arena, "%s %s: %s%s, since %s, on it: %s", row->label, alert_state_word(row->state), alert_title(arena, row), count,
		clock_ago(arena, row->since, now), who_is_on_it(arena, row, now));
}

struct card *
silence_card(struct arena *arena, const struct silence_row *row, const char *count, const char *prefix, int64_t now)
{
	const char *why = alert_why(arena, row->why);
	struct card *card = card_new(arena, TONE_WAITING, "%s until %s", row->matchers, clock_ago(arena, row->ends, now));

	card_state(card, row->label, row->over ? "ended" : "silenced");
	if (count)
		card_fact(card, NULL, "%s", count);
	if (why)
		card_fact(card, NULL, "%s", why);
	card->by = row->by;
	if (row->label && !row->over)
		card_fact(card, "Undo", "%sunsilence %s", prefix, row->label);
	card->closed = row->over;
	return card;
}

const char *
silence_line(struct arena *arena, const struct silence_row *row, int64_t now)
{
	const char *why = alert_why(arena, row->why);

	return arena_printf(arena, "%s silenced: %s until %s (%s)%s%s", row->label ? row->label : "a silence", row->matchers, clock_ago(arena, row->ends, now),
		row->by && *row->by ? row->by : "?", why ? ": " : "", why ? why : "");
}
