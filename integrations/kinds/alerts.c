/* alerts: the verbs that people type at a system that alerts, the same for every vendor. */
#include "integrations/kinds/alerts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/room.h"
#include "bridge/talk/talk.h"
#include "bridge/work/request.h"
#include "integrations/kinds/alerts_ask.h"
#include "integrations/kinds/alerts_card.h"
#include "integrations/kinds/alerts_group.h"
#include "integrations/kinds/alerts_matcher.h"
#include "integrations/kinds/alerts_route.h"
#include "integrations/kinds/alerts_verbs.h"

enum {
	SHOWN_MOST = 60,                /* bytes of a word that is repeated */
	LIST_MOST = 200,                /* groups in one answer */
	WHY_MOST = 300,
	DAY = 24 * 3600 * 1000, ACK_DAYS = 30, DOWNTIME = 2 * 3600 * 1000,
};

/* -- What they share ----------------------------------------------------------------------------------------------------- */

const struct alerts *
verbs_driver(const struct request *request)
{
	return request->driver;
}

const char *
verbs_shown(const struct request *request, const char *word)
{
	return text_cut(request->task->arena, text_clean(request->task->arena, word, strlen(word)), SHOWN_MOST);
}

const char *
verbs_by(const struct request *request)
{
	return task_text(request->task, "%s (%s in %s)", request->from.shown, request->from.account, request->room ? request->room->name : "private");
}

bool
verbs_take_span(const struct request *request, const char **text, int64_t *span)
{
	const char *at = *text && !strncasecmp(*text, "for=", 4) ? *text + 4 : *text;
	size_t length = at ? strcspn(at, " ") : 0;

	if (!length || !clock_parse_span(arena_slice(request->task->arena, at, length), span))
		return false;
	at += length + strspn(at + length, " ");
	*text = *at ? at : NULL;
	return true;
}

const char *
verbs_span(const struct request *request, int64_t span)
{
	static const struct { int64_t ms; char letter; } units[] = { { DAY, 'd' }, { DAY / 24, 'h' }, { DAY / 24 / 60, 'm' }, { 1000, 's' } };
	size_t i = 0;

	while (i < 3 && span % units[i].ms)
		i++;
	return task_text(request->task, "%lld%c", (long long)(span / units[i].ms), units[i].letter);
}

/* None of them starts anything twice that one would not want twice: whoever asked may ask again. */
bool
verbs_settle_again(struct request *request)
{
	return request_settle(request, SETTLED_NEVER, card_new(request->task->arena, TONE_PLAIN, "I was restarted meanwhile; say it again: %s%s",
		request->talk->prefix, request->line));
}

/* -- Looking ------------------------------------------------------------------------------------------------------------- */

/* What a list is narrowed to: "critical", "team=db", "rack!=b2". */
struct wanted {
	struct arena *arena;
	enum severity least;
	struct matcher matchers[MATCHERS_MOST + 1];
	size_t count;
	const char *person, *shown;     /* whose they are; NULL: anybody's */
};

static bool
is_wanted(const struct alert_row *row, void *with)
{
	const struct wanted *wanted = with;
	const char *by = row->ack.by;

	if (row->severity < wanted->least)
		return false;
	if (wanted->shown && (!by || (strcasecmp(by, wanted->shown) && (!wanted->person || strcasecmp(by, wanted->person)))))
		return false;
	return !wanted->count || matchers_match(wanted->arena, wanted->matchers, route_labels(wanted->arena, group_of_row(wanted->arena, row)));
}

static bool
read_wanted(struct request *request, const char *text, struct wanted *wanted, int64_t *since)
{
	struct task *task = request->task;
	char *rest = arena_text(task->arena, text ? text : ""), *word;

	while ((word = strtok_r(rest, " ", &rest))) {
		if (!strncasecmp(word, "since=", 6)) {
			if (!clock_parse_when(word + 6, clock_wall(), since))
				return task_fail(task, "%s is no time I know; it is since=12h, since=today", verbs_shown(request, word));
		} else if (alerts_severity(word) != SEVERITY_NONE)
			wanted->least = alerts_severity(word);
		else if (wanted->count == MATCHERS_MOST || !matcher_read(task->arena, word, &wanted->matchers[wanted->count++], &task->error))
			return task_fail(task, "%s is neither a severity nor a label, as in %salerts critical team=db", verbs_shown(request, word), request->talk->prefix);
	}
	return true;
}

