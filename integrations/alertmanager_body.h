/* alertmanager_body: alerts as an Alertmanager writes them, in a webhook (version 4) and over its API (v2): read into alerts of ours.
 *
 * Nothing of it waits. What is returned is borrowed from the document, or in the arena. */
#ifndef SALLYPORT_INTEGRATIONS_ALERTMANAGER_BODY_H
#define SALLYPORT_INTEGRATIONS_ALERTMANAGER_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BODY_ALERTS_MOST = 20000 };       /* of one group */

struct alert;
struct alert_group;
struct arena;
struct json_object;
struct named;

int64_t body_time(const char *);        /* of 2016-08-01T13:27:08.008+03:00: wall ms; 0 where it is none, or the year 1 */
struct named *body_labels(struct arena *, struct json_object *);        /* ended by {0}; without __its own__, which no person wrote */
/* One alert, as either has it: the API has its status as an object. */
void body_alert(struct arena *, struct json_object *, struct alert *out);
const char *body_page(struct json_object *alert);       /* for people: what its rule or its writer says, else where it was computed; NULL */
const struct named *body_common(struct arena *, const struct alert *, size_t count);    /* the labels that all of them have alike; ended by {0} */
/* What the API and a webhook both know of a group: what it is grouped by, in one order. */
const char *body_also(struct arena *, struct json_object *grouped);
void body_name(struct alert_group *, struct json_object *grouped);      /* once its labels are there */

/* Whether it is what Alertmanager sends by itself: its body may be a template of somebody's. */
bool body_is_webhook(struct json_object *);
/* Its key is NULL where it names no group. */
void body_webhook(struct arena *, struct json_object *, struct alert_group *out);

#endif
