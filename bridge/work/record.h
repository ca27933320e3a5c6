/* record: what is written of a request: its words, its row, and the rows of the audit. */
#ifndef SALLYPORT_WORK_RECORD_H
#define SALLYPORT_WORK_RECORD_H

#include <stdint.h>

#include "bridge/rights/audit.h"

struct arena;
struct decision;
struct intent;
struct request;
struct talk;

char *record_words(const struct request *);             /* verb and resolved arguments, without secrets */
char *record_command(const struct request *);           /* the same with its service before it: as the audit keeps it */

/* What every row of the audit says of a request. The texts are copied into the arena. */
struct audit_entry record_entry(struct arena *, const struct request *, const char *what, const char *command);
/* A row that nobody waits for: a look that was answered, a command that was refused. `command` NULL: as record_command() has it. */
void record_queue(const struct request *, const char *what, const char *command, const char *decision, const char *rule, const char *result);
/* The request as it is kept: what was decided upon, and by which rule. */
void record_intent(struct arena *, const struct request *, const char *rule, struct intent *out);

/* That message needs no second look after a restart: who sent it was answered. 0: none was kept. */
void record_done(const struct talk *, int64_t event);

#endif
