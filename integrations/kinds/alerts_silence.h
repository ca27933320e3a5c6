/* alerts_silence: silences, as rows of the store: which are ours, what they are called, what was said of their end. On the store's thread. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_SILENCE_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_SILENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integrations/kinds/alerts.h"

struct arena;
struct db;
struct error;
struct tables;

extern const struct tables alert_silence_tables;

enum { SILENCES_MOST = 1000 };          /* that are looked at */

struct silence_row {
	const char *instance, *id;
	const char *label;              /* NULL: made elsewhere, and seen once only */
	const char *matchers;           /* as they are typed */
	int64_t starts, ends;
	const char *by, *why;
	const char *room;               /* where it was made; NULL: elsewhere */
	int64_t noticed;                /* its `ends` of which it was said that it comes; 0: none */
	bool over;
};

bool silence_row_by_id(struct db *, struct arena *, const char *instance, const char *id, struct silence_row *);
bool silence_row_by_label(struct db *, struct arena *, const char *label, struct silence_row *);
bool silence_row_write(struct db *, const struct silence_row *, struct error *);       /* new, or in place of the one with that id */
bool silence_row_moved(struct db *, const char *instance, const char *from, const char *to, struct error *);   /* the service gave it another id */
bool silence_row_over(struct db *, const char *instance, const char *id, struct error *);
/* Those that are not over, the next to end first. */
size_t silence_rows_open(struct db *, struct arena *, const char *instance, struct silence_row **out, struct error *);
/* As the service tells them: what is not among them any more is over; what was made elsewhere gets a label once it was seen before. */
bool silence_rows_seen(struct db *, struct arena *, const char *instance, const struct silence *, size_t count, int64_t now, struct error *);

#endif
