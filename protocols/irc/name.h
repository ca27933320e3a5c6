/* name: names on IRC, of people and channels: which there can be, and how they compare. */
#ifndef SALLYPORT_PROTOCOLS_IRC_NAME_H
#define SALLYPORT_PROTOCOLS_IRC_NAME_H

#include <stdbool.h>
#include <stddef.h>

struct error;

enum { NAME_MOST = 200 };               /* bytes of a nick or a channel; longer ones are nobody's */

/* Which characters are one letter in two cases: the server says it (CASEMAPPING), rfc1459 until then. */
enum name_case { CASE_RFC1459, CASE_STRICT, CASE_ASCII };

enum name_case name_case(const char *said);
int name_fold(int byte, enum name_case);
bool name_same(const char *, const char *, enum name_case);
bool name_nick(const char *);                   /* could be a nick that we may have */
bool name_channel(const char *, struct error *);        /* could be a channel; false with a sentence */
bool name_split(const char *reason);            /* of a QUIT: two servers, "a.example b.example", have lost each other */
/* The nick of nick!user@host; false where there is none, or where it is a server's name or too long. */
bool name_of(const char *prefix, char out[NAME_MOST + 1]);

#endif
