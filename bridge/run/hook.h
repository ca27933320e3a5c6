/* hook: the one way in over HTTP: a listener whose requests are bounded, complete and looked over before a task is spent on them.
 *
 * HTTP/1.1, plain behind a reverse proxy, or with TLS of its own. One that is slow is in nobody's way: it must have said all
 * within the deadline, and goes first where another wants its place (hook_peers). */
#ifndef SALLYPORT_RUN_HOOK_H
#define SALLYPORT_RUN_HOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/base/conf.h"
#include "bridge/base/range.h"

struct arena;
struct engine;
struct error;
struct hook;
struct secret;
struct task;

/* The section hooks { }. */
struct hook_settings {
	const char *listen;             /* ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH; in C alone port 0 is any */
	const char *url;                /* how others reach it, through the proxy */
	int64_t body, header, headers;  /* the most bytes of one; of all headers together; and how many of them */
	int64_t connections, connections_each;
	int64_t deadline;               /* ms */
	bool insecure;
	struct list proxies;            /* addresses of reverse proxies whose word counts for who is behind them */
	struct ranges proxy_ranges;     /* what the check made of it */
	const char *certificate_header; /* in which they say with which certificate somebody came */
	bool metrics;                   /* whether /metrics and /healthz are there, for these: */
	struct list metrics_from;
	struct ranges metrics_ranges;
	const char *certificate_file;   /* with `key`: TLS of our own; NULL: none */
	const char *certificate;        /* what the check read of it, in PEM */
	const struct secret *key;
	const char *spool;              /* a folder whose files are webhooks too; NULL: none */
	struct where where;
};

extern const struct shape hook_shape;
void hook_settings_check(struct conf *, const struct section *, struct hook_settings *);

/* A whole request. All of it stays where it is until the answer is on its way. */
struct arrival {
	const char *method;             /* GET; a HEAD comes as HEAD */
	const char *rest;               /* of the path, behind /SEGMENT/; "" where there is nothing; as it came: no escape is read */
	const char *peer;               /* who connected: the proxy, mostly */
	const struct arrival_header { const char *name, *value; } *headers;
	size_t header_count;
	const char *body;               /* ended by NUL */
	size_t length;
};

const char *arrival_header(const struct arrival *, const char *name);       /* NULL: there is none */

/* What run() leaves: literals, or in task->arena, which stays until the answer has left. Status alone is an answer too. */
struct answer {
	unsigned status;                /* 0 counts as 500 */
	const char *type;               /* NULL: text/plain */
	const void *bytes;              /* NULL: what the status is called */
	size_t length;
	const char *disposition;        /* Content-Disposition; NULL: none */
	unsigned retry;                 /* Retry-After in seconds; 0: none */
};

/* What is served at /SEGMENT/... A GET serves HEAD too. */
struct hook_route {
	const char *method, *segment;
	bool body;                      /* whether a request may have one */
	int64_t patience;               /* ms that the task may take; then it is cancelled, and the answer is 503 */
	/* Whether it is worth a task: 200, or the status to answer. Pure: it has no way to wait. */
	unsigned (*allowed)(const struct arrival *, void *with);
	void (*run)(struct task *, const struct arrival *, struct answer *, void *with);
};

/* Nothing listens yet. `routes` ends with NULL. */
struct hook *hook_open(const struct engine *, const struct hook_route *const *routes, void *with);
/* Listens as the settings say from now on; NULL: not at all. Where they are as before nothing happens; else whoever waits for an answer of the
 * old listener still gets it. False with a sentence where the system refuses: then all is as it was. */
bool hook_listen(struct hook *, const struct hook_settings *, struct error *);
int hook_port(const struct hook *);             /* 0: nothing listens */
enum { HOOK_BUCKETS = 12 };
extern const int64_t hook_buckets[HOOK_BUCKETS];        /* ms; the last has no end */
/* For `status`. Counted since the start: requests that got what they asked for, and those that did not, whether refused or not to their end. */
struct hook_report {
	const char *listen;
	size_t connections;
	uint64_t served, refused;
	uint64_t within[HOOK_BUCKETS];  /* how many took no longer than hook_buckets[] from their first byte to the last of the answer; the last: all */
	uint64_t ms;                    /* of all of them together */
};
bool hook_report(const struct hook *, struct hook_report *out); /* false: nothing listens */
void hook_stop(struct hook *);                  /* takes nothing new; who is being served is served */
void hook_close(struct hook *);                 /* all tasks have ended; NULL is fine */

#endif