static bool
reply_rows(struct request *request, const struct rows *rows, const char *none)
{
	struct task *task = request->task;
	int64_t now = clock_wall();

	if (!rows->count)
		return request_reply(request, card_new(task->arena, TONE_GOOD, "%s", none));
	struct card *card = card_new(task->arena, TONE_PLAIN, "%zu group%s of alerts at %s%s", rows->all, text_s(rows->all), request->instance->name,
		rows->all > rows->count ? task_text(task, ", the first %zu", rows->count) : "");
	for (size_t i = 0; i < rows->count; i++)
		card_line(card, "%s", alert_line(task->arena, rows->each[i], now));
	return request_reply(request, card);
}

static bool
run_alerts(struct request *request)
{
	struct wanted wanted = { .arena = request->task->arena };
	const char *what = request_param(request, "WHAT");
	struct rows rows;
	int64_t since = 0;

	if (!read_wanted(request, what, &wanted, &since) || !ask_rows(request, since, LIST_MOST, is_wanted, &wanted, &rows))
		return false;
	return reply_rows(request, &rows, what ? "nothing like that fires" : task_text(request->task, "nothing fires at %s", request->instance->name));
}

static bool
run_mine(struct request *request)
{
	struct wanted wanted = { .arena = request->task->arena, .shown = request->from.shown, .person = request->person ? request->person->name : NULL };
	struct rows rows;

	return ask_rows(request, 0, LIST_MOST, is_wanted, &wanted, &rows)
	    && reply_rows(request, &rows, task_text(request->task, "you are on nothing at %s", request->instance->name));
}

static bool
run_show(struct request *request)
{
	const char *word = request_param(request, "ID");
	struct task *task = request->task;
	struct alert_row row;
	struct silence_row silence;
	bool held;

	if (label_shaped(word) && (*word == 'S' || *word == 's')) {
		if (!ask_silence(request, word, &silence))
			return false;
		return request_reply(request, silence_card(task->arena, &silence, NULL, request->talk->prefix, clock_wall()));
	}
	if (!ask_row(request, word, &row, &silence, &held))
		return false;
	return request_reply(request, alert_card_whole(task->arena, &row, held ? &silence : NULL, request->talk->prefix, clock_wall()));
}

/* -- Being on it --------------------------------------------------------------------------------------------------------- */

/* The group that the ID names, which still fires. */
static bool
find_firing(struct request *request, const char *verb, struct alert_row *row)
{
	struct task *task = request->task;
	struct silence_row silence;
	bool held;

	if (!label_shaped(request_param(request, "ID")))
		return task_fail(task, "%s is no alert's id, as in %s%s A7; %salerts shows them", verbs_shown(request, request_param(request, "ID")), request->talk->prefix, verb,
			request->talk->prefix);
	if (!ask_row(request, request_param(request, "ID"), row, &silence, &held))
		return false;
	if (row->state == ALERT_RESOLVED)
		return task_fail(task, "%s resolved %s ago, nothing to %s", row->label, clock_span(task->arena, clock_wall() - row->ended), verb);
	request_set(request, "ID", row->label);
	return true;
}

static struct alert_asked
asked(const struct request *request, const struct alert_row *row, const char *text, int64_t until)
{
	return (struct alert_asked){ .conf = request_conf(request), .group = group_of_row(request->task->arena, row), .by = verbs_by(request),
		.text = text ? text : "", .from = clock_wall(), .until = until, .key = request->key };
}

static bool
resolve_ack(struct request *request)
{
	struct alert_row row;
	const char *reason = request_param(request, "REASON");
	int64_t span;

	if (!find_firing(request, "ack", &row))
		return false;
	if (!verbs_take_span(request, &reason, &span))
		return true;
	if (span > (int64_t)ACK_DAYS * DAY)
		return task_fail(request->task, "that is longer than %d days; say it again when these have passed", ACK_DAYS);
	request_set(request, "for", verbs_span(request, span));
	request_set(request, "REASON", reason ? reason : "");
	return true;
}

