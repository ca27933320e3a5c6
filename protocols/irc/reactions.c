/* reactions: what the server says, as libircclient tells it, and what it means for our presence. Here it is only noted. */
#include "protocols/irc/reactions.h"

#include <stdio.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "protocols/irc/delivery.h"
#include "protocols/irc/hear.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/prove.h"
#include "protocols/irc/refusal.h"
#include "protocols/irc/regain.h"

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

/* Somebody came, went or has another name; in order with what they say. */
static void
hear_coming(struct presence *at, const struct channel *channel, enum message_kind kind, const char *nick, const char *text)
{
	if (channel->state != CHANNEL_IN || is_us(at, nick) || !text_utf8(nick, strlen(nick)) || !bridge_wants_comings(at->link, channel->name))
		return;
	struct ear *ear = memory_take(sizeof *ear);
	ear->arena = arena_new();
	ear->message = (struct message){ .kind = kind, .place = { .link = arena_text(ear->arena, at->link->name), .channel = arena_text(ear->arena, channel->name) },
		.from.shown = arena_text(ear->arena, nick), .text = text_clean(ear->arena, text, strlen(text)) };
	presence_hear(at, ear);
}

/* The same in every channel where they are with us. */
static void
hear_coming_everywhere(struct presence *at, enum message_kind kind, const char *nick, const char *text)
{
	for (size_t i = 0; i < at->channels.count; i++)
		if (channels_has(&at->channels, &at->channels.each[i], nick, strlen(nick)))
			hear_coming(at, &at->channels.each[i], kind, nick, text);
}

static void
on_connect(struct presence *at, const struct event *event)
{
	(void)event;
	if (at->stage != STAGE_LOGIN)
		return;
	at->stage = STAGE_WELCOMED;
	at->deadline = clock_mono() + WELCOME_WAIT;
}

/* 376, 422: the message of the day is over, and what the server supports was said before it. */
static void
on_settled(struct presence *at, const struct event *event)
{
	(void)event;
	if (at->stage == STAGE_WELCOMED)
		presence_settle(at);
}

static void
on_join(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[0]);

	if (is_us(at, event->nick))
		at->prefix = strlen(event->origin) + strlen(": ");
	if (!channel && is_us(at, event->nick))
		presence_say(at, "PART", &event->params[0], 1);
	if (!channel)
		return;
	if (!is_us(at, event->nick)) {
		channels_join(&at->channels, channel, event->nick);
		hear_coming(at, channel, MESSAGE_CAME, event->nick, "");
		if (prove_is_told(at) && event->count == 3)
			identity_tell(&at->identity, &at->channels, event->origin, event->params[1]);
		return;
	}
	channels_entered(&at->channels, channel, clock_mono());
	identity_left(&at->identity, &at->channels, NULL);
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

/* By a person, who said why. */
static void
thrown_out(struct presence *at, struct channel *channel, const char *how, const char *reason)
{
	struct arena *arena = arena_new();
	char *clean = text_cut(arena, text_clean(arena, reason, strlen(reason)), 100);

	presence_left(at, channel, arena_printf(arena, "%s%s%s", how, *clean ? ": " : "", clean), "");
	arena_free(arena);
}

static void
somebody_left(struct presence *at, struct channel *channel, const char *nick)
{
	channels_part(&at->channels, channel, nick);
	identity_left(&at->identity, &at->channels, nick);
}

static void
on_part(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[0]);

	if (channel && is_us(at, event->nick) && channel->state == CHANNEL_IN)
		thrown_out(at, channel, "taken out", event->params[1]);
	else if (channel) {
		hear_coming(at, channel, MESSAGE_WENT, event->nick, event->params[1]);
		somebody_left(at, channel, event->nick);
	}
}

static void
hear_kick(struct presence *at, const struct channel *channel, const struct event *event)
{
	struct arena *arena = arena_new();
	const char *by = *event->nick ? event->nick : event->origin, *why = event->params[2];

	hear_coming(at, channel, MESSAGE_REMOVED, event->params[1], arena_printf(arena, "%s%s%s", by, *why ? ": " : "", why));
	arena_free(arena);
}

static void
on_kick(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[0]);

	if (channel && is_us(at, event->params[1]) && channel->state == CHANNEL_IN)
		thrown_out(at, channel, "kicked", event->params[2]);
	else if (channel) {
		hear_kick(at, channel, event);
		somebody_left(at, channel, event->params[1]);
	}
}

/* After a split whoever had our nick still has it on the other side, and would collide with us when the sides meet again: the next look
 * will tell. */
static void
on_quit(struct presence *at, const struct event *event)
{
	hear_coming_everywhere(at, MESSAGE_WENT, event->nick, event->params[0]);
	channels_quit(&at->channels, event->nick);
	identity_void(&at->identity, event->nick);
	if (!name_split(event->params[0]))
		regain_gone(at, event->nick);
}

/* 303: who of those that we asked for is there. */
static void
on_online(struct presence *at, const struct event *event)
{
	regain_online(at, event->params[1]);
}

/* 731, of MONITOR: nick!user@host,nick: not there. */
static void
on_offline(struct presence *at, const struct event *event)
{
	char nick[NAME_MOST + 1];

	for (const char *list = event->params[1]; *list; list += strcspn(list, ","), list += *list == ',') {
		size_t length = strcspn(list, "!,");
		snprintf(nick, sizeof nick, "%.*s", length < NAME_MOST ? (int)length : NAME_MOST, list);
		regain_gone(at, nick);
	}
}

