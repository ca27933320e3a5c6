/* prove: on a network without account-tag, holds back what somebody said until the server has told who it was (threats I2). */
#ifndef SALLYPORT_PROTOCOLS_IRC_PROVE_H
#define SALLYPORT_PROTOCOLS_IRC_PROVE_H

#include <stdbool.h>

struct ear;
struct presence;

void prove_start(struct presence *);                    /* a new connection: nobody is known */
void prove_caps(struct presence *, unsigned had);       /* the capabilities are others now */

/* Why hear() cannot prove anybody; NULL: the server says who it is, on every message. */
const char *prove_nobody(const struct presence *);
bool prove_is_told(const struct presence *);            /* logins and accounts are told, and account-tag is not there */

/* What was just said by nick!user@host: proves what can be proven without asking, or asks; the ear then waits. */
void prove_begin(struct presence *, struct ear *, const char *origin);
void prove_ask(struct presence *);                      /* sends what is to be asked */
void prove_end(struct presence *, struct ear *);        /* puts the answer into the message */

/* The presence's line: an answer, ACCOUNT, CHGHOST. */
void prove_answer(struct presence *);
void prove_login(struct presence *);
void prove_host(struct presence *);

#endif
