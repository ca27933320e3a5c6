/* event: what a homeserver tells of a room, as what it is to us: something that somebody said, or how the room is now. Pure. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_EVENT_H
#define SALLYPORT_PROTOCOLS_MATRIX_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "bridge/talk/message.h"

struct arena;
struct json_object;

#define EVENT_TOLD "sallyport.told"     /* a key of the content: it is told from another chat, by us or by another gateway */

enum event_kind {
	EVENT_OTHER,                    /* nothing that we use */
	EVENT_TALK,                     /* message */
	EVENT_MEMBER,                   /* member, membership, shown, why */
	EVENT_ENCRYPTION,               /* the room is encrypted from here on */
	EVENT_TOMBSTONE,                /* replaced_by */
};

/* Its texts are the arena's, or borrowed from the event. */
struct event {
	enum event_kind kind;
	const char *id;                 /* NULL: of a state that was told without one */
	const char *sender;
	int64_t at;                     /* wall ms, by the homeserver's clock */
	struct message message;         /* without its place's link and channel, and without the speaker */
	const char *member, *membership, *shown, *why;
	const char *was;                /* how they called themselves before, where they were a member; NULL: not known */
	bool direct;
	bool was_in;                    /* they were a member before, too: a new name, or a new picture */
	const char *replaced_by;
};

/* False where it is no event. */
bool event_read(struct arena *, struct json_object *, struct event *);

/* The words without the quote that clients put before a reply (client-server API, "Fallbacks for rich replies"): lines that begin with >. */
const char *event_without_quote(const char *body);

#endif
