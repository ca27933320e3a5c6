/* signing: Ed25519 keys: read, made, told apart by their id, and what they sign. */
#ifndef SALLYPORT_RIGHTS_SIGNING_H
#define SALLYPORT_RIGHTS_SIGNING_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

enum { SIGNATURE = 64, SIGNING_PUBLIC = 32, SIGNING_ID = 16, SIGNING_KEYS = 8 };

/* A public key; its id is the first half of the SHA-256 of its 32 bytes, in hex: the first 16 digits. */
struct signing_public {
	unsigned char bytes[SIGNING_PUBLIC];
	char id[SIGNING_ID + 1];
};

struct signing_key;                     /* one that can sign */

/* From PEM, as openssl genpkey -algorithm ed25519 writes it. NULL with a sentence. Free with signing_free(). */
struct signing_key *signing_read(const char *pem, size_t length, struct error *);
struct signing_key *signing_make(void);
void signing_free(struct signing_key *);
const struct signing_public *signing_public_of(const struct signing_key *);
char *signing_pem(struct arena *, const struct signing_key *);          /* private: only for its own file */
void signing_sign(const struct signing_key *, const void *bytes, size_t length, unsigned char out[SIGNATURE]);

struct signing_public signing_public(const unsigned char bytes[SIGNING_PUBLIC]);
char *signing_public_pem(struct arena *, const struct signing_public *);
/* Every public key of a text in PEM, at most SIGNING_KEYS. 0: there is none. */
size_t signing_read_public(const char *pem, size_t length, struct signing_public out[SIGNING_KEYS]);
bool signing_good(const struct signing_public *, const void *bytes, size_t length, const unsigned char signature[SIGNATURE]);

/* FOLDER/audit.key: read; made where it is not there, readable by its owner alone. */
struct signing_key *signing_open(struct arena *, const char *folder, struct error *);
/* FOLDER/audit.pub, for everybody: this key first, behind it those that were there before. */
bool signing_publish(const char *folder, const struct signing_public *, struct error *);

#define SIGNING_FILE "audit.key"
#define SIGNING_PUBLIC_FILE "audit.pub"

#endif
