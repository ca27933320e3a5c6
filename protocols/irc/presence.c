/* presence: being on one network: the login, the nick, the channels, and what is heard there. */
#include "protocols/irc/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "protocols/irc/hear.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/wire.h"

enum {
	LOGIN_WAIT = 60 * 1000,         /* ms until the server must have let us in */
	JOIN_WAIT = 15 * 1000,          /* ms until it must have answered a JOIN */
	HEARD_MOST = 512,               /* messages that wait for us; then the server waits */
	JOIN_MOST = 400,                /* bytes of names in one JOIN */
	NICKS_MOST = 8,
	USER_MOST = 20, HOST_MOST = 63, /* of our own prefix, where the server has not shown it */
};

static const char *
wanted_nick(const struct presence *at)
{
	return at->irc->nick ? at->irc->nick : at->link->nick;
}

static void
wake(struct presence *at)
{
	task_wake(at->engine, at->task);
}

/* No retry mends it. */
static void
give_up(struct presence *at, const char *why)
{
	at->hopeless = true;
	wire_fail(at->wire, why);
}

/* -- Saying ----------------------------------------------------------------------------------------------------------- */

static void
send_now(const char *command, const char *const *params, size_t count, void *with)
{
	struct presence *at = with;
	struct written line;

	if (line_write(&line, 0, command, params, count))
		wire_now(at->wire, &line);
	else
		log_warning("%s: a %s that was not one line was not sent.", at->link->name, command);
	secret_wipe(&line, sizeof line);
}

size_t
presence_prefix(const struct presence *at)
{
	return at->prefix ? at->prefix : strlen(":! @ ") + strlen(at->nick) + USER_MOST + HOST_MOST;
}

/* libircclient's own lines: what registers us goes before all else, the rest waits its turn with our talk. */
static void
library_said(const struct irc_line *said, void *with)
{
	struct presence *at = with;
	struct written line;

	if (!line_write(&line, presence_prefix(at), said->command, said->params, said->count))
		log_warning("%s: a %s that was not one line was not sent.", at->link->name, said->command);
	else if (!strcmp(said->command, "QUIT"))
		wire_goodbye(at->wire, &line);
	else if (at->stage <= STAGE_LOGIN)
		wire_now(at->wire, &line);
	else if (wire_room(at->wire, 1))
		wire_later(at->wire, &line);
	else
		log_warning("%s: a %s found no room in the queue.", at->link->name, said->command);
}

static void
tell_state(struct presence *at)
{
	char troubles[NAME_MOST + 180] = "";
	size_t in = channels_in(&at->channels, CHANNEL_IN);

	for (size_t i = 0; i < at->channels.count && !*troubles; i++)
		if (*at->channels.each[i].why)
			snprintf(troubles, sizeof troubles, "; not in %s: %s", at->channels.each[i].name, at->channels.each[i].why);
	link_up(at->link, "%s%s, as %s, %zu room%s%s", at->irc->server, at->irc->tls ? "" : " (not encrypted)", at->nick, in, text_s(in), troubles);
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
	if (at->stage >= STAGE_JOINING)
		sooner(&next, channels_next(&at->channels));
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

static void
join_what_is_due(struct presence *at)
{
	char names[JOIN_MOST];

	while (wire_room(at->wire, 1) && channels_ask(&at->channels, clock_mono(), names, sizeof names)) {
		at->deadline = clock_mono() + JOIN_WAIT;
		if (!session_join(at->session, names))
			return;
	}
	arrive_when_answered(at);
}

static void
ask_for_nick(struct presence *at)
{
	char nick[NAME_MOST + 1];
	unsigned chance;

	if (at->stage >= STAGE_JOINING) {
		at->nick_next = clock_mono() + at->irc->rejoin;
		if (wire_room(at->wire, 1))
			session_nick(at->session, wanted_nick(at));
		return;
	}
	/* sally, sally_, sally__, then sally4711. */
	if (++at->nicks >= NICKS_MOST) {
		wire_fail(at->wire, "Somebody else has my nick, and all that are like it.");
		return;
	}
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (unsigned)clock_mono();
	if (at->nicks <= 2)
		snprintf(nick, sizeof nick, "%s%.*s", wanted_nick(at), (int)at->nicks, "__");
	else
		snprintf(nick, sizeof nick, "%.5s%04u", wanted_nick(at), chance % 10000);
	session_nick(at->session, nick);
}

/* What the callbacks have noted. */
static void
act(struct presence *at)
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
	if (at->tell && at->stage == STAGE_HERE) {
		at->tell = false;
		tell_state(at);
	}
	wind(at);
}

