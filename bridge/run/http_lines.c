/* Requests on their way. Every curl call that may do work runs from the loop, on its stack; a task only joins the queue and leaves. */
#include "bridge/run/http_lines.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/run/http_address.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0"
#endif

enum {
	CONNECT_SECONDS = 5,
	SWEEP_MS = 500,                 /* how often we look for those who waited too long */
	SPARE_LINES = 16,               /* easy handles kept: with them their TLS sessions */
	CONNECTIONS = 64,               /* kept alive for the next request */
};

/* An easy handle, used by one call after the other. */
struct line {
	struct http *http;
	struct line *next;              /* among the spare ones */
	struct call *call;
	CURL *easy;
	struct curl_slist *headers;
	char said[CURL_ERROR_SIZE];     /* by curl, for the log */
};

/* A descriptor that curl waits for. */
struct wire {
	struct http *http;
	struct watch *watch;
	int fd;
};

/* -- What is sent ------------------------------------------------------------------------------------------------ */

/* The same for every request. QUICK_EXIT and NOSIGNAL: else a silent name server stops the whole loop for seconds. */
static const struct {
	CURLoption option;
	long value;
} numbers[] = {
	{ CURLOPT_CONNECTTIMEOUT_MS,     CONNECT_SECONDS * 1000L },
	{ CURLOPT_DISALLOW_USERNAME_IN_URL, 1 },
	{ CURLOPT_FOLLOWLOCATION,        0 },
	{ CURLOPT_HTTP_CONTENT_DECODING, 0 },           /* what is small on the wire must not grow here */
	{ CURLOPT_HTTP_VERSION,          CURL_HTTP_VERSION_1_1 },       /* one request, one line: so `sent` can be told */
	{ CURLOPT_HTTPAUTH,              (long)CURLAUTH_BASIC },
	{ CURLOPT_NETRC,                 CURL_NETRC_IGNORED },
	{ CURLOPT_NOSIGNAL,              1 },
	{ CURLOPT_QUICK_EXIT,            1 },
	{ CURLOPT_SSL_VERIFYHOST,        2 },
	{ CURLOPT_SSL_VERIFYPEER,        1 },
	{ CURLOPT_SSLVERSION,            CURL_SSLVERSION_TLSv1_2 },
	{ CURLOPT_TCP_KEEPALIVE,         1 },
	{ CURLOPT_TCP_NODELAY,           1 },
};

static const struct {
	CURLoption option;
	const char *value;
} strings[] = {
	{ CURLOPT_ACCEPT_ENCODING,       NULL },
	{ CURLOPT_CAPATH,                NULL },        /* beside CAINFO it costs 800 kB a connection */
	{ CURLOPT_NOPROXY,               "*" },
	{ CURLOPT_PROTOCOLS_STR,         "http,https" },
	{ CURLOPT_PROXY,                 "" },          /* not even from the environment */
	{ CURLOPT_USERAGENT,             "sallyport/" PACKAGE_VERSION },
};

static CURLcode
set_always(CURL *easy)
{
	CURLcode code = CURLE_OK;
	for (size_t i = 0; !code && i < sizeof numbers / sizeof *numbers; i++)
		code = curl_easy_setopt(easy, numbers[i].option, numbers[i].value);
	for (size_t i = 0; !code && i < sizeof strings / sizeof *strings; i++)
		code = curl_easy_setopt(easy, strings[i].option, strings[i].value);
	return code;
}

/* The copies of a header are wiped, as it may be the one with the credential. */
static bool
add_header(struct line *line, const char *name, const char *before, const char *value)
{
	size_t size = strlen(name) + strlen(before) + strlen(value) + 3;
	char *text = memory_take(size);
	if (*before || *value)
		snprintf(text, size, "%s: %s%s", name, before, value);
	else
		snprintf(text, size, "%s;", name);      /* how curl is told to send it empty */
	struct curl_slist *longer = curl_slist_append(line->headers, text);
	secret_wipe(text, size);
	free(text);
	if (longer)
		line->headers = longer;
	return longer;
}

static bool
drop_header(struct line *line, const char *ours)
{
	struct curl_slist *longer = curl_slist_append(line->headers, ours);
	if (longer)
		line->headers = longer;
	return longer;
}

static void
forget_headers(struct line *line)
{
	for (struct curl_slist *each = line->headers; each; each = each->next)
		secret_wipe(each->data, strlen(each->data));
	curl_slist_free_all(line->headers);
	line->headers = NULL;
}