static int64_t
until(const struct request *request, int64_t fallback)
{
	const char *text = request_param(request, "for");
	int64_t span = fallback;

	if (text)
		clock_parse_span(text, &span);
	return span ? clock_wall() + span : 0;
}

static struct card *
acked_card(struct request *request, const struct alert_row *row)
{
	struct card *card = alert_card(request->task->arena, row, NULL, request->talk->prefix, clock_wall());
	const struct alerts *driver = verbs_driver(request);

	if (!driver->ack && row->state == ALERT_ACKED)
		card_fact(card, NULL, "kept here, as %s has no acknowledgement", driver->shown);
	return card;
}

static bool
run_ack(struct request *request)
{
	const struct alerts *driver = verbs_driver(request);
	const char *reason = request_param(request, "REASON");
	struct alert_ack ack = { request->from.shown, reason && *reason ? reason : NULL, 0, until(request, 0) };
	struct alert_row row;

	if (!find_firing(request, "ack", &row))
		return false;
	if (request->task->dry && !driver->ack)
		return task_would(request->task, "note here that %s is on %s", request->from.shown, row.label);
	struct alert_asked about = asked(request, &row, reason, ack.until);
	if (driver->ack && !driver->ack(request->task, &about))
		return false;
	ack.at = clock_wall();
	return ask_acked(request, row.label, &ack, !driver->ack, &row) && request_reply(request, acked_card(request, &row));
}

static bool
resolve_unack(struct request *request)
{
	struct alert_row row;

	if (!find_firing(request, "unack", &row))
		return false;
	return row.ack.by || task_fail(request->task, "nobody is on %s", row.label);
}

static bool
run_unack(struct request *request)
{
	const struct alerts *driver = verbs_driver(request);
	struct alert_ack nobody = { .at = clock_wall() };
	struct alert_row row;

	if (!find_firing(request, "unack", &row))
		return false;
	if (request->task->dry && !driver->unack)
		return task_would(request->task, "note here that nobody is on %s", row.label);
	struct alert_asked about = asked(request, &row, NULL, 0);
	if (driver->unack && !row.ack_ours && !driver->unack(request->task, &about))
		return false;
	return ask_acked(request, row.label, &nobody, !driver->unack, &row) && request_reply(request, acked_card(request, &row));
}

static bool
resolve_firing(struct request *request)
{
	struct alert_row row;

	return find_firing(request, request->command->verb, &row);
}

static bool
run_comment(struct request *request)
{
	const struct alerts *driver = verbs_driver(request);
	const char *text = request_param(request, "TEXT");
	struct task *task = request->task;
	struct alert_row row;

	if (!find_firing(request, "comment", &row))
		return false;
	if (task->dry && !driver->comment)
		return task_would(task, "note under %s: %s", row.label, verbs_shown(request, text));
	struct alert_asked about = asked(request, &row, text, 0);
	if (driver->comment && !driver->comment(task, &about))
		return false;
	if (!ask_noted(request, row.label, task_text(task, "%s: %s", request->from.shown, text)))
		return false;
	return request_reply(request, card_new(task->arena, TONE_GOOD, "noted on %s%s%s: %s", row.label, driver->comment ? " at " : "",
		driver->comment ? driver->shown : "", alert_why(task->arena, text)));
}

/* Of a service that only tells, and cannot be asked. Where it tells again that it fires, it does. */
static bool
close_here(struct request *request, const struct alert_row *row)
{
	const struct alert_group over = { .key = row->key, .name = row->name, .over = true };

	if (request->task->dry)
		return task_would(request->task, "take %s for over", row->label);
	if (!alerts_arrived(request->task, request->talk, request->instance, &over, 1))
		return false;
	return request_reply(request, card_new(request->task->arena, TONE_GOOD, "%s is taken for over", row->label));
}

