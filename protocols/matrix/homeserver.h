/* homeserver: our session with one homeserver: requests of the client-server API, logging in, and waiting when it has enough.
 *
 * Any task may ask. A token that has ended is renewed by whoever notices first; all others wait for that. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_HOMESERVER_H
#define SALLYPORT_PROTOCOLS_MATRIX_HOMESERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/error.h"
#include "protocols/matrix/gate.h"
#include "protocols/matrix/matrix_rooms.h"
#include "protocols/matrix/names.h"

struct arena;
struct json_object;
struct link;
struct matrix;
struct task;

enum login { LOGIN_NONE, LOGIN_IN, LOGIN_BARRED };

/* Read its fields; write them in the files named behind. */
struct homeserver {
	struct link *link;
	const struct matrix *conf;
	uint64_t task;                  /* the link's own */
	struct arena *arena;            /* lives as long */
	const char *base;               /* login: https://matrix.corp.example */
	char *token, *refresh;          /* login: freed by homeserver_close() */
	enum login login;
	struct error why;               /* of LOGIN_BARRED: only people mend that */
	uint64_t renewing;              /* login: the task that is at it; 0: none */
	char *state;                    /* sync: as `status` has it; heap */
	char *filter[2];                /* sync: ids of the filters, an ordinary one and one for when there is too much at once */
	bool began;                     /* sync: what an earlier life had heard was looked up */
	bool known;                     /* sync: how each room is */
	bool too_much;                  /* sync: the last answer was larger than we take */
	bool renewed;                   /* the configuration was read anew since we last looked whether there are rooms to join */
	unsigned deliveries;            /* whoever uses all this beside the link's own task: it stays until they left */
	bool leaving;                   /* nothing is begun any more */
	const char *since;              /* sync: heap */
	struct matrix_rooms rooms;
	struct names names;
	struct gate gate;
	struct seen *seen;              /* sync: events that were heard */
};

struct homeserver *homeserver_open(struct link *, struct task *);
void homeserver_close(struct homeserver *);
void homeserver_leave(struct task *, struct homeserver *);      /* one of the deliveries has come to its end */
void homeserver_away(struct homeserver *);      /* what was reported of it is not so any more */
void homeserver_forget(struct homeserver *);    /* its token: the next login is a new one */

struct matrix_call {
	const char *method;             /* NULL: GET */
	const char *path;               /* from /_matrix on, its parts encoded */
	const char *body;               /* NULL: none */
	size_t length;                  /* 0: up to its NUL */
	const char *type;               /* NULL: application/json */
	unsigned seconds;               /* 0: 30 */
	size_t most;                    /* 0: 4 MiB */
	const char *token;              /* NULL: the session's; "": none */
	bool raw;                       /* the answer is no JSON */
	bool lingers;                   /* the server may take its time to answer: nobody waits behind it */
	const bool *unwanted;           /* as http_request has it */
};

struct matrix_answer {
	int status;                     /* 0: there was none */
	const char *code;               /* "M_FORBIDDEN"; "" */
	const char *says;               /* what the server says beside it, cleaned */
	int64_t wait;                   /* ms, of a 429 */
	struct json_object *json;
	bool too_much;                  /* it was larger than `most` */
	const char *bytes, *type;       /* of a raw one */
	size_t length;
};

/* One request. True for 2xx. False with the task's error; the answer tells which way it went. A token that has ended is renewed and the
 * request sent again, once. */
bool homeserver_ask(struct task *, struct homeserver *, const struct matrix_call *, struct matrix_answer *);
/* The same, and waits as long as the server says that it gets too many requests; the more urgent go first. */
bool homeserver_insist(struct task *, struct homeserver *, enum urgency, const struct matrix_call *, struct matrix_answer *);
/* For logging in, which others may wait for at the gate (call->token must be there), and for a sync, which the homeserver keeps open while they want to
 * speak: it passes by the gate, and waits by itself. */
bool homeserver_enter(struct task *, struct homeserver *, const struct matrix_call *, struct matrix_answer *);
/* The path with its parts, each encoded; ended by NULL. NULL with the task's error where one is no part of a path. */
const char *homeserver_path(struct task *, const char *first, ...) __attribute__((sentinel));

/* Finds the address and logs in. False with the task's error; login tells whether trying again is of any use. */
bool homeserver_login(struct task *, struct homeserver *);
/* After a soft logout: with the refresh token, else by logging in again as the same device. */
bool homeserver_renew(struct task *, struct homeserver *, const char *old);

#endif
