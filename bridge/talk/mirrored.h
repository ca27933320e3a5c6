/* mirrored: what somebody said in one place of a room, told in the others. */
#ifndef SALLYPORT_TALK_MIRRORED_H
#define SALLYPORT_TALK_MIRRORED_H

#include <stddef.h>
#include <stdint.h>

#include "bridge/talk/message.h"

struct arena;
struct error;
struct styled;

/* Somebody of ours whom the words name on purpose. */
struct mention {
	const char *said;               /* as they do: the first word ("bob: look"), or the account of a span */
	const char *account;            /* theirs in the chat where this is told: corp/bob */
};
enum { MENTIONS_MOST = 10 };

/* Each chat draws it its own way. */
struct mirrored {
	enum message_kind kind;         /* said, edited where the chat cannot edit, taken back where it cannot take back */
	const char *who;                /* who said it, as shown there */
	const char *account;            /* and by which account; "" where nothing is proven */
	const char *chat;               /* where: "IRC" */
	const struct styled *words;     /* NULL of what was taken back */
	const char *to, *quote;         /* whom it answers, and the first words of that; NULL: nobody */
	const struct mention *mentions; /* who is to hear of it there; nobody else is */
	size_t mention_count;
	const struct attached *file;    /* NULL: none */
	const char *url;                /* where the file can be seen until `until` (wall ms); NULL: nowhere */
	int64_t until;
	struct mirrored *next;          /* said in the same message; NULL: none. Of that the store knows, not the JSON. */
};

const char *mirrored_name(const struct mention *);      /* of the account, without its link: bob */
const char *mirrored_json(struct arena *, const struct mirrored *);
struct mirrored *mirrored_read(struct arena *, const char *json, struct error *);      /* NULL where it is none */

#endif
