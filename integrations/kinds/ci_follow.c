/* ci_follow: builds and watched jobs that are looked at until they end, and what is said of them.
 *
 * Each change of state is said once; progress only where it can be drawn over the last one. A service that does not answer
 * changes nothing: after a while that is said, once. */
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/run/follow.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/label.h"
#include "bridge/talk/talk.h"
#include "bridge/work/living.h"
#include "integrations/kinds/ci.h"
#include "integrations/kinds/ci_card.h"
#include "integrations/kinds/ci_follow.h"

enum {
	SECOND = 1000,
	WAIT_FIRST = 500, WAIT_MOST = 5 * SECOND,       /* ms between two looks at a build */
	PROGRESS = 5 * SECOND,          /* ms between two drawings of progress */
	QUEUED_SAID = 10 * SECOND,      /* what starts sooner was never worth a line */
	AWAY_SAID = 600 * SECOND,
	RING_AFTER = 30 * SECOND,       /* what took longer may make a telephone ring */
	LOG_LINES = 3,
	WATCH_WAIT = 10 * SECOND,
	WATCHED_MOST = 10,              /* builds of a watched job that are looked at together */
};

/* One look. */
struct look {
	struct task *task;
	const struct talk *talk;
	const struct follow *follow;
	struct living living;
	const struct instance *instance;
	const struct ci *ci;
	/* What was seen before. */
	const char *said;               /* the state that the room knows; NULL: none */
	const char *shown;              /* the progress that was drawn last */
	const char *with;               /* the parameters, while they are not said; NULL */
	int64_t drawn, wait, away;      /* away: since when the service does not answer; 0: it does */
	bool away_said;
};

static const struct instance *
instance_named(const struct talk *talk, const char *name)
{
	for (size_t i = 0; talk->instances[i]; i++)
		if (!strcmp(talk->instances[i]->name, name))
			return talk->instances[i];
	return NULL;
}

static const struct ci *
driver_of(const struct instance *instance)
{
	for (const struct command_set *set = instance ? instance->sets : NULL; set && set->kind; set++)
		if (!strcmp(set->kind, CI_KIND))
			return set->driver;
	return NULL;
}

static void
read_seen(struct look *look)
{
	const char *text = look->follow->seen;
	struct json_object *seen = text ? json_read(look->task->arena, text, strlen(text), NULL) : NULL;

	look->said = json_string(seen, "said", NULL);
	look->shown = json_string(seen, "shown", "");
	look->with = json_string(seen, "with", NULL);
	look->drawn = json_integer(seen, "drawn", 0);
	look->wait = json_integer(seen, "wait", 0);
	look->away = json_integer(seen, "away", 0);
	look->away_said = json_integer(seen, "away_said", 0) != 0;
}

/* Before the first look the room knows what the start itself said: that is on the label. */
static void
read_said(struct look *look)
{
	struct arena *arena = look->task->arena;
	struct label label;

	if (look->said || !look->living.label || !label_look(look->task, look->living.label, &label) || !label.card)
		return;
	struct card *card = card_read(arena, label.card, NULL);
	if (card && !card->progress)
		look->said = card->state;
	else if (card && card->fact_count && strchr(card->facts[0].value, '='))
		look->with = card->facts[0].value;
}

static const char *
write_seen(const struct look *look)
{
	struct json_object *seen = json_new_object(look->task->arena);

	json_set(seen, "said", look->said);
	json_set(seen, "shown", look->shown);
	json_set(seen, "with", look->with);
	json_set_integer(seen, "drawn", look->drawn);
	json_set_integer(seen, "wait", look->wait);
	json_set_integer(seen, "away", look->away);
	json_set_integer(seen, "away_said", look->away_said);
	return json_write(seen);
}

static bool
prepare(struct look *look)
{
	look->instance = instance_named(look->talk, look->follow->instance);
	look->ci = driver_of(look->instance);
	if (!living_read(look->task->arena, look->follow->about, &look->living)) {
		log_error("What is followed at %s (%s) cannot be read; it is followed no more.", look->follow->instance, look->follow->token);
		look->living = (struct living){ 0 };
		return false;
	}
	return true;
}

/* Writes what was seen, and when to look again (next < 0: never). */
static void
commit(struct look *look, int64_t next, struct card *card)
{
	if (!living_seen(look->task, look->talk, look->follow, &look->living, write_seen(look), next, card))
		log_warning("What was seen of %s could not be stored: %s", look->living.label ? look->living.label : look->follow->token, look->task->error.text);
}

