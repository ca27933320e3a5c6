/* alerts_silencing: the verbs about silences. What one would hold is counted before it is made. */
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
#include "integrations/kinds/alerts_follow.h"
#include "integrations/kinds/alerts_group.h"
#include "integrations/kinds/alerts_matcher.h"
#include "integrations/kinds/alerts_verbs.h"

enum { HOUR = 3600 * 1000, LONGEST_DAYS = 30, NAMED_MOST = 3, KINDS_MOST = 64, LIST_MOST = 100 };

/* -- What is asked for --------------------------------------------------------------------------------------------------- */

/* The words of "rack=b2 for=2h replacing the switch", or "A7 ...", or "S9 for=1h". */
struct wanted {
	struct matcher matchers[MATCHERS_MOST + 1];
	size_t count;
	const char *label;              /* A7 or S9; NULL: none */
	int64_t span;
	const char *why;
};

static bool
take_word(struct request *request, const char *word, struct wanted *wanted, bool *taken)
{
	struct task *task = request->task;

	*taken = true;
	if (!strncasecmp(word, "for=", 4)) {
		if (!clock_parse_span(word + 4, &wanted->span) || wanted->span <= 0)
			return task_fail(task, "%s is no time, as in for=2h", verbs_shown(request, word));
		return true;
	}
	if (label_shaped(word) && !wanted->label && !wanted->count) {
		wanted->label = word;
		return true;
	}
	if (!matcher_shaped(word))
		return !(*taken = false);
	if (wanted->count == MATCHERS_MOST)
		return task_fail(task, "those are more than %d labels", MATCHERS_MOST);
	return matcher_read(task->arena, word, &wanted->matchers[wanted->count++], &task->error);
}

/* The reason begins with the first word that is nothing else. */
static bool
read_wanted(struct request *request, const char *text, struct wanted *wanted)
{
	struct task *task = request->task;
	struct words words;
	bool taken = true;

	*wanted = (struct wanted){ .span = HOUR };
	if (!words_read(task->arena, text, &words, &task->error))
		return false;
	for (size_t i = 0; i < words.count && taken; i++) {
		if (!take_word(request, words.each[i], wanted, &taken))
			return false;
		if (!taken)
			wanted->why = words.at[i];
	}
	if (wanted->span > (int64_t)LONGEST_DAYS * 24 * HOUR)
		return task_fail(task, "that is longer than %d days; fix it, or silence it again then", LONGEST_DAYS);
	if (wanted->label && wanted->count)
		return task_fail(task, "name either %s or labels", wanted->label);
	return wanted->label || wanted->count || task_fail(task, "refused: that would silence everything. Name at least one label, as in %s%s", request->talk->prefix,
		request->command->example);
}

static bool
use_group(struct request *request, struct wanted *wanted)
{
	struct task *task = request->task;
	struct alert_row row;
	struct silence_row silence;
	bool held;

	if (!ask_row(request, wanted->label, &row, &silence, &held))
		return false;
	if (row.state == ALERT_RESOLVED)
		return task_fail(task, "%s resolved %s ago, nothing to silence", row.label, clock_span(task->arena, clock_wall() - row.ended));
	for (const struct named *label = group_labels(task->arena, row.labels); label->name && wanted->count < MATCHERS_MOST; label++)
		if (strncmp(label->name, "__", 2))
			wanted->matchers[wanted->count++] = (struct matcher){ label->name, label->value, false, false };
	return wanted->count || task_fail(task, "%s has no labels that all its alerts have; silence it by labels", row.label);
}

/* -- What it would hold -------------------------------------------------------------------------------------------------- */

struct tally {
	int64_t alerts, critical, all;
	size_t groups, count;
	struct { const char *name; int64_t alerts; } names[KINDS_MOST];
};

static void
tally_group(struct arena *arena, const struct alert_group *group, const struct matcher *matchers, struct tally *tally)
{
	int64_t matching = 0;
	size_t at = 0;

	for (size_t i = 0; i < group->count; i++) {
		const struct alert *alert = &group->alerts[i];
		bool matches = !alert->over && matchers_match(arena, matchers, alert->labels);
		matching += matches;
		tally->all += !alert->over;
		tally->critical += matches && alert->severity == SEVERITY_CRITICAL;
	}
	if (!matching)
		return;
	tally->alerts += matching;
	tally->groups++;
	while (at < tally->count && strcmp(tally->names[at].name, group->name))
		at++;
	if (at == KINDS_MOST)
		return;
	tally->count += at == tally->count;
	tally->names[at].name = group->name;
	tally->names[at].alerts += matching;
}

static bool
count_held(struct request *request, const struct matcher *matchers, struct tally *tally)
{
	struct alert_group *groups;
	size_t count;

	*tally = (struct tally){ 0 };
	if (!verbs_driver(request)->groups(request->task, request_conf(request), &groups, &count))
		return false;
	for (size_t i = 0; i < count; i++)
		tally_group(request->task->arena, &groups[i], matchers, tally);
	return true;
}

