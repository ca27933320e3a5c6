/* replies: standard replies: FAIL, WARN and NOTE, and what a FAIL ends. */
#ifndef SALLYPORT_PROTOCOLS_IRC_REPLIES_H
#define SALLYPORT_PROTOCOLS_IRC_REPLIES_H

struct presence;

void replies_take(struct presence *);           /* presence->line: FAIL PRIVMSG SOME_CODE #ops :What it says */

#endif
