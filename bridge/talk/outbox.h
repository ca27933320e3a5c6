/* outbox: what is still to be said, until the chat has it. At least once, in order for each place, without doubles where the chat can tell. */
#ifndef SALLYPORT_TALK_OUTBOX_H
#define SALLYPORT_TALK_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/talk/message.h"

struct arena;
struct card;
struct db;
struct engine;
struct error;
struct outbox;
struct room;
struct rooms;
struct tables;
struct task;

extern const struct tables outbox_tables;

/* What a chat can do beside saying lines. */
enum { CAN_EDIT = 1, CAN_HTML = 2, CAN_THREAD = 4, CAN_REACT = 8, CAN_UPLOAD = 16, CAN_REDACT = 32, CAN_TALK = 64, CAN_OFFER = 128 };

enum delivery_op {
	DELIVERY_SAY,
	DELIVERY_EDIT,                  /* the message `on` now says this */
	DELIVERY_RING,                  /* for who asked, under the message that was edited: an edit makes no phone ring */
	DELIVERY_REACT,                 /* `key` upon the message `on` */
	DELIVERY_TALK,                  /* `talk`: what somebody said elsewhere; the message `on`, if any, now says this */
	DELIVERY_TAKE_BACK,             /* the message `on` is gone */
	DELIVERY_NOTE,                  /* a detail, in the thread under the message of the thing */
};

/* What goes first where a chat takes only so much. */
enum urgency { URGENCY_RING, URGENCY_STATE, URGENCY_THREAD, URGENCY_TALK, URGENCY_PROGRESS, URGENCY_REACTION };

/* One thing to say in one place. */
struct delivery {
	struct place place;             /* with its thread: the chat's id of its first message, NULL: none */
	enum delivery_op op;
	enum urgency urgency;
	const char *txn;                /* fixed before the first try; NULL: not kept, a crash loses it */
	const char *on;                 /* the chat's id of a message */
	const char *key;                /* DELIVERY_REACT */
	const char *replies;            /* the chat's id of the message this answers; NULL: none */
	bool spare;                     /* for somebody we do not know: only where there is room to spare, and never before others */
	bool again;                     /* was tried in an earlier life: say "(resent)" where the chat cannot tell */
	const struct card *card;        /* DELIVERY_SAY, EDIT, RING and NOTE */
	const struct mirrored *talk;    /* DELIVERY_TALK */
};

/* What became of it. */
struct delivered {
	const char *id;                 /* the chat's id of the message; NULL: it gives none */
	bool never;                     /* it was not said, and will not be however often it is tried */
};

/* Who carries it: given by bridge.c, which knows the links. */
struct carriers {
	bool (*deliver)(struct task *, const struct delivery *, struct delivered *, void *with);   /* waits until the chat has it; may fail */
	bool (*ready)(const char *link, void *with);            /* whether trying makes sense now */
	unsigned (*can)(const char *link, void *with);          /* CAN_EDIT | ... */
	void (*dropped)(const struct place *, const char *why, void *with);     /* something was never said */
	void *with;
	/* Whether the chat takes only so much now: talk then goes behind states, several lines as one message. NULL: none ever does. */
	bool (*narrow)(const char *link, void *with);
};

struct outbox *outbox_open(const struct engine *, const struct carriers *);
void outbox_stop(struct outbox *);                      /* begins nothing any more: what is left is said in the next life */
void outbox_close(struct outbox *);                     /* after the store, whose works may still report to it */
void outbox_begin(struct outbox *);                     /* loads what an earlier life left */
void outbox_link_ready(struct outbox *, const char *link);      /* it came up: say what waits */

/* Says it once, without a row: for answers that only look. In order with everything else for that place, but for what the store keeps
 * back while it refuses; where the link is away it waits a minute, no more. `card` is copied. */
void outbox_say(struct outbox *, const struct place *, const char *replies, const struct card *);
/* The same for somebody we do not know: many of them keep nobody else waiting. */
void outbox_say_spare(struct outbox *, const struct place *, const char *replies, const struct card *);
/* A copy of an answer for the other places of a room that is one conversation: whoever reads along there sees it too. Kept until it is said. */
void outbox_say_elsewhere(struct outbox *, const struct room *, const struct place *asked, const char *replies, const struct card *);

/* Takes away what somebody else said there, by its id in that chat, where the chat can; where we may not, they are asked to. */
void outbox_take_away(struct outbox *, const struct place *, const char *message);

/* What a work says: made on the loop into the work's arena, written on the store's thread with the rest, kicked after the commit. */
struct saying;
/* To every place of the room (NULL: only to `asked`); in the place `asked` the card addresses and rings whom it names, elsewhere
 * nobody. `asked` may be NULL. A card that is only progress goes to places that edit. Where an edit says it, who is to hear it rings
 * in the thread under it; where the chat reacts, the last card of a thing leaves a sign on the message that asked. */
struct saying *outbox_saying(struct outbox *, struct arena *, const struct room *, const struct place *asked,
	const char *replies, const struct card *);
bool outbox_write(struct db *, const struct saying *, const char *label, struct error *);      /* label NULL: the card's id */
void outbox_kick(struct outbox *);

/* For works that find out only in their transaction what they say, and where: the rooms and what their chats can, made on the loop. */
struct voices;
const struct voices *outbox_voices(const struct outbox *, struct arena *, const struct rooms *);
/* On the store's thread: a card to every place of that room, as the message of that name. A room that is not there any more hears nothing. */
bool outbox_write_in(struct db *, struct arena *, const struct voices *, const char *room, const struct card *, const char *label, struct error *);
/* The same in the thread under that message, where the chat has threads; elsewhere nothing. */
bool outbox_write_under(struct db *, struct arena *, const struct voices *, const char *room, const struct card *, const char *label, struct error *);
/* What is not said yet of that name is not said any more. *said: some of it was, somewhere. */
bool outbox_unsay(struct db *, const char *label, bool *said, struct error *);

/* What a message of ours shows (B31); *label NULL: no thing that has a name. Waits; false with the task's error. */
bool outbox_shows(struct task *, const struct place *, const char *message, const char **label);
unsigned outbox_can(const struct outbox *, const char *link);   /* CAN_EDIT | ...; 0 where no link is called so */
bool outbox_busy(const struct outbox *, const struct place *);  /* something is on its way to that place, or waits for it */
bool outbox_speaking(const struct outbox *);    /* answers are being said that the next life would not know of */
struct outbox_waiting { unsigned count; int64_t oldest; };      /* oldest: wall ms, 0 where there is none */
struct outbox_waiting outbox_waiting(const struct outbox *, const char *link);         /* link NULL: all */
/* On the store's thread, in a backup that is put back: what was still to be said has been said since, or is old. */
bool outbox_restored(struct db *, int64_t *dropped, struct error *);

#endif