/* "NodeDown 90, LinkDown 5, FanFail 2" */
static const char *
kinds_text(struct arena *arena, struct tally *tally)
{
	struct text text = text_in(arena, 200);

	for (size_t n = 0; n < NAMED_MOST && n < tally->count; n++) {
		size_t top = n;
		for (size_t i = n + 1; i < tally->count; i++)
			if (tally->names[i].alerts > tally->names[top].alerts)
				top = i;
		const char *name = tally->names[top].name;
		text_printf(&text, "%s%s %lld", n ? ", " : "", text_cut(arena, text_clean(arena, name, strlen(name)), 60), (long long)tally->names[top].alerts);
		tally->names[top] = tally->names[n];
		tally->names[n].alerts = 0;
	}
	return text.bytes;
}

static const char *
count_text(struct arena *arena, const struct tally *tally)
{
	return tally->alerts ? arena_printf(arena, "%lld alert%s", (long long)tally->alerts, text_s((unsigned long)tally->alerts)) : "no alerts now";
}

static const char *
foreseen(struct request *request, struct tally *tally, int64_t span)
{
	struct arena *arena = request->task->arena;
	const char *until = clock_ago(arena, clock_wall() + span, clock_wall());

	if (!tally->alerts)
		return arena_printf(arena, "this silences no alerts now, until %s", until);
	const char *critical = tally->critical ? arena_printf(arena, ", %lld of them critical", (long long)tally->critical) : "";
	return arena_printf(arena, "this silences %s in %zu group%s now (%s)%s, until %s", count_text(arena, tally), tally->groups, text_s(tally->groups),
		kinds_text(arena, tally), critical, until);
}

/* -- Silence ------------------------------------------------------------------------------------------------------------- */

/* A silence that is there goes on for so long from its end, or from now. */
static bool
resolve_longer(struct request *request, const struct wanted *wanted)
{
	struct task *task = request->task;
	struct silence_row row;

	if (!ask_silence(request, wanted->label, &row))
		return false;
	if (row.over)
		return task_fail(task, "%s has ended; make a new one: %ssilence %s for=1h", row.label, request->talk->prefix, row.matchers);
	request_set(request, "WHAT", row.label);
	request_set(request, "for", verbs_span(request, wanted->span));
	request_foresee(request, task_text(task, "%s then ends at %s", row.matchers, clock_ago(task->arena, row.ends + wanted->span, clock_wall())));
	return true;
}

static bool
is_silence(const char *label)
{
	return label && (*label == 'S' || *label == 's');
}

bool
silence_resolve(struct request *request)
{
	struct task *task = request->task;
	struct wanted wanted;
	struct tally tally;

	if (!read_wanted(request, request_param(request, "WHAT"), &wanted))
		return false;
	if (is_silence(wanted.label))
		return resolve_longer(request, &wanted);
	if (wanted.label && !use_group(request, &wanted))
		return false;
	if (!count_held(request, wanted.matchers, &tally))
		return false;
	if (matchers_match_all(task->arena, wanted.matchers))
		return task_fail(task, "refused: that would silence all %lld alerts. Name at least one label", (long long)tally.all);
	request_set(request, "WHAT", matchers_text(task->arena, wanted.matchers));
	request_set(request, "for", verbs_span(request, wanted.span));
	if (wanted.why)
		request_set(request, "REASON", wanted.why);
	if (wanted.label)
		request_set(request, "alert", wanted.label);
	request_foresee(request, foreseen(request, &tally, wanted.span));
	return true;
}

static int64_t
span_of(const struct request *request)
{
	int64_t span = HOUR;

	clock_parse_span(request_param(request, "for"), &span);
	return span;
}

static bool
run_longer(struct request *request, const struct wanted *wanted)
{
	struct task *task = request->task;
	struct silence_row row;
	struct wanted there;

	if (!ask_silence(request, wanted->label, &row) || !read_wanted(request, row.matchers, &there))
		return false;
	struct silence silence = { .id = row.id, .matchers = there.matchers, .starts = row.starts, .ends = row.ends + span_of(request), .by = verbs_by(request),
		.why = row.why, .label = row.label };
	if (!verbs_driver(request)->silence(task, request_conf(request), &silence))
		return false;
	const char *before = row.id;
	row.id = silence.id;
	row.ends = silence.ends;
	if (!ask_silenced(request, &row, before))
		return false;
	request_subject(request, silence.id);
	return request_reply(request, silence_card(task->arena, &row, NULL, request->talk->prefix, clock_wall()));
}

/* Said where it was asked; of an alert that the silence was made for, only its own message changes. */
static bool
reply_silenced(struct request *request, struct silence_row *row, const struct tally *tally)
{
	struct task *task = request->task;
	const char *word = request_param(request, "alert");
	struct alert_row alert;
	struct silence_row held_by;
	bool held;

	if (!alerts_look(task, request->talk, request->instance) && task->cancelled)
		return false;
	task->error.text[0] = '\0';
	if (word && !request_waited(request) && ask_row(request, word, &alert, &held_by, &held) && alert.state == ALERT_SILENCED)
		return request_reply(request, alert_card(task->arena, &alert, row, request->talk->prefix, clock_wall()));
	task->error.text[0] = '\0';
	return request_reply(request, silence_card(task->arena, row, count_text(task->arena, tally), request->talk->prefix, clock_wall()));
}

