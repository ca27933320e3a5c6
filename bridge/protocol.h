/* protocol: what a chat protocol exports, and the one way in for what it hears. */
#ifndef SALLYPORT_PROTOCOL_H
#define SALLYPORT_PROTOCOL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"
#include "bridge/talk/message.h"

struct arena;
struct bridge;
struct card;
struct delivered;
struct delivery;
struct engine;
struct fetched;
struct link_keeping;
struct looking;
struct protocol;
struct task;

enum link_state { LINK_AWAY, LINK_UP };

/* One account on one chat server. Read its fields; `own` is the protocol's, `keeping` links.c's. prefix, lines and channels are replaced when the
 * configuration is read anew while run() goes on, just before renew(): keep no other pointer into channels than renew() mends. */
struct link {
	const char *name;                       /* corp */
	const struct protocol *protocol;
	const void *conf;                       /* filled by the protocol's settings; it stays where it is while run() goes on */
	const struct engine *engine;
	struct bridge *bridge;
	const char *nick;                       /* the gateway's name */
	const char *prefix;                     /* what begins a command: ! */
	size_t lines;                           /* the most of one answer; 0: as the protocol likes */
	const char *const *channels;            /* where to be: the rooms' places on this link, ended by NULL */
	void *own;                              /* from run() until it returns */

	enum link_state state;                  /* set by link_up() and link_away() */
	char text[400];                         /* for `status`: "irc.corp.example, as sally, 9 rooms", or why it is away */
	int64_t since, heard;                   /* wall ms */
	struct link_keeping *keeping;
};

void link_up(struct link *, const char *format, ...) __attribute__((format(printf, 2, 3)));        /* what waits is said now */
void link_away(struct link *, const char *format, ...) __attribute__((format(printf, 2, 3)));      /* why, and when it tries again */
void link_heard(struct link *);                 /* the server is alive */
/* A trouble of its own that the operators should know of: logged, and told where that is done. */
void link_tell(struct link *, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct protocol {
	const char *name;                       /* the section's kind: irc "corp" { } */
	const char *about;
	const char *shown;                      /* what people call it: "IRC" */
	unsigned can;                           /* CAN_EDIT | ..., of bridge/talk/outbox.h */
	bool single;                            /* one section without a title, whose link is called as the protocol: console { } */
	bool caseless;                          /* its accounts are proven in lower case, however they are written */
	size_t conf_size;
	const struct setting *settings;
	void (*check)(struct conf *, const struct section *, void *conf);      /* as an integration's; may be NULL */
	/* Connects and listens until the task is cancelled: loses and regains its server by itself. False with the task's error only for what
	 * no retry mends (a wrong password): it is logged, shown in status and tried again after 15 minutes. */
	bool (*run)(struct task *, struct link *);
	/* The configuration was read anew, and nothing that would need another connection has changed: the channels may be others. NULL: the link
	 * begins anew with every configuration. */
	void (*renew)(struct link *);
	/* Says one delivery; waits until the chat has it (txn NULL: until it is on its way). False where it was not said; it is then
	 * tried again, when the link is up, but where `never` says that this is of no use. Only what the protocol can do comes here. */
	bool (*deliver)(struct task *, struct link *, const struct delivery *, struct delivered *);
	/* Optional: the bytes of a file that the chat keeps under `id`, at most `most` of them, in task->arena; waits. Only while the link is up.
	 * False with the task's error, which is logged; who asked is told no more than that. */
	bool (*fetch)(struct task *, struct link *, const char *id, size_t most, struct fetched *);
	/* Optional: logs in beside a gateway that may be running, joins each of the link's channels and tells what is missing there; the link is
	 * nobody's else. False with the task's error where it could not log in. */
	bool (*look)(struct task *, struct link *, const struct looking *);
	/* Optional: whether the server says that `account`, as it is proven, is in that channel no more: left, thrown out or banned. Waits; false where
	 * it cannot be told. */
	bool (*gone)(struct task *, struct link *, const char *channel, const char *account);
	/* Optional: whether the server has just said that it takes only so much. */
	bool (*narrow)(const struct link *);
	/* Optional: whether signs that may be pressed are put on our messages there. */
	bool (*offers)(const struct link *);
	/* Optional: whether `channel` could be a place of this protocol; false with a sentence. */
	bool (*place)(const char *channel, struct error *);
	/* Optional: what a card looks like there, for who wants to see it before it is said: sallyport hooks try. */
	const char *(*drawn)(struct arena *, const struct card *);
};

struct looking {
	void (*trouble)(const char *channel, const char *sentence, void *with);
	void *with;
};

struct fetched {
	const char *bytes;
	size_t length;
	const char *type;                       /* as the chat says; NULL: it says nothing */
};

extern const struct protocol *const protocols[];               /* ended by NULL; made by make */

/* The only way in. Everything is copied before it returns. `cursor` NULL: the chat has none; else what was said and the cursor are committed
 * in one transaction before any of it is carried out. False with the task's error where that failed: hear it again. */
bool bridge_hear(struct task *, struct link *, const struct message *, size_t count, const char *cursor);
/* The last cursor of the link, in the task's arena: NULL where it never heard anything. Waits; false with the task's error. */
bool bridge_heard_to(struct task *, struct link *, const char **cursor);

/* For a protocol that has to ask who somebody is: how well it must know before bridge_hear(). `from` may be what it knows so far. */
enum proof bridge_wants_proof(const struct link *, const struct message *);

/* Whether it is to be heard who comes there and who goes (MESSAGE_CAME and so on); never of ourselves, nor of who was there when we came. */
bool bridge_wants_comings(const struct link *, const char *channel);

/* The console's other half: questions that are no talk (status, audit list ...), asked over its socket. */
/* Answers `words` for the user `uid`, proven as `account`, as lines; *exit_code as a program's. Waits. */
bool bridge_answer(struct task *, struct bridge *, const char *const *words, unsigned uid, const char *account, char **answer, int *exit_code);
/* Whether a command of `account` is being carried out. */
bool bridge_working(struct bridge *, const char *account);
/* Whether anything that `account` asked for is still going on or unsaid in that place: what a pipe waits for. */
bool bridge_busy(struct bridge *, const struct place *, const char *account);

#endif
