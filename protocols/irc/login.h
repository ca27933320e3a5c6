/* login: what is agreed with the server before it lets us in: capabilities, and that we log in. Pure: lines in, lines out. */
#ifndef SALLYPORT_PROTOCOLS_IRC_LOGIN_H
#define SALLYPORT_PROTOCOLS_IRC_LOGIN_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/error.h"
#include "protocols/irc/sasl.h"

struct irc_line;

/* What we ask for where it is offered. */
enum login_cap {
	CAP_ACCOUNT_TAG = 1,            /* who said it, on every message */
	CAP_BATCH = 2,                  /* what is only played back says so */
	CAP_MESSAGE_TAGS = 4,           /* msgid, bot */
	CAP_SASL = 8,
	CAP_SERVER_TIME = 16,           /* what is only played back has its old time */
	CAP_EXTENDED_JOIN = 32,         /* a JOIN says whose account it is */
	CAP_ACCOUNT_NOTIFY = 64,        /* logins and logouts are told */
	CAP_CHGHOST = 128,              /* another host is told as such, not as a QUIT and a JOIN */
	CAP_ECHO_MESSAGE = 0x100,       /* our own words come back, as everybody hears them */
	CAP_LABELED_RESPONSE = 0x200,   /* an answer says what it answers */
	CAP_MULTILINE = 0x400,          /* many lines are one message */
	CAP_STANDARD_REPLIES = 0x800,   /* FAIL, WARN, NOTE */
};

enum login_state {
	LOGIN_LISTING,                  /* which capabilities are there? */
	LOGIN_ASKING,                   /* which of them may we have? */
	LOGIN_SASL,                     /* see login.sasl */
	LOGIN_DONE,
	LOGIN_FAILED,
};

struct login {
	const char *account;                    /* NULL: nobody to log in as */
	const char *password;                   /* NULL: a certificate proves us */
	enum sasl_mechanism mechanism;
	bool safe;                              /* TLS, verified: a password may leave */
	void (*send)(const char *command, const char *const *params, size_t count, void *with);
	void *with;

	enum login_state state;
	unsigned offered, asked, has;           /* enum login_cap */
	struct sasl sasl;
	struct login_multiline {
		size_t bytes, lines;            /* of one message; 0: not said */
	} multiline;
	bool alone;                             /* each is asked for alone: together they were refused */
	bool logged_in;
	bool later;                             /* LOGIN_FAILED, but only until services are linked again */
	struct error why;                       /* of LOGIN_FAILED */
};

void login_begin(struct login *);                               /* the first line of all */
bool login_take(struct login *, const struct irc_line *);       /* true: the line was ours, and nobody else's */
void login_work(struct login *);                                /* while login.sasl is SASL_WORKING: about a millisecond of it */
/* The server lets us in, whatever it thinks of capabilities. False where we wanted to log in and did not. */
bool login_welcome(struct login *);
void login_end(struct login *);                                 /* the connection is gone: the password is cleared */

#endif
