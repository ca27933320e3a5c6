/* prove: on a network without account-tag, holds back what somebody said until the server has told who it was.
 *
 * What the server told by itself (extended-join, account-notify) is enough to look. Before a change it is asked with a token of ours, and
 * only its answer counts, and only if nothing has happened to that nick since the words were said. Where it knows no such question it is
 * asked by WHOIS, for looking only. */
#include "protocols/irc/prove.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/protocol.h"
#include "protocols/irc/hear.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/presence.h"
#include "protocols/irc/wire.h"

void
prove_start(struct presence *at)
{
	unsigned chance;

	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = 0;
	identity_begin(&at->identity, chance);
}

/* What is proven over a connection that anybody can write to is worth nothing. */
static const char *
forgeable(const struct presence *at)
{
	return at->irc->tls || irc_settings_local(at->irc) ? NULL : "this connection is not encrypted, so anybody could forge it";
}

const char *
prove_nobody(const struct presence *at)
{
	const char *why = forgeable(at);

	if (why || at->login.has & CAP_ACCOUNT_TAG)
		return why;
	return "this network has no account-tag, and it was not asked who you are";
}

bool
prove_is_told(const struct presence *at)
{
	const unsigned both = CAP_EXTENDED_JOIN | CAP_ACCOUNT_NOTIFY;

	return (at->login.has & both) == both && !(at->login.has & CAP_ACCOUNT_TAG);
}

/* account-tag may come and go. Nothing that was told before is carried over, for what happened in between was not. */
void
prove_caps(struct presence *at, unsigned had)
{
	const unsigned matter = CAP_ACCOUNT_TAG | CAP_ACCOUNT_NOTIFY | CAP_EXTENDED_JOIN;

	if ((at->login.has ^ had) & matter)
		identity_void_all(&at->identity);
	if (had & CAP_ACCOUNT_TAG && !(at->login.has & CAP_ACCOUNT_TAG))
		log_warning("%s: the server has withdrawn account-tag; who somebody is I now ask for, before each command that changes something.", at->link->name);
	presence_wake(at);
}

/* -- What was said ---------------------------------------------------------------------------------------------------- */

/* Why somebody is not proven, with the link's name in between. */
struct reason {
	const char *before, *behind;
};

static const struct reason unseen = { "we share no channel on ", ", so I would not see somebody else take your nick" };
static const struct reason strange = { "I know only nicks of plain letters for certain on ", "" };
static const struct reason unable = { "", " has neither account-tag nor WHOX, so nobody can change anything from there" };
static const struct reason crowded = { "I am asking ", " about too many people; say it again in a moment" };

static const struct reason refusals[] = {
	[ANSWER_AWAITED] = { "I have not asked ", " who you are" },
	[ANSWER_NOBODY]  = { "you are not logged in to services on ", "" },
	[ANSWER_OTHER]   = { "", " says that your nick is not yours any more" },
	[ANSWER_VOID]    = { "your nick, login or channels changed while I asked ", " who you are; say it again" },
	[ANSWER_LATE]    = { "", " did not say in time who you are; say it again" },
};

static void
unproven(const struct presence *at, struct ear *ear, const struct reason *why)
{
	ear->message.from.proof = arena_printf(ear->arena, "%s%s%s", why->before, at->link->name, why->behind);
	ear->message.from.account = NULL;
	ear->message.from.proven = ear->message.from.only_looks = false;
}

static void
proven(const struct presence *at, struct ear *ear, const char *account, const char *proof, bool only_looks)
{
	unproven(at, ear, &refusals[ANSWER_NOBODY]);
	if (hear_account(ear->arena, at->link->name, account, proof, &ear->message.from))
		ear->message.from.only_looks = only_looks;
}

static enum told
use_what_was_told(struct presence *at, struct ear *ear, const char *origin)
{
	const char *account = "";
	enum told told = prove_is_told(at) ? identity_told(&at->identity, origin, &account) : TOLD_NOTHING;

	if (told == TOLD_NOBODY)
		unproven(at, ear, &refusals[ANSWER_NOBODY]);
	if (told == TOLD_ACCOUNT)
		proven(at, ear, account, "account-notify", true);
	return told;
}

