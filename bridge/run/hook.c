/* hook: the one way in over HTTP: libmicrohttpd, its epoll descriptor watched by our loop, and a task for each request that is worth one. */
#include "bridge/run/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/run/engine.h"
#include "bridge/run/hook_address.h"
#include "bridge/run/hook_arrival.h"
#include "bridge/run/hook_peers.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum {
	RETRY = 5,                      /* s that whoever finds us busy is told to wait */
	STARVED = 200,                  /* ms until we look again whether there is a descriptor */
	FLUSHES = 3,                    /* last looks at connections that have an answer to take */
	BODY_STEP = 16 * 1024,
};

const int64_t hook_buckets[HOOK_BUCKETS] = { 1, 5, 10, 25, 50, 100, 250, 500, 1000, 5000, 10000, INT64_MAX };

struct listener {
	struct hook *hook;
	struct listener *next;          /* in hook->leaving */
	struct hook_settings settings;  /* its `listen` is ours; none of its other pointers is to be followed */
	char *listen;
	char *certificate, *key;        /* NULL: no TLS */
	struct MHD_Daemon *daemon;
	struct watch *ready, *timer;
	struct peers *peers;
	bool leaving;
	bool again;                     /* the library has more to do than it says */
	int port;
};

struct hook {
	const struct engine *engine;
	const struct hook_route *const *routes;
	void *with;
	struct listener *now, *leaving;
	struct watch *sweep;
	uint64_t served, refused;       /* requests */
	uint64_t within[HOOK_BUCKETS], ms;
	bool stopped;
};

struct request {
	struct listener *listener;
	struct MHD_Connection *connection;
	struct peer *peer;
	struct arena *arena;
	const struct hook_route *route;         /* NULL: none */
	struct arrival arrival;
	char *body;
	size_t body_size;
	struct answer answer;
	struct arena *answer_arena;
	bool worked;
	int64_t began;                  /* mono ms */
};

/* -- Answers ------------------------------------------------------------------------------------------------------- */

static const struct { unsigned status; const char *text; bool closes; } plain[] = {
	{ MHD_HTTP_BAD_REQUEST,                     "Bad request.\n",                      true },
	{ MHD_HTTP_UNAUTHORIZED,                    "Not proven.\n",                       false },
	{ MHD_HTTP_FORBIDDEN,                       "Forbidden.\n",                        false },
	{ MHD_HTTP_NOT_FOUND,                       "There is nothing here.\n",            false },
	{ MHD_HTTP_METHOD_NOT_ALLOWED,              "That cannot be done here.\n",         false },
	{ MHD_HTTP_CONTENT_TOO_LARGE,               "That is too large.\n",                true },
	{ MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,          "Send it unpacked.\n",                 true },
	{ MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "Too many headers, or too large.\n",   true },
	{ MHD_HTTP_BAD_GATEWAY,                     "Where it is kept does not give it out.\n", false },
	{ MHD_HTTP_SERVICE_UNAVAILABLE,             "Not now; try again later.\n",         false },
	{ MHD_HTTP_INTERNAL_SERVER_ERROR,           "Something went wrong here.\n",        true },
};

enum { PLAINS = sizeof plain / sizeof *plain };

/* The last row stands for what has none. */
static size_t
plain_of(unsigned status)
{
	size_t i = 0;

	while (i < PLAINS - 1 && plain[i].status != status)
		i++;
	return i;
}

static void
let_go(void *arena)
{
	arena_free(arena);
}

