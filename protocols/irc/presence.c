/* presence: being on one network: who we are there, where, what was heard, what waits to be said, and what is due. */
#include "protocols/irc/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/join.h"
#include "protocols/irc/network.h"
#include "protocols/irc/nickserv.h"
#include "protocols/irc/prove.h"
#include "protocols/irc/regain.h"
#include "protocols/irc/wire.h"

enum {
	JOIN_WAIT = 15 * 1000,          /* ms until the server must have answered a JOIN */
	HEARD_MOST = 512,               /* messages that wait for us; then the server waits */
	USER_MOST = 20, HOST_MOST = 63, /* of our own prefix, where the server has not shown it */
};

const char *
presence_nick(const struct presence *at)
{
	return at->irc->nick ? at->irc->nick : at->link->nick;
}

void
presence_wake(struct presence *at)
{
	task_wake(at->engine, at->task);
}

/* No retry mends it. */
void
presence_give_up(struct presence *at, const char *why)
{
	at->hopeless = true;
	wire_fail(at->wire, why);
}

int64_t
presence_login_wait(const struct presence *at)
{
	return 2 * at->irc->patience;
}

size_t
presence_prefix(const struct presence *at)
{
	size_t prefix = at->prefix ? at->prefix : strlen(":! @ ") + strlen(at->nick) + USER_MOST + HOST_MOST;

	/* What a server's lines are shorter than ours is as good as a longer prefix. */
	return prefix + (at->support.line < LINE_MOST ? LINE_MOST - at->support.line : 0);
}

size_t
presence_line(const struct presence *at)
{
	return at->support.line > LINE_MOST ? at->support.line : LINE_MOST;
}

static void
tell_state(struct presence *at)
{
	char trouble[NAME_MOST + 180] = "", others[40] = "";
	size_t in = channels_in(&at->channels, CHANNEL_IN), out = 0;

	for (size_t i = 0; i < at->channels.count; i++)
		if (*at->channels.each[i].why && out++ == 0)
			snprintf(trouble, sizeof trouble, "; not in %s: %s", at->channels.each[i].name, at->channels.each[i].why);
	if (out > 1)
		snprintf(others, sizeof others, "; nor in %zu more", out - 1);
	link_up(at->link, "%s%s, as %s, %zu room%s%s%s", at->to.host, at->irc->tls ? "" : " (not encrypted)", at->nick, in, text_s(in), trouble, others);
}

/* -- The clock: what is due ------------------------------------------------------------------------------------------- */

static void
sooner(int64_t *next, int64_t when)
{
	if (when > 0 && (*next <= 0 || when < *next))
		*next = when;
}

static void
wind(struct presence *at)
{
	int64_t next = at->deadline, now = clock_mono();

	sooner(&next, at->nick_next);
	/* What finds no room in the queue is asked for when there is some. */
	if (at->stage >= STAGE_JOINING && wire_room(at->wire, 1))
		sooner(&next, channels_next(&at->channels));
	sooner(&next, identity_next(&at->identity));
	if (next > 0)
		watch_after(at->clock, next > now ? next - now : 0);
	else
		watch_off(at->clock);
}

static void
arrive_when_answered(struct presence *at)
{
	if (at->stage != STAGE_JOINING || channels_in(&at->channels, CHANNEL_ASKED))
		return;
	at->stage = STAGE_HERE;
	at->here = clock_mono();
	at->tell = true;
}

bool
presence_say(struct presence *at, const char *command, const char *const *params, size_t count)
{
	struct written line;

	if (!wire_room(at->wire, 1) || !line_write(&line, presence_prefix(at), command, params, count))
		return false;
	wire_later(at->wire, &line);
	return true;
}

