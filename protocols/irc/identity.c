/* identity: who people are where the server does not say it with every message: what it told of their accounts, and what it answers. */
#include "protocols/irc/identity.h"

#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "protocols/irc/channels.h"
#include "protocols/irc/line.h"
#include "protocols/irc/name.h"

enum { TOKENS = 999 };                  /* a WHOX token has at most three digits */

struct told_of {
	struct told_of *next;
	const char *account;            /* behind the origin; "": not logged in */
	size_t nick;                    /* bytes of it in origin */
	char origin[];
};

/* Services that are away, or somebody who is not logged in, have many spellings. */
static bool
is_account(const char *account)
{
	return *account && strcmp(account, "*") && strcmp(account, "0") && strlen(account) <= ACCOUNT_MOST;
}

/* Whether some network could take the two for one: the widest of all mappings. */
static bool
may_be_same(const char *origin, size_t length, const char *nick)
{
	for (size_t i = 0; i < length; i++)
		if (name_fold((unsigned char)origin[i], CASE_RFC1459) != name_fold((unsigned char)nick[i], CASE_RFC1459))
			return false;           /* also where nick is shorter */
	return !nick[length];
}

static size_t
chain_of(const char *nick, size_t length)
{
	unsigned hash = 2166136261u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned)name_fold((unsigned char)nick[i], CASE_RFC1459)) * 16777619u;
	return hash % IDENTITY_CHAINS;
}

/* The bytes of the nick in nick!user@host; 0 where it is none, or a nick that compares in ways we do not know. */
static size_t
nick_of(const char *origin)
{
	const char *end = strchr(origin, '!'), *at = end ? strchr(end, '@') : NULL;
	char nick[NAME_MOST + 1];

	if (!at || at == end + 1 || !at[1] || !name_of(origin, nick) || !name_nick(nick))
		return 0;
	return strlen(nick);
}

bool
identity_knows(const char *origin)
{
	return nick_of(origin) > 0;
}

/* -- What was told ---------------------------------------------------------------------------------------------------- */

static void
drop(struct identity *identity, struct told_of **at)
{
	struct told_of *gone = *at;

	*at = gone->next;
	identity->told--;
	free(gone);
}

static void
forget_nick(struct identity *identity, const char *nick)
{
	struct told_of **at = &identity->chains[chain_of(nick, strlen(nick))];

	while (*at)
		if (may_be_same((*at)->origin, (*at)->nick, nick))
			drop(identity, at);
		else
			at = &(*at)->next;
}

static void
remember(struct identity *identity, const char *origin, size_t nick, const char *account)
{
	size_t size = strlen(origin) + 1, more = strlen(account) + 1;
	struct told_of *told;

	if (identity->told >= IDENTITY_MOST)
		return;                 /* the rest are asked about, one by one */
	told = memory_take(sizeof *told + size + more);
	memcpy(told->origin, origin, size);
	memcpy(told->origin + size, account, more);
	told->account = told->origin + size;
	told->nick = nick;
	struct told_of **chain = &identity->chains[chain_of(origin, nick)];
	told->next = *chain;
	*chain = told;
	identity->told++;
}

void
identity_tell(struct identity *identity, const struct channels *channels, const char *origin, const char *account)
{
	size_t nick = nick_of(origin);
	char name[NAME_MOST + 1];

	if (!nick)
		return;
	name_of(origin, name);
	forget_nick(identity, name);
	if (channels_shared(channels, origin, nick))
		remember(identity, origin, nick, is_account(account) ? account : "");
}

static struct told_of *
find(const struct identity *identity, const char *origin)
{
	size_t nick = nick_of(origin);
	struct told_of *at = nick ? identity->chains[chain_of(origin, nick)] : NULL;

	while (at && strcmp(at->origin, origin))
		at = at->next;
	return at;
}

enum told
identity_told(const struct identity *identity, const char *origin, const char **account)
{
	const struct told_of *told = find(identity, origin);

	if (!told)
		return TOLD_NOTHING;
	*account = told->account;
	return *told->account ? TOLD_ACCOUNT : TOLD_NOBODY;
}

/* The server says that it is the same person, with another host. */
void
identity_host(struct identity *identity, const char *origin, const char *user, const char *host)
{
	const struct told_of *told = find(identity, origin);
	struct arena *arena = arena_new();
	char *account = told ? arena_text(arena, told->account) : NULL;
	char nick[NAME_MOST + 1];

	if (name_of(origin, nick)) {
		char *now = arena_printf(arena, "%s!%s@%s", nick, user, host);
		identity_void(identity, nick);
		if (account && nick_of(now))
			remember(identity, now, strlen(nick), account);
	}
	arena_free(arena);
}

void
identity_forget(struct identity *identity)
{
	for (size_t i = 0; i < IDENTITY_CHAINS; i++)
		while (identity->chains[i])
			drop(identity, &identity->chains[i]);
}

/* -- What ends it ----------------------------------------------------------------------------------------------------- */