static bool
run_close(struct request *request)
{
	const struct alerts *driver = verbs_driver(request);
	struct alert_row row;

	if (!find_firing(request, "close", &row))
		return false;
	if (!driver->close)
		return close_here(request, &row);
	struct alert_asked about = asked(request, &row, request_param(request, "REASON"), 0);
	if (!driver->close(request->task, &about))
		return false;
	return request_reply(request, card_new(request->task->arena, TONE_WAITING, "%s was asked to close %s", driver->shown, row.label));
}

static bool
resolve_downtime(struct request *request)
{
	struct alert_row row;
	const char *reason = request_param(request, "REASON");
	int64_t span = DOWNTIME;

	if (!find_firing(request, "downtime", &row))
		return false;
	verbs_take_span(request, &reason, &span);
	if (span > (int64_t)ACK_DAYS * DAY)
		return task_fail(request->task, "that is longer than %d days", ACK_DAYS);
	request_set(request, "for", verbs_span(request, span));
	request_set(request, "REASON", reason ? reason : "");
	return true;
}

static bool
run_downtime(struct request *request)
{
	const struct alerts *driver = verbs_driver(request);
	struct task *task = request->task;
	struct alert_row row;

	if (!find_firing(request, "downtime", &row))
		return false;
	struct alert_asked about = asked(request, &row, request_param(request, "REASON"), until(request, DOWNTIME));
	if (!driver->downtime(task, &about))
		return false;
	struct card *card = card_new(task->arena, TONE_WAITING, "%s is in a downtime until %s", alert_title(task->arena, &row),
		clock_ago(task->arena, about.until, clock_wall()));
	if (*about.text)
		card_fact(card, NULL, "%s", alert_why(task->arena, about.text));
	card->by = request->from.shown;
	return request_reply(request, card);
}

/* -- What a room wants --------------------------------------------------------------------------------------------------- */

static bool
resolve_want(struct request *request)
{
	const char *what = request_param(request, "WHAT");
	struct matcher matcher;
	struct text all = text_in(request->task->arena, WHY_MOST);
	char *rest = arena_text(request->task->arena, what ? what : ""), *word;

	if (!request->room)
		return task_fail(request->task, "say that in the room that it is for");
	while ((word = strtok_r(rest, " ", &rest))) {
		if (!matcher_read(request->task->arena, word, &matcher, &request->task->error))
			return false;
		text_printf(&all, "%s%s", all.length ? " " : "", matcher_text(request->task->arena, &matcher));
	}
	if (all.cut)
		return task_fail(request->task, "that is too long");
	if (what)
		request_set(request, "WHAT", all.bytes);
	return true;
}

static bool
want(struct request *request, bool off)
{
	struct task *task = request->task;
	const char *what = request_param(request, "WHAT"), *left;
	bool was;

	if (task->dry)
		return task_would(task, "note here what %s wants to see", request->room->name);
	if (!ask_off(request, what ? what : "", off, &was) || !ask_what_is_off(request, &left))
		return false;
	if (off)
		return request_reply(request, card_new(task->arena, TONE_PLAIN, "%s of %s %s told here no more. %son %s tells it again", what ? what : "Everything",
			request->instance->name, was ? "was and is" : "is", request->talk->prefix, what ? what : ""));
	return request_reply(request, card_new(task->arena, TONE_PLAIN, "%s%s%s", was ? "Told here again" : "That was told here already",
		*left ? "; not told: " : "", left));
}

static bool
run_off(struct request *request)
{
	return want(request, true);
}

static bool
run_on(struct request *request)
{
	return want(request, false);
}

/* -- All of them --------------------------------------------------------------------------------------------------------- */