bool
silence_run(struct request *request)
{
	struct task *task = request->task;
	struct wanted wanted;
	struct tally tally;
	int64_t now = clock_wall();

	if (!read_wanted(request, request_param(request, "WHAT"), &wanted))
		return false;
	if (is_silence(wanted.label))
		return run_longer(request, &wanted);
	const char *why = request_param(request, "REASON");
	struct silence silence = { .matchers = wanted.matchers, .starts = now, .ends = now + span_of(request), .by = verbs_by(request),
		.why = why && *why ? why : "silenced from chat", .label = request->label };
	if (!count_held(request, wanted.matchers, &tally) || !verbs_driver(request)->silence(task, request_conf(request), &silence))
		return false;
	struct silence_row row = { .instance = request->instance->name, .id = silence.id, .label = request->label, .matchers = request_param(request, "WHAT"),
		.starts = silence.starts, .ends = silence.ends, .by = request->from.shown, .why = why, .room = request->room ? request->room->name : NULL };
	request_subject(request, silence.id);
	return ask_silenced(request, &row, NULL) && reply_silenced(request, &row, &tally);
}

/* After a crash between asking and hearing: the service tells whether there is one with our name on it. */
bool
silence_settle(struct request *request)
{
	struct task *task = request->task;
	struct silence *silences;
	size_t count;

	if (!verbs_driver(request)->silences || !verbs_driver(request)->silences(task, request_conf(request), &silences, &count))
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!request->label || !silences[i].label || strcmp(silences[i].label, request->label) != 0)
			continue;
		struct silence_row row = { .instance = request->instance->name, .id = silences[i].id, .label = request->label, .matchers = request_param(request, "WHAT"),
			.starts = silences[i].starts, .ends = silences[i].ends, .by = request->from.shown, .why = request_param(request, "REASON"),
			.room = request->room ? request->room->name : NULL };
		request_subject(request, row.id);
		return ask_silenced(request, &row, NULL)
		    && request_settle(request, SETTLED_DONE, silence_card(task->arena, &row, NULL, request->talk->prefix, clock_wall()));
	}
	struct card *card = card_new(task->arena, TONE_BAD, "it was never made; %s has no such silence", request->instance->name);
	card_state(card, NULL, "failed");
	card->closed = true;
	return request_settle(request, SETTLED_NEVER, card);
}

/* -- And its end --------------------------------------------------------------------------------------------------------- */

bool
unsilence_resolve(struct request *request)
{
	const char *word = request_param(request, "ID");
	struct task *task = request->task;
	struct silence_row row, held_by;
	struct alert_row alert;
	bool held;

	if (label_shaped(word) && (*word == 'A' || *word == 'a')) {
		if (!ask_row(request, word, &alert, &held_by, &held))
			return false;
		if (!held || !held_by.label)
			return task_fail(task, "no silence that I know holds %s", alert.label);
		word = held_by.label;
	}
	if (!ask_silence(request, word, &row))
		return false;
	request_set(request, "ID", row.label);
	return !row.over || task_fail(task, "%s has ended already", row.label);
}

bool
unsilence_run(struct request *request)
{
	struct task *task = request->task;
	struct silence_row row;

	if (!ask_silence(request, request_param(request, "ID"), &row))
		return false;
	struct silence silence = { .id = row.id, .starts = row.starts, .ends = row.ends, .by = verbs_by(request), .label = row.label };
	if (!verbs_driver(request)->unsilence(task, request_conf(request), &silence))
		return false;
	row.over = true;
	row.ends = clock_wall();
	if (!ask_silenced(request, &row, NULL))
		return false;
	if (!alerts_look(task, request->talk, request->instance) && task->cancelled)
		return false;
	task->error.text[0] = '\0';
	struct card *card = card_new(task->arena, TONE_PLAIN, "%s", row.matchers);
	card_state(card, row.label, "ended");
	card->by = request->from.shown;
	card->closed = true;
	return request_reply(request, card);
}

bool
silences_run(struct request *request)
{
	struct task *task = request->task;
	struct silence_row *rows;
	size_t count;

	if (!ask_silences(request, &rows, &count))
		return false;
	if (!count)
		return request_reply(request, card_new(task->arena, TONE_PLAIN, "nothing is silenced at %s", request->instance->name));
	struct card *card = card_new(task->arena, TONE_PLAIN, "%zu silence%s at %s", count, text_s(count), request->instance->name);
	for (size_t i = 0; i < count && i < LIST_MOST; i++)
		card_line(card, "%s", silence_line(task->arena, &rows[i], clock_wall()));
	return request_reply(request, card);
}