/* People are told of each new reason, and not of each try. */
void
presence_left(struct presence *at, struct channel *channel, const char *how, const char *said)
{
	struct arena *arena = arena_new();
	char *clean = text_cut(arena, text_clean(arena, said, strlen(said)), 100);
	bool known = !strcmp(channel->why, how);

	if (!known)
		log_warning("%s: not in %s: %s%s%s%s.", at->link->name, channel->name, how, *clean ? " (" : "", clean, *clean ? ")" : "");
	channels_left(&at->channels, channel, how, clock_mono());
	identity_left(&at->identity, &at->channels, NULL);
	arena_free(arena);
	at->tell = at->tell || (at->stage == STAGE_HERE && !known);
	at->ask_channels = at->ask_channels || at->stage == STAGE_JOINING;
}

static void
join_what_is_due(struct presence *at)
{
	struct channel *channel;
	struct written line;
	struct error why;
	int64_t now = clock_mono();

	while ((channel = join_hopeless(&at->channels, &at->support, now, &why)))
		presence_left(at, channel, why.text, "");
	while (wire_room(at->wire, 1) && join_write(&line, &at->channels, at->irc, &at->support, now)) {
		at->deadline = now + JOIN_WAIT;
		wire_later(at->wire, &line);
		secret_wipe(&line, sizeof line);
	}
	arrive_when_answered(at);
}

static void
ask_for_nick(struct presence *at)
{
	if (at->stage < STAGE_WELCOMED)
		regain_other(at);
	else if (wire_room(at->wire, 1))
		session_nick(at->session, presence_nick(at));
}

/* A bot that says so is not answered by others. */
static void
say_bot(struct presence *at)
{
	const char mode[] = { '+', at->support.bot, '\0' };
	const char *const params[] = { at->nick, mode };

	if (at->support.bot)
		presence_say(at, "MODE", params, 2);
}

/* What the callbacks have noted. */
void
presence_act(struct presence *at)
{
	if (at->down || !at->session)
		return;
	if (at->ask_nick) {
		at->ask_nick = false;
		ask_for_nick(at);
	}
	if (at->ask_channels) {
		at->ask_channels = false;
		join_what_is_due(at);
	}
	prove_ask(at);
	if (at->tell && at->stage == STAGE_HERE) {
		at->tell = false;
		tell_state(at);
	}
	/* What was just heard may have ended a question. */
	if (at->first)
		presence_wake(at);
	wind(at);
}

void
presence_settle(struct presence *at)
{
	if (irc_settings_nickserv(at->irc))
		nickserv_begin(at);
	else
		presence_join(at);
}

void
presence_join(struct presence *at)
{
	at->stage = STAGE_JOINING;
	at->deadline = 0;
	at->ask_channels = true;
	say_bot(at);
	if (!regain_is_ours(at, at->nick))
		regain_begin(at);
}

static void
unanswered(struct presence *at)
{
	at->deadline = 0;
	if (at->stage <= STAGE_LOGIN) {
		char why[160];
		snprintf(why, sizeof why, "%.100s did not let me in within %lld s.", at->to.host, (long long)(presence_login_wait(at) / 1000));
		wire_fail(at->wire, why);
		return;
	}
	if (at->stage == STAGE_WELCOMED) {
		presence_settle(at);
		return;
	}
	if (at->stage == STAGE_SERVICES) {
		nickserv_late(at);
		return;
	}
	for (size_t i = 0; i < at->channels.count; i++)
		if (at->channels.each[i].state == CHANNEL_ASKED)
			presence_left(at, &at->channels.each[i], "the server did not answer", "");
	arrive_when_answered(at);
}

static void
tick(void *with, int events)
{
	struct presence *at = with;
	int64_t now = clock_mono(), next;

	(void)events;
	if (at->down)
		return;
	if (at->deadline && now >= at->deadline)
		unanswered(at);
	if (identity_expire(&at->identity, now))
		presence_wake(at);
	next = at->stage >= STAGE_JOINING ? channels_next(&at->channels) : -1;
	at->ask_channels = at->ask_channels || (next >= 0 && next <= now);
	if (at->nick_next && at->nick_next <= now)
		regain_look(at);
	presence_act(at);
}