/* The bytes go with the response, wherever that ends. */
static struct MHD_Response *
make_response(struct request *request)
{
	struct answer *answer = &request->answer;
	struct arena *arena = request->answer_arena;

	request->answer_arena = NULL;
	if (answer->bytes)
		return MHD_create_response_from_buffer_with_free_callback_cls(answer->length, (void *)(uintptr_t)answer->bytes, let_go, arena);
	const char *text = plain[plain_of(answer->status)].text;
	answer->length = strlen(text);
	answer->type = answer->disposition = NULL;
	arena_free(arena);
	return MHD_create_response_from_buffer(answer->length, (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT);
}

/* What is served is for the one who has the link, comes from strangers, and is nothing to be run by a browser. */
static void
add_headers(struct MHD_Response *response, const struct request *request)
{
	const struct answer *answer = &request->answer;
	bool get = request->route && !strcmp(request->route->method, "GET");
	/* An older library is as careless with the lines between chunks, which it does not show: nothing comes behind those. */
	bool closes = request->listener->leaving || arrival_header(&request->arrival, "Transfer-Encoding") || (answer->status >= 400 && plain[plain_of(answer->status)].closes);
	char retry[16];

	snprintf(retry, sizeof retry, "%u", answer->retry);
	const struct { const char *name, *value; bool wanted; } headers[] = {
		{ "Content-Type", answer->type ? answer->type : "text/plain; charset=utf-8", true },
		{ "Content-Disposition", answer->disposition, answer->disposition },
		{ "X-Content-Type-Options", "nosniff", true },
		{ "Content-Security-Policy", "default-src 'none'; sandbox", true },
		{ "Referrer-Policy", "no-referrer", true },
		{ "Cache-Control", "private, no-store", true },
		{ "Allow", get ? "GET, HEAD" : request->route ? request->route->method : "", answer->status == MHD_HTTP_METHOD_NOT_ALLOWED },
		{ "Retry-After", retry, answer->retry },
		{ "Connection", "close", closes },
	};
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		if (headers[i].wanted)
			MHD_add_response_header(response, headers[i].name, headers[i].value);
}

static enum MHD_Result
send_answer(struct request *request)
{
	struct answer *answer = &request->answer;

	if (!answer->status)
		answer->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
	if (answer->status == MHD_HTTP_SERVICE_UNAVAILABLE && !answer->retry)
		answer->retry = RETRY;
	struct MHD_Response *response = memory_got(make_response(request));
	add_headers(response, request);
	peer_answers(request->peer, answer->length);
	enum MHD_Result queued = MHD_queue_response(request->connection, answer->status, response);
	MHD_destroy_response(response);
	return queued;
}

/* -- A request ----------------------------------------------------------------------------------------------------- */

/* The route of /SEGMENT/REST; another method there is refused, and told which one it is. */
static unsigned
find_route(struct request *request, const char *path)
{
	const char *method = strcmp(request->arrival.method, "HEAD") ? request->arrival.method : "GET";
	size_t length = strcspn(path + 1, "/");

	request->arrival.rest = "";
	for (size_t i = 0; request->listener->hook->routes[i]; i++) {
		const struct hook_route *route = request->listener->hook->routes[i];
		if (strlen(route->segment) != length || memcmp(route->segment, path + 1, length))
			continue;
		request->route = route;
		if (strcmp(route->method, method))
			continue;
		if (path[1 + length])
			request->arrival.rest = arena_text(request->arena, path + 1 + length + 1);
		return 0;
	}
	return request->route ? MHD_HTTP_METHOD_NOT_ALLOWED : MHD_HTTP_NOT_FOUND;
}

/* By what is known before the body comes. */
static unsigned
refused_early(struct request *request, const char *path, const char *version)
{
	const struct hook_settings *settings = &request->listener->settings;
	unsigned status = arrival_fault(&request->arrival, request->connection, path, version, settings);

	if (!status)
		status = find_route(request, path);
	if (status || !arrival_brings(&request->arrival))
		return status;
	const char *length = arrival_header(&request->arrival, "Content-Length");
	bool large = length && strtoull(length, NULL, 10) > (unsigned long long)settings->body;
	return large || !request->route->body ? MHD_HTTP_CONTENT_TOO_LARGE : 0;
}

static struct peer *
peer_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static struct request *
request_new(struct listener *listener, struct MHD_Connection *connection, const char *path, const char *method, const char *version)
{
	struct request *request = memory_take(sizeof *request);

	*request = (struct request){ .listener = listener, .connection = connection, .peer = peer_of(connection), .arena = arena_new(), .began = clock_mono() };
	bool neat = arrival_read(&request->arrival, request->arena, connection, method, version);
	request->arrival.peer = peer_name(request->peer);
	request->arrival.body = "";
	request->answer.status = neat ? refused_early(request, path, version) : MHD_HTTP_BAD_REQUEST;
	return request;
}

static void
request_free(struct request *request)
{
	free(request->body);
	arena_free(request->answer_arena);
	arena_free(request->arena);
	free(request);
}

/* What is too much is read and forgotten: who sends it in chunks hears so at the end, or is late. */
static void
take_body(struct request *request, const char *bytes, size_t size)
{
	size_t length = request->arrival.length + size;

	if (length > (size_t)request->listener->settings.body)
		request->answer.status = MHD_HTTP_CONTENT_TOO_LARGE;
	if (request->answer.status)
		return;
	if (length >= request->body_size) {
		request->body_size = 2 * length + BODY_STEP;
		request->body = memory_resize(request->body, request->body_size);
	}
	memcpy(request->body + request->arrival.length, bytes, size);
	request->body[length] = '\0';
	request->arrival.body = request->body;
	request->arrival.length = length;
}

/* Back from the task: the library asks for the answer when it is run again. */
static void
work(struct task *task, void *with)
{
	struct request *request = with;
	struct listener *listener = request->listener;
	struct arena *before = task_turn(task);

	if (!task->cancelled)
		request->route->run(task, &request->arrival, &request->answer, listener->hook->with);
	request->answer_arena = task_turn_take(task, before);
	if (task->cancelled)
		request->answer = (struct answer){ .status = MHD_HTTP_SERVICE_UNAVAILABLE };
	MHD_resume_connection(request->connection);
	watch_after(listener->timer, 0);
}

/* The request is whole. */
static enum MHD_Result
take_request(struct request *request)
{
	struct hook *hook = request->listener->hook;
	const struct hook_route *route = request->route;

	request->worked = true;
	if (!request->answer.status) {
		unsigned status = request->listener->leaving ? MHD_HTTP_SERVICE_UNAVAILABLE : route->allowed(&request->arrival, hook->with);
		request->answer.status = status == MHD_HTTP_OK ? 0 : status;
	}
	if (request->answer.status)
		return send_answer(request);
	uint64_t task = task_start(hook->engine, route->segment, work, request, NULL);
	if (!task) {
		request->answer.status = MHD_HTTP_SERVICE_UNAVAILABLE;
		return send_answer(request);
	}
	MHD_suspend_connection(request->connection);
	peer_works(request->peer, task, route->patience);
	return MHD_YES;
}

/* -- What the library calls ------------------------------------------------------------------------------------------ */

static enum MHD_Result
access_handler(void *with, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
	const char *bytes, size_t *size, void **kept)
{
	struct request *request = *kept;

	/* What was still on its way when it was told to go. */
	if (peer_gone(peer_of(connection)))
		return MHD_NO;
	if (!request) {
		request = *kept = request_new(with, connection, path, method, version);
		/* Without a body the answer comes with the next call, and the connection may stay. */
		return request->answer.status && arrival_brings(&request->arrival) ? send_answer(request) : MHD_YES;
	}
	if (*size) {
		take_body(request, bytes, *size);
		*size = 0;
		return MHD_YES;
	}
	return request->worked ? send_answer(request) : take_request(request);
}

static void
count_time(struct hook *hook, int64_t ms)
{
	hook->ms += (uint64_t)ms;
	for (size_t i = 0; i < HOOK_BUCKETS; i++)
		hook->within[i] += ms <= hook_buckets[i];
}

/* Neither the rest of the path nor a query is told: they may be what opens the door. */
static void
completed(void *with, struct MHD_Connection *connection, void **kept, enum MHD_RequestTerminationCode how)
{
	struct hook *hook = ((struct listener *)with)->hook;
	struct request *request = *kept;

	(void)connection;
	if (!request)
		return;
	bool served = how == MHD_REQUEST_TERMINATED_COMPLETED_OK && request->answer.status < MHD_HTTP_BAD_REQUEST;
	*(served ? &hook->served : &hook->refused) += 1;
	count_time(hook, clock_mono() - request->began);
	log_debug("hooks: %s /%s of %s: %u, %zu bytes, %lld ms%s", request->route ? request->arrival.method : "?",
		request->route ? request->route->segment : "?", peer_name(request->peer), request->answer.status, request->answer.length,
		(long long)(clock_mono() - request->began), how == MHD_REQUEST_TERMINATED_COMPLETED_OK ? "" : ", not to its end");
	peer_waits(request->peer);
	request_free(request);
	*kept = NULL;
}

static enum MHD_Result
may_come(void *with, const struct sockaddr *address, socklen_t length)
{
	struct listener *listener = with;

	(void)length;
	return !listener->leaving && peers_room(listener->peers, address) ? MHD_YES : MHD_NO;
}

static void
came_or_left(void *with, struct MHD_Connection *connection, void **peer, enum MHD_ConnectionNotificationCode what)
{
	struct listener *listener = with;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		*peer = peer_new(listener->peers, fd, MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
		return;
	}
	peer_free(*peer);
	*peer = NULL;
	/* Where it had no descriptor for the next, it has one now. */
	listener->again = true;
	if (listener->leaving)
		watch_after(listener->hook->sweep, 0);
}

/* %2F is no slash and %00 no end: a path is read as it came. */
static size_t
leave_escapes(void *with, struct MHD_Connection *connection, char *text)
{
	(void)with, (void)connection;
	return strlen(text);
}

static void __attribute__((format(printf, 2, 0)))
note(void *with, const char *format, va_list values)
{
	char text[200];

	(void)with;
	vsnprintf(text, sizeof text, format, values);
	text[strcspn(text, "\r\n")] = '\0';
	log_debug("hooks: %s", text);
}

/* -- A listener ------------------------------------------------------------------------------------------------------ */

static void run_library(void *listener, int events);

static void
watch_library(struct listener *listener)
{
	int epoll = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;

	if (!listener->ready)
		listener->ready = loop_descriptor(listener->hook->engine->loop, epoll, LOOP_READ, run_library, listener);
}

/* Where there is no descriptor left even for the first, the library tries again without a pause, as nobody is here who could leave one. */
static bool
is_starved(const struct listener *listener)
{
	if (MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)->num_connections)
		return false;
	int spare = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	if (spare >= 0)
		close(spare);
	return spare < 0 && (errno == EMFILE || errno == ENFILE);
}

