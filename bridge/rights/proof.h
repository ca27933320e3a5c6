/* proof: verifying the audit. It is told each record and each checkpoint in the order in which they stand somewhere, in a store or in a file, and
 * says which record is the first that is not as it was written, and which of all the others are as they were signed.
 *
 * A record fits where its hash, over the hash that stands before it, is the one that stands beside it. A good checkpoint proves the hash of its
 * record, and that proves, backwards, each record before it up to the first that does not fit. What comes after the last checkpoint, or
 * stands between one and a record that does not fit, only fits. */
#ifndef SALLYPORT_RIGHTS_PROOF_H
#define SALLYPORT_RIGHTS_PROOF_H

#include "bridge/rights/audit.h"
#include "bridge/rights/checkpoint.h"

struct audit_proof {
	struct signing_public keys[SIGNING_KEYS];       /* whose signatures count; none: nothing is known to be signed */
	size_t key_count;
	const struct checkpoint *anchors;               /* kept elsewhere, by record; they must hold too */
	size_t anchor_count, anchors_met;
	bool sign_all;                                  /* what is not signed for long is bad: every hundredth record must be */

	/* Its own business. */
	char log[CHECKPOINT_LOG + 1];                   /* of the store; "" until a checkpoint says it */
	size_t anchor_at;
	int64_t next;                                   /* the record that should come now */
	unsigned char h[AUDIT_HASH];                    /* of the one before, as it stands there */
	unsigned char computed[AUDIT_HASH];             /* and as it should be, where that is another */
	bool known, spoiled;                            /* `h` is there; `computed` is another */
	int64_t since;                                  /* from here each fits the one before */
	int64_t upto;                                   /* to here */
	int64_t sealed;                                 /* the record of the last good checkpoint */
	int64_t stranger;                               /* the record of the last checkpoint by a key that does not count; 0: none */
	char stranger_key[SIGNING_ID + 1];
	int64_t offered;                                /* the record that speaks of a new key, which a good checkpoint of it makes count */
	unsigned char offered_key[SIGNING_PUBLIC];
	struct audit_spans waiting;                     /* they fit, and wait for a checkpoint */
	struct audit_verdict verdict;
};

/* Something that stands where a record should. */
struct proof_item {
	int64_t seq;
	int64_t wall;                   /* when it says it was written */
	const void *bytes;
	size_t length;
	const unsigned char *h;         /* NULL: none, or no hash */
	const struct audit_record *record;      /* NULL: it cannot be read */
	bool differs;                   /* what stands beside it for searching says something else */
};

/* `before`: the hash before the first. The keys, anchors and sign_all were set before. */
void proof_begin(struct audit_proof *, int64_t first, const unsigned char before[AUDIT_HASH]);
void proof_add(struct audit_proof *, const struct proof_item *);
void proof_unreadable(struct audit_proof *);                          /* something stands there that is no record at all */
void proof_mark(struct audit_proof *, const struct checkpoint *);     /* behind its record */
/* `newest`: the last that should have come, with its hash; -1: nobody said. */
void proof_end(struct audit_proof *, int64_t newest, const unsigned char newest_h[AUDIT_HASH]);
void proof_bad(struct audit_proof *, int64_t seq, int64_t wall, const char *reason, ...) __attribute__((format(printf, 4, 5)));

#endif