static CURLcode
set_credential(struct line *line, const struct http_service *service)
{
	if (line->call->asked->anonymous || !service->secret)
		return CURLE_OK;
	const char *secret = service->secret->bytes;
	if (service->header)
		return add_header(line, service->header, "", secret) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
	if (!service->user)
		return add_header(line, "Authorization", "Bearer ", secret) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
	CURLcode code = curl_easy_setopt(line->easy, CURLOPT_USERNAME, service->user);
	return code ? code : curl_easy_setopt(line->easy, CURLOPT_PASSWORD, secret);
}

static CURLcode
set_headers(struct line *line)
{
	const struct http_request *asked = line->call->asked;
	bool fine = drop_header(line, "Expect:");
	if (asked->body)
		fine = fine && add_header(line, "Content-Type", "", asked->type ? asked->type : "application/json");
	else
		fine = fine && drop_header(line, "Content-Type:");
	for (const struct http_header *each = asked->headers; fine && each && each->name; each++)
		fine = add_header(line, each->name, "", each->value);
	if (!fine)
		return CURLE_OUT_OF_MEMORY;
	CURLcode code = set_credential(line, asked->service);
	return code ? code : curl_easy_setopt(line->easy, CURLOPT_HTTPHEADER, line->headers);
}

static bool
one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

/* Curl silently sends a request again where a kept connection turns out dead. That is for requests which mean the same twice. */
static bool
may_repeat(const struct call *call)
{
	static const char *const same[] = { "GET", "HEAD", "OPTIONS", "PUT", NULL };
	return call->asked->harmless || one_of(call->method, same);
}

static CURLcode
set_method(CURL *easy, const struct call *call)
{
	static const char *const with_length[] = { "POST", "PUT", "PATCH", NULL };
	const struct http_request *asked = call->asked;
	CURLcode code = CURLE_OK;
	if (asked->body || one_of(call->method, with_length)) {
		const char *body = asked->body ? asked->body : "";
		curl_off_t length = (curl_off_t)(asked->length ? asked->length : strlen(body));
		code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, length);
		code = code ? code : curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
	} else if (strcmp(call->method, "HEAD") == 0) {
		code = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	}
	return code ? code : curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method);
}

static CURLcode
set_trust(CURL *easy, const struct http *http, const struct http_service *service)
{
	const char *authorities = service->ca_file ? service->ca_file : http->bundle;
	CURLcode code = curl_easy_setopt(easy, CURLOPT_CAINFO, authorities);
	if (!code && service->certificate_file)
		code = curl_easy_setopt(easy, CURLOPT_SSLCERT, service->certificate_file);
	if (!code && service->key_file)
		code = curl_easy_setopt(easy, CURLOPT_SSLKEY, service->key_file);
	return code;
}

/* -- What curl calls ---------------------------------------------------------------------------------------------- */

static bool
keep(struct bytes *bytes, const char *more, size_t length, size_t most)
{
	if (length > most - bytes->length)
		return false;
	if (bytes->length + length + 1 > bytes->size) {
		size_t size = bytes->size ? bytes->size * 2 : 4096;
		while (size < bytes->length + length + 1)
			size *= 2;
		bytes->at = memory_resize(bytes->at, size);
		bytes->size = size;
	}
	memcpy(bytes->at + bytes->length, more, length);
	bytes->length += length;
	bytes->at[bytes->length] = '\0';
	return true;
}

static size_t
take_body(char *more, size_t one, size_t length, void *with)
{
	struct call *call = ((struct line *)with)->call;
	call->full_body = !keep(&call->body, more, length, call->most);
	return call->full_body ? 0 : one * length;
}

/* Header lines; those of a 100 or 103 are dropped when the next status line comes. */
static size_t
take_head(char *more, size_t one, size_t length, void *with)
{
	struct call *call = ((struct line *)with)->call;
	call->head_seen += length;
	if (length >= 5 && memcmp(more, "HTTP/", 5) == 0)
		call->head.length = 0;
	call->full_head = call->head_seen > HEAD_MOST || !keep(&call->head, more, length, HEAD_MOST);
	return call->full_head ? 0 : one * length;
}

/* Called right before the request is written, for each time that curl writes it. */
static int
about_to_send(void *with, char *address, char *own, int port, int own_port)
{
	(void)address, (void)own, (void)port, (void)own_port;
	struct call *call = ((struct line *)with)->call;
	bool again = call->sent;
	call->sent = true;
	return again && !may_repeat(call) ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static curl_socket_t
open_socket(void *with, curlsocktype purpose, struct curl_sockaddr *to)
{
	(void)purpose;
	struct call *call = ((struct line *)with)->call;
	if (address_barred(&to->addr, to->addrlen, call->host)) {
		call->barred = true;
		return CURL_SOCKET_BAD;
	}
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	call->no_socket = fd < 0 ? errno : 0;
	return fd;
}

static CURLcode
set_callbacks(struct line *line)
{
	CURL *easy = line->easy;
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, line);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, line);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, line);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, line->said);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, line);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, line);
	CURLcode code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	return code ? code : curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, about_to_send);
}