/* The first word counts. The question, where that was it; else NULL. */
static struct question *
decide(struct question *question, enum answer answer)
{
	if (question->answer != ANSWER_AWAITED)
		return NULL;
	question->answer = answer;
	return question;
}

void
identity_void(struct identity *identity, const char *nick)
{
	forget_nick(identity, nick);
	for (struct question *at = identity->questions; at; at = at->next)
		if (may_be_same(at->origin, at->nick, nick))
			decide(at, ANSWER_VOID);
}

/* We left a channel: of whom we see no more there, nothing holds. */
static void
sweep(struct identity *identity, const struct channels *channels)
{
	for (size_t i = 0; i < IDENTITY_CHAINS; i++)
		for (struct told_of **at = &identity->chains[i]; *at;)
			if (channels_shared(channels, (*at)->origin, (*at)->nick))
				at = &(*at)->next;
			else
				drop(identity, at);
	for (struct question *at = identity->questions; at; at = at->next)
		if (!channels_shared(channels, at->origin, at->nick))
			decide(at, ANSWER_VOID);
}

void
identity_left(struct identity *identity, const struct channels *channels, const char *nick)
{
	if (!nick)
		sweep(identity, channels);
	else if (!channels_shared(channels, nick, strlen(nick)))
		identity_void(identity, nick);
}

void
identity_void_all(struct identity *identity)
{
	identity_forget(identity);
	for (struct question *at = identity->questions; at; at = at->next)
		decide(at, ANSWER_VOID);
}

/* -- Asking ----------------------------------------------------------------------------------------------------------- */

struct question *
identity_open(struct identity *identity, const char *nick)
{
	struct question *at = identity->questions;

	while (at && (at->answer != ANSWER_AWAITED || !may_be_same(at->origin, at->nick, nick)))
		at = at->next;
	if (at)
		at->held++;
	return at;
}

/* An answer that is still to come tells of all that was said before it. */
static struct question *
same_question(struct identity *identity, const char *origin, enum question_kind kind)
{
	struct question *at = identity->questions;

	while (at && (at->answer != ANSWER_AWAITED || at->kind != kind || strcmp(at->origin, origin)))
		at = at->next;
	return at;
}

/* Who is taken for somebody else by this is only refused for a moment. */
static uint64_t
hash_of_host(const char *origin)
{
	uint64_t hash = 14695981039346656037u;

	for (const char *at = strchr(origin, '!'); at && *at; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211u;
	return hash;
}

static void
remember_nobody(struct identity *identity, const char *origin, int64_t now)
{
	size_t i = identity->nobodies++ % NOBODY_MOST;

	identity->nobody[i].hash = hash_of_host(origin);
	identity->nobody[i].until = now + NOBODY_WAIT;
}

bool
identity_was_nobody(const struct identity *identity, const char *origin, int64_t now)
{
	uint64_t hash = hash_of_host(origin);

	for (size_t i = 0; i < NOBODY_MOST; i++)
		if (identity->nobody[i].hash == hash && identity->nobody[i].until > now)
			return true;
	return false;
}

static unsigned
next_token(struct identity *identity)
{
	identity->token = identity->token % TOKENS + 1;
	return identity->token;
}

/* One that nobody waits for stays until the server has answered it too, so that its end is not taken for another one's. */
static void
sort_out(struct identity *identity)
{
	for (struct question **at = &identity->questions; *at;) {
		struct question *question = *at;
		if (question->held || (question->sent && !question->ended)) {
			at = &question->next;
			continue;
		}
		*at = question->next;
		identity->asked--;
		free(question);
	}
}

struct question *
identity_ask(struct identity *identity, const char *origin, enum question_kind kind, int64_t now)
{
	size_t nick = nick_of(origin), size = strlen(origin) + 1;
	struct question **end = &identity->questions;

	sort_out(identity);
	struct question *question = same_question(identity, origin, kind);
	if (question) {
		question->held++;
		return question;
	}
	if (!nick || identity->asked >= QUESTIONS_MOST)
		return NULL;
	question = memory_take(sizeof *question + size);
	question->kind = kind;
	question->token = next_token(identity);
	question->held = 1;
	question->deadline = now + QUESTION_WAIT;
	question->nick = nick;
	memcpy(question->origin, origin, size);
	while (*end)
		end = &(*end)->next;
	*end = question;
	identity->asked++;
	return question;
}

void
identity_release(struct identity *identity, struct question *question)
{
	if (!question)
		return;
	question->held--;
	sort_out(identity);
}

struct question *
identity_unsent(const struct identity *identity)
{
	struct question *at = identity->questions;

	while (at && (at->sent || at->answer != ANSWER_AWAITED))
		at = at->next;
	return at;
}

/* -- Answers ---------------------------------------------------------------------------------------------------------- */

/* Whether nick, user and host are, byte by byte, of whom we asked. */
static bool
is_origin(const struct question *question, const char *nick, const char *user, const char *host)
{
	const char *at = question->origin;
	const char *words[] = { nick, "!", user, "@", host };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		size_t length = strlen(words[i]);
		if (strncmp(at, words[i], length))
			return false;
		at += length;
	}
	return !*at;
}

