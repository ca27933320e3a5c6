/* setup_webhook: what the configuration says of the webhooks of each service: that they are proven, and told somewhere. */
#ifndef SALLYPORT_SETUP_WEBHOOK_H
#define SALLYPORT_SETUP_WEBHOOK_H

struct instance;
struct integration;
struct section;
struct setup;

/* Its options were filled into `conf`. The instance takes webhooks from here on where somebody can prove to be its service. */
void setup_webhook(struct setup *, const struct section *, const struct integration *, struct instance *, void *conf);
/* Once all rooms are read. */
void setup_webhook_rooms(struct setup *);

#endif
