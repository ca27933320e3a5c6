/* http_lines: requests on their way: curl's multi on our loop, and the lines it may hold. Only http.c uses it. */
#ifndef SALLYPORT_RUN_HTTP_LINES_H
#define SALLYPORT_RUN_HTTP_LINES_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bridge/run/http_queue.h"

struct engine;
struct error;
struct http_request;
struct line;
struct loop;
struct watch;

enum { HEAD_MOST = 64 << 10 };

/* What grows while curl delivers it. */
struct bytes {
	char *at;                       /* ended by NUL; whoever ends the call frees it */
	size_t length, size;
};

/* More about a CURLcode: an errno, a result of the verification, or one of these. */
enum detail { ANY = -1, BARRED = -2, FULL_BODY = -3, FULL_HEAD = -4, FINDING = -5, CONNECTING = -6, ANSWERING = -7, QUEUEING = -8 };

/* One request. It lives on the stack of the task that waits for it, which takes it out of everything before it leaves. */
struct call {
	const struct http_request *asked;
	const char *method;
	const char *host;               /* the service's, as its url says */
	const char *name;               /* the task's, for the log */
	uint64_t task;
	unsigned seconds;
	size_t most;

	struct turn turn;
	struct line *line;              /* NULL while it waits for one */
	struct bytes head, body;
	size_t head_seen;               /* all bytes of headers, also those of a 103 */
	bool sent, barred, full_head, full_body, done;
	int no_socket;                  /* why the system gave none; 0: it did */
	CURLcode code;                  /* how it ended, */
	int detail;                     /* more about it, */
	long status;                    /* or the answer */
};

struct http {
	const struct engine *engine;
	struct loop *loop;
	CURLM *multi;
	struct queue queue;
	struct watch *timer;            /* curl's */
	struct watch *pump;             /* gives free lines to those who wait */
	struct watch *sweep;
	bool sweeping;
	struct line *spare;
	size_t spares;
	const char *bundle;             /* the system's authorities; NULL: none found */
};

bool lines_open(struct http *, struct error *);
void lines_close(struct http *);                        /* no call is left */
void lines_ask(struct http *, struct origin *, struct call *, int64_t patience);        /* ms; wakes the task when it is done */
void lines_withdraw(struct http *, struct call *);      /* at once, and nothing waits for it */

#endif