/* Builds. */

static void
address(struct look *look, struct card *card, bool ring)
{
	card->to = look->living.shown;
	card->whom = look->living.account;
	card->ring = ring;
}

/* A stop that was asked for in chat is no news to who asked for it. */
static void
address_stopped(struct look *look, struct card *card, const struct build *build)
{
	const char *by = build->stopped_by, *shown = look->living.shown;

	card->by = by;
	if (!by || !shown || strcmp(by, shown) != 0)
		address(look, card, true);
}

static void
add_log(struct look *look, struct card *card, const struct build *build)
{
	struct task *task = look->task;
	const char *label = look->living.label, *prefix = look->talk->prefix;
	struct ci_log log = { 0 };
	bool read = look->ci->log(task, look->instance->conf, build, LOG_LINES, &log);

	task->error.text[0] = '\0';
	ci_card_log_lines(card, &log, LOG_LINES, read ? task_text(task, "%slog %s the error, %sretry %s", prefix, label, prefix, label)
		: task_text(task, "%sretry %s", prefix, label));
}

static void
over(struct look *look, const struct build *build)
{
	struct card *card = ci_card_over(look->task->arena, build);
	int64_t asked = look->living.asked ? look->living.asked : look->follow->began;

	look->said = ci_state(build->state);
	if (build->state == BUILD_STOPPED)
		address_stopped(look, card, build);
	else
		address(look, card, build->state != BUILD_PASSED || clock_wall() - asked > RING_AFTER);
	if (build->state == BUILD_FAILED)
		add_log(look, card, build);
	if (!look->task->cancelled)
		commit(look, -1, card);
}

/* It cannot be told any more what becomes of it. */
static void
give_up(struct look *look, const struct build *build, const char *why)
{
	struct build lost = { .state = BUILD_UNKNOWN, .job = build->job, .number = build->number, .url = build->url, .why = why };

	over(look, &lost);
}

static const char *
progress_text(struct arena *arena, const struct card *card)
{
	struct text text = text_in(arena, 400);

	for (size_t i = 0; i < card->fact_count; i++)
		text_printf(&text, "%s; ", card->facts[i].value);
	return text.bytes;
}

/* What there is to draw of a build that goes on: a new state, progress, or NULL. */
static struct card *
going(struct look *look, const struct build *build)
{
	struct arena *arena = look->task->arena;
	const char *state = ci_state(build->state);
	int64_t now = clock_wall();
	bool news = !look->said || strcmp(look->said, state) != 0, quiet = build->state == BUILD_QUEUED && now - look->living.asked < QUEUED_SAID;
	struct card *card = ci_card_going(arena, build, build->state == BUILD_QUEUED ? look->with : NULL, look->living.shown, !news);
	const char *text = progress_text(arena, card);

	if (!news && (now - look->drawn < PROGRESS || !strcmp(text, look->shown)))
		return NULL;
	card->progress = !news || quiet;
	if (news && !quiet)
		look->said = state;
	look->shown = text;
	look->drawn = now;
	return card;
}

static void
still(struct look *look, const struct build *build)
{
	struct card *card = going(look, build);

	look->away = 0;
	look->away_said = false;
	look->wait = look->wait ? look->wait + look->wait / 2 : look->ci->first_look_ms > 0 ? look->ci->first_look_ms : WAIT_FIRST;
	if (look->wait > WAIT_MOST)
		look->wait = WAIT_MOST;
	commit(look, look->wait, card);
}

/* The first failure is noted; after ten minutes it is said. In between the row comes back later and later by itself. */
static void
away(struct look *look)
{
	int64_t now = clock_wall();

	if (!look->away) {
		look->away = now;
		commit(look, 2 * SECOND, NULL);
	} else if (!look->away_said && now - look->away >= AWAY_SAID) {
		struct card *card = card_new(look->task->arena, TONE_WAITING, "%s does not answer since %s; I go on looking",
			look->ci->shown, clock_time(look->task->arena, look->away, now));
		card_state(card, NULL, "unknown for now");
		look->away_said = true;
		look->said = "unknown for now";
		commit(look, 60 * SECOND, card);
	}
}

