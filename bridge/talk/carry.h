/* carry: a command that was understood is decided upon, written down, carried out and answered. */
#ifndef SALLYPORT_TALK_CARRY_H
#define SALLYPORT_TALK_CARRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct card;
struct request;
struct talk;

enum { REPLIES_MOST = 16 };

/* What a request keeps to itself: request.c and carry.c. */
struct request_private {
	bool dry;                       /* --dry-run */
	bool asking;                    /* resolve() or suits() is at work: nothing may be answered yet */
	bool crowded;                   /* resolve() had more to set than there is room for */
	int64_t event;                  /* the message it came from; 0: none was kept */
	const char *replies_to;         /* that message's id in its chat */
	bool by_sign;                   /* it was a sign on a message of ours: that message shows what became of it */
	struct card *replies[REPLIES_MOST];
	size_t reply_count;
	const char *subject;
	const char *follow_kind, *follow_token;
	int64_t look_in, give_up_in;
	int settled;                    /* enum settled */
};

/* Runs on the request's task, to its end. */
void carry_out(struct request *);
/* One sentence to who asked, and nothing else happened: a word that does not fit, a refusal. Audited where `refused` names why. */
void carry_refuse(struct request *, const char *sentence, const char *refused);
/* That message needs no second look after a restart: who sent it was answered. 0: none was kept. */
void carry_done(const struct talk *, int64_t event);

#endif
