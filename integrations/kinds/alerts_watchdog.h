/* alerts_watchdog: an alert that always fires: when it comes no more, none of the others may. On the store's thread. */
#ifndef SALLYPORT_INTEGRATIONS_KINDS_ALERTS_WATCHDOG_H
#define SALLYPORT_INTEGRATIONS_KINDS_ALERTS_WATCHDOG_H

#include <stdbool.h>

struct tables;
struct telling;

extern const struct tables alert_watchdog_tables;

bool watchdog_heard(struct telling *);
bool watchdog_look(struct telling *);   /* from time to time */

#endif
