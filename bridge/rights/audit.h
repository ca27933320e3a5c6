/* audit: who did what, where, by which rule, and how it ended: append-only records, each hashed together with the one before.
 *
 * h = SHA-256(0 || previous h || record); a record is its fields, each with its length before it. So a record that was changed, removed,
 * inserted or moved no longer fits. One row names both ends of what is kept: the newest record, and the last that went into an archive,
 * which a record attests. Whoever can write the file can make a whole new chain, but not the checkpoints (checkpoint.h), which are signed. */
#ifndef SALLYPORT_RIGHTS_AUDIT_H
#define SALLYPORT_RIGHTS_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct checkpoint;
struct db;
struct error;
struct audit_proof;
struct tables;
struct text;

extern const struct tables audit_tables;

enum { AUDIT_HASH = 32, AUDIT_TEXTS = 10 };

#define AUDIT_ARCHIVED "archived"       /* the record that older ones were taken out; its args_hash is the hash of their last */
#define AUDIT_REKEYED "rekeyed"         /* the record that another key signs from here on; its args_hash is that public key */

/* What is written. Every text may be NULL; none holds a secret. */
struct audit_entry {
	const char *what;               /* asked, refused, answered, ended, started, stopped, archived, rekeyed, restored, clock, withdrawn, taken back */
	const char *person, *account, *proof, *room, *place;
	const char *instance;           /* the service it was asked of; NULL: none, or not known yet */
	const char *command;            /* service, verb and resolved arguments */
	const char *decision, *rule;
	const char *result;
	const char *args;               /* the arguments in full, as they were decided upon: only their hash is written; NULL: none */
	const void *args_hash;          /* HMAC-SHA256 of them with a salt that never leaves the store, so nobody can guess them by trying; NULL: none */
	size_t args_hash_size;
	int64_t intent;                 /* 0: none */
};

struct audit_entry audit_copy(struct arena *, const struct audit_entry *);     /* its texts; a hash that was made of them is not kept */

/* A record as it is read back. */
struct audit_record {
	int64_t seq, wall, mono, boot;
	bool early;                     /* of a version that did not write the instance */
	struct audit_entry entry;
};

/* On the store's thread: the order of the records is the order of the commits. */
bool audit_write(struct db *, const struct audit_entry *, struct error *);

/* Signs what is not signed yet, where there is somebody who signs (checkpoint.h). */
bool audit_sign(struct db *, struct error *);
/* When who signs was lent: where another key signed last, a record says so, which both sign. */
bool audit_rekey(struct db *, struct arena *, struct error *);

struct audit_filter {
	const char *person, *room, *instance, *result;  /* NULL: any; result: a word of audit_result() */
	const char *id;                 /* a short id, B31: what it was asked by and what became of it; NULL: any */
	int64_t since, until;           /* wall ms; 0: from the beginning, to the end */
	int64_t after;                  /* only records behind that one */
	int64_t limit;                  /* the newest so many; 0: all */
	int64_t depth;                  /* among so many of the newest records, so that it takes no longer; 0: among all */
};

/* Newest first; false from `each` ends it. What it is shown goes with the arena. */
bool audit_list(struct db *, const struct audit_filter *, struct arena *, bool (*each)(const struct audit_record *, void *), void *with,
	struct error *);
/* In a word: refused, allowed, done, failed, unknown; else what it is: started, stopped ... */
const char *audit_result(const struct audit_entry *);

/* What verifying found. */
enum { AUDIT_SPANS = 6 };
struct audit_spans {
	size_t count;
	struct audit_span { int64_t first, last; } each[AUDIT_SPANS];
	bool more;                      /* there are others that are not told */
};
struct audit_verdict {
	bool whole;
	int64_t first;                  /* that should be there: 1, or the one behind what was archived */
	int64_t last;                   /* that is there; first - 1: none */
	int64_t records;                /* that were read and fitted, up to the first that did not */
	int64_t bad;                    /* the first that does not fit; 0: none */
	int64_t bad_wall;               /* when it says it was written; 0: it cannot be read */
	char reason[240];               /* behind "record 7": was changed after it was written */
	int64_t others;                 /* how much else is not as it was */
	struct audit_spans as_signed;   /* a checkpoint proves them */
	struct audit_spans fitting;     /* they fit, and none does */
	int64_t sealed, sealed_wall;    /* the last good checkpoint: its record, and when; 0: there is none */
	char key[17];                   /* the id of the key that signed it */
};
bool audit_verify(struct db *, struct audit_verdict *, struct error *);
/* The same with the keys and anchors of a proof. Until something does not fit each record up to `last` (0: all) is shown, with its hash, and its
 * checkpoints behind it; false from one of them ends that. */
struct audit_visit {
	int64_t last;
	bool (*record)(const struct audit_record *, const unsigned char h[AUDIT_HASH], void *);
	bool (*mark)(const struct checkpoint *, void *);
	void *with;
};
bool audit_walk(struct db *, struct audit_proof *, const struct audit_visit *, struct error *);

/* Some records in a row, as they leave the store. */
struct audit_range {
	int64_t first, last;            /* last < first: none */
	unsigned char before[AUDIT_HASH], hash[AUDIT_HASH];     /* of the record before the first; of the last */
};

/* The oldest that are kept: those written before `before` (wall ms; 0: all). */
bool audit_range(struct db *, int64_t before, struct audit_range *, struct error *);
/* Whether the store has a record with this hash there; false with a sentence where it has another, or none. */
bool audit_holds(struct db *, int64_t seq, const unsigned char hash[AUDIT_HASH], struct error *);
/* Takes them out, and writes down that they are in a file with this SHA-256. */
bool audit_archive(struct db *, const struct audit_range *, const char *sum, const char *by, struct arena *, struct error *);

/* What is hashed: for who writes and reads records elsewhere. */
struct text audit_record_bytes(struct arena *, const struct audit_record *);
bool audit_record_read(struct arena *, const void *bytes, size_t length, struct audit_record *);       /* false where it is none */
void audit_hash(const unsigned char before[AUDIT_HASH], const void *record, size_t length, unsigned char out[AUDIT_HASH]);
void audit_texts(const struct audit_entry *, const char *out[AUDIT_TEXTS]);     /* what, person, account ... in their order */

#endif
