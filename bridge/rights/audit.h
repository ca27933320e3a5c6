/* audit: who did what, where, by which rule, and how it ended: append-only records, each hashed together with the one before.
 *
 * h = SHA-256(0 || previous h || record); a record is its fields, each with its length before it. So a record that was changed, removed,
 * inserted or moved no longer fits; only a log cut off at its end still looks whole. */
#ifndef SALLYPORT_RIGHTS_AUDIT_H
#define SALLYPORT_RIGHTS_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct db;
struct error;
struct tables;

extern const struct tables audit_tables;

enum { AUDIT_HASH = 32 };

/* What is written. Every text may be NULL; none holds a secret. */
struct audit_entry {
	const char *what;               /* asked, refused, answered, ended, started, stopped */
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
	int64_t records;                /* that were read */
	int64_t bad;                    /* the first that does not fit; 0: none */
	int64_t bad_wall;               /* when it says it was written; 0: it cannot be read */
	char reason[160];
};
bool audit_verify(struct db *, struct audit_verdict *, struct error *);

#endif