/* -- Lines ------------------------------------------------------------------------------------------------------- */

static struct line *
line_take(struct http *http, struct call *call)
{
	struct line *line = http->spare;
	if (line) {
		http->spare = line->next;
		http->spares--;
	} else {
		line = memory_take(sizeof *line);
		line->http = http;
		line->easy = curl_easy_init();
	}
	line->said[0] = '\0';
	line->call = call;
	call->line = line;
	return line;
}

static void
line_free(struct line *line)
{
	curl_easy_cleanup(line->easy);
	free(line);
}

/* The call has no line any more; the next one may have it. */
static void
line_leave(struct line *line)
{
	struct http *http = line->http;
	line->call->line = NULL;
	line->call = NULL;
	forget_headers(line);
	if (!line->easy || http->spares >= SPARE_LINES) {
		line_free(line);
		return;
	}
	curl_easy_reset(line->easy);
	line->next = http->spare;
	http->spare = line;
	http->spares++;
}

static CURLcode
line_prepare(struct line *line)
{
	const struct call *call = line->call;
	CURL *easy = line->easy;
	if (!easy)
		return CURLE_OUT_OF_MEMORY;
	CURLcode code = set_always(easy);
	code = code ? code : set_callbacks(line);
	code = code ? code : set_method(easy, call);
	code = code ? code : set_headers(line);
	code = code ? code : set_trust(easy, line->http, call->asked->service);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_URL, call->asked->url);
	code = code ? code : curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)!may_repeat(call));
	return code ? code : curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->seconds * 1000);
}

/* What more can be said about a failure than its code. */
static int
detail_of(const struct call *call, CURLcode code, CURL *easy)
{
	long number = ANY;
	curl_off_t found = 0;
	if (call->full_body || call->full_head)
		return call->full_body ? FULL_BODY : FULL_HEAD;
	if (code == CURLE_COULDNT_CONNECT && (call->barred || call->no_socket))
		return call->barred ? BARRED : call->no_socket;
	if (code == CURLE_COULDNT_CONNECT)
		return curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number) ? ANY : (int)number;
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		return curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &number) ? ANY : (int)number;
	if (code != CURLE_OPERATION_TIMEDOUT)
		return ANY;
	if (call->sent)
		return ANSWERING;
	curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &found);
	return found > 0 ? CONNECTING : FINDING;
}

static void
call_end(struct http *http, struct call *call, CURLcode code, int detail)
{
	queue_leave(&http->queue, &call->turn);
	call->code = code;
	call->detail = detail;
	call->done = true;
	task_wake(http->engine, call->task);
	watch_now(http->pump);
}

static void
call_start(struct http *http, struct call *call)
{
	struct line *line = line_take(http, call);
	CURLcode code = line_prepare(line);
	if (!code && curl_multi_add_handle(http->multi, line->easy) != CURLM_OK)
		code = CURLE_FAILED_INIT;
	if (!code)
		return;
	line_leave(line);
	call_end(http, call, code, ANY);
}

static void
on_pump(void *with, int events)
{
	(void)events;
	struct http *http = with;
	for (struct turn *turn; (turn = queue_next(&http->queue));)
		call_start(http, turn->with);
}

static void
line_ended(struct line *line, CURLcode code)
{
	struct http *http = line->http;
	struct call *call = line->call;
	int detail = code ? detail_of(call, code, line->easy) : ANY;
	curl_easy_getinfo(line->easy, CURLINFO_RESPONSE_CODE, &call->status);
	if (code)
		log_info("%s: %s %s: %s", call->name, call->method, call->turn.origin->name,
			line->said[0] ? line->said : curl_easy_strerror(code));
	curl_multi_remove_handle(http->multi, line->easy);
	line_leave(line);
	call_end(http, call, code, detail);
}

static void
harvest(struct http *http)
{
	int left;
	for (CURLMsg *message; (message = curl_multi_info_read(http->multi, &left));) {
		char *line = NULL;
		CURLcode code = message->data.result;   /* the message goes with its handle */
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &line);
		line_ended((void *)line, code);
	}
}

/* -- The loop drives curl ------------------------------------------------------------------------------------------ */

static void
on_timer(void *with, int events)
{
	(void)events;
	struct http *http = with;
	int running;
	curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	harvest(http);
}

static int
set_timer(CURLM *multi, long ms, void *with)
{
	(void)multi;
	struct http *http = with;
	if (ms < 0)
		watch_off(http->timer);
	else
		watch_after(http->timer, ms);
	return 0;
}

