/* request_private: what a request keeps to itself: for who reads, carries out and writes it, and for no handler. */
#ifndef SALLYPORT_WORK_REQUEST_PRIVATE_H
#define SALLYPORT_WORK_REQUEST_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/totp.h"

struct card;

enum { REPLIES_MOST = 16 };

struct request_private {
	bool dry;                       /* --dry-run */
	char digits[TOTP_DIGITS + 1];   /* the one-time code that was said with it; "": none. It is in nothing else of the request */
	bool asking;                    /* resolve() or suits() is at work: nothing may be answered yet */
	const char *foreseen;           /* what it would do, as a sentence; NULL: its words say it all */
	bool crowded;                   /* resolve() had more to set than there is room for */
	int64_t event;                  /* the message it came from; 0: none was kept */
	const char *replies_to;         /* that message's id in its chat */
	const char *message;            /* what it was said by, by its label; NULL: the chat gives none */
	bool by_sign;                   /* it was a sign on a message of ours: that message shows what became of it */
	const char *approved;           /* by whom: "bob (hq, reaction)"; NULL or "": it needed nobody */
	struct card *replies[REPLIES_MOST];
	size_t reply_count;
	const char *subject;
	const char *follow_kind, *follow_token;
	int64_t look_in, give_up_in;
	int settled;                    /* enum settled */
};

#endif