static void
unanswered(struct presence *at, int64_t now)
{
	at->deadline = 0;
	if (at->stage <= STAGE_LOGIN) {
		char why[160];
		snprintf(why, sizeof why, "%s did not let me in within %d s.", at->irc->server, LOGIN_WAIT / 1000);
		wire_fail(at->wire, why);
		return;
	}
	for (size_t i = 0; i < at->channels.count; i++)
		if (at->channels.each[i].state == CHANNEL_ASKED)
			channels_left(&at->channels, &at->channels.each[i], "the server did not answer", now);
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
		unanswered(at, now);
	next = at->stage >= STAGE_JOINING ? channels_next(&at->channels) : -1;
	at->ask_channels = at->ask_channels || (next >= 0 && next <= now);
	at->ask_nick = at->ask_nick || (at->nick_next && at->nick_next <= now);
	act(at);
}

/* -- What the server says, as libircclient tells it. Here it is only noted. ------------------------------------------- */

struct event {
	const char *name;
	const char *origin, *nick;      /* nick: of the origin; "" */
	const char *const *params;
	size_t count;
};

static bool
is_us(const struct presence *at, const char *nick)
{
	return *nick && name_same(nick, at->nick, at->channels.how);
}

static void
on_connect(struct presence *at, const struct event *event)
{
	(void)event;
	if (at->stage != STAGE_LOGIN)
		return;
	at->stage = STAGE_JOINING;
	at->deadline = 0;
	at->ask_channels = true;
	if (!name_same(at->nick, wanted_nick(at), at->channels.how))
		at->nick_next = clock_mono() + at->irc->rejoin;
}

static void
on_join(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[0]);

	if (is_us(at, event->nick))
		at->prefix = strlen(event->origin) + strlen(": ");
	if (!channel)
		return;
	if (!is_us(at, event->nick)) {
		channels_join(&at->channels, channel, event->nick);
		return;
	}
	channels_entered(&at->channels, channel, clock_mono());
	at->tell = at->stage == STAGE_HERE;
}

/* 366: all its people have been named. A JOIN is over only then, so that nobody of them is pinged. */
static void
on_names_end(struct presence *at, const struct event *event)
{
	(void)event;
	if (!channels_in(&at->channels, CHANNEL_ASKED) && at->stage >= STAGE_JOINING)
		at->deadline = 0;
	at->ask_channels = at->stage == STAGE_JOINING;
}

static void
on_names(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[2]);

	if (channel && channel->state == CHANNEL_IN)
		channels_names(&at->channels, channel, event->params[3]);
}

static void
out_of(struct presence *at, struct channel *channel, const char *how, const char *reason)
{
	struct arena *arena = arena_new();
	char *clean = text_cut(arena, text_clean(arena, reason, strlen(reason)), 100);

	channels_left(&at->channels, channel, arena_printf(arena, "%s%s%s", how, *clean ? ": " : "", clean), clock_mono());
	log_warning("%s: not in %s: %s.", at->link->name, channel->name, channel->why);
	arena_free(arena);
	at->tell = at->stage == STAGE_HERE;
	at->ask_channels = at->stage == STAGE_JOINING;
}

static void
on_part(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[0]);

	if (channel && is_us(at, event->nick) && channel->state == CHANNEL_IN)
		out_of(at, channel, "taken out", event->params[1]);
	else if (channel)
		channels_part(&at->channels, channel, event->nick);
}

static void
on_kick(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[0]);

	if (channel && is_us(at, event->params[1]) && channel->state == CHANNEL_IN)
		out_of(at, channel, "kicked", event->params[2]);
	else if (channel)
		channels_part(&at->channels, channel, event->params[1]);
}

/* Whoever had our nick has let it go. */
static void
nick_free(struct presence *at, const char *nick)
{
	if (at->nick_next && name_same(nick, wanted_nick(at), at->channels.how))
		at->ask_nick = true;
}

static void
on_quit(struct presence *at, const struct event *event)
{
	channels_quit(&at->channels, event->nick);
	nick_free(at, event->nick);
}

