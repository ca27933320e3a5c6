/* report_inbox: the webhooks that came, as a table. */
#ifndef SALLYPORT_REPORT_INBOX_H
#define SALLYPORT_REPORT_INBOX_H

#include <stdbool.h>

struct arena;
struct db;
struct error;
struct text;

/* `words`: [NAME] [--limit N], ended by NULL. *code: as a program's. On the store's thread. */
bool report_inbox(struct db *, const char *const *words, struct arena *, struct text *out, int *code, struct error *);

#endif
