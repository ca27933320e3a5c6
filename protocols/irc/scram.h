/* scram: SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's side, without channel binding: the server never sees the password, and proves that it
 * knows it too. Pure: messages in, messages out; the long computation is done in slices. */
#ifndef SALLYPORT_PROTOCOLS_IRC_SCRAM_H
#define SALLYPORT_PROTOCOLS_IRC_SCRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/error.h"

struct scram;

/* `nonce` NULL: one is drawn; only tests give theirs. NULL with a sentence where the words cannot be sent: printable ASCII alone is the same on
 * every server without SASLprep. Free with scram_free(), which clears it. */
struct scram *scram_new(const char *account, const char *password, const char *nonce, struct error *);
void scram_free(struct scram *);                        /* NULL is fine */

const char *scram_first(const struct scram *);          /* client-first-message */
/* server-first-message. False with a sentence where it is none, or asks for too few or too many rounds. Then scram_work(). */
bool scram_challenge(struct scram *, const char *message, struct error *);
/* Some rounds of the computation, about a millisecond; true: scram_final() is ready. */
bool scram_work(struct scram *);
const char *scram_final(const struct scram *);          /* client-final-message */
/* server-final-message: true where the server proved that it knows the password too. */
bool scram_verify(const struct scram *, const char *message, struct error *);

#endif
