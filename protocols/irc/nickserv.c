/* nickserv: logging in to services by a message, on networks that have no SASL. */
#include "protocols/irc/nickserv.h"

#include <stdio.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/wire.h"

enum { WORDS_SHOWN = 120 };

/* The nick of services = "NickServ!user@host". */
static const char *
whom(const struct presence *at, char nick[NAME_MOST + 1])
{
	return name_of(at->irc->services, nick) ? nick : "";
}

/* Hosts compare without case; a user as the server has it. */
static bool
is_theirs(const struct presence *at, const char *user, const char *host)
{
	struct arena *arena = arena_new();
	char *mask = arena_text(arena, strchr(at->irc->services, '!') + 1), *at_host = strchr(mask, '@');
	char *lower = arena_text(arena, host);

	*at_host++ = '\0';
	for (char *letter = lower; *letter; letter++)
		*letter = (char)name_fold((unsigned char)*letter, CASE_ASCII);
	for (char *letter = at_host; *letter; letter++)
		*letter = (char)name_fold((unsigned char)*letter, CASE_ASCII);
	bool theirs = text_glob(mask, user) && text_glob(at_host, lower);
	arena_free(arena);
	return theirs;
}

/* Whether the line was said by the configured services, in nick, user and host. */
static bool
said_by_services(const struct presence *at)
{
	char nick[NAME_MOST + 1], theirs[NAME_MOST + 1];
	const char *prefix = at->line.prefix ? at->line.prefix : "", *user = strchr(prefix, '!'), *host = user ? strrchr(user, '@') : NULL;

	if (!host || !name_of(prefix, nick) || !name_same(nick, whom(at, theirs), at->channels.how))
		return false;
	struct arena *arena = arena_new();
	bool said = is_theirs(at, arena_slice(arena, user + 1, (size_t)(host - user - 1)), host + 1);
	arena_free(arena);
	return said;
}

/* A nick has no dot. */
static bool
said_by_a_server(const struct presence *at)
{
	return at->line.prefix && strchr(at->line.prefix, '.') && !strchr(at->line.prefix, '!');
}

void
nickserv_begin(struct presence *at)
{
	char nick[NAME_MOST + 1];
	const char *params[] = { whom(at, nick) };

	if (!at->irc->tls && !irc_settings_local(at->irc)) {
		presence_give_up(at, "A password leaves only over TLS; use tls = yes, or take account and password_file out.");
		return;
	}
	log_warning("%s: I log in to %s by a message, which is weaker than SASL: whoever has that nick and host gets the password.", at->link->name, params[0]);
	at->stage = STAGE_SERVICES;
	at->deadline = clock_mono() + at->irc->patience;
	at->identified = false;
	at->services_said[0] = '\0';
	presence_say(at, "WHOIS", params, 1);
}

static void
identify(struct presence *at)
{
	struct written line;
	char nick[NAME_MOST + 1], words[700];

	snprintf(words, sizeof words, "IDENTIFY %s %s", at->irc->account, at->irc->password->bytes);
	const char *params[] = { whom(at, nick), words };
	if (line_write(&line, presence_prefix(at), "PRIVMSG", params, 2)) {
		at->identified = true;
		wire_now(at->wire, &line);
	} else {
		presence_give_up(at, "The account and its password are too long for one message to services.");
	}
	secret_wipe(words, sizeof words);
	secret_wipe(&line, sizeof line);
}

/* 311: who has the nick, by the server's own word. */
static void
take_whois(struct presence *at)
{
	const char *user = line_param(&at->line, 2), *host = line_param(&at->line, 3);
	char nick[NAME_MOST + 1];

	if (!name_same(line_param(&at->line, 1), whom(at, nick), at->channels.how) || at->identified)
		return;
	if (is_theirs(at, user, host)) {
		identify(at);
		return;
	}
	struct arena *arena = arena_new();
	char *them = text_clean(arena, user, strlen(user)), *there = text_clean(arena, host, strlen(host));
	presence_give_up(at, arena_printf(arena, "Who is called %s here is %s@%s, and not the services that are configured; nothing was said to them.", nick,
		text_cut(arena, them, WORDS_SHOWN / 2), text_cut(arena, there, WORDS_SHOWN / 2)));
	arena_free(arena);
}

/* 401, 318: there is nobody. They may be back. */
static void
take_nobody(struct presence *at)
{
	char nick[NAME_MOST + 1], why[240];

	if (at->identified || !name_same(line_param(&at->line, 1), whom(at, nick), at->channels.how))
		return;
	snprintf(why, sizeof why, "Services are away: nobody is called %.60s on %.100s.", nick, at->to.host);
	wire_fail(at->wire, why);
}

static void
take_logged_in(struct presence *at)
{
	if (at->identified)
		presence_join(at);
}

/* +r on ourselves is given by services alone, +R on ngircd. What is set in our own name, as servers do on connecting, may mean anything. */
static void
take_mode(struct presence *at)
{
	bool plus = true, registered = false;

	if (!name_same(line_param(&at->line, 0), at->nick, at->channels.how) || !(said_by_services(at) || said_by_a_server(at)))
		return;
	for (const char *mode = line_param(&at->line, 1); *mode; mode++) {
		plus = *mode == '+' || (plus && *mode != '-');
		registered = registered || (plus && (*mode == 'r' || *mode == 'R'));
	}
	if (registered)
		take_logged_in(at);
}

/* What they say is shown to people, and believed in nothing. */
static void
take_notice(struct presence *at)
{
	const char *words = line_last(&at->line);

	if (!said_by_services(at))
		return;
	struct arena *arena = arena_new();
	snprintf(at->services_said, sizeof at->services_said, "%s", text_cut(arena, text_clean(arena, words, strlen(words)), WORDS_SHOWN));
	arena_free(arena);
}

static const struct { const char *command; void (*call)(struct presence *); bool ours; } answers[] = {
	{ "311",    take_whois, true },
	{ "318",    take_nobody, true },
	{ "401",    take_nobody, true },
	{ "900",    take_logged_in, false },
	{ "MODE",   take_mode, false },
	{ "NOTICE", take_notice, false },
};

bool
nickserv_take(struct presence *at)
{
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (!strcmp(answers[i].command, at->line.command)) {
			answers[i].call(at);
			return answers[i].ours || at->down;
		}
	return false;
}

void
nickserv_late(struct presence *at)
{
	char nick[NAME_MOST + 1], why[400];

	snprintf(why, sizeof why, "%.60s did not log me in within %lld s%s%s%s; is password_file right?", whom(at, nick), (long long)(at->irc->patience / 1000),
		*at->services_said ? " (it said: " : "", at->services_said, *at->services_said ? ")" : "");
	presence_give_up(at, why);
}