static void
follow_build(struct task *task, const struct follow *follow, void *with)
{
	struct look look = { .task = task, .talk = with, .follow = follow };
	struct build build = { .token = follow->token };

	talk_hold(task, look.talk);
	read_seen(&look);
	if (!prepare(&look)) {
		commit(&look, -1, NULL);
		return;
	}
	if (!look.ci) {
		give_up(&look, &build, task_text(task, "%s is not configured any more", follow->instance));
		return;
	}
	read_said(&look);
	bool looked = look.ci->look(task, look.instance->conf, &build);
	if (task->cancelled)
		return;
	if (looked && ci_is_over(build.state))
		over(&look, &build);
	else if (follow->overdue)
		give_up(&look, &build, looked ? "it still goes on; I stop looking" : task_text(task, "%s does not answer; I stop looking", look.ci->shown));
	else if (looked)
		still(&look, &build);
	else
		away(&look);
}

/* Watched jobs: `seen` holds the tokens of those builds that have ended and are told. */

const char *
ci_watch_token(struct arena *arena, const char *job, const char *where)
{
	return arena_printf(arena, "%s\n%s", job, where);
}

static bool
is_told(struct json_object *told, const char *token)
{
	for (size_t i = 0; i < json_count(told, ""); i++) {
		struct json_object *one = json_object_array_get_idx(told, i);
		if (json_object_is_type(one, json_type_string) && !strcmp(json_object_get_string(one), token))
			return true;
	}
	return false;
}

/* What is told after the build at `upto` was: it and all that are older; of the newer ones those that were before. */
static const char *
told_text(struct arena *arena, struct json_object *before, const struct build *builds, size_t count, size_t upto)
{
	struct json_object *told = json_new_array(arena);

	for (size_t i = 0; i < count; i++)
		if (ci_is_over(builds[i].state) && (i >= upto || is_told(before, builds[i].token)))
			json_object_array_add(told, json_object_new_string(builds[i].token));
	return json_write(told);
}

/* A build that somebody asked for here is said as B31 already. */
static bool
has_label(struct look *look, const struct build *build)
{
	struct label label;

	return label_look_of(look->task, CI_KIND, look->follow->instance, build->token, &label);
}

static struct card *
watched_card(struct look *look, const struct build *newest)
{
	struct arena *arena = look->task->arena;
	struct build known = *newest, *build = &known;

	/* A list says less than a look: which step failed. */
	if (!look->ci->look(look->task, look->instance->conf, build))
		known = *newest;
	enum tone tone = build->state == BUILD_PASSED ? TONE_GOOD : build->state == BUILD_STOPPED ? TONE_PLAIN : TONE_BAD;
	struct card *card = card_new(arena, tone, "[%s] %s", look->follow->instance, ci_sentence(arena, build));

	card_url(card, build->url);
	return card;
}

/* The oldest first, each with its own commit, so that each is said once. */
static void
tell_new(struct look *look, struct json_object *told, const struct build *builds, size_t count)
{
	struct arena *arena = look->task->arena;

	for (size_t i = count; told && i-- > 0 && !look->task->cancelled;) {
		if (!ci_is_over(builds[i].state) || is_told(told, builds[i].token) || has_label(look, &builds[i]))
			continue;
		if (!living_seen(look->task, look->talk, look->follow, &look->living, told_text(arena, told, builds, count, i), WATCH_WAIT,
			watched_card(look, &builds[i])))
			return;
	}
	if (!look->task->cancelled)
		living_seen(look->task, look->talk, look->follow, &look->living, told_text(arena, told, builds, count, 0), WATCH_WAIT, NULL);
}

static void
follow_watch(struct task *task, const struct follow *follow, void *with)
{
	struct look look = { .task = task, .talk = with, .follow = follow };
	struct build builds[WATCHED_MOST] = { { 0 } };
	const char *end = strchr(follow->token, '\n');
	size_t count = 0;

	talk_hold(task, look.talk);
	if (!prepare(&look) || !look.ci || !end || follow->overdue) {
		living_seen(task, look.talk, follow, &look.living, follow->seen, -1, NULL);
		return;
	}
	if (!look.ci->latest(task, look.instance->conf, arena_slice(task->arena, follow->token, (size_t)(end - follow->token)), builds, WATCHED_MOST, &count))
		return;
	/* The first look only learns what there is. */
	tell_new(&look, follow->seen ? json_read(task->arena, follow->seen, strlen(follow->seen), NULL) : NULL, builds, count);
}

void
ci_follow(struct follows *follows, const struct talk *talk)
{
	/* The followers read what they are given, and follows hands it on as it is. */
	void *with = (void *)(uintptr_t)talk;

	follows_kind(follows, CI_FOLLOWS_BUILD, follow_build, with);
	follows_kind(follows, CI_FOLLOWS_WATCH, follow_watch, with);
}
