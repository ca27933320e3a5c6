/* totp: one-time codes that follow the clock (RFC 6238): what somebody's telephone shows, checked; nothing is kept here. */
#ifndef SALLYPORT_RIGHTS_TOTP_H
#define SALLYPORT_RIGHTS_TOTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct error;

enum { TOTP_SECRET = 20, TOTP_DIGITS = 6, TOTP_STEP = 30 /* s */ };

bool totp_make(unsigned char secret[TOTP_SECRET], struct error *);
/* What an app is told by hand, "JBSW Y3DP ...", and by a link. */
char *totp_base32(struct arena *, const unsigned char secret[TOTP_SECRET]);
char *totp_uri(struct arena *, const unsigned char secret[TOTP_SECRET], const char *issuer, const char *person);
void totp_hide(const unsigned char secret[TOTP_SECRET]);       /* whatever form of it we would say or log from now on is redacted */

/* Whether the text is six digits and nothing else but blanks, as in "492 817". `digits` may be NULL. */
bool totp_digits(const char *text, char digits[TOTP_DIGITS + 1]);

/* A clock may be one step off, either way. A step counts once: one that is not behind `spent` is no right one any more. The time that it
 * takes says nothing about the digits. */
enum totp { TOTP_WRONG, TOTP_SPENT, TOTP_RIGHT };
enum totp totp_check(const unsigned char secret[TOTP_SECRET], const char *digits, int64_t wall, int64_t spent, int64_t *step);

#endif
