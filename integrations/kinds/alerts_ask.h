/* alerts_ask: what the verbs ask of the rows, and change in them, from a task. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_ASK_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_ASK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "integrations/kinds/alerts_rows.h"
#include "integrations/kinds/alerts_silence.h"

struct instance;
struct request;

/* All of these wait. They fail with the task's error. */

/* The group that a word names. */
bool ask_row(struct request *, const char *word, struct alert_row *out, struct silence_row *held_by, bool *held);
/* Those that fire, the worst first; of more than `most` the count is told. `since` not 0: those too that ended since. */
struct rows { const struct alert_row **each; size_t count, all; };
bool ask_rows(struct request *, int64_t since, size_t most, bool (*wanted)(const struct alert_row *, void *), void *with, struct rows *out);

/* Somebody is on it now (by NULL: nobody), or said something: told in its rooms, but not where it was asked: there the answer tells. */
bool ask_acked(struct request *, const char *label, const struct alert_ack *, bool ours, struct alert_row *out);
bool ask_noted(struct request *, const char *label, const char *note);

bool ask_silence(struct request *, const char *word, struct silence_row *out);
bool ask_silences(struct request *, struct silence_row **out, size_t *count);
/* It is at the service now, under that id; `before`: the id it had, or NULL. */
bool ask_silenced(struct request *, const struct silence_row *, const char *before);

bool ask_off(struct request *, const char *what, bool off, bool *was);
bool ask_what_is_off(struct request *, const char **text);

#endif