/* 421: it does not know what we asked. */
static void
on_unknown(struct presence *at, const struct event *event)
{
	if (!strcmp(event->params[1], "ISON"))
		regain_unknown(at);
}

static void
on_nick(struct presence *at, const struct event *event)
{
	const char *to = event->params[0];

	hear_coming_everywhere(at, MESSAGE_RENAMED, event->nick, to);
	channels_rename(&at->channels, event->nick, to);
	identity_void(&at->identity, event->nick);
	identity_void(&at->identity, to);
	if (!is_us(at, event->nick)) {
		regain_gone(at, event->nick);
		return;
	}
	if (at->prefix && strlen(at->nick) < at->prefix)
		at->prefix = at->prefix - strlen(at->nick) + strlen(to);
	snprintf(at->nick, sizeof at->nick, "%s", to);
	if (regain_is_ours(at, to))
		regain_done(at);
	else
		regain_begin(at);
	at->tell = at->stage == STAGE_HERE;
}

static void
on_nick_taken(struct presence *at, const struct event *event)
{
	if (at->stage == STAGE_LOGIN && !strcmp(event->name, "432"))
		presence_give_up(at, "The server says that my nick is none it allows; give another one as nick = \"...\".");
	else if (at->stage == STAGE_LOGIN)
		at->ask_nick = true;
}

static void
on_refused_join(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[1]);

	if (!channel || channel->state != CHANNEL_ASKED)
		return;
	presence_left(at, channel, refusal_of(event->name), event->params[event->count - 1]);
	channel->login = !strcmp(event->name, "477");
}

/* Only where we want to be: an invitation takes us nowhere else. */
static void
on_invite(struct presence *at, const struct event *event)
{
	struct channel *channel = channels_find(&at->channels, event->params[1]);

	if (channel && is_us(at, event->params[0]) && at->stage >= STAGE_JOINING && channels_invited(&at->channels, channel, clock_mono()))
		at->ask_channels = true;
}

/* 900: what is only for those who are logged in may be open now. */
static void
on_logged_in(struct presence *at, const struct event *event)
{
	(void)event;
	for (size_t i = 0; i < at->channels.count; i++)
		if (at->channels.each[i].login && at->channels.each[i].state == CHANNEL_OUT) {
			at->channels.each[i].next = clock_mono();
			at->ask_channels = at->stage >= STAGE_JOINING;
		}
}

static void
on_refused_words(struct presence *at, const struct event *event)
{
	const char *why = event->params[event->count - 1];

	if (!delivery_refused(at, event->params[1], why))
		log_debug("%s refused words for %s: %s", at->link->name, event->params[1], why);
}

/* 437: a nick, or a channel. */
static void
on_unavailable(struct presence *at, const struct event *event)
{
	if (channels_find(&at->channels, event->params[1]))
		on_refused_join(at, event);
	else
		on_nick_taken(at, event);
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

static void
hear_line(struct presence *at, const struct irc_line *line, const char *origin, const char *target, const char *text)
{
	const struct hear hearing = { at->link->name, at->nick, prove_nobody(at), &at->channels, clock_wall() };
	struct ear *ear = memory_take(sizeof *ear);

	ear->arena = arena_new();
	enum heard heard = hear(ear->arena, &hearing, line, origin, target, text, &ear->message);
	if (heard == HEARD_OLD && !at->warned) {
		log_warning("%s: passed over what was said more than 5 minutes ago by the server's clock; do the clocks agree?", at->link->name);
		at->warned = true;
	}
	if (heard != HEARD) {
		ear_free(ear);
		return;
	}
	prove_begin(at, ear, origin);
	presence_hear(at, ear);
}

static void
on_message(struct presence *at, const struct event *event)
{
	hear_line(at, &at->line, event->origin, event->params[0], event->params[1]);
}

void
reactions_hear(struct presence *at, const struct irc_line *line)
{
	hear_line(at, line, line->prefix, line_param(line, 0), line_last(line));
	presence_act(at);
}

/* A NOTICE is never answered, whatever it says: it is not in here. */
static const struct { const char *name; void (*call)(struct presence *, const struct event *); } reactions[] = {
	{ "303",     on_online },
	{ "353",     on_names },
	{ "366",     on_names_end },
	{ "376",     on_settled },
	{ "396",     on_host },
	{ "401",     on_refused_words },
	{ "403",     on_both },
	{ "404",     on_refused_words },
	{ "405",     on_refused_join },
	{ "408",     on_refused_words },
	{ "421",     on_unknown },
	{ "422",     on_settled },
	{ "432",     on_nick_taken },
	{ "433",     on_nick_taken },
	{ "436",     on_nick_taken },
	{ "437",     on_unavailable },
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
	{ "731",     on_offline },
	{ "900",     on_logged_in },
	{ "CHANNEL", on_message },
	{ "CONNECT", on_connect },
	{ "INVITE",  on_invite },
	{ "JOIN",    on_join },
	{ "KICK",    on_kick },
	{ "NICK",    on_nick },
	{ "PART",    on_part },
	{ "PRIVMSG", on_message },
	{ "QUIT",    on_quit },
};

void
reactions_take(struct presence *at, const char *name, const char *origin, const char *const *params, size_t count)
{
	char nick[NAME_MOST + 1] = "";

	name_of(origin, nick);
	struct event event = { name, origin, nick, params, count };
	for (size_t i = 0; i < sizeof reactions / sizeof *reactions; i++)
		if (!strcmp(reactions[i].name, name) && count > 0)
			reactions[i].call(at, &event);
}