static void
on_nick(struct presence *at, const struct event *event)
{
	const char *to = event->params[0];

	channels_rename(&at->channels, event->nick, to);
	if (!is_us(at, event->nick)) {
		nick_free(at, event->nick);
		return;
	}
	if (at->prefix && strlen(at->nick) < at->prefix)
		at->prefix = at->prefix - strlen(at->nick) + strlen(to);
	snprintf(at->nick, sizeof at->nick, "%s", to);
	at->nick_next = name_same(to, wanted_nick(at), at->channels.how) ? 0 : clock_mono() + at->irc->rejoin;
	at->tell = at->stage == STAGE_HERE;
}

static void
on_nick_taken(struct presence *at, const struct event *event)
{
	if (at->stage == STAGE_LOGIN && !strcmp(event->name, "432"))
		give_up(at, "The server says that my nick is none it allows; give another one as nick = \"...\".");
	else if (at->stage == STAGE_LOGIN)
		at->ask_nick = true;
}

static void
on_refused_join(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[1]);

	if (channel && channel->state == CHANNEL_ASKED)
		out_of(at, channel, "not let in", event->params[event->count - 1]);
}

/* Our words were not taken: the oldest that waits for its proof there is the one. */
static void
on_refused_words(struct presence *at, const struct event *event)
{
	const char *why = event->params[event->count - 1];

	for (struct waiter *waiter = at->waiters; waiter; waiter = waiter->next)
		if (waiter->put && !*waiter->refused.text && name_same(waiter->target, event->params[1], at->channels.how)) {
			error_set(&waiter->refused, "%s did not take it for %s: %.200s.", at->link->name, waiter->target, why);
			return;
		}
	log_debug("%s refused words for %s: %s", at->link->name, event->params[1], why);
}

static void
on_both(struct presence *at, const struct event *event)
{
	on_refused_join(at, event);
	on_refused_words(at, event);
}

/* 396: our host is another one now; how long it is shows the next JOIN. */
static void
on_host(struct presence *at, const struct event *event)
{
	(void)event;
	at->prefix = 0;
}

/* Why nobody can be proven here; NULL: the server says who it is. It may withdraw that at any time. */
static const char *
nobody_proven(const struct presence *at)
{
	if (!at->irc->tls && !irc_settings_local(at->irc))
		return "this connection is not encrypted, so anybody could forge it";
	return at->login.has & CAP_ACCOUNT_TAG ? NULL : "this network has no account-tag";
}

static void
on_message(struct presence *at, const struct event *event)
{
	const struct hear hearing = { at->link->name, at->nick, nobody_proven(at), &at->channels, clock_wall() };
	struct ear *ear = memory_take(sizeof *ear);

	ear->arena = arena_new();
	enum heard heard = hear(ear->arena, &hearing, &at->line, event->origin, event->params[0], event->params[1], &ear->message);
	if (heard != HEARD) {
		if (heard == HEARD_PLAYED_BACK)
			log_debug("%s: passed over what was played back, or said more than 5 minutes ago by the server's clock.", at->link->name);
		ear_free(ear);
		return;
	}
	if (at->last)
		at->last->next = ear;
	else
		at->first = ear;
	at->last = ear;
	at->heard++;
	wake(at);
}

/* A NOTICE is never answered, whatever it says: it is not in here. */
static const struct { const char *name; void (*call)(struct presence *, const struct event *); } reactions[] = {
	{ "353",     on_names },
	{ "366",     on_names_end },
	{ "396",     on_host },
	{ "401",     on_refused_words },
	{ "403",     on_both },
	{ "404",     on_refused_words },
	{ "405",     on_refused_join },
	{ "408",     on_refused_words },
	{ "432",     on_nick_taken },
	{ "433",     on_nick_taken },
	{ "436",     on_nick_taken },
	{ "437",     on_nick_taken },
	{ "470",     on_refused_join },
	{ "471",     on_refused_join },
	{ "473",     on_refused_join },
	{ "474",     on_refused_join },
	{ "475",     on_refused_join },
	{ "476",     on_refused_join },
	{ "477",     on_both },
	{ "479",     on_refused_join },
	{ "489",     on_refused_join },
	{ "520",     on_refused_join },
	{ "531",     on_refused_words },
	{ "716",     on_refused_words },
	{ "CHANNEL", on_message },
	{ "CONNECT", on_connect },
	{ "JOIN",    on_join },
	{ "KICK",    on_kick },
	{ "NICK",    on_nick },
	{ "PART",    on_part },
	{ "PRIVMSG", on_message },
	{ "QUIT",    on_quit },
};