static const struct command commands[] = {
	{ .verb = "alerts", .care = CARE_LOOK, .usage = "[SEVERITY] [LABEL=VALUE ...] [since=12h]", .about = "shows what fires, since when, and who is on it",
		.example = "alerts critical", .params = { { "WHAT", false, true } }, .run = run_alerts },
	{ .verb = "show", .care = CARE_LOOK, .usage = "ID", .about = "shows all that is known of an alert, or a silence", .example = "show A7",
		.params = { { "ID", true, false } }, .run = run_show },
	{ .verb = "mine", .care = CARE_LOOK, .usage = "", .about = "shows the alerts that you are on", .example = "mine", .run = run_mine },
	{ .verb = "ack", .sign = "\u2705", .care = CARE_CHANGE, .calms = true, .usage = "ID [TIME] [REASON]", .about = "says that you are on it: nobody is reminded",
		.example = "ack A7 1h extending the volume", .params = { { "ID", true, false }, { "REASON", false, true } }, .resolve = resolve_ack, .run = run_ack,
		.settle = verbs_settle_again },
	{ .verb = "unack", .care = CARE_CHANGE, .calms = true, .usage = "ID", .about = "says that nobody is on it any more", .example = "unack A7",
		.params = { { "ID", true, false } }, .resolve = resolve_unack, .run = run_unack, .settle = verbs_settle_again },
	{ .verb = "comment", .care = CARE_CHANGE, .calms = true, .usage = "ID TEXT", .about = "notes something on an alert", .example = "comment A7 the disk is on its way",
		.params = { { "ID", true, false }, { "TEXT", true, true } }, .resolve = resolve_firing, .run = run_comment, .settle = verbs_settle_again },
	{ .verb = "close", .care = CARE_CHANGE, .usage = "ID [REASON]", .about = "says to the service that it is over", .example = "close A7",
		.params = { { "ID", true, false }, { "REASON", false, true } }, .resolve = resolve_firing, .run = run_close },
	{ .verb = "downtime", .care = CARE_CHANGE, .usage = "ID [TIME] [REASON]", .about = "plans a downtime for what an alert is about", .example = "downtime A7 2h new disk",
		.params = { { "ID", true, false }, { "REASON", false, true } }, .resolve = resolve_downtime, .run = run_downtime },
	{ .verb = "silence", .sign = "\U0001f515", .care = CARE_CHANGE, .letter = 'S', .usage = "ID|LABEL=VALUE ... [for=TIME] [REASON]",
		.about = "silences an alert, or all with these labels; of a silence: prolongs it", .example = "silence rack=b2 for=2h replacing the switch",
		.params = { { "WHAT", true, true } }, .resolve = silence_resolve, .run = silence_run, .settle = silence_settle },
	{ .verb = "silences", .care = CARE_LOOK, .usage = "", .about = "shows what is silenced, by whom and how long", .example = "silences", .run = silences_run },
	{ .verb = "unsilence", .care = CARE_CHANGE, .calms = true, .usage = "ID", .about = "ends a silence", .example = "unsilence S9",
		.params = { { "ID", true, false } }, .resolve = unsilence_resolve, .run = unsilence_run, .settle = verbs_settle_again },
	{ .verb = "off", .care = CARE_CHANGE, .calms = true, .usage = "[LABEL=VALUE ...]", .about = "this room does not want to hear of what has these labels",
		.example = "off severity=info", .params = { { "WHAT", false, true } }, .resolve = resolve_want, .run = run_off, .settle = verbs_settle_again },
	{ .verb = "on", .care = CARE_CHANGE, .calms = true, .usage = "[LABEL=VALUE ...]", .about = "ends off, or all of them", .example = "on severity=info",
		.params = { { "WHAT", false, true } }, .resolve = resolve_want, .run = run_on, .settle = verbs_settle_again },
	{ 0 }
};

/* What a verb needs of the driver. */
static bool
offers(const struct alerts *driver, const char *verb)
{
	const struct { const char *verb; bool there; } needs[] = {
		{ "close", driver->close || !driver->groups }, { "downtime", driver->downtime }, { "silence", driver->silence && driver->groups },
		{ "silences", driver->silences }, { "unsilence", driver->unsilence },
	};

	for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
		if (!strcmp(needs[i].verb, verb))
			return needs[i].there;
	return true;
}

const struct command *
alerts_commands(struct arena *arena, const struct alerts *driver)
{
	struct command *out = arena_take(arena, sizeof commands);
	size_t count = 0;

	for (const struct command *command = commands; command->verb; command++)
		if (offers(driver, command->verb))
			out[count++] = *command;
	return out;
}