static void
rest(struct listener *listener)
{
	watch_free(listener->ready);
	listener->ready = NULL;
	watch_after(listener->timer, STARVED);
}

static void
run_library(void *with, int events)
{
	struct listener *listener = with;
	MHD_UNSIGNED_LONG_LONG ms;

	(void)events;
	listener->again = false;
	MHD_run(listener->daemon);
	if (is_starved(listener)) {
		rest(listener);
		return;
	}
	watch_library(listener);
	if (listener->again)
		watch_after(listener->timer, 0);
	else if (MHD_get_timeout(listener->daemon, &ms) == MHD_YES)
		watch_after(listener->timer, ms < 60000 ? (int64_t)ms : 60000);
}

/* The library's own limits are further out: ours decide who goes. Its memory holds the headers twice, and what it makes of them. */
static struct MHD_Daemon *
start_library(struct listener *listener, int fd)
{
	const struct hook_settings *settings = &listener->settings;
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, listener->certificate }, { MHD_OPTION_HTTPS_MEM_KEY, 0, listener->key },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2" }, { MHD_OPTION_END, 0, NULL },
	}, plainly[] = { { MHD_OPTION_END, 0, NULL } };

	return MHD_start_daemon((listener->key ? MHD_USE_TLS : 0) | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, may_come, listener, access_handler, listener,
		MHD_OPTION_EXTERNAL_LOGGER, note, NULL,
		MHD_OPTION_ARRAY, listener->key ? tls : plainly,
		MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned)(2 * settings->connections + 16),
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(2 * settings->header + 16 * 1024),
		MHD_OPTION_NOTIFY_CONNECTION, came_or_left, listener,
		MHD_OPTION_NOTIFY_COMPLETED, completed, listener,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL,
		MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1,
		MHD_OPTION_END);
}

