/* regain: our own nick, while somebody else has it: another one for now, and ours again as soon as it is free. */
#ifndef SALLYPORT_PROTOCOLS_IRC_REGAIN_H
#define SALLYPORT_PROTOCOLS_IRC_REGAIN_H

#include <stdbool.h>

struct presence;

bool regain_is_ours(const struct presence *, const char *nick); /* the one that we want, as far as the server keeps nicks */
void regain_other(struct presence *);                   /* at the login: sally_, sally__, then sally4711 */
void regain_begin(struct presence *);                   /* we have another nick: watches for ours, or wins it back at once */
void regain_look(struct presence *);                    /* from time to time: is it free? */
void regain_online(struct presence *, const char *nicks);       /* the answer (303): who of them is there, with blanks between */
void regain_unknown(struct presence *);                 /* the server cannot answer that: so it is asked for blindly */
void regain_gone(struct presence *, const char *nick);  /* somebody has let this one go */
void regain_done(struct presence *);                    /* it is ours */

#endif
