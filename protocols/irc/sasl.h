/* sasl: logging in to services while the server waits: which mechanism, its messages, and how it ended. Pure: lines in, lines out. */
#ifndef SALLYPORT_PROTOCOLS_IRC_SASL_H
#define SALLYPORT_PROTOCOLS_IRC_SASL_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/error.h"

struct irc_line;
struct scram;

/* As a set, too: what a server offers. */
enum sasl_mechanism {
	SASL_BEST = 0,                  /* scram-sha-256 where it is offered, else plain */
	SASL_PLAIN = 1,
	SASL_SCRAM_SHA_256 = 2,
	SASL_EXTERNAL = 4,              /* the certificate of the connection itself */
	SASL_SAID = 8,                  /* in a set: the server said which it offers, whatever they are */
};

enum sasl_state {
	SASL_IDLE,
	SASL_NAMED,                     /* AUTHENTICATE PLAIN; the server says + */
	SASL_ASKED,                     /* SCRAM: the first message was sent */
	SASL_WORKING,                   /* SCRAM: sasl_work() */
	SASL_CHECKING,                  /* SCRAM: the server has yet to prove itself */
	SASL_PROVING,                   /* all is said; the server says whether it is right */
	SASL_DONE,
	SASL_FAILED,
};

enum { SASL_CHALLENGE_MOST = 3072 };    /* bytes of base64 in one challenge */

struct sasl {
	const char *account, *password;         /* password NULL: only EXTERNAL */
	enum sasl_mechanism wanted;
	void (*send)(const char *command, const char *const *params, size_t count, void *with);
	void *with;

	unsigned offered;                       /* enum sasl_mechanism; 0: the server did not say */
	enum sasl_state state;
	enum sasl_mechanism used;
	struct scram *scram;
	char challenge[SASL_CHALLENGE_MOST + 1];
	size_t challenge_length;
	struct error why;                       /* of SASL_FAILED */
};

/* "scram-sha-256"; SASL_BEST where it is none of them. */
enum sasl_mechanism sasl_named(const char *setting);
void sasl_offered(struct sasl *, const char *list, size_t length);      /* "PLAIN,EXTERNAL" */

void sasl_begin(struct sasl *);                                         /* says which mechanism, or fails */
bool sasl_take(struct sasl *, const struct irc_line *);                 /* true: the line was ours */
void sasl_work(struct sasl *);                                          /* SASL_WORKING: about a millisecond of it */
bool sasl_waits(const struct sasl *);                                   /* it is going on */
void sasl_end(struct sasl *);                                           /* clears what it knows of the password */

#endif