static void
listener_free(struct listener *listener)
{
	watch_free(listener->ready);
	if (listener->daemon)
		MHD_stop_daemon(listener->daemon);
	watch_free(listener->timer);
	peers_close(listener->peers);
	free(listener->listen);
	free(listener->certificate);
	if (listener->key)
		secret_wipe(listener->key, strlen(listener->key));
	free(listener->key);
	free(listener);
}

/* The descriptor is the listener's; closed where it fails. */
static struct listener *
listener_new(struct hook *hook, const struct hook_settings *settings, int fd, struct error *error)
{
	struct listener *listener = memory_take(sizeof *listener);
	struct loop *loop = hook->engine->loop;

	*listener = (struct listener){ .hook = hook, .settings = *settings, .listen = memory_text(settings->listen),
		.peers = peers_open(hook->engine, settings), .port = hook_address_port(fd) };
	listener->settings.listen = listener->listen;
	if (settings->key) {
		listener->certificate = memory_text(settings->certificate);
		listener->key = memory_text(settings->key->bytes);
	}
	listener->timer = loop_timer(loop, run_library, listener);
	listener->daemon = start_library(listener, fd);
	if (!listener->daemon) {
		close(fd);
		listener_free(listener);
		error_set(error, settings->key ? "I cannot serve HTTP with TLS on %s: certificate_file and key_file do not belong together, or libmicrohttpd has no TLS here."
			: "I cannot serve HTTP on %s: the system gives no descriptor for it.", settings->listen);
		return NULL;
	}
	watch_library(listener);
	return listener;
}