static void
library_heard(const char *name, const char *origin, const char *const *params, size_t count, void *with)
{
	struct presence *at = with;
	char nick[NAME_MOST + 1] = "";

	name_of(origin, nick);
	struct event event = { name, origin, nick, params, count };
	for (size_t i = 0; i < sizeof reactions / sizeof *reactions; i++)
		if (!strcmp(reactions[i].name, name) && count > 0)
			reactions[i].call(at, &event);
}

static void
library_ready(void *with)
{
	struct presence *at = with;

	act(at);
	watch_now(at->resume);
}

static void
library_broken(const char *why, void *with)
{
	struct presence *at = with;

	wire_fail(at->wire, why);
}

static const struct session_events session_events = { library_said, library_heard, library_ready, library_broken };

/* -- What the server says, before libircclient sees it ---------------------------------------------------------------- */

static void
take_ping(struct presence *at)
{
	const char *token = line_param(&at->line, 0);

	send_now("PONG", &token, 1, at);
}

/* What was said before the PING that is answered here has arrived too, and whatever was said before that. */
static void
take_pong(struct presence *at)
{
	struct waiter *answered = at->waiters;

	while (answered && !(answered->put && answered->txn && !strcmp(answered->txn, line_last(&at->line))))
		answered = answered->next;
	for (struct waiter *waiter = answered ? at->waiters : NULL; waiter; waiter = waiter == answered ? NULL : waiter->next)
		if (waiter->put && !waiter->proven) {
			waiter->proven = true;
			task_wake(at->engine, waiter->task);
		}
}

static bool
is_ban(const char *text)
{
	static const char *const words[] = { "K-line", "G-line", "Z-line", "D-line", "K:line", "G:line", "banned" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcasestr(text, words[i]))
			return true;
	return false;
}

static void
take_error(struct presence *at)
{
	struct arena *arena = arena_new();
	const char *said = line_last(&at->line);
	char *clean = text_cut(arena, text_clean(arena, said, strlen(said)), sizeof at->goodbye - 1);

	snprintf(at->goodbye, sizeof at->goodbye, "%s", clean);
	if (!strcmp(at->line.command, "465") || is_ban(clean))
		give_up(at, arena_printf(arena, "%s has banned me: %s.", at->irc->server, clean));
	arena_free(arena);
}

static void
take_welcome(struct presence *at)
{
	const char *nick = line_param(&at->line, 0);

	if (at->line.prefix && strlen(at->line.prefix) < sizeof at->server)
		snprintf(at->server, sizeof at->server, "%s", at->line.prefix);
	if (*nick && strlen(nick) < sizeof at->nick)
		snprintf(at->nick, sizeof at->nick, "%s", nick);
	if (!login_welcome(&at->login))
		give_up(at, at->login.why.text);
}

static void
take_support(struct presence *at)
{
	static const char mapping[] = "CASEMAPPING=";

	for (size_t i = 1; i < at->line.count; i++)
		if (!strncmp(at->line.params[i], mapping, strlen(mapping)))
			at->channels.how = name_case(at->line.params[i] + strlen(mapping));
}

/* Those that the library also hears. */
static const struct { const char *command; void (*call)(struct presence *); bool ours; } before[] = {
	{ "001",   take_welcome, false },
	{ "005",   take_support, false },
	{ "465",   take_error,   true },
	{ "ERROR", take_error,   true },
	{ "PING",  take_ping,    true },
	{ "PONG",  take_pong,    true },
};

/* True: it was for us alone. */
static bool
take(struct presence *at)
{
	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (!strcmp(before[i].command, at->line.command)) {
			before[i].call(at);
			return before[i].ours || at->down;
		}
	if (!login_take(&at->login, &at->line))
		return false;
	if (at->login.state == LOGIN_FAILED && at->stage == STAGE_LOGIN)
		give_up(at, at->login.why.text);
	return true;
}

