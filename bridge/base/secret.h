/* secret: credentials, read from files and never from anywhere else (threats S2). */
#ifndef SALLYPORT_BASE_SECRET_H
#define SALLYPORT_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct error;

struct secret {
	const char *path;           /* which file; may be shown */
	const char *bytes;          /* ended by NUL; never shown, cleared when its arena goes */
	size_t length;
};

/* Finds the file (an absolute name, else under $CREDENTIALS_DIRECTORY, else under `beside`) and reads it, one line end
 * at its end taken off. Refused with a sentence: missing, empty, a symbolic link, not a regular file, more than 64 KiB,
 * a NUL in it, not owned by us or root, readable by group or others (but not below $CREDENTIALS_DIRECTORY).
 * NULL where it was refused. Registers with redact. */
const struct secret *secret_read(struct arena *, const char *name, const char *beside, struct error *);
/* Where secret_read would look. */
char *secret_path(struct arena *, const char *name, const char *beside);
void secret_wipe(void *, size_t);

#endif