static void
on_wire(void *with, int events)
{
	struct wire *wire = with;
	struct http *http = wire->http;         /* the wire may be gone when curl returns */
	int running, flags = 0;
	if (events & LOOP_READ)
		flags |= CURL_CSELECT_IN;
	if (events & LOOP_WRITE)
		flags |= CURL_CSELECT_OUT;
	curl_multi_socket_action(http->multi, wire->fd, flags, &running);
	harvest(http);
}

static void
wire_watch(struct wire *wire, int what)
{
	int events = 0;
	if (what & CURL_POLL_IN)
		events |= LOOP_READ;
	if (what & CURL_POLL_OUT)
		events |= LOOP_WRITE;
	watch_free(wire->watch);
	wire->watch = events ? loop_descriptor(wire->http->loop, wire->fd, events, on_wire, wire) : NULL;
}

static int
set_wire(CURL *easy, curl_socket_t fd, int what, void *with, void *known)
{
	(void)easy;
	struct http *http = with;
	struct wire *wire = known;
	if (what == CURL_POLL_REMOVE) {
		if (wire)
			watch_free(wire->watch);
		free(wire);
		curl_multi_assign(http->multi, fd, NULL);
		return 0;
	}
	if (!wire) {
		wire = memory_take(sizeof *wire);
		*wire = (struct wire){ .http = http, .fd = fd };
		curl_multi_assign(http->multi, fd, wire);
	}
	wire_watch(wire, what);
	return 0;
}

/* Those whom no line came free for: else the last of a thousand would hear of a hung service after an hour. */
static void
on_sweep(void *with, int events)
{
	(void)events;
	struct http *http = with;
	for (struct turn *turn; (turn = queue_late(&http->queue, clock_mono()));)
		call_end(http, turn->with, CURLE_AGAIN, QUEUEING);
	http->sweeping = http->queue.waiting > 0;
	if (http->sweeping)
		watch_after(http->sweep, SWEEP_MS);
}

/* -- What the others call ------------------------------------------------------------------------------------------ */

static const char *
find_bundle(void)
{
	static const char *const places[] = {
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem", NULL,
	};
	const char *built_in = curl_version_info(CURLVERSION_NOW)->cainfo;
	if (built_in && access(built_in, R_OK) == 0)
		return built_in;
	for (size_t i = 0; places[i]; i++)
		if (access(places[i], R_OK) == 0)
			return places[i];
	return NULL;
}

/* Better at the start than with the first command. */
static bool
curl_will_do(struct error *error)
{
	const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
	if (!(version->features & CURL_VERSION_ASYNCHDNS))
		return error_set(error, "This libcurl (%s) stops everything while it looks up a name; install one built with a threaded resolver.",
			version->version);
	if (!(version->features & CURL_VERSION_SSL))
		return error_set(error, "This libcurl (%s) has no TLS; install one that has.", version->version);
	CURL *easy = curl_easy_init();
	CURLcode code = easy ? set_always(easy) : CURLE_OUT_OF_MEMORY;
	curl_easy_cleanup(easy);
	return !code || error_set(error, "This libcurl (%s) lacks an option that is needed here; install 7.87 or newer.", version->version);
}

bool
lines_open(struct http *http, struct error *error)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(error, "libcurl cannot be started.");
	http->multi = curl_multi_init();
	if (!http->multi || !curl_will_do(error)) {
		curl_multi_cleanup(http->multi);
		curl_global_cleanup();
		return http->multi ? false : error_set(error, "libcurl cannot be started.");
	}
	http->bundle = find_bundle();
	queue_init(&http->queue);
	http->timer = loop_timer(http->loop, on_timer, http);
	http->sweep = loop_timer(http->loop, on_sweep, http);
	http->pump = loop_later(http->loop, on_pump, http);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, set_wire);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS);
	return true;
}

void
lines_close(struct http *http)
{
	queue_finish(&http->queue);
	while (http->spare) {
		struct line *line = http->spare;
		http->spare = line->next;
		line_free(line);
	}
	curl_multi_cleanup(http->multi);
	watch_free(http->timer);
	watch_free(http->sweep);
	watch_free(http->pump);
	curl_global_cleanup();
}

void
lines_ask(struct http *http, struct origin *origin, struct call *call, int64_t patience)
{
	call->turn.with = call;
	call->turn.until = clock_mono() + patience;
	queue_join(&http->queue, origin, &call->turn);
	watch_now(http->pump);
	if (!http->sweeping)
		watch_after(http->sweep, SWEEP_MS);
	http->sweeping = true;
}

void
lines_withdraw(struct http *http, struct call *call)
{
	assert(!call->done);
	if (call->line) {
		curl_multi_remove_handle(http->multi, call->line->easy);
		line_leave(call->line);
	}
	queue_leave(&http->queue, &call->turn);
	watch_now(http->pump);
}
