/* frozen: what a freeze means to who asks: held until when and why, or when the next one begins. */
#ifndef SALLYPORT_WORK_FROZEN_H
#define SALLYPORT_WORK_FROZEN_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct ask;
struct freezes;
struct person;
struct request;
struct talk;

/* Whether it holds the person, and in either case a sentence without capital and full stop: "no freeze", "no freeze until Fri 16:00 (in 4 days)",
 * "frozen until Mon 08:00 (in 39 h): weekend; sre may pass". `passes` (may be NULL): "sre may pass with an approval"; NULL: no freeze
 * is there to be passed. */
bool frozen_holds(struct arena *, const struct freezes *, const struct ask *, const struct person *, int64_t wall, const char **sentence, const char **passes);

bool frozen_run(struct request *);      /* !freeze */

/* Reads the calendars again once they have changed, looking each minute; the operators hear of one that cannot be read any more. */
struct frozen *frozen_open(const struct talk *);
void frozen_close(struct frozen *);     /* NULL is fine */

#endif
