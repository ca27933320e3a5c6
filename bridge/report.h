/* report: what the gateway says about itself: its status, and its audit. */
#ifndef SALLYPORT_REPORT_H
#define SALLYPORT_REPORT_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct bridge;
struct card;
struct db;
struct error;
struct text;

void report_status(const struct bridge *, struct arena *, bool json, struct text *out);

struct card *report_gateway(struct arena *, void *bridge);     /* the same, in the few words that a room needs */

/* report_audit.c. `words` are those behind "audit": list and its options, or archived. On the store's thread, of a gateway that runs or of one that does not.
 * *exit_code: 0, 64 for words that do not fit. */
bool report_audit(struct db *, const char *const *words, struct arena *, struct text *out, int *exit_code, struct error *);

#endif
