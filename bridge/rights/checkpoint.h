/* checkpoint: what the audit was up to one record, signed: what nobody without the key can make anew.
 *
 *     sallyport-audit-v1 LOG SEQ H WALL KEY SIGNATURE
 *
 * is one line: the store's id, the last record and its hash, when it was signed (wall ms), the id of the key, all in hex or digits, and the
 * signature in base64. What is signed are the bytes before the last blank, by Ed25519 as it is (no digest): openssl pkeyutl -verify -rawin
 * checks it. As each record is hashed together with the one before, it speaks for all records up to that one. */
#ifndef SALLYPORT_RIGHTS_CHECKPOINT_H
#define SALLYPORT_RIGHTS_CHECKPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/rights/signing.h"
#include "bridge/run/store.h"

struct arena;
struct db;
struct error;
struct tables;

extern const struct tables checkpoint_tables;

enum { CHECKPOINT_EVERY = 100, CHECKPOINT_HASH = 32, CHECKPOINT_LOG = 32 };

struct checkpoint {
	char log[CHECKPOINT_LOG + 1];   /* the store's id, in hex */
	int64_t seq, wall;
	unsigned char h[CHECKPOINT_HASH];
	char key[SIGNING_ID + 1];
	unsigned char signature[SIGNATURE];
};

char *checkpoint_text(struct arena *, const struct checkpoint *);
/* Finds one in a line that may say other things before and behind it, as those of syslog and of chats do. */
bool checkpoint_read(const char *line, struct checkpoint *);
bool checkpoint_good(const struct checkpoint *, const struct signing_public *);
bool checkpoint_log(struct db *, char log[CHECKPOINT_LOG + 1]);         /* of this store; false: it has none */

/* On the store's thread. Who signs: lent to the store by db_lend(); without it nothing is signed. */
struct checkpoint_signer {
	const struct signing_key *key;
	const struct signing_key *old;  /* the one before, while both are there; NULL: none */
};
/* After a record was written: signs it where it is the hundredth since the last checkpoint, or `now`. */
bool checkpoint_after(struct db *, int64_t seq, const unsigned char h[CHECKPOINT_HASH], bool now, struct error *);
/* The same with the old key as well: it vouches for the new one. */
bool checkpoint_both(struct db *, int64_t seq, const unsigned char h[CHECKPOINT_HASH], struct error *);
/* Oldest first, of the records behind `after`. A store of an earlier version has none. */
struct checkpoint_rows {
	struct row row;
	char log[CHECKPOINT_LOG + 1];
	struct checkpoint at;           /* the one that comes next */
	bool more;                      /* there is one */
};
void checkpoint_rows(struct db *, struct checkpoint_rows *, int64_t after);
void checkpoint_next(struct checkpoint_rows *);
bool checkpoint_rows_end(struct checkpoint_rows *, struct error *);
bool checkpoint_newest(struct db *, struct checkpoint *, bool *found, struct error *);
bool checkpoint_archived(struct db *, int64_t last, struct error *);    /* those of records that were taken out go along */

#endif