/* -- What was heard --------------------------------------------------------------------------------------------------- */

void
presence_hear(struct presence *at, struct ear *ear)
{
	if (at->last)
		at->last->next = ear;
	else
		at->first = ear;
	at->last = ear;
	at->heard++;
	presence_wake(at);
}

bool
presence_full(const struct presence *at)
{
	return at->heard >= HEARD_MOST;
}

struct ear *
presence_heard(struct presence *at)
{
	struct ear *before = NULL, *ear = at->first;

	while (ear && ear->question && ear->question->answer == ANSWER_AWAITED) {
		before = ear;
		ear = ear->next;
	}
	if (!ear)
		return NULL;
	*(before ? &before->next : &at->first) = ear->next;
	if (at->last == ear)
		at->last = before;
	/* Half of them gone: the server may go on. */
	if (--at->heard == HEARD_MOST / 2 && !at->down)
		watch_now(at->resume);
	return ear;
}

void
presence_deaf(struct presence *at)
{
	while (at->first) {
		struct ear *ear = at->first;
		at->first = ear->next;
		identity_release(&at->identity, ear->question);
		ear_free(ear);
	}
	at->last = NULL;
	at->heard = 0;
}

void
ear_free(struct ear *ear)
{
	arena_free(ear->arena);
	free(ear);
}

/* -- Who waits ------------------------------------------------------------------------------------------------------- */

void
presence_wait(struct presence *at, struct waiter *waiter)
{
	struct waiter **end = &at->waiters;

	while (*end)
		end = &(*end)->next;
	waiter->next = NULL;
	*end = waiter;
}

void
presence_leave(struct presence *at, struct waiter *waiter)
{
	struct waiter **found = &at->waiters;

	while (*found && *found != waiter)
		found = &(*found)->next;
	if (*found)
		*found = waiter->next;
}

void
presence_let_go(struct presence *at)
{
	while (at->waiters) {
		struct waiter *waiter = at->waiters;
		at->waiters = waiter->next;
		waiter->lost = true;
		task_wake(at->engine, waiter->task);
	}
}

/* -- Its life --------------------------------------------------------------------------------------------------------- */

static void
resume(void *with, int events)
{
	struct presence *at = with;

	(void)events;
	if (at->wire && !at->down)
		wire_resume(at->wire);
}

struct presence *
presence_new(struct link *link, uint64_t task, struct error *error)
{
	struct presence *at = memory_take(sizeof *at);

	at->link = link;
	at->irc = link->conf;
	at->engine = link->engine;
	at->task = task;
	at->down = true;
	if (!low_descriptors_open(&at->low, error)) {
		free(at);
		return NULL;
	}
	channels_begin(&at->channels, link->channels, at->irc->rejoin);
	at->clock = loop_timer(at->engine->loop, tick, at);
	at->resume = loop_later(at->engine->loop, resume, at);
	at->proof = loop_later(at->engine->loop, network_work, at);
	return at;
}

/* Where a JOIN is still on its way there, we leave when it is answered: see reactions. */
static void
leave(const struct channel *channel, void *with)
{
	if (channel->state == CHANNEL_IN)
		presence_say(with, "PART", &channel->name, 1);
}

void
presence_renew(struct presence *at)
{
	channels_want(&at->channels, at->link->channels, leave, at);
	identity_left(&at->identity, &at->channels, NULL);
	at->tell = at->tell || at->stage == STAGE_HERE;
	if (!at->down)
		watch_after(at->clock, 0);
}

void
presence_free(struct presence *at)
{
	if (!at)
		return;
	watch_free(at->clock);
	watch_free(at->resume);
	watch_free(at->proof);
	channels_end(&at->channels);
	low_descriptors_close(&at->low);
	free(at);
}

