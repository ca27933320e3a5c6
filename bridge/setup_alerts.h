/* setup_alerts: what the configuration says of alerts: that each of their routes can fit, and leads somewhere. */
#ifndef SALLYPORT_SETUP_ALERTS_H
#define SALLYPORT_SETUP_ALERTS_H

struct setup;

void setup_alerts(struct setup *);      /* once all rooms are read */

#endif
