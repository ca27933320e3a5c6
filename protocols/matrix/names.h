/* names: how the people of a homeserver call themselves. It proves nothing: it is how we address them. */
#ifndef SALLYPORT_PROTOCOLS_MATRIX_NAMES_H
#define SALLYPORT_PROTOCOLS_MATRIX_NAMES_H

struct name;

enum { NAME_BUCKETS = 512 };

struct names {
	struct name *bucket[NAME_BUCKETS];
	unsigned count;
};

/* What they last said that their name is, as one clean short line; else the first part of their id, or "somebody". Borrowed until the next names_set(). */
const char *names_of(struct names *, const char *user);
void names_set(struct names *, const char *user, const char *shown);    /* NULL or empty: none */
void names_free(struct names *);

#endif
