/* regain: our own nick, while somebody else has it. */
#include "protocols/irc/regain.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/clock.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/wire.h"

enum { NICKS_MOST = 8 };

/* A server with short nicks cuts ours, and what is left of it is ours. */
bool
regain_is_ours(const struct presence *at, const char *nick)
{
	char wanted[NAME_MOST + 1];
	size_t most = at->support.nick && at->support.nick < NAME_MOST ? at->support.nick : NAME_MOST;

	snprintf(wanted, sizeof wanted, "%.*s", (int)most, presence_nick(at));
	return name_same(nick, wanted, at->channels.how);
}

void
regain_other(struct presence *at)
{
	char nick[NAME_MOST + 1];
	unsigned chance;

	if (++at->nicks >= NICKS_MOST) {
		wire_fail(at->wire, "Somebody else has my nick, and all that are like it.");
		return;
	}
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (unsigned)clock_mono();
	if (at->nicks <= 2)
		snprintf(nick, sizeof nick, "%s%.*s", presence_nick(at), (int)at->nicks, "__");
	else
		snprintf(nick, sizeof nick, "%.5s%04u", presence_nick(at), chance % 10000);
	session_nick(at->session, nick);
}

static void
watch(struct presence *at, const char *sign)
{
	const char *params[] = { sign, presence_nick(at) };

	if (at->support.monitor)
		at->nick_watched = presence_say(at, "MONITOR", params, 2) && *sign == '+';
}

void
regain_begin(struct presence *at)
{
	at->nick_next = clock_mono() + at->irc->rejoin;
	if (!at->nick_watched)
		watch(at, "+");
}

void
regain_look(struct presence *at)
{
	const char *nick = presence_nick(at);

	at->nick_next = clock_mono() + at->irc->rejoin;
	if (at->nick_blind)
		at->ask_nick = true;
	else
		presence_say(at, "ISON", &nick, 1);
}

void
regain_online(struct presence *at, const char *nicks)
{
	char nick[NAME_MOST + 1];

	if (!at->nick_next)
		return;
	for (size_t length; (length = strcspn(nicks, " ")) || *nicks; nicks += length + (nicks[length] == ' ')) {
		snprintf(nick, sizeof nick, "%.*s", length < NAME_MOST ? (int)length : NAME_MOST, nicks);
		if (regain_is_ours(at, nick))
			return;
	}
	at->ask_nick = true;
}

void
regain_unknown(struct presence *at)
{
	at->nick_blind = true;
	at->ask_nick = at->nick_next != 0;
}

void
regain_gone(struct presence *at, const char *nick)
{
	at->ask_nick = at->ask_nick || (at->nick_next && regain_is_ours(at, nick));
}

void
regain_done(struct presence *at)
{
	at->nick_next = 0;
	if (at->nick_watched)
		watch(at, "-");
}
