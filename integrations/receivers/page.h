/* page: what a paging service is told about one alert, whichever service the sender was made for. */
#ifndef SALLYPORT_RECEIVERS_PAGE_H
#define SALLYPORT_RECEIVERS_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct arena;
struct json_object;

enum page_what { PAGE_FIRING, PAGE_ACKED, PAGE_UNACKED, PAGE_RESOLVED, PAGE_NOTE, PAGE_CHANGE };

struct page_label { const char *name, *value; };

enum { PAGE_LABELS = 20, PAGE_KEY_MOST = 512 };

/* Foreign text in it is as it came. */
struct page {
	enum page_what what;
	const char *key;                /* what the sender knows the alert by; never NULL, but of a change */
	const char *name;               /* what is wrong; NULL where only the key was told */
	const char *object;             /* where; NULL */
	const char *text;               /* more of it; NULL */
	const char *severity;           /* the sender's word: critical, P1; NULL */
	const char *url;                /* for people; NULL */
	const char *by, *note;          /* who did it, and what they said; NULL */
	struct page_label labels[PAGE_LABELS];
	size_t label_count;
};

/* Events v2 of PagerDuty: alerts, and changes where `rest`, the end of the path, says so. False with what is wrong with it. */
bool pagerduty_page(struct arena *, const char *rest, struct json_object *event, const char *unnamed, struct page *out, const char **wrong);
/* What PagerDuty tells others: incidents of its webhooks. How many it were; 0: it is nothing of that kind. */
size_t pagerduty_incidents(struct arena *, struct json_object *body, struct page *out, size_t most);
/* The alert API of Opsgenie: `rest` is "v2/alerts", "" or "v2/alerts/ALIAS/close", its escapes not yet read. */
bool opsgenie_page(struct arena *, const char *rest, struct json_object *request, const char *unnamed, struct page *out, const char **wrong);

/* A name for what came without one: of the bytes of its body, so that it is the same whenever they are read. */
const char *page_unnamed(struct arena *, const char *body, size_t length);
/* For the two above: a label where the value is short and one line, numbers too; else nothing. */
void page_label(struct page *, const char *name, struct json_object *value);
void page_labels(struct page *, struct json_object *object);

#endif
