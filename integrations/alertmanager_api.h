/* alertmanager_api: the API v2 of an Alertmanager, that of Prometheus or one that is built into something else: its groups and its silences.
 *
 * A webhook knows a group by its key, the API by the labels that it is grouped by: both are kept. A silence that is changed may get another id; the one that is
 * answered counts. Each function waits, and fails with a sentence. What they return is in the task's arena. */
#ifndef SALLYPORT_INTEGRATIONS_ALERTMANAGER_API_H
#define SALLYPORT_INTEGRATIONS_ALERTMANAGER_API_H

#include <stdbool.h>
#include <stddef.h>

#include "bridge/run/http.h"

struct alert_group;
struct arena;
struct json_object;
struct silence;
struct task;

/* Who is spoken to. */
struct alertmanager_api {
	struct http_service service;
	const struct http_header *headers;      /* beside ours, ended by {0}; NULL: none */
	const char *url;                /* what stands before /silences and /alerts/groups */
	const char *receiver;           /* only the groups of that one are looked at; NULL: all */
	bool hears;                     /* its webhooks come to us, so a new group is told by one */
	/* The page of an alert for people, as the webhooks name it; NULL: body_page(). */
	const char *(*page)(struct arena *, const void *conf, struct json_object *alert);
	const void *conf;               /* for that */
	bool absent;                    /* set: there is no such API at that address */
};

/* What it says no with, as a sentence: a string, {"message": ...}, or text. Always false. */
bool alertmanager_refused(struct task *, const struct http_request *, const struct http_response *);

/* Groups of several receivers with the same labels are one. */
bool alertmanager_groups(struct task *, struct alertmanager_api *, struct alert_group **out, size_t *count);
/* Makes it, or changes the one with that id; sets the id that it has now. */
bool alertmanager_silence(struct task *, struct alertmanager_api *, struct silence *inout);
/* One that has ended, or that nobody knows any more, is ended. */
bool alertmanager_unsilence(struct task *, struct alertmanager_api *, const struct silence *);
/* Those that hold, or will. */
bool alertmanager_silences(struct task *, struct alertmanager_api *, struct silence **out, size_t *count);

#endif
