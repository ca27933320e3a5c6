/* audit: who did what, where, by which rule, and how it ended: append-only records, each hashed together with the one before.
 *
 * h = SHA-256(0 || previous h || record); a record is its fields, each with its length before it. So a record that was changed, removed,
 * inserted or moved no longer fits. One row names both ends of what is kept: the newest record, and the last that went into an archive,
 * which a record attests. Whoever can write the file can make a whole new chain: only a hash that is kept elsewhere shows that. */
#ifndef SALLYPORT_RIGHTS_AUDIT_H
#define SALLYPORT_RIGHTS_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct tables;
struct text;

extern const struct tables audit_tables;

enum { AUDIT_HASH = 32, AUDIT_TEXTS = 10 };

#define AUDIT_ARCHIVED "archived"       /* the record that older ones were taken out; its args_hash is the hash of their last */

/* What is written. Every text may be NULL; none holds a secret. */
struct audit_entry {
	const char *what;               /* asked, refused, answered, ended, started, stopped, archived, restored */
	const char *person, *account, *proof, *room, *place;
	const char *command;            /* service, verb and resolved arguments */
	const char *decision, *rule;
	const char *result;
	const void *args_hash;          /* of the arguments as they were decided upon; NULL: none */
	size_t args_hash_size;
	int64_t intent;                 /* 0: none */
};

/* A record as it is read back. */
struct audit_record {
	int64_t seq, wall, mono, boot;
	struct audit_entry entry;
};

/* On the store's thread: the order of the records is the order of the commits. */
bool audit_write(struct db *, const struct audit_entry *, struct error *);

struct audit_filter {
	const char *person, *room;      /* NULL: any */
	int64_t since;                  /* wall ms; 0: from the beginning */
	int64_t limit;                  /* the newest so many; 0: all */
};

/* Oldest first. */
bool audit_list(struct db *, const struct audit_filter *, struct arena *, void (*each)(const struct audit_record *, void *), void *with,
	struct error *);

struct audit_verdict {
	bool whole;
	int64_t first;                  /* that should be there: 1, or the one behind what was archived */
	int64_t records;                /* that were read and fitted */
	int64_t bad;                    /* the first that does not fit; 0: none */
	int64_t bad_wall;               /* when it says it was written; 0: it cannot be read */
	char reason[160];
};
bool audit_verify(struct db *, struct audit_verdict *, struct error *);
/* The same, showing each record up to `last` (0: all) that fits, with its hash; false from `each` ends it. */
typedef bool audit_each(const struct audit_record *, const unsigned char h[AUDIT_HASH], void *);
bool audit_walk(struct db *, int64_t last, audit_each *, void *with, struct audit_verdict *, struct error *);

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
void audit_hash(const unsigned char before[AUDIT_HASH], const void *record, size_t length, unsigned char out[AUDIT_HASH]);
void audit_texts(const struct audit_entry *, const char *out[AUDIT_TEXTS]);     /* what, person, account ... in their order */
bool audit_bad(struct audit_verdict *, int64_t seq, int64_t wall, const char *reason);  /* always false */

#endif
