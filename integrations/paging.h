/* paging: what senders made for paging services tell us, as alerts of ours: what PagerDuty and Opsgenie share. */
#ifndef SALLYPORT_INTEGRATIONS_PAGING_H
#define SALLYPORT_INTEGRATIONS_PAGING_H

#include <stdbool.h>
#include <stddef.h>

struct page;
struct received;
struct task;
struct told;

enum { PAGES_MOST = 32 };

/* What each would be said as; alerts without their ids, which only the rows give. */
size_t paging_shown(struct task *, const struct received *, const struct page *, size_t count, struct told *out, size_t most);
/* Hands the alerts to their kind, says the rest, and ends the delivery. Waits. */
bool paging_done(struct task *, const struct received *, const struct page *, size_t count);

#endif
