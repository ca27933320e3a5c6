/* message: what is heard in a chat: who said what, and where; each is taken once. */
#ifndef SALLYPORT_TALK_MESSAGE_H
#define SALLYPORT_TALK_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct styled;
struct tables;

/* Who a server proved somebody to be. A nick proves nothing. */
struct speaker {
	const char *account;            /* corp/alice, hq/@alice:corp.example, console/ana; NULL where nothing is proven */
	const char *shown;              /* the nick or display name they asked with: how we address them */
	const char *proof;              /* how it was proven, for the audit: "account-tag", "whox"; or why it was not: "not logged in to services" */
	bool proven;
	bool only_looks;                /* it was told some time ago: good enough for what only looks, not for a change */
	const char *alone;              /* the channel in which something is said to them alone; NULL: `shown` */
};

/* What a message needs to be proven for, where proving somebody costs a question. */
enum proof { PROOF_NONE, PROOF_TO_LOOK, PROOF_TO_CHANGE };

/* Where: ids, not pointers. */
struct place {
	const char *link;               /* corp */
	const char *channel;            /* #ops, a Matrix room id; in private: the nick or room to answer to */
	const char *thread;             /* NULL: none */
};

/* Only what is said is ever a command, and only as it was said first: an edit, or what is taken back, never is. */
enum message_kind {
	MESSAGE_SAID, MESSAGE_EDITED, MESSAGE_TAKEN_BACK, MESSAGE_REACTED,
	/* Nothing that is said: who it is from did this, and only their name counts. */
	MESSAGE_CAME, MESSAGE_WENT /* text: why, or "" */, MESSAGE_REMOVED /* by whom, and why */, MESSAGE_RENAMED /* the new name */,
};

/* A file that somebody put into the chat, which keeps it. */
struct attached {
	const char *id;                 /* the chat's */
	const char *name, *type;        /* shot.png, image/png */
	int64_t size;                   /* bytes; -1: not known */
};

struct message {
	enum message_kind kind;
	struct speaker from;
	struct place place;
	const char *id;                 /* given by the server, unique in its place; NULL: the chat repeats nothing */
	const char *on;                 /* the message that is edited, taken back, reacted to or, of one that is said, answered; NULL: none */
	const char *text;               /* valid UTF-8, cleaned of colours; its lines, where one message has several, with \n between. A reaction's key. */
	const struct styled *styled;    /* what is said or edited, with its formatting; NULL: the text is all */
	const struct attached *file;    /* NULL: none */
	bool meant;                     /* a reaction to a message of ours: its text is the command that it stands for */
	bool aside;                     /* no command whatever it says: an action, the name of a file */
	bool repeats_us;                /* it tells what we said: "<sally> hello" */
	bool stays;                     /* it is not told in the other places of its room */
	bool direct;                    /* said to us alone */
	int64_t said;                   /* wall ms, by the server's clock; 0: it tells none. It makes a message late, never fresh. */
	int64_t heard;                  /* wall ms, of one that an earlier life kept; 0: just now */
};

struct place place_copy(struct arena *, const struct place *);
bool place_same(const struct place *, const struct place *);        /* threads do not count */
char *place_text(struct arena *, const struct place *);             /* corp/#ops */
bool place_read(struct arena *, const char *text, struct place *);  /* the other way: false without a / */
/* What a message is known by in the places where it is told again. */
char *message_label(struct arena *, const char *place, const char *id);
enum { MESSAGE_LABEL = '~' };           /* how all of those begin, and nothing else does */

extern const struct tables message_tables;

/* On the store's thread. A message that may change something is kept before it is carried out, and only once: `*event` is 0 where
 * it was there before. */
bool message_keep(struct db *, const struct message *, int64_t *event, struct error *);
bool message_done(struct db *, int64_t event, struct error *);
/* How far a link was heard: committed together with what was heard. NULL: it never was. */
bool message_cursor(struct db *, const char *link, const char *cursor, struct error *);
bool message_cursor_read(struct db *, struct arena *, const char *link, const char **cursor, struct error *);
/* Those that were heard in an earlier life and not carried out: `each` is called for every one that was tried fewer than three times. */
bool message_pending(struct db *, struct arena *, void (*each)(int64_t event, const struct message *, void *), void *with, struct error *);
/* In a backup that is put back: what was heard and not carried out may have been since, so it never is. */
bool message_restored(struct db *, int64_t *dropped, struct error *);

#endif
