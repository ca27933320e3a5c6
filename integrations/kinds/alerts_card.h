/* alerts_card: how a group of alerts is said, in every room and for every service. Nothing in a card but its state depends on when it is drawn. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_CARD_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_CARD_H

#include <stdint.h>

#include "integrations/kinds/alerts_rows.h"

struct arena;
struct card;
struct silence_row;

/* The one message of it. `held_by`: what silences it; NULL: nothing, or not known. */
struct card *alert_card(struct arena *, const struct alert_row *, const struct silence_row *held_by, const char *prefix, int64_t now);
/* The same with each of its alerts, labels and links: for !show. */
struct card *alert_card_whole(struct arena *, const struct alert_row *, const struct silence_row *held_by, const char *prefix, int64_t now);
/* "A7 firing: critical DiskWillFill db1:/var, since 14:28 (3 h ago), on it: nobody" */
const char *alert_line(struct arena *, const struct alert_row *, int64_t now);
const char *alert_title(struct arena *, const struct alert_row *);     /* "critical DiskWillFill db1:/var" */
const char *alert_why(struct arena *, const char *);                   /* a reason of others, short; NULL where there is none */
struct card *silence_card(struct arena *, const struct silence_row *, const char *count, const char *prefix, int64_t now);
const char *silence_line(struct arena *, const struct silence_row *, int64_t now);

#endif
