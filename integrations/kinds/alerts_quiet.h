/* alerts_quiet: what happened while a room was quiet, which is told at the end of that. On the store's thread. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_QUIET_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_QUIET_H

#include <stdbool.h>

struct room_now;
struct tables;
struct telling;

extern const struct tables alert_quiet_tables;

bool quiet_count(struct telling *, const struct room_now *, bool fired, bool resolved);        /* one that was not told there */
bool quiet_look(struct telling *);      /* from time to time: tells the rooms that are quiet no more */

#endif