/* Of whom we share no channel with we see neither nick changes nor quits: another one could be there when the answer comes. */
static const struct reason *
cannot_ask(const struct presence *at, const struct ear *ear, const char *origin)
{
	if (!identity_knows(origin))
		return &strange;
	return channels_shared(&at->channels, ear->message.from.shown, strlen(ear->message.from.shown)) ? NULL : &unseen;
}

static void
ask(struct presence *at, struct ear *ear, enum told told, const char *origin)
{
	const struct reason *why = cannot_ask(at, ear, origin);

	if (!why && told == TOLD_NOTHING && identity_was_nobody(&at->identity, origin, clock_mono()))
		why = &refusals[ANSWER_NOBODY];
	if (why) {
		unproven(at, ear, why);
		return;
	}
	ear->question = identity_ask(&at->identity, origin, at->identity.whox ? QUESTION_WHOX : QUESTION_WHOIS, clock_mono());
	ear->proving = ear->question;
	if (!ear->question)
		unproven(at, ear, &crowded);
}

void
prove_begin(struct presence *at, struct ear *ear, const char *origin)
{
	if (forgeable(at) || at->login.has & CAP_ACCOUNT_TAG)
		return;
	enum told told = use_what_was_told(at, ear, origin);
	enum proof wanted = bridge_wants_proof(at->link, &ear->message);
	if (wanted == PROOF_TO_CHANGE && !at->identity.whox)
		unproven(at, ear, &unable);
	else if ((wanted == PROOF_TO_CHANGE && told != TOLD_NOBODY) || (wanted == PROOF_TO_LOOK && told == TOLD_NOTHING))
		ask(at, ear, told, origin);
	/* What the same person says stays in its order. */
	if (!ear->question)
		ear->question = identity_open(&at->identity, ear->message.from.shown);
}

void
prove_ask(struct presence *at)
{
	struct question *question;

	while ((question = identity_unsent(&at->identity))) {
		char nick[NAME_MOST + 1], fields[40];
		struct written line;
		const char *params[] = { nick, fields };
		bool whox = question->kind == QUESTION_WHOX;
		name_of(question->origin, nick);
		snprintf(fields, sizeof fields, "%%tcuhna,%u", question->token);
		question->sent = true;
		if (line_write(&line, presence_prefix(at), whox ? "WHO" : "WHOIS", params, whox ? 2 : 1))
			wire_first(at->wire, &line);
	}
}

void
prove_end(struct presence *at, struct ear *ear)
{
	const struct question *question = ear->question;

	if (!question)
		return;
	if (ear->proving && question->answer == ANSWER_ACCOUNT)
		proven(at, ear, question->account, question->kind == QUESTION_WHOX ? "whox" : "whois", question->kind == QUESTION_WHOIS);
	else if (ear->proving)
		unproven(at, ear, &refusals[question->answer]);
	identity_release(&at->identity, ear->question);
	ear->question = NULL;
}

/* -- What the server says --------------------------------------------------------------------------------------------- */

void
prove_answer(struct presence *at)
{
	const struct question *decided = identity_take(&at->identity, &at->line, clock_mono());

	if (!decided)
		return;
	if (prove_is_told(at) && (decided->answer == ANSWER_ACCOUNT || decided->answer == ANSWER_NOBODY))
		identity_tell(&at->identity, &at->channels, decided->origin, decided->account);
	presence_wake(at);
}

void
prove_login(struct presence *at)
{
	char nick[NAME_MOST + 1];

	if (!name_of(at->line.prefix, nick) || !at->line.count)
		return;
	identity_void(&at->identity, nick);
	if (prove_is_told(at))
		identity_tell(&at->identity, &at->channels, at->line.prefix, line_param(&at->line, 0));
	presence_wake(at);
}

void
prove_host(struct presence *at)
{
	if (at->line.prefix && at->line.count == 2)
		identity_host(&at->identity, at->line.prefix, line_param(&at->line, 0), line_param(&at->line, 1));
	presence_wake(at);
}
