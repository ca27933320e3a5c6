/* channels: where we are on one network, where we want to be, and who is there with us. */
#ifndef SALLYPORT_PROTOCOLS_IRC_CHANNELS_H
#define SALLYPORT_PROTOCOLS_IRC_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocols/irc/name.h"

struct member;

enum { MEMBER_CHAINS = 64, MEMBERS_MOST = 50000 };

struct channel {
	const char *name;               /* as it was configured */
	enum channel_state { CHANNEL_OUT, CHANNEL_ASKED, CHANNEL_IN } state;
	int64_t next;                   /* CHANNEL_OUT: mono ms when it is asked for again */
	int64_t pause;                  /* ms until then the next time */
	int64_t since;                  /* CHANNEL_IN: mono ms */
	int64_t invited;                /* mono ms: when an invitation was last heeded; 0: never */
	char why[160];                  /* CHANNEL_OUT: "kicked: go away"; "" */
	bool login;                     /* CHANNEL_OUT: a login to services would open it */
	struct member *members[MEMBER_CHAINS];
	size_t member_count;
};

struct channels {
	struct channel *each;
	size_t count;
	enum name_case how;
	int64_t pause;                  /* ms, at first */
};

void channels_begin(struct channels *, const char *const *names, int64_t pause);    /* the names are borrowed */
/* Others are wanted from now on: who stays keeps its state and its people, under the new name's pointer; of who goes `left` is told before. */
void channels_want(struct channels *, const char *const *names, void (*left)(const struct channel *, void *with), void *with);
void channels_end(struct channels *);
void channels_lost(struct channels *);                          /* the connection is gone: out of all, and nobody is known */

struct channel *channels_find(const struct channels *, const char *name);
size_t channels_in(const struct channels *, enum channel_state);       /* how many are in that state */

void channels_entered(struct channels *, struct channel *, int64_t now);
void channels_left(struct channels *, struct channel *, const char *why, int64_t now);      /* thrown out, or not let in: asked for again, ever later */
bool channels_invited(struct channels *, struct channel *, int64_t now);        /* true: it is due at once */
int64_t channels_next(const struct channels *);                 /* when one is due to be asked for, mono ms; -1: never */

void channels_join(struct channels *, struct channel *, const char *nick);
void channels_names(struct channels *, struct channel *, const char *list);    /* of a 353: "@alice +bob carol" */
void channels_part(struct channels *, struct channel *, const char *nick);
void channels_quit(struct channels *, const char *nick);
void channels_rename(struct channels *, const char *from, const char *to);
bool channels_has(const struct channels *, const struct channel *, const char *nick, size_t length);
bool channels_shared(const struct channels *, const char *nick, size_t length);        /* with us, at least one */

#endif
