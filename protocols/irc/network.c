/* network: one connection of a presence: the wire, the login and libircclient, put together. */
#include "protocols/irc/network.h"

#include <stdio.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/protocol.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "protocols/irc/delivery.h"
#include "protocols/irc/flood.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/nickserv.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/prove.h"
#include "protocols/irc/reactions.h"
#include "protocols/irc/replies.h"
#include "protocols/irc/wire.h"

enum { SLOWER_MOST = 4 };               /* times half as fast: 2 s become 32 */

/* -- What libircclient says and hears --------------------------------------------------------------------------------- */

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
library_heard(const char *name, const char *origin, const char *const *params, size_t count, void *with)
{
	reactions_take(with, name, origin, params, count);
}

static void
library_ready(void *with)
{
	struct presence *at = with;

	presence_act(at);
	watch_now(at->resume);
}

static void
library_broken(const char *why, void *with)
{
	struct presence *at = with;

	wire_fail(at->wire, why);
}

static const struct session_events session_events = { library_said, library_heard, library_ready, library_broken };

/* -- What the server says, before libircclient hears it --------------------------------------------------------------- */

static void
take_ping(struct presence *at)
{
	const char *token = line_param(&at->line, 0);

	send_now("PONG", &token, 1, at);
}

static void
take_pong(struct presence *at)
{
	delivery_ponged(at, line_last(&at->line));
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

/* The next connections are slower; people are told when it begins. */
static void
slow_down(struct presence *at)
{
	if (at->slower == SLOWER_MOST)
		return;
	at->slower++;
	if (at->slower == 1)
		log_warning("%s: %s hung up because I said too much at once. From now on I am half as fast, each time that happens; a larger rate in my settings "
			"would begin with that.", at->link->name, at->to.host);
}

/* The settings, as far as no server has shown that they are too fast; flood = no is then over, too. */
static void
set_pace(struct presence *at)
{
	int64_t burst = at->irc->burst, rate = at->irc->rate;

	flood_slow(&burst, &rate, at->slower - (!at->irc->flood && at->slower));
	wire_pace(at->wire, burst, at->irc->flood || at->slower ? rate : 0);
}

static void
take_error(struct presence *at)
{
	struct arena *arena = arena_new();
	const char *said = line_last(&at->line);
	char *clean = text_cut(arena, text_clean(arena, said, strlen(said)), sizeof at->goodbye - 1);

	snprintf(at->goodbye, sizeof at->goodbye, "%s", clean);
	if (strcasestr(clean, "excess flood") || strcasestr(clean, "recvq exceeded"))
		slow_down(at);
	at->banned = at->banned || !strcmp(at->line.command, "465") || is_ban(clean);
	if (at->banned)
		wire_fail(at->wire, arena_printf(arena, "%s has banned me: %s.", at->to.host, clean));
	arena_free(arena);
}

/* The server's own password, which SASL has nothing to do with. */
static void
take_wrong_password(struct presence *at)
{
	char why[200];

	if (at->stage != STAGE_LOGIN)
		return;
	snprintf(why, sizeof why, at->irc->server_password ? "%.120s refused its password; is server_password_file right?"
		: "%.120s lets nobody in without a password; set server_password_file.", at->to.host);
	presence_give_up(at, why);
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
		presence_give_up(at, at->login.why.text);
}

static void
take_support(struct presence *at)
{
	static const char mapping[] = "CASEMAPPING=";

	for (size_t i = 1; i < at->line.count; i++) {
		const char *token = at->line.params[i];
		support_take(&at->support, token);
		if (!strcmp(token, "WHOX") || !strcmp(token, "-WHOX"))
			at->identity.whox = *token != '-';
		/* Later the names of people are sorted by it. */
		if (!channels_in(&at->channels, CHANNEL_IN) && !strncmp(token, mapping, strlen(mapping)))
			at->channels.how = name_case(token + strlen(mapping));
	}
}

static void
take_batch(struct presence *at)
{
	const char *ref = line_param(&at->line, 0);
	struct batch *batch = *ref == '-' ? batch_named(&at->batches, ref + 1) : NULL;
	struct irc_line message;

	if (*ref == '+')
		batch_open(&at->batches, &at->line);
	if (batch && batch_message(batch, &message) && !strcmp(message.command, "PRIVMSG"))
		reactions_hear(at, &message);
	if (batch)
		batch_close(batch);
}

/* A line in a message of many lines waits for the others. */
static bool
gather(struct presence *at)
{
	struct batch *batch = batch_of(&at->batches, &at->line);

	if (!batch || !batch->arena)
		return false;
	batch_add(batch, &at->line);
	return true;
}

/* Those that the library also hears. */
static const struct { const char *command; void (*call)(struct presence *); bool ours; } before[] = {
	{ "001",     take_welcome, false },
	{ "005",     take_support, false },
	{ "311",     prove_answer, true },
	{ "315",     prove_answer, true },
	{ "318",     prove_answer, true },
	{ "330",     prove_answer, true },
	{ "354",     prove_answer, true },
	{ "464",     take_wrong_password, true },
	{ "465",     take_error,   true },
	{ "ACCOUNT", prove_login,  true },
	{ "BATCH",   take_batch,   true },
	{ "CHGHOST", prove_host,   true },
	{ "ERROR",   take_error,   true },
	{ "FAIL",    replies_take, true },
	{ "NOTE",    replies_take, true },
	{ "PING",    take_ping,    true },
	{ "PONG",    take_pong,    true },
	{ "WARN",    replies_take, true },
};

/* What the login came to. Its computing goes on from the loop, so that nobody else waits for it. */
static void
go_on(struct presence *at)
{
	if (at->login.sasl.state == SASL_WORKING)
		watch_now(at->proof);
	if (at->login.state != LOGIN_FAILED || at->stage != STAGE_LOGIN)
		return;
	if (at->login.later)
		wire_fail(at->wire, at->login.why.text);
	else
		presence_give_up(at, at->login.why.text);
}

/* True: it was for us alone. */
static bool
take(struct presence *at)
{
	batch_mind(&at->batches, &at->line);
	if (at->stage == STAGE_SERVICES && nickserv_take(at))
		return true;
	if (delivery_answered(at))
		return true;
	for (size_t i = 0; i < sizeof before / sizeof *before; i++)
		if (!strcmp(before[i].command, at->line.command)) {
			before[i].call(at);
			return before[i].ours || at->down;
		}
	unsigned had = at->login.has;
	if (!login_take(&at->login, &at->line))
		return false;
	if (at->login.has != had)
		prove_caps(at, had);
	go_on(at);
	return true;
}

void
network_work(void *with, int events)
{
	struct presence *at = with;

	(void)events;
	if (at->down)
		return;
	login_work(&at->login);
	go_on(at);
}

static bool
wire_line(char *bytes, size_t length, void *with)
{
	struct presence *at = with;
	char shaped[LINE_LIBRARY_MOST + 3];
	size_t size;

	if (!at->session || session_busy(at->session) || presence_full(at))
		return false;
	/* Its tags stay beside it while the library takes it apart. */
	memcpy(at->bytes, bytes, length + 1);
	link_heard(at->link);
	if (!line_read(at->bytes, length, &at->line)) {
		log_debug("%s: a line that is none was dropped.", at->link->name);
		return true;
	}
	if (!take(at) && !gather(at) && line_for_library(&at->line, at->server, shaped, &size) && session_give(at->session, shaped, size))
		presence_act(at);
	return true;
}

/* Before NICK, and never by way of the library. The settings see to it that it leaves over TLS, or not this machine. */
static void
say_password(struct presence *at)
{
	const struct secret *password = at->irc->server_password;

	if (password && (at->irc->tls || irc_settings_local(at->irc)))
		send_now("PASS", &password->bytes, 1, at);
}

static void
wire_up(void *with)
{
	struct presence *at = with;
	struct error error;

	at->stage = STAGE_LOGIN;
	at->deadline = clock_mono() + presence_login_wait(at);
	login_begin(&at->login);
	say_password(at);
	at->session = session_open(at->engine, &at->low, presence_nick(at), presence_nick(at), at->irc->realname, &session_events, at, &error);
	if (!at->session)
		wire_fail(at->wire, error.text);
	presence_act(at);
}

static void
wire_drained(void *with)
{
	struct presence *at = with;

	for (struct waiter *waiter = at->waiters; waiter; waiter = waiter->next)
		if (!waiter->put)
			task_wake(at->engine, waiter->task);
	/* A JOIN that found no room. */
	int64_t next = channels_next(&at->channels);
	if (at->stage >= STAGE_JOINING && next >= 0 && next <= clock_mono())
		watch_after(at->clock, 0);
}

static void
wire_down(const char *why, void *with)
{
	struct presence *at = with;

	at->down = true;
	if (*at->goodbye && !at->hopeless && !at->banned)
		error_set(&at->why, "%s closed the connection: %s.", at->to.host, at->goodbye);
	else
		error_set(&at->why, "%s", why);
	presence_wake(at);
}

static const struct wire_events wire_events = { wire_up, wire_line, wire_drained, wire_down };

/* -- Beginning and ending --------------------------------------------------------------------------------------------- */

void
network_begin(struct presence *at)
{
	bool login = at->irc->account && !irc_settings_nickserv(at->irc);

	backoff_keep(&at->backoff, at->irc->servers.count, at->irc->retry);
	irc_settings_server(at->irc, at->backoff.at, &at->to);
	at->stage = STAGE_CONNECTING;
	at->down = at->hopeless = at->banned = at->warned = false;
	at->why.text[0] = at->goodbye[0] = '\0';
	support_begin(&at->support);
	at->nicks = 0;
	at->prefix = 0;
	at->replies = 0;
	at->here = at->deadline = at->nick_next = 0;
	at->ask_nick = at->ask_channels = at->tell = at->nick_watched = at->nick_blind = false;
	snprintf(at->nick, sizeof at->nick, "%s", presence_nick(at));
	snprintf(at->server, sizeof at->server, "%s", "server");
	at->login = (struct login){ .account = login ? at->irc->account : NULL,
		.password = at->irc->password ? at->irc->password->bytes : NULL, .mechanism = sasl_named(at->irc->sasl), .safe = at->irc->tls, .send = send_now, .with = at };
	prove_start(at);
	at->wire = wire_open(at->engine, at->irc, &at->to, &wire_events, at);
	set_pace(at);
}

void
network_end(struct presence *at, bool goodbye)
{
	if (goodbye && !at->down && at->session && at->stage >= STAGE_WELCOMED)
		session_quit(at->session, "stopped");
	at->down = true;
	watch_off(at->clock);
	login_end(&at->login);
	session_close(at->session);
	at->session = NULL;
	wire_close(at->wire);
	at->wire = NULL;
	at->stage = STAGE_CONNECTING;
	batches_end(&at->batches);
	channels_lost(&at->channels);
	presence_let_go(at);
	/* Nobody knows any more where an answer would go, and identity is not carried over. */
	presence_deaf(at);
	identity_end(&at->identity);
}
