/* presence: being on one network: who we are there, where, what was heard, what waits to be said, and what is due. */
#ifndef SALLYPORT_PROTOCOLS_IRC_PRESENCE_H
#define SALLYPORT_PROTOCOLS_IRC_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/error.h"
#include "bridge/talk/message.h"
#include "protocols/irc/backoff.h"
#include "protocols/irc/batch.h"
#include "protocols/irc/channels.h"
#include "protocols/irc/identity.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/line.h"
#include "protocols/irc/login.h"
#include "protocols/irc/name.h"
#include "protocols/irc/session.h"
#include "protocols/irc/support.h"

struct arena;
struct engine;
struct link;
struct said;
struct wire;

enum { WELCOME_WAIT = 2 * 1000 };         /* ms until the server has said what it supports, where it never says that this is all */

enum stage {
	STAGE_CONNECTING,
	STAGE_LOGIN,                    /* capabilities, SASL, a nick */
	STAGE_WELCOMED,                 /* it says what it supports, and its message of the day */
	STAGE_SERVICES,                 /* logging in to NickServ, where there is no SASL */
	STAGE_JOINING,
	STAGE_HERE,
};

/* Something heard that the link's task has not passed on yet. */
struct ear {
	struct ear *next;
	struct arena *arena;            /* of the message */
	struct message message;
	struct question *question;      /* it waits for its answer; NULL: for none */
	bool proving;                   /* the answer says who it was; else only the order is kept */
};

/* A task that says something here; on its stack, and taken out before it goes on. */
struct waiter {
	struct waiter *next;
	uint64_t task;
	const char *target, *txn;       /* txn NULL: nobody waits for its proof */
	struct said *said;
	char batch[24];                 /* the reference of ours */
	bool put;                       /* its lines are in the queue */
	bool labelled;                  /* they carry labels: the server says of each what became of it */
	bool spare;                     /* for somebody we do not know: it waits behind all others, and may be dropped */
	bool lost;                      /* the connection is gone: do not touch the presence */
	bool proven;                    /* the server has it */
	struct error refused;           /* why the server did not take it */
};

struct presence {
	struct link *link;
	const struct irc *irc;
	const struct engine *engine;
	uint64_t task;                  /* of the link */
	struct low_descriptors low;

	struct backoff backoff;
	struct irc_server to;           /* the one in use */
	enum stage stage;
	struct wire *wire;
	struct session *session;
	struct login login;
	char bytes[LINE_HEARD_MOST + 1];
	struct irc_line line;           /* the one that the library reads now */
	struct batches batches;         /* what it says together */
	struct channels channels;
	struct identity identity;
	struct support support;         /* what the server says of itself */
	char nick[NAME_MOST + 1];       /* ours, as the server has it */
	char server[NAME_MOST + 1];     /* what it calls itself */
	size_t prefix;                  /* bytes that it puts before our lines; 0: not known yet */
	unsigned long batches_said;     /* how many of ours were begun */
	unsigned replies;               /* FAIL, WARN and NOTE of this connection */
	unsigned nicks;                 /* how many were tried */

	struct watch *clock, *resume;
	struct watch *proof;            /* the login is being computed */
	int64_t deadline;               /* mono ms: of the login; of the welcome; then of the channels that were asked for; 0: none */
	int64_t nick_next;              /* mono ms: when our own nick is looked for again; 0: it is ours */
	bool nick_watched, nick_blind;  /* MONITOR tells of it; nobody can tell whether it is free */
	bool ask_nick, ask_channels, tell;      /* noted by the library's callbacks, done after them */

	struct ear *first, *last;
	size_t heard;
	struct waiter *waiters;         /* in the order in which they came */
	int64_t here;                   /* mono ms: since when; 0: never */
	bool down, hopeless;            /* hopeless: no retry mends it */
	bool banned;                    /* K-lined and its like: people mend it, and retrying shows when they have */
	bool told_ban;                  /* since we were last let in */
	unsigned slower;                /* how often a server found us too fast */
	bool warned;                    /* of clocks that do not agree */
	int64_t dropped;                /* mono ms: when it was last said that answers for strangers were dropped; 0: never */
	bool identified;                /* STAGE_SERVICES: the password was said */
	char services_said[128];        /* and what services said */
	struct error why;
	char goodbye[200];              /* the server's ERROR */
};

struct presence *presence_new(struct link *, uint64_t task, struct error *);
void presence_free(struct presence *);                  /* without a connection */
void presence_renew(struct presence *);                 /* the link's channels are others now */

const char *presence_nick(const struct presence *);     /* the one that we want */
int64_t presence_login_wait(const struct presence *);   /* ms until the server must have let us in */
size_t presence_prefix(const struct presence *);        /* bytes before a line of ours, or a safe guess */
size_t presence_line(const struct presence *);  /* bytes of a line that the server allows; a shorter one counts as prefix */
void presence_wake(struct presence *);                  /* the link's task */
void presence_give_up(struct presence *, const char *why);      /* no retry mends it */
void presence_settle(struct presence *);                /* the server has said who it is: now to services or the channels */
void presence_join(struct presence *);                  /* now to the channels */
void presence_act(struct presence *);                   /* does what was noted, and winds the clock */
bool presence_say(struct presence *, const char *command, const char *const *params, size_t count);    /* false where there is no room */
void presence_left(struct presence *, struct channel *, const char *how, const char *said);     /* thrown out, or not let in; said: by whom we know not */

void presence_hear(struct presence *, struct ear *);
bool presence_full(const struct presence *);            /* enough is heard that nobody has taken yet */
struct ear *presence_heard(struct presence *);          /* the next one whose speaker is not being asked about, for the caller to free with ear_free(); NULL: none */
void presence_deaf(struct presence *);                  /* forgets all that was heard and not passed on */
void ear_free(struct ear *);

void presence_wait(struct presence *, struct waiter *);
void presence_leave(struct presence *, struct waiter *);
void presence_let_go(struct presence *);                /* of all that wait: the connection is gone */

#endif
