/* seal: small secrets that we must keep ourselves, encrypted: AES-256-GCM, with a key that is in a file and never in the store.
 *
 * What is sealed says what it is for ("code/alice"): a blob that was changed, or put in the place of another one, is not opened. */
#ifndef SALLYPORT_RIGHTS_SEAL_H
#define SALLYPORT_RIGHTS_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/base/conf.h"

struct error;
struct seal;
struct secret;

struct seal_settings {                  /* filled by seal_shape */
	struct where where;
	const struct secret *key;       /* NULL: the one in the folder of the state */
};

extern const struct shape seal_shape;
void seal_settings_check(struct conf *, const struct section *, const struct seal_settings *);

#define SEAL_FILE "sealing.key"         /* in the folder of the state, where no file is named */

enum { SEAL_KEY = 32, SEAL_MORE = 1 + 12 + 16 };        /* what is sealed is so much longer: a version, the nonce, the tag */

/* `key`: 64 hexadecimal digits; NULL: those of STATE/sealing.key, which is made where it is not there. NULL with a sentence. Whoever opens it
 * holds the lock of the state. It never changes, so any thread may read it. */
struct seal *seal_open(const struct secret *key, const char *state, struct error *);
void seal_close(struct seal *);
bool seal_same(const struct secret *, const struct secret *);   /* the same key, or both the state's own */

bool seal_shut(const struct seal *, const char *purpose, const void *secret, size_t length, unsigned char *out /* [length + SEAL_MORE] */, struct error *);
/* False with a sentence: another key, another purpose, a byte that was changed, or not `length` bytes of a secret in it. */
bool seal_break(const struct seal *, const char *purpose, const void *sealed, size_t size, void *out, size_t length, struct error *);

#endif