/* Nothing new comes to it; it ends when all who are being served have their answer. */
static void
leave(struct hook *hook)
{
	struct listener *listener = hook->now;

	if (!listener)
		return;
	int fd = MHD_quiesce_daemon(listener->daemon);
	if (fd >= 0)
		close(fd);
	listener->leaving = true;
	listener->next = hook->leaving;
	hook->leaving = listener;
	hook->now = NULL;
	peers_dismiss(listener->peers);
	watch_after(hook->sweep, 0);
}

static void
sweep(void *with, int events)
{
	struct hook *hook = with;

	(void)events;
	for (struct listener **at = &hook->leaving; *at;) {
		struct listener *listener = *at;
		peers_dismiss(listener->peers);
		if (peers_count(listener->peers)) {
			at = &listener->next;
			continue;
		}
		*at = listener->next;
		listener_free(listener);
	}
}

/* -- What others see ------------------------------------------------------------------------------------------------- */

struct hook *
hook_open(const struct engine *engine, const struct hook_route *const *routes, void *with)
{
	struct hook *hook = memory_take(sizeof *hook);

	*hook = (struct hook){ .engine = engine, .routes = routes, .with = with };
	hook->sweep = loop_timer(engine->loop, sweep, hook);
	return hook;
}

static bool
is_same(const struct listener *now, const struct hook_settings *other)
{
	const struct hook_settings *one = &now->settings;

	if (!now->key != !other->key || (now->key && (strcmp(now->key, other->key->bytes) || strcmp(now->certificate, other->certificate))))
		return false;
	return !strcmp(one->listen, other->listen) && one->body == other->body && one->header == other->header && one->headers == other->headers
		&& one->connections == other->connections && one->connections_each == other->connections_each && one->deadline == other->deadline;
}

/* Where the address is the same, its socket goes on: nobody who comes meanwhile is turned away. */
static int
open_socket(const struct listener *before, const struct hook_settings *settings, struct error *error)
{
	if (!before || strcmp(before->listen, settings->listen))
		return hook_address_open(settings->listen, error);
	int fd = fcntl(MHD_get_daemon_info(before->daemon, MHD_DAEMON_INFO_LISTEN_FD)->listen_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		error_set(error, "I cannot listen on %s anew: the system gives no descriptor for it.", settings->listen);
	return fd;
}

static void
tell_left(const struct listener *before, const struct listener *now)
{
	if (before && (!now || strcmp(before->listen, now->listen)))
		log_info("Nothing is listened for on %s any more.", before->listen);
}

bool
hook_listen(struct hook *hook, const struct hook_settings *settings, struct error *error)
{
	if (hook->stopped || (settings && hook->now && is_same(hook->now, settings)))
		return true;
	if (!settings) {
		tell_left(hook->now, NULL);
		leave(hook);
		return true;
	}
	int fd = open_socket(hook->now, settings, error);
	struct listener *listener = fd < 0 ? NULL : listener_new(hook, settings, fd, error);
	if (!listener)
		return false;
	tell_left(hook->now, listener);
	leave(hook);
	hook->now = listener;
	log_info("Listening on %s for HTTP%s.", settings->listen, settings->key ? " with TLS" : "");
	return true;
}

int
hook_port(const struct hook *hook)
{
	return hook->now ? hook->now->port : 0;
}

bool
hook_report(const struct hook *hook, struct hook_report *out)
{
	if (!hook->now)
		return false;
	*out = (struct hook_report){ .listen = hook->now->listen, .connections = peers_count(hook->now->peers), .served = hook->served,
		.refused = hook->refused, .ms = hook->ms };
	memcpy(out->within, hook->within, sizeof out->within);
	return true;
}

void
hook_stop(struct hook *hook)
{
	hook->stopped = true;
	leave(hook);
}

void
hook_close(struct hook *hook)
{
	if (!hook)
		return;
	hook_stop(hook);
	while (hook->leaving) {
		struct listener *listener = hook->leaving;
		hook->leaving = listener->next;
		for (int i = 0; i < FLUSHES; i++)
			MHD_run(listener->daemon);
		listener_free(listener);
	}
	watch_free(hook->sweep);
	free(hook);
}
