/* identity: who people are where the server does not say it with every message (threats I2): what it told of their accounts, and what it
 * answers when it is asked. Pure: lines in, lines out. Nothing here compares nicks as the network does: what may be the same nick is
 * forgotten together, and only the very same nick!user@host is ever known. */
#ifndef SALLYPORT_PROTOCOLS_IRC_IDENTITY_H
#define SALLYPORT_PROTOCOLS_IRC_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct channels;
struct irc_line;

enum {
	ACCOUNT_MOST = 100,             /* bytes; a longer one is nobody's */
	IDENTITY_CHAINS = 256,
	IDENTITY_MOST = 50000,          /* people that are remembered */
	QUESTIONS_MOST = 16,            /* open at once */
	QUESTION_WAIT = 5000,           /* ms until the answer must be there */
	NOBODY_MOST = 32,               /* user@host that nobody was logged in from */
	NOBODY_WAIT = 10 * 1000,        /* ms until it is asked about again: a stranger may not make us ask all day */
};

enum told { TOLD_NOTHING, TOLD_NOBODY, TOLD_ACCOUNT };

/* WHO with a token of ours is bound to the moment and proves enough for a change; WHOIS tells for looking. */
enum question_kind { QUESTION_WHOX, QUESTION_WHOIS };

enum answer {
	ANSWER_AWAITED,
	ANSWER_ACCOUNT,
	ANSWER_NOBODY,                  /* not logged in */
	ANSWER_OTHER,                   /* the nick is somebody else's now */
	ANSWER_VOID,                    /* something about the nick changed before the answer came */
	ANSWER_LATE,
};

/* Who is this nick!user@host, now? */
struct question {
	struct question *next;
	enum question_kind kind;
	enum answer answer;
	char account[ACCOUNT_MOST + 1]; /* of ANSWER_ACCOUNT */
	bool sent, ended;               /* ended: the server has no more to say about it */
	bool seen;                      /* QUESTION_WHOIS: its 311 was about them */
	unsigned token, held;           /* held: how many wait for the answer */
	int64_t deadline;               /* mono ms */
	size_t nick;                    /* bytes of it in origin */
	char origin[];
};

struct told_of;

struct identity {
	bool whox;                      /* the server has WHO with fields and a token (005) */
	struct told_of *chains[IDENTITY_CHAINS];
	size_t told;
	struct question *questions;     /* in the order in which they were asked */
	size_t asked;
	unsigned token;
	struct { uint64_t hash; int64_t until; } nobody[NOBODY_MOST];   /* the oldest is overwritten */
	size_t nobodies;
};

void identity_begin(struct identity *, unsigned token);         /* token: where to begin to count */
void identity_end(struct identity *);                           /* the connection is gone; nobody may hold a question any more */

bool identity_knows(const char *origin);        /* could be known, or asked about, at all: a whole nick!user@host, of plain letters */

/* What the server tells by itself: extended-join, account-notify, chghost. Only of people who share a channel with us, for only of them
 * it tells the rest too. */
void identity_tell(struct identity *, const struct channels *, const char *origin, const char *account);
void identity_host(struct identity *, const char *origin, const char *user, const char *host);
enum told identity_told(const struct identity *, const char *origin, const char **account);

/* What ends all that is known: a NICK (both nicks), a QUIT, a login, leaving the last channel that we share. */
void identity_void(struct identity *, const char *nick);
void identity_left(struct identity *, const struct channels *, const char *nick);      /* a channel: of somebody, or NULL: we ourselves */
void identity_forget(struct identity *);                        /* of everybody, what was told; questions stay open */
void identity_void_all(struct identity *);

/* Asks, or joins the same question that is open; NULL where too many are. The caller holds it until identity_release(). */
struct question *identity_ask(struct identity *, const char *origin, enum question_kind, int64_t now);
struct question *identity_open(struct identity *, const char *nick);   /* one that is open about the nick, held by the caller now; NULL */
bool identity_was_nobody(const struct identity *, const char *origin, int64_t now);    /* just now, under whatever nick */
void identity_release(struct identity *, struct question *);           /* NULL is fine */
struct question *identity_unsent(const struct identity *);

/* 354, 311, 330, 315 and 318. The question that was decided by it, NULL for none. */
const struct question *identity_take(struct identity *, const struct irc_line *, int64_t now);
bool identity_expire(struct identity *, int64_t now);           /* true: something was decided */
int64_t identity_next(const struct identity *);                 /* when identity_expire() has something next, mono ms; 0: never */

#endif