static const struct question *
answered(struct question *question, const char *account)
{
	struct question *decided = decide(question, is_account(account) ? ANSWER_ACCOUNT : ANSWER_NOBODY);

	if (decided && decided->answer == ANSWER_ACCOUNT)
		memcpy(decided->account, account, strlen(account) + 1);
	return decided;
}

/* 354 us token channel user host nick account. Some servers also name others, whose user, host or real name is that nick. */
static const struct question *
take_whox(struct identity *identity, const struct irc_line *line)
{
	const char *token = line_param(line, 1);
	char *end;
	unsigned long number = strtoul(token, &end, 10);

	if (line->count != 7 || *end || token[strspn(token, "0123456789")] || !*token)
		return NULL;
	for (struct question *at = identity->questions; at; at = at->next) {
		if (at->kind != QUESTION_WHOX || !at->sent || at->ended || at->token != number)
			continue;
		if (!may_be_same(at->origin, at->nick, line_param(line, 5)))
			return NULL;
		if (!is_origin(at, line_param(line, 5), line_param(line, 3), line_param(line, 4)))
			return decide(at, ANSWER_OTHER);
		return answered(at, line_param(line, 6));
	}
	return NULL;
}

/* The oldest question of that kind about the nick: servers answer in order. */
static struct question *
oldest(struct identity *identity, enum question_kind kind, const char *nick)
{
	struct question *at = identity->questions;

	while (at && (at->kind != kind || !at->sent || at->ended || !may_be_same(at->origin, at->nick, nick)))
		at = at->next;
	return at;
}

/* 311 us nick user host * :name, the first line of a WHOIS */
static const struct question *
take_whois(struct identity *identity, const struct irc_line *line)
{
	struct question *question = oldest(identity, QUESTION_WHOIS, line_param(line, 1));

	if (!question)
		return NULL;
	question->seen = is_origin(question, line_param(line, 1), line_param(line, 2), line_param(line, 3));
	return question->seen ? NULL : decide(question, ANSWER_OTHER);
}

/* 330 us nick account :is logged in as */
static const struct question *
take_whois_account(struct identity *identity, const struct irc_line *line)
{
	struct question *question = oldest(identity, QUESTION_WHOIS, line_param(line, 1));

	return question && question->seen ? answered(question, line_param(line, 2)) : NULL;
}

/* 318: a WHOIS that said nothing of an account says that there is none; 315: a WHO that said nothing says that there is nobody. */
static const struct question *
take_end(struct identity *identity, const struct irc_line *line, enum question_kind kind)
{
	struct question *question = oldest(identity, kind, line_param(line, 1));

	if (!question)
		return NULL;
	question->ended = true;
	const struct question *decided = decide(question, kind == QUESTION_WHOIS && question->seen ? ANSWER_NOBODY : ANSWER_OTHER);
	if (!decided)
		sort_out(identity);     /* else the caller has yet to read it */
	return decided;
}

static const struct question *
take_answer(struct identity *identity, const struct irc_line *line)
{
	if (!strcmp(line->command, "354"))
		return take_whox(identity, line);
	if (!strcmp(line->command, "311"))
		return take_whois(identity, line);
	if (!strcmp(line->command, "330"))
		return take_whois_account(identity, line);
	if (!strcmp(line->command, "315"))
		return take_end(identity, line, QUESTION_WHOX);
	return strcmp(line->command, "318") ? NULL : take_end(identity, line, QUESTION_WHOIS);
}

const struct question *
identity_take(struct identity *identity, const struct irc_line *line, int64_t now)
{
	const struct question *decided = take_answer(identity, line);

	if (decided && decided->answer == ANSWER_NOBODY)
		remember_nobody(identity, decided->origin, now);
	return decided;
}

/* A server that was asked and never answers is not waited for: what it says later is too late. */
bool
identity_expire(struct identity *identity, int64_t now)
{
	bool decided = false;

	for (struct question *at = identity->questions; at; at = at->next)
		if (at->deadline <= now) {
			decided = decide(at, ANSWER_LATE) || decided;
			at->ended = true;
		}
	sort_out(identity);
	return decided;
}

int64_t
identity_next(const struct identity *identity)
{
	int64_t next = 0;

	for (const struct question *at = identity->questions; at; at = at->next)
		if (!at->ended && (!next || at->deadline < next))
			next = at->deadline;
	return next;
}

/* -- Its life --------------------------------------------------------------------------------------------------------- */

void
identity_begin(struct identity *identity, unsigned token)
{
	*identity = (struct identity){ .token = token % TOKENS };
}

void
identity_end(struct identity *identity)
{
	identity_forget(identity);
	while (identity->questions) {
		struct question *gone = identity->questions;
		identity->questions = gone->next;
		free(gone);
	}
	identity->asked = 0;
}
