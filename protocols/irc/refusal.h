/* refusal: why a server does not let us into a channel, and what people can do about it. */
#ifndef SALLYPORT_PROTOCOLS_IRC_REFUSAL_H
#define SALLYPORT_PROTOCOLS_IRC_REFUSAL_H

const char *refusal_of(const char *numeric);    /* "by invitation only (+i); invite me"; NULL: that is none */

#endif