static bool
wire_line(char *bytes, size_t length, void *with)
{
	struct presence *at = with;
	char shaped[LINE_LIBRARY_MOST + 3];
	size_t size;

	if (!at->session || session_busy(at->session) || at->heard >= HEARD_MOST)
		return false;
	/* The library may read it later: its tags must stay beside it until then. */
	memcpy(at->bytes, bytes, length + 1);
	link_heard(at->link);
	if (!line_read(at->bytes, length, &at->line)) {
		log_debug("%s: a line that is none was dropped.", at->link->name);
		return true;
	}
	if (!take(at) && line_for_library(&at->line, at->server, shaped, &size) && session_give(at->session, shaped, size))
		act(at);
	return true;
}

static void
wire_up(void *with)
{
	struct presence *at = with;
	struct error error;

	at->stage = STAGE_LOGIN;
	at->deadline = clock_mono() + LOGIN_WAIT;
	login_begin(&at->login);
	at->session = session_open(at->engine, &at->low, wanted_nick(at), wanted_nick(at), at->irc->realname, &session_events, at, &error);
	if (!at->session)
		wire_fail(at->wire, error.text);
	wind(at);
}

static void
wire_drained(void *with)
{
	struct presence *at = with;

	for (struct waiter *waiter = at->waiters; waiter; waiter = waiter->next)
		if (!waiter->put)
			task_wake(at->engine, waiter->task);
	/* A JOIN that found no room. */
	if (at->stage >= STAGE_JOINING && channels_next(&at->channels) == 0)
		watch_after(at->clock, 0);
}

static void
wire_down(const char *why, void *with)
{
	struct presence *at = with;

	at->down = true;
	if (*at->goodbye && !at->hopeless)
		error_set(&at->why, "%s closed the connection: %s.", at->irc->server, at->goodbye);
	else
		error_set(&at->why, "%s", why);
	wake(at);
}

static const struct wire_events wire_events = { wire_up, wire_line, wire_drained, wire_down };

static void
resume(void *with, int events)
{
	struct presence *at = with;

	(void)events;
	if (at->wire && !at->down)
		wire_resume(at->wire);
}

/* -- Its life --------------------------------------------------------------------------------------------------------- */

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
	return at;
}

void
presence_free(struct presence *at)
{
	if (!at)
		return;
	presence_end(at, false);
	watch_free(at->clock);
	watch_free(at->resume);
	channels_end(&at->channels);
	low_descriptors_close(&at->low);
	free(at);
}

void
presence_begin(struct presence *at)
{
	bool login = at->irc->account && at->irc->password;

	at->stage = STAGE_CONNECTING;
	at->down = at->hopeless = false;
	at->why.text[0] = at->goodbye[0] = '\0';
	at->nicks = 0;
	at->prefix = 0;
	at->here = at->deadline = at->nick_next = 0;
	at->ask_nick = at->ask_channels = at->tell = false;
	snprintf(at->nick, sizeof at->nick, "%s", wanted_nick(at));
	snprintf(at->server, sizeof at->server, "%s", "server");
	at->login = (struct login){ .account = login ? at->irc->account : NULL, .password = login ? at->irc->password->bytes : NULL,
		.safe = at->irc->tls, .send = send_now, .with = at };
	at->wire = wire_open(at->engine, at->irc, &wire_events, at);
}

static void
let_waiters_go(struct presence *at)
{
	while (at->waiters) {
		struct waiter *waiter = at->waiters;
		at->waiters = waiter->next;
		waiter->lost = true;
		task_wake(at->engine, waiter->task);
	}
}

void
presence_end(struct presence *at, bool goodbye)
{
	struct ear *ear;

	if (goodbye && !at->down && at->session && at->stage >= STAGE_JOINING)
		session_quit(at->session, "stopped");
	at->down = true;
	watch_off(at->clock);
	session_close(at->session);
	at->session = NULL;
	wire_close(at->wire);
	at->wire = NULL;
	at->stage = STAGE_CONNECTING;
	channels_lost(&at->channels);
	let_waiters_go(at);
	/* Nobody knows any more where an answer would go, and identity is not carried over. */
	while ((ear = presence_heard(at)))
		ear_free(ear);
}

struct ear *
presence_heard(struct presence *at)
{
	struct ear *ear = at->first;

	if (!ear)
		return NULL;
	at->first = ear->next;
	if (!at->first)
		at->last = NULL;
	/* Half of them gone: the server may go on. */
	if (--at->heard == HEARD_MOST / 2 && !at->down)
		watch_now(at->resume);
	return ear;
}

void
ear_free(struct ear *ear)
{
	arena_free(ear->arena);
	free(ear);
}

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
