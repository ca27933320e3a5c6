/* outbox_rows: the outbox as rows of the store. All of it runs on the store's thread. */
#ifndef SALLYPORT_TALK_OUTBOX_ROWS_H
#define SALLYPORT_TALK_OUTBOX_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/talk/outbox.h"

struct arena;
struct db;
struct error;

/* What is to be said. */
struct outbox_new {
	const char *place, *txn, *replies, *thread, *on, *body;
	const char *label;              /* what it is about: the message of that name is edited, or rung under; NULL: nothing */
	const char *answers;            /* the same, of what it answers; `replies`, if any, goes before */
	enum delivery_op op;
	enum urgency urgency;
	bool edits;                     /* where there is a message of that name it is edited */
};

enum { OUTBOX_TXN = 33 };
/* A transaction id that is always the same for a message and where it is told. */
void outbox_txn(char txn[OUTBOX_TXN], const char *from, const char *id, const char *to);
/* What a message of ours is known by; NULL: it is none that has a name. */
bool outbox_label_of(struct db *, struct arena *, const char *place, const char *message, const char **label, struct error *);
/* The newest talk of that name; NULL: none. */
bool outbox_body_of(struct db *, struct arena *, const char *label, const char **body, struct error *);

/* Where the place edits, what was not yet said of the same thing is replaced, so that only the newest is. */
bool outbox_row_write(struct db *, const struct outbox_new *, struct error *);
/* The same for what is taken back, talk or a sign: what was not told yet is not told any more, and of what never was nothing is said. */
bool outbox_row_take_back(struct db *, const struct outbox_new *, enum delivery_op what, struct error *);

/* What waits under that name is not said any more; what was said of it, or may have been, is told. */
bool outbox_rows_unsay(struct db *, const char *label, bool *said, struct error *);

/* What waits. */
enum { OUTBOX_ROWS = 256 };
struct outbox_rows {
	int64_t after;                  /* in: ids above this one */
	size_t count;
	struct outbox_waits { int64_t id, made; enum urgency urgency; const char *place; } each[OUTBOX_ROWS];
};
bool outbox_rows_load(struct db *, struct arena *, struct outbox_rows *, struct error *);

/* One that is to be said now. */
struct outbox_row {
	int64_t id;
	bool gone, stale;               /* said, or not worth saying, in the meantime; too old */
	bool early;                     /* it goes under a message that is still being said */
	int64_t tries;                  /* before this one */
	enum delivery_op op;            /* DELIVERY_EDIT where there is something to edit */
	enum urgency urgency;
	const char *place, *txn, *label, *replies, *thread, *on, *body;
	const char **along;             /* of talk, the bodies of what is said with it in one message */
	size_t along_count;
};
/* queued -> trying, committed before the bytes leave (T7 of the data model). `narrow`: the talk that waits behind it goes along, now and in every
 * other try, so that the message stays the same. */
bool outbox_row_take(struct db *, struct arena *, int64_t id, bool narrow, struct outbox_row *, struct error *);
/* trying -> sent, with the chat's own id of the message, or NULL (T8). */
bool outbox_row_sent(struct db *, const struct outbox_row *, const char *message, struct error *);
bool outbox_row_dropped(struct db *, const struct outbox_row *, const char *why, struct error *);

/* What waited for too long is not said any more; what was said long ago is forgotten. */
bool outbox_rows_prune(struct db *, struct error *);

/* Of saying.c: where its rows go. */
struct store *outbox_store(const struct outbox *);

#endif
