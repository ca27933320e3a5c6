/* http: requests to configured services, over one curl multi with a fair queue in front of it.
 *
 * At most 128 lines in all and 8 an origin, origins in turn. No redirects, no proxies from the environment, http and
 * https only, names and certificates verified. A credential goes only to the origin of its own service. */
#ifndef SALLYPORT_RUN_HTTP_H
#define SALLYPORT_RUN_HTTP_H

#include <stdbool.h>
#include <stddef.h>

struct engine;
struct error;
struct http;
struct secret;
struct task;

struct http *http_open(const struct engine *, struct error *);
void http_close(struct http *);
/* For `status`: when did this origin last answer (wall ms, 0: never), and what went wrong last ("" since it answers). */
struct http_health {
	long long answered, failed;
	char trouble[160];
	unsigned long long answers, failures;   /* how many, since the start */
};
bool http_health(const struct http *, const char *origin, struct http_health *out);     /* false: never asked */

/* The service that is spoken to: what stands in its section of the configuration. */
struct http_service {
	const char *name;               /* as it is called in sentences: "Buildbot" */
	const char *url;                /* its base; credentials go to this origin alone */
	const char *user;               /* with secret: HTTP Basic; NULL: secret is a bearer token */
	const struct secret *secret;    /* NULL: none */
	const char *header;             /* NULL, or the header that carries the secret instead: "PRIVATE-TOKEN" */
	const char *ca_file;            /* NULL: the system's */
	const char *certificate_file, *key_file;    /* our own certificate; NULL: none */
	bool chat;                      /* a chat server: never waits because backends hold all the lines */
};

struct http_header {
	const char *name, *value;
};

struct http_request {
	const struct http_service *service;
	const char *method;             /* NULL: GET */
	const char *url;                /* of the service's origin: another one is refused before anything is sent */
	const struct http_header *headers;      /* beside ours, ended by {0}; NULL: none */
	const char *body;               /* NULL: none */
	size_t length;                  /* of the body; 0: up to its NUL */
	const char *type;               /* of the body; NULL: application/json */
	bool anonymous;                 /* do not send the credential */
	bool harmless;                  /* a POST that changes nothing: sent in a rehearsal too */
	unsigned seconds;               /* in all; 0: 30. Connecting: 5. Waiting for a line is not counted, and ends after 4 times as long. */
	size_t most;                    /* bytes of body taken; 0: 4 MiB. More is an error. */
	const bool *unwanted;           /* once it is true and the task is woken, nobody waits for the answer any more; NULL: it is wanted */
};

struct http_response {
	int status;
	char *body;                     /* ended by NUL; in the task's arena */
	size_t length;
	const struct http_header *headers;      /* ended by {0} */
	bool sent;                      /* false: surely nothing of the request left this machine */
	bool too_much;                  /* it was more than `most`; none of it was taken */
};

/* Waits for the answer: true for any HTTP status. False with a sentence of what happened to which service, or where the task
 * was cancelled or the answer is unwanted; response->sent then tells whether a change may have happened. In a rehearsal everything but GET, HEAD and
 * harmless ones is task_would(). */
bool http_send(struct task *, const struct http_request *, struct http_response *);
const char *http_header(const struct http_response *, const char *name);     /* any case; NULL where it is not there */
/* The status as a sentence for people where nothing better is known: "Buildbot refused the credential (HTTP 401)." Always false. */
bool http_refused(struct task *, const struct http_request *, const struct http_response *);

#endif
