/* explain: sallyport explain PERSON COMMAND ROOM: may they, by which rule, or why not. Reads the configuration alone. */
#ifndef SALLYPORT_CLI_EXPLAIN_H
#define SALLYPORT_CLI_EXPLAIN_H

#include <stddef.h>

struct setup;

/* `words` are the three, or two for a private message. 0: they may; 1: they may not; 64: the words do not fit, and it was said. */
int explain(const struct setup *, const char *const *words, size_t count);

#endif
