/* mirrored: what somebody said in one place of a room, told in the others. */
#ifndef SALLYPORT_TALK_MIRRORED_H
#define SALLYPORT_TALK_MIRRORED_H

#include <stdint.h>

#include "bridge/talk/message.h"

struct arena;
struct error;
struct styled;

/* Each chat draws it its own way. */
struct mirrored {
	enum message_kind kind;         /* said, edited where the chat cannot edit, taken back where it cannot take back */
	const char *who;                /* who said it, as shown there */
	const char *account;            /* and by which account; "" where nothing is proven */
	const char *chat;               /* where: "IRC" */
	const struct styled *words;     /* NULL of what was taken back */
	const char *to, *quote;         /* whom it answers, and the first words of that; NULL: nobody */
	const char *mention;            /* the account, in the chat where this is told, of whom it is addressed to; NULL */
	const struct attached *file;    /* NULL: none */
	const char *url;                /* where the file can be seen until `until` (wall ms); NULL: nowhere */
	int64_t until;
	struct mirrored *next;          /* said in the same message; NULL: none. Of that the store knows, not the JSON. */
};

const char *mirrored_json(struct arena *, const struct mirrored *);
struct mirrored *mirrored_read(struct arena *, const char *json, struct error *);      /* NULL where it is none */

#endif
