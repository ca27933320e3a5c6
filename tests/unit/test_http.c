/* Requests against a server of our own, which can be slow, silent, rude and somebody else. No network beyond loopback. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "bridge/base/clock.h"
#include "bridge/base/log.h"
#include "bridge/base/secret.h"
#include "bridge/run/http.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum { LINES_AT_ONCE = 64, SEEN_MOST = 1 << 16 };

/* -- Names: a stand-in for the system's resolver, which curl calls on a thread of its own ------------------------------ */

static atomic_bool awake;
static atomic_int asleep;

/* A name server that says nothing: the call hangs for 8 s. */
static void
sleep_over_a_name(void)
{
	const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };
	atomic_fetch_add(&asleep, 1);
	for (int i = 0; i < 800 && !awake; i++)
		nanosleep(&moment, NULL);
	atomic_fetch_sub(&asleep, 1);
}

static const char *
address_of(const char *name)
{
	static const char *const names[][2] = {
		{ "here.test", "127.0.0.1" }, { "other.test", "127.0.0.1" },
		{ "metadata.test", "169.254.169.254" }, { "any.test", "0.0.0.0" },
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i][0], name) == 0)
			return names[i][1];
	return NULL;
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	(void)hints;
	if (name && strcmp(name, "asleep.test") == 0)
		sleep_over_a_name();
	const char *text = name ? address_of(name) : NULL;
	if (!text && (!name || inet_pton(AF_INET, name, &address.sin_addr) != 1))
		return EAI_NONAME;
	if (text)
		inet_pton(AF_INET, text, &address.sin_addr);
	address.sin_port = htons((uint16_t)(service ? atoi(service) : 0));
	struct addrinfo *found = calloc(1, sizeof *found + sizeof address);
	memcpy(found + 1, &address, sizeof address);
	*found = (struct addrinfo){ .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP,
		.ai_addrlen = sizeof address, .ai_addr = (void *)(found + 1) };
	*out = found;
	return 0;
}

void
freeaddrinfo(struct addrinfo *found)
{
	free(found);
}

/* -- The server: a thread a connection; the path says how it behaves ------------------------------------------------------ */

struct server {
	int fd, port;
	SSL_CTX *tls;                   /* NULL: plain */
	const char *greeting;           /* said at once instead of HTTP */
	const char *elsewhere;          /* where /elsewhere leads */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_t handlers[SEEN_MOST / 64];
	int fds[SEEN_MOST / 64];
	int connections;
	atomic_int requests, most_at_once, at_once;
	char seen[SEEN_MOST];           /* every byte that came in, after TLS */
	size_t seen_length;
};

struct connection {
	struct server *server;
	int fd, number;                 /* its place among the requests on this connection */
	SSL *ssl;
};

static ssize_t
take(struct connection *from, void *to, size_t size)
{
	ssize_t got = from->ssl ? SSL_read(from->ssl, to, (int)size) : recv(from->fd, to, size, 0);
	struct server *server = from->server;
	pthread_mutex_lock(&server->lock);
	for (ssize_t i = 0; i < got && server->seen_length < sizeof server->seen - 1; i++)
		server->seen[server->seen_length++] = ((char *)to)[i];
	pthread_mutex_unlock(&server->lock);
	return got;
}

static bool
give(struct connection *to, const char *bytes, size_t length)
{
	if (to->ssl)
		return SSL_write(to->ssl, bytes, (int)length) > 0;
	while (length > 0) {
		ssize_t sent = send(to->fd, bytes, length, MSG_NOSIGNAL);
		if (sent <= 0)
			return false;
		bytes += sent;
		length -= (size_t)sent;
	}
	return true;
}

static bool
answer(struct connection *to, const char *status, const char *headers, const char *body, size_t length)
{
	char head[1000];
	int size = snprintf(head, sizeof head, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n", status, headers, length);
	return give(to, head, (size_t)size) && give(to, body, length);
}

static bool
echo(struct connection *to, const char *request, size_t length)
{
	X509 *peer = to->ssl ? SSL_get1_peer_certificate(to->ssl) : NULL;
	const char *headers = peer ? "X-Peer: known\r\nX-Odd:  spaces \t\r\n" : "X-Odd:  spaces \t\r\n";
	X509_free(peer);
	if (strncmp(request, "HEAD", 4) != 0)
		return answer(to, "200 OK", headers, request, length);
	return give(to, "HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n", 42);
}

static bool
slow(struct connection *to, const char *request, size_t length)
{
	(void)request, (void)length;
	give(to, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", 41);
	for (int i = 0; i < 100; i++) {
		const struct timespec moment = { .tv_nsec = 100 * 1000 * 1000 };
		nanosleep(&moment, NULL);
		if (!give(to, "x", 1))
			return false;
	}
	return false;
}

static bool
silent(struct connection *to, const char *request, size_t length)
{
	char more[100];
	(void)request, (void)length;
	while (take(to, more, sizeof more) > 0)
		;
	return false;
}

static bool
reset(struct connection *to, const char *request, size_t length)
{
	struct linger now = { .l_onoff = 1 };
	(void)request, (void)length;
	give(to, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it", 51);
	setsockopt(to->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	return false;
}

static bool
large(struct connection *to, const char *request, size_t length)
{
	static const char chunk[100000];
	(void)request, (void)length;
	give(to, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 38);
	for (int i = 0; i < 60; i++)
		if (!give(to, chunk, sizeof chunk))
			return false;
	return false;
}

static bool
many_headers(struct connection *to, const char *request, size_t length)
{
	(void)request, (void)length;
	give(to, "HTTP/1.1 200 OK\r\n", 17);
	for (int i = 0; i < 3000; i++)
		if (!give(to, "X-Another: one more header line\r\n", 33))
			return false;
	return give(to, "Content-Length: 0\r\n\r\n", 21);
}

static bool
elsewhere(struct connection *to, const char *request, size_t length)
{
	char headers[200];
	(void)request, (void)length;
	snprintf(headers, sizeof headers, "Location: %s\r\n", to->server->elsewhere);
	return answer(to, "302 Found", headers, "", 0);
}

static bool
hang_up(struct connection *to, const char *request, size_t length)
{
	(void)to, (void)request, (void)length;
	return false;
}

/* The first on a connection is answered, the next one is read and the connection ended: what curl would repeat. */
static bool
stale(struct connection *to, const char *request, size_t length)
{
	(void)request, (void)length;
	return to->number == 1 && answer(to, "200 OK", "", "fresh", 5);
}

static bool
status(struct connection *to, const char *request, size_t length)
{
	char line[40];
	(void)length;
	snprintf(line, sizeof line, "%.3s Said", strstr(request, "/status/") + 8);
	return answer(to, line, "Retry-After: 30\r\n", "no", 2);
}

static bool
hints(struct connection *to, const char *request, size_t length)
{
	(void)request, (void)length;
	return give(to, "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\n", 41) && answer(to, "200 OK", "X-Late: yes\r\n", "", 0);
}

static bool
endless_hints(struct connection *to, const char *request, size_t length)
{
	(void)request, (void)length;
	for (int i = 0; i < 3000; i++)
		if (!give(to, "HTTP/1.1 103 Early Hints\r\nLink: early\r\n\r\n", 41))
			return false;
	return answer(to, "200 OK", "", "", 0);
}

static const struct {
	const char *path;
	bool (*act)(struct connection *, const char *request, size_t length);
} behaviours[] = {
	{ "/echo", echo }, { "/slow", slow }, { "/silent", silent }, { "/reset", reset }, { "/large", large }, { "/headers", many_headers },
	{ "/elsewhere", elsewhere }, { "/gone", hang_up }, { "/stale", stale }, { "/status/", status }, { "/hints", hints },
	{ "/endless", endless_hints },
};

static bool
behave(struct connection *connection, const char *request, size_t length)
{
	const char *path = strchr(request, ' ');
	connection->number++;
	atomic_fetch_add(&connection->server->requests, 1);
	for (size_t i = 0; path && i < sizeof behaviours / sizeof *behaviours; i++)
		if (strncmp(path + 1, behaviours[i].path, strlen(behaviours[i].path)) == 0)
			return behaviours[i].act(connection, request, length);
	return answer(connection, "404 Not Found", "", "", 0);
}

/* One whole request; 0 where the other side ended. */
static size_t
read_request(struct connection *from, char *request, size_t size)
{
	size_t length = 0, whole = 0;
	while (!whole || length < whole) {
		ssize_t got = take(from, request + length, size - 1 - length);
		if (got <= 0)
			return 0;
		length += (size_t)got;
		request[length] = '\0';
		const char *end = strstr(request, "\r\n\r\n"), *body = strcasestr(request, "\r\nContent-Length:");
		if (end)
			whole = (size_t)(end - request) + 4 + (body && body < end ? strtoul(body + 17, NULL, 10) : 0);
	}
	return length;
}

static void *
serve_connection(void *with)
{
	struct connection *connection = with;
	struct server *server = connection->server;
	char request[8000];
	int now = atomic_fetch_add(&server->at_once, 1) + 1;
	if (now > server->most_at_once)
		server->most_at_once = now;
	if (server->greeting)
		give(connection, server->greeting, strlen(server->greeting));
	if (server->tls) {
		connection->ssl = SSL_new(server->tls);
		SSL_set_fd(connection->ssl, connection->fd);
	}
	if (!connection->ssl || SSL_accept(connection->ssl) == 1)
		for (size_t length; (length = read_request(connection, request, sizeof request)) && behave(connection, request, length);)
			;
	SSL_free(connection->ssl);
	atomic_fetch_sub(&server->at_once, 1);
	shutdown(connection->fd, SHUT_WR);
	pthread_mutex_lock(&server->lock);
	for (int i = 0; i < server->connections; i++)
		if (server->fds[i] == connection->fd)
			server->fds[i] = -1;
	close(connection->fd);
	pthread_mutex_unlock(&server->lock);
	free(connection);
	return NULL;
}

static void *
serve(void *with)
{
	struct server *server = with;
	for (int fd; (fd = accept(server->fd, NULL, NULL)) >= 0;) {
		struct connection *connection = calloc(1, sizeof *connection);
		*connection = (struct connection){ .server = server, .fd = fd };
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		pthread_mutex_lock(&server->lock);
		server->fds[server->connections] = fd;
		pthread_create(&server->handlers[server->connections], NULL, serve_connection, connection);
		server->connections++;
		pthread_mutex_unlock(&server->lock);
	}
	return NULL;
}

/* A socket on a free port of loopback; not listening yet, so that a connection is refused. */
static int
bind_somewhere(int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	return fd;
}

static struct server *
server_open(SSL_CTX *tls)
{
	struct server *server = calloc(1, sizeof *server);
	server->tls = tls;
	pthread_mutex_init(&server->lock, NULL);
	server->fd = bind_somewhere(&server->port);
	assert_int_equal(listen(server->fd, 200), 0);
	assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
	return server;
}

static void
server_close(struct server *server)
{
	shutdown(server->fd, SHUT_RDWR);
	pthread_join(server->thread, NULL);
	pthread_mutex_lock(&server->lock);
	for (int i = 0; i < server->connections; i++)
		if (server->fds[i] >= 0)
			shutdown(server->fds[i], SHUT_RDWR);
	pthread_mutex_unlock(&server->lock);
	for (int i = 0; i < server->connections; i++)
		pthread_join(server->handlers[i], NULL);
	close(server->fd);
	SSL_CTX_free(server->tls);
	pthread_mutex_destroy(&server->lock);
	free(server);
}

/* -- The stand: what a request needs around it --------------------------------------------------------------------------- */

struct stand {
	struct engine engine;
	struct server *server;
	struct watch *guard, *poll;
	char url[100];
	char folder[40];
	int left;                       /* errands still out */
	bool (*until)(struct stand *);
	void *with;
};

/* One request on a task of its own, and what became of it. */
struct errand {
	struct stand *stand;
	struct http_request asked;
	bool dry;
	bool begun, ended, answered, sent;
	int status;
	size_t length;
	char body[8000], error[512], refused[512], would[1000], header[100];
	const char *look_for;           /* a header */
	uint64_t task;
	int64_t took;
};

static const struct secret token = { "/etc/token", "canary-4711-token", 17 };

static void
too_late(void *with, int events)
{
	(void)with, (void)events;
	fprintf(stderr, "the loop still runs after 60 s\n");
	abort();
}

static int
open_stand(void **state)
{
	struct error error = {0};
	struct stand *stand = calloc(1, sizeof *stand);
	stand->engine.loop = loop_open(&error);
	stand->engine.tasks = tasks_open(&stand->engine, 10100);
	stand->engine.http = http_open(&stand->engine, &error);
	stand->guard = loop_timer(stand->engine.loop, too_late, NULL);
	stand->server = server_open(NULL);
	snprintf(stand->url, sizeof stand->url, "http://127.0.0.1:%d", stand->server->port);
	strcpy(stand->folder, "/tmp/test-http-XXXXXX");
	*state = stand;
	return stand->engine.http && mkdtemp(stand->folder) ? 0 : -1;
}

static int
close_stand(void **state)
{
	static const char *const files[] = { "ca.pem", "cert.pem", "key.pem" };
	struct stand *stand = *state;
	char path[100];
	http_close(stand->engine.http);
	tasks_close(stand->engine.tasks);
	watch_free(stand->guard);
	watch_free(stand->poll);
	loop_close(stand->engine.loop);
	server_close(stand->server);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		snprintf(path, sizeof path, "%s/%s", stand->folder, files[i]);
		unlink(path);
	}
	rmdir(stand->folder);
	free(stand);
	return 0;
}

static void
run_errand(struct task *task, void *with)
{
	struct errand *errand = with;
	struct http_response response;
	int64_t began = clock_mono();
	if (errand->dry)
		task_rehearse(task);
	errand->begun = true;
	errand->answered = http_send(task, &errand->asked, &response);
	errand->took = clock_mono() - began;
	errand->sent = response.sent;
	errand->status = response.status;
	errand->length = response.length;
	snprintf(errand->body, sizeof errand->body, "%s", response.body);
	snprintf(errand->error, sizeof errand->error, "%s", task->error.text);
	snprintf(errand->would, sizeof errand->would, "%s", task->would ? task->would : "");
	const char *header = errand->look_for ? http_header(&response, errand->look_for) : NULL;
	snprintf(errand->header, sizeof errand->header, "%s", header ? header : "");
	if (errand->answered && !http_refused(task, &errand->asked, &response))
		snprintf(errand->refused, sizeof errand->refused, "%s", task->error.text);
	errand->ended = true;
	if (--errand->stand->left == 0)
		loop_stop(errand->stand->engine.loop);
}

static void
begin(struct stand *stand, struct errand *errand)
{
	errand->stand = stand;
	stand->left++;
	errand->task = task_start(&stand->engine, "test", run_errand, errand, NULL);
	assert_true(errand->task != 0);
}

static void
run(struct stand *stand)
{
	watch_after(stand->guard, 60000);
	loop_run(stand->engine.loop);
	watch_off(stand->guard);
}

static void
look(void *with, int events)
{
	struct stand *stand = with;
	(void)events;
	if (stand->until(stand))
		loop_stop(stand->engine.loop);
	else
		watch_after(stand->poll, 5);
}

/* Runs the loop until the condition holds. */
static void
run_until(struct stand *stand, bool (*until)(struct stand *), void *with)
{
	stand->until = until;
	stand->with = with;
	if (!stand->poll)
		stand->poll = loop_timer(stand->engine.loop, look, stand);
	watch_after(stand->poll, 0);
	run(stand);
}

static void
send_one(struct stand *stand, struct errand *errand)
{
	begin(stand, errand);
	run(stand);
}

static char *
address(struct stand *stand, const char *path)
{
	static char urls[16][200];
	static int next;
	char *url = urls[next++ % 16];
	snprintf(url, sizeof urls[0], "%s%s", stand->url, path);
	return url;
}

static struct http_service
bot(struct stand *stand)
{
	return (struct http_service){ .name = "Buildbot", .url = stand->url, .secret = &token };
}

/* -- What is sent and taken ------------------------------------------------------------------------------------------- */

static void
test_a_request_and_its_answer(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	const struct http_header more[] = { { "X-More", "this" }, { "X-Empty", "" }, {0} };
	struct errand errand = { .asked = { &service, "POST", address(stand, "/echo?a=1"), more, "{\"a\":1}" }, .look_for = "x-odd" };
	send_one(stand, &errand);
	assert_true(errand.answered && errand.sent);
	assert_string_equal(errand.error, "");
	assert_int_equal(errand.status, 200);
	assert_string_equal(errand.header, "spaces");
	assert_int_equal(errand.length, strlen(errand.body));
	assert_non_null(strstr(errand.body, "POST /echo?a=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(errand.body, "\r\nAuthorization: Bearer canary-4711-token\r\n"));
	assert_non_null(strstr(errand.body, "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(errand.body, "\r\nContent-Length: 7\r\n"));
	assert_non_null(strstr(errand.body, "\r\nX-More: this\r\n"));
	assert_non_null(strstr(errand.body, "\r\nX-Empty:\r\n"));
	assert_non_null(strstr(errand.body, "\r\nUser-Agent: sallyport/"));
	assert_non_null(strstr(errand.body, "\r\n\r\n{\"a\":1}"));
	assert_null(strcasestr(errand.body, "Expect"));
	assert_null(strcasestr(errand.body, "Accept-Encoding"));
	assert_null(strcasestr(errand.body, "Cookie"));
}

static void
test_the_environment_has_no_say(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand errand = { .asked = { &service, .url = address(stand, "/echo") } };
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	send_one(stand, &errand);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	assert_true(errand.answered);
	assert_non_null(strstr(errand.body, "GET /echo HTTP/1.1\r\n"));
}

static void
test_the_ways_a_credential_goes(void **state)
{
	struct stand *stand = *state;
	struct http_service basic = bot(stand), own = bot(stand), none = bot(stand);
	basic.user = "sally";
	own.header = "PRIVATE-TOKEN";
	struct errand errands[] = {
		{ .asked = { &basic, .url = address(stand, "/echo") } },
		{ .asked = { &own, .url = address(stand, "/echo") } },
		{ .asked = { &none, .url = address(stand, "/echo"), .anonymous = true } },
	};
	for (size_t i = 0; i < 3; i++)
		send_one(stand, &errands[i]);
	assert_non_null(strstr(errands[0].body, "\r\nAuthorization: Basic c2FsbHk6Y2FuYXJ5LTQ3MTEtdG9rZW4=\r\n"));
	assert_non_null(strstr(errands[1].body, "\r\nPRIVATE-TOKEN: canary-4711-token\r\n"));
	assert_null(strstr(errands[1].body, "Authorization"));
	assert_null(strstr(errands[2].body, "canary"));
	assert_null(strstr(errands[2].body, "Authorization"));  /* nothing is left in the handle that the first one used */
	assert_int_equal(stand->server->connections, 1);        /* and all three went over one connection */
}

static void
test_methods_and_bodies(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand post = { .asked = { &service, "POST", address(stand, "/echo") } };
	struct errand delete = { .asked = { &service, "DELETE", address(stand, "/echo") } };
	struct errand head = { .asked = { &service, "HEAD", address(stand, "/echo") }, .look_for = "Content-Length" };
	struct errand form = { .asked = { &service, "PUT", address(stand, "/echo"), .body = "a=1&b", .length = 3,
		.type = "application/x-www-form-urlencoded" } };
	send_one(stand, &post);
	send_one(stand, &delete);
	send_one(stand, &head);
	send_one(stand, &form);
	assert_non_null(strstr(post.body, "Content-Length: 0\r\n"));
	assert_null(strstr(post.body, "Content-Type"));
	assert_non_null(strstr(delete.body, "DELETE /echo"));
	assert_null(strstr(delete.body, "Content-"));
	assert_true(head.answered && head.length == 0);
	assert_string_equal(head.header, "12345");
	assert_non_null(strstr(form.body, "Content-Type: application/x-www-form-urlencoded\r\n"));
	assert_non_null(strstr(form.body, "\r\n\r\na=1"));
	assert_null(strstr(form.body, "a=1&"));
}

static void
test_a_large_body_goes_without_asking_first(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	char *body = calloc(1, 3 << 20);
	memset(body, 'x', (3 << 20) - 1);
	struct errand errand = { .asked = { &service, "POST", address(stand, "/echo"), .body = body } };
	send_one(stand, &errand);               /* more than the server reads: it hangs up */
	free(body);
	pthread_mutex_lock(&stand->server->lock);
	bool whole = strstr(stand->server->seen, "Content-Length: 3145727\r\n");
	bool asked = strstr(stand->server->seen, "Expect");
	pthread_mutex_unlock(&stand->server->lock);
	assert_true(whole && !asked);
	assert_true(errand.sent && !errand.answered);
}

static void
test_headers_of_a_hint_are_not_those_of_the_answer(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand late = { .asked = { &service, .url = address(stand, "/hints") }, .look_for = "X-Late" };
	struct errand early = { .asked = { &service, .url = address(stand, "/hints") }, .look_for = "Link" };
	send_one(stand, &late);
	send_one(stand, &early);
	assert_string_equal(late.header, "yes");
	assert_string_equal(early.header, "");
	assert_int_equal(late.status, 200);
}

static void
test_a_connection_is_used_again(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand errands[5] = {0};
	for (size_t i = 0; i < 5; i++) {
		errands[i].asked = (struct http_request){ &service, .url = address(stand, "/echo") };
		send_one(stand, &errands[i]);
		assert_true(errands[i].answered && errands[i].sent);
	}
	assert_int_equal(stand->server->connections, 1);
	assert_int_equal(stand->server->requests, 5);
}

/* -- Credentials stay home ----------------------------------------------------------------------------------------------- */

static void
test_a_token_goes_to_its_own_origin_alone(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct server *other = server_open(NULL);
	char urls[6][200];
	snprintf(urls[0], 200, "http://127.0.0.1:%d/echo", other->port);
	snprintf(urls[1], 200, "http://localhost:%d/echo", stand->server->port);
	snprintf(urls[2], 200, "http://127.0.0.1:%d\\@127.0.0.1:%d/echo", stand->server->port, other->port);
	snprintf(urls[3], 200, "http://127.0.0.1:%d@127.0.0.1:%d/echo", stand->server->port, other->port);
	snprintf(urls[4], 200, "https://127.0.0.1:%d/echo", stand->server->port);
	snprintf(urls[5], 200, "file:///etc/passwd");
	for (size_t i = 0; i < 6; i++) {
		struct errand errand = { .asked = { &service, .url = urls[i] } };
		send_one(stand, &errand);
		assert_false(errand.answered);
		assert_false(errand.sent);
		assert_string_equal(errand.error, "Buildbot led to an address that is not its own; nothing was sent.");
	}
	assert_int_equal(other->connections, 0);
	assert_int_equal(stand->server->connections, 0);
	server_close(other);
}

static void
test_a_redirect_is_returned_and_not_followed(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct server *other = server_open(NULL);
	char url[100];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/echo", other->port);
	stand->server->elsewhere = url;
	struct errand errand = { .asked = { &service, .url = address(stand, "/elsewhere") }, .look_for = "location" };
	send_one(stand, &errand);
	assert_true(errand.answered);
	assert_int_equal(errand.status, 302);
	assert_string_equal(errand.header, url);
	assert_string_equal(errand.refused, "Buildbot sent me elsewhere, and I do not follow; its url in the configuration may be an old one (HTTP 302).");
	assert_int_equal(other->connections, 0);
	server_close(other);
}

static void
test_nothing_can_be_smuggled_into_headers(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand), torn = bot(stand);
	const struct secret two_lines = { "/etc/token", "abc\r\nX-Evil: yes", 16 };
	const struct http_header value[] = { { "X-More", "a\r\nX-Evil: yes" }, {0} }, name[] = { { "X-Evil: yes\r\nX", "a" }, {0} };
	struct errand errands[] = {
		{ .asked = { &service, NULL, address(stand, "/echo"), value } },
		{ .asked = { &service, NULL, address(stand, "/echo"), name } },
		{ .asked = { &service, "POST", address(stand, "/echo"), .body = "", .type = "text/plain\nX-Evil: yes" } },
		{ .asked = { &service, "GET /evil HTTP/1.1\r\nX-Evil: yes\r\n\r\nGET", address(stand, "/echo") } },
		{ .asked = { &torn, NULL, address(stand, "/echo") } },
		{ .asked = { &service, NULL, address(stand, "/echo HTTP/1.1\r\nX-Evil: yes") } },
	};
	torn.secret = &two_lines;
	for (size_t i = 0; i < sizeof errands / sizeof *errands; i++) {
		send_one(stand, &errands[i]);
		assert_false(errands[i].answered);
		assert_false(errands[i].sent);
		assert_true(errands[i].error[0] != '\0');
		assert_null(strstr(errands[i].error, "abc"));
	}
	assert_int_equal(stand->server->connections, 0);
}

static void
test_a_name_does_not_lead_to_the_metadata_of_a_cloud(void **state)
{
	struct stand *stand = *state;
	struct http_service service = { .name = "Buildbot", .url = "http://metadata.test:80", .secret = &token };
	struct errand errand = { .asked = { &service, .url = "http://metadata.test/latest" } };
	send_one(stand, &errand);
	assert_false(errand.answered || errand.sent);
	assert_string_equal(errand.error, "The host metadata.test of Buildbot has an address that I never connect to; nothing was sent.");

	char url[100], path[120];
	snprintf(url, sizeof url, "http://any.test:%d", stand->server->port);
	snprintf(path, sizeof path, "%s/echo", url);
	struct http_service any = { .name = "Buildbot", .url = url };
	struct errand unspecified = { .asked = { &any, .url = path } };
	send_one(stand, &unspecified);
	assert_false(unspecified.answered || unspecified.sent);
	assert_int_equal(stand->server->connections, 0);

	snprintf(url, sizeof url, "http://0.0.0.0:%d", stand->server->port);    /* written down, it is meant */
	snprintf(path, sizeof path, "%s/echo", url);
	struct errand meant = { .asked = { &any, .url = path } };
	send_one(stand, &meant);
	assert_true(meant.answered);
}

/* -- TLS ------------------------------------------------------------------------------------------------------------- */

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

static void
extend(X509 *certificate, int what, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, what, value);
	assert_non_null(extension);
	X509_add_ext(certificate, extension, -1);
	X509_EXTENSION_free(extension);
}

/* Signed by `by`, or by itself; good for `names`, until `days` from now. */
static struct identity
identify(const char *common, const char *names, const struct identity *by, int days)
{
	struct identity made = { EVP_EC_gen("P-256"), X509_new() };
	X509 *certificate = made.certificate;
	X509_NAME *name = X509_get_subject_name(certificate);
	X509_set_version(certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), days + 10);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -86400L * 10);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 86400L * days);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)common, -1, -1, 0);
	X509_set_issuer_name(certificate, by ? X509_get_subject_name(by->certificate) : name);
	X509_set_pubkey(certificate, made.key);
	extend(certificate, NID_basic_constraints, by ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (names)
		extend(certificate, NID_subject_alt_name, names);
	assert_true(X509_sign(certificate, by ? by->key : made.key, EVP_sha256()) > 0);
	return made;
}

static void
forget(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
}

static const char *
save(struct stand *stand, const char *name, const struct identity *identity, bool key)
{
	static char paths[4][100];
	static int next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof paths[0], "%s/%s", stand->folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	if (key)
		PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL);
	else
		PEM_write_X509(file, identity->certificate);
	fclose(file);
	return path;
}

static struct server *
server_with(const struct identity *identity, const struct identity *client_ca)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_use_certificate(tls, identity->certificate);
	SSL_CTX_use_PrivateKey(tls, identity->key);
	if (client_ca) {
		X509_STORE_add_cert(SSL_CTX_get_cert_store(tls), client_ca->certificate);
		SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return server_open(tls);
}

static void
ask_by_tls(struct stand *stand, const char *host, const struct server *server, const char *ca, struct errand *errand)
{
	static char url[100], path[120];
	static struct http_service service;
	snprintf(url, sizeof url, "https://%s:%d", host, server->port);
	snprintf(path, sizeof path, "%s/echo", url);
	service = (struct http_service){ .name = "Buildbot", .url = url, .secret = &token, .ca_file = ca };
	*errand = (struct errand){ .asked = { &service, "POST", path, .body = "x" } };
	send_one(stand, errand);
}

static void
test_a_certificate_is_verified(void **state)
{
	struct stand *stand = *state;
	struct errand errand;
	struct identity ca = identify("our authority", NULL, NULL, 10), stranger = identify("another authority", NULL, NULL, 10);
	struct identity host = identify("bot", "DNS:here.test,IP:127.0.0.1", &ca, 5), old = identify("bot", "DNS:here.test", &ca, -1);
	struct server *good = server_with(&host, NULL), *expired = server_with(&old, NULL);
	const char *ours = save(stand, "ca.pem", &ca, false), *theirs = save(stand, "cert.pem", &stranger, false);

	ask_by_tls(stand, "here.test", good, ours, &errand);
	assert_true(errand.answered && errand.sent);
	ask_by_tls(stand, "127.0.0.1", good, ours, &errand);
	assert_true(errand.answered);

	ask_by_tls(stand, "here.test", good, theirs, &errand);
	assert_false(errand.answered || errand.sent);
	assert_non_null(strstr(errand.error, "Buildbot's certificate is not from an authority that I trust; nothing was sent."));
	ask_by_tls(stand, "here.test", good, NULL, &errand);    /* the system's know nothing of it */
	assert_false(errand.answered || errand.sent);
	ask_by_tls(stand, "other.test", good, ours, &errand);
	assert_false(errand.answered || errand.sent);
	assert_string_equal(errand.error, "Buildbot's certificate is not for other.test; nothing was sent.");
	ask_by_tls(stand, "here.test", expired, ours, &errand);
	assert_false(errand.answered || errand.sent);
	assert_string_equal(errand.error, "Buildbot's certificate has expired; nothing was sent.");
	ask_by_tls(stand, "here.test", good, "/nowhere/ca.pem", &errand);
	assert_false(errand.answered || errand.sent);
	assert_non_null(strstr(errand.error, "I cannot read the certificates of the authorities to trust for Buildbot"));

	server_close(good);
	server_close(expired);
	forget(&ca), forget(&stranger), forget(&host), forget(&old);
}

/* What arrived after TLS at a server whose certificate is not to be trusted. */
static void
test_no_byte_reaches_a_server_that_is_not_the_one(void **state)
{
	struct stand *stand = *state;
	struct errand errand;
	struct identity ca = identify("our authority", NULL, NULL, 10);
	struct identity wrong = identify("evil", "DNS:evil.test", &ca, 5), self = identify("here.test", "DNS:here.test", NULL, 5);
	struct server *servers[2] = { server_with(&wrong, NULL), server_with(&self, NULL) };
	const char *ours = save(stand, "ca.pem", &ca, false);
	for (size_t i = 0; i < 2; i++) {
		ask_by_tls(stand, "here.test", servers[i], ours, &errand);
		assert_false(errand.answered || errand.sent);
		assert_int_equal(servers[i]->connections, 1);
		pthread_join(servers[i]->handlers[0], NULL);
		servers[i]->connections = 0;
		assert_int_equal(servers[i]->seen_length, 0);
		server_close(servers[i]);
	}
	forget(&ca), forget(&wrong), forget(&self);
}

static void
test_old_tls_is_refused(void **state)
{
	struct stand *stand = *state;
	struct errand errand;
	struct identity ca = identify("our authority", NULL, NULL, 10), host = identify("bot", "DNS:here.test", &ca, 5);
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(tls, 0);
	SSL_CTX_use_certificate(tls, host.certificate);
	SSL_CTX_use_PrivateKey(tls, host.key);
	SSL_CTX_set_max_proto_version(tls, TLS1_1_VERSION);
	struct server *server = server_open(tls);
	ask_by_tls(stand, "here.test", server, save(stand, "ca.pem", &ca, false), &errand);
	assert_false(errand.answered || errand.sent);
	assert_string_equal(errand.error, "Buildbot at here.test and I found no common way to encrypt; nothing was sent.");
	server_close(server);
	forget(&ca), forget(&host);
}

static void
test_our_own_certificate_is_shown(void **state)
{
	struct stand *stand = *state;
	struct identity ca = identify("our authority", NULL, NULL, 10), host = identify("bot", "DNS:here.test", &ca, 5);
	struct identity us = identify("sallyport", NULL, &ca, 5);
	struct server *server = server_with(&host, &ca);
	char url[100], path[120];
	snprintf(url, sizeof url, "https://here.test:%d", server->port);
	snprintf(path, sizeof path, "%s/echo", url);
	struct http_service service = { .name = "Buildbot", .url = url, .ca_file = save(stand, "ca.pem", &ca, false),
		.certificate_file = save(stand, "cert.pem", &us, false), .key_file = save(stand, "key.pem", &us, true) };
	struct errand known = { .asked = { &service, .url = path }, .look_for = "X-Peer" };
	send_one(stand, &known);
	assert_string_equal(known.header, "known");
	service.certificate_file = service.key_file;
	struct errand broken = { .asked = { &service, .url = path } };
	send_one(stand, &broken);
	assert_false(broken.answered || broken.sent);
	assert_string_equal(broken.error, "Our own certificate for Buildbot cannot be used: look at its certificate_file and key_file.");
	server_close(server);
	forget(&ca), forget(&host), forget(&us);
}

/* -- Services in trouble --------------------------------------------------------------------------------------------- */

static void
test_a_body_that_is_too_large(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand four = { .asked = { &service, .url = address(stand, "/large") } };
	struct errand few = { .asked = { &service, .url = address(stand, "/large"), .most = 2000 } };
	struct errand enough = { .asked = { &service, .url = address(stand, "/large"), .most = 6000000 } };
	struct errand exact = { .asked = { &service, .url = address(stand, "/stale"), .most = 5 } };
	send_one(stand, &four);
	send_one(stand, &few);
	send_one(stand, &enough);
	send_one(stand, &exact);
	assert_false(four.answered);
	assert_true(four.sent);
	assert_string_equal(four.error, "Buildbot answered with more than 4 MB; I took none of it.");
	assert_string_equal(few.error, "Buildbot answered with more than 1 KB; I took none of it.");
	assert_true(enough.answered);
	assert_int_equal(enough.length, 6000000);
	assert_true(exact.answered);
	assert_string_equal(exact.body, "fresh");
}

static void
test_headers_without_end(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand many = { .asked = { &service, .url = address(stand, "/headers") } };
	struct errand hints_only = { .asked = { &service, .url = address(stand, "/endless") } };
	send_one(stand, &many);
	send_one(stand, &hints_only);
	assert_false(many.answered || hints_only.answered);
	assert_string_equal(many.error, "Buildbot answered with more than 64 KB of headers; I took none of it.");
	assert_string_equal(hints_only.error, many.error);
}

static void
test_a_deadline_counts_the_whole_answer(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand silence = { .asked = { &service, .url = address(stand, "/silent"), .seconds = 1 } };
	struct errand drip = { .asked = { &service, .url = address(stand, "/slow"), .seconds = 1 } };
	begin(stand, &silence);
	begin(stand, &drip);
	run(stand);
	assert_false(silence.answered || drip.answered);
	assert_true(silence.sent && drip.sent);
	assert_string_equal(silence.error, "Buildbot did not answer within 1 s.");
	assert_string_equal(drip.error, "Buildbot did not answer within 1 s.");
	assert_in_range(silence.took, 900, 3000);
	assert_in_range(drip.took, 900, 3000);
}

static void
test_a_connection_that_ends_too_early(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand half = { .asked = { &service, .url = address(stand, "/reset") } };
	struct errand nothing = { .asked = { &service, "POST", address(stand, "/gone"), .body = "x" } };
	send_one(stand, &half);
	send_one(stand, &nothing);
	assert_false(half.answered || nothing.answered);
	assert_true(half.sent && nothing.sent);
	assert_string_equal(half.error, "Buildbot ended the connection before its answer was complete.");
	assert_string_equal(nothing.error, "Buildbot ended the connection without an answer.");
	assert_int_equal(half.status, 0);
	assert_int_equal(stand->server->requests, 2);
}

static void
test_what_changes_something_is_sent_once(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand first = { .asked = { &service, "POST", address(stand, "/stale"), .body = "x" } };
	struct errand second = { .asked = { &service, "POST", address(stand, "/stale"), .body = "x" } };
	struct errand look_again = { .asked = { &service, "GET", address(stand, "/stale") } };
	send_one(stand, &first);
	send_one(stand, &second);
	assert_true(first.answered && second.answered);
	assert_int_equal(stand->server->requests, 2);           /* each over its own connection: nothing to repeat */
	assert_int_equal(stand->server->connections, 2);
	send_one(stand, &look_again);                           /* over a kept one that ends; curl asks again */
	assert_true(look_again.answered);
}

static void
test_a_port_where_nobody_listens(void **state)
{
	struct stand *stand = *state;
	int port, fd = bind_somewhere(&port);
	char url[100], path[120];
	snprintf(url, sizeof url, "http://here.test:%d", port);
	snprintf(path, sizeof path, "%s/echo", url);
	struct http_service service = { .name = "Buildbot", .url = url, .secret = &token };
	struct errand errand = { .asked = { &service, "POST", path } };
	send_one(stand, &errand);
	close(fd);
	assert_false(errand.answered || errand.sent);
	assert_string_equal(errand.error, "Buildbot at here.test refused the connection.");
}

static void
test_a_connection_that_is_not_taken(void **state)
{
	struct stand *stand = *state;
	int port, fd = bind_somewhere(&port), callers[4];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char url[100], path[120];
	listen(fd, 0);
	for (int i = 0; i < 4; i++) {           /* the queue of the socket is full then */
		callers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		connect(callers[i], (struct sockaddr *)&to, sizeof to);
	}
	snprintf(url, sizeof url, "http://here.test:%d", port);
	snprintf(path, sizeof path, "%s/echo", url);
	struct http_service service = { .name = "Buildbot", .url = url, .secret = &token };
	struct errand errand = { .asked = { &service, .url = path } };
	send_one(stand, &errand);
	for (int i = 0; i < 4; i++)
		close(callers[i]);
	close(fd);
	assert_false(errand.answered || errand.sent);
	assert_string_equal(errand.error, "Buildbot at here.test did not take the connection in time.");
	assert_in_range(errand.took, 4500, 7500);
}

static void
test_a_host_that_does_not_exist(void **state)
{
	struct stand *stand = *state;
	struct http_service service = { .name = "Buildbot", .url = "http://nowhere.test", .secret = &token };
	struct errand errand = { .asked = { &service, .url = "http://nowhere.test/echo" } };
	send_one(stand, &errand);
	assert_false(errand.answered || errand.sent);
	assert_string_equal(errand.error, "I cannot find the host nowhere.test of Buildbot.");
}

static void
test_no_descriptor_is_left(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct rlimit before, none;
	struct errand errand = { .asked = { &service, "POST", address(stand, "/echo") } };
	int next = dup(0);
	close(next);
	getrlimit(RLIMIT_NOFILE, &before);
	none = (struct rlimit){ .rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	send_one(stand, &errand);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_false(errand.answered || errand.sent);
	assert_string_equal(errand.error, "I have too many connections open to ask Buildbot; nothing was sent.");
}

static void
test_a_server_that_speaks_something_else(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	stand->server->greeting = "SSH-2.0-OpenSSH_9.2\r\n";
	struct errand errand = { .asked = { &service, .url = address(stand, "/gone") } };
	send_one(stand, &errand);
	assert_false(errand.answered);
	assert_string_equal(errand.error, "What answers at 127.0.0.1 for Buildbot does not speak HTTP.");
}

static void
test_refusals_as_sentences(void **state)
{
	static const struct { const char *path, *says; } refusals[] = {
		{ "/status/400", "Buildbot did not understand what I asked (HTTP 400)." },
		{ "/status/401", "Buildbot refused the credential (HTTP 401)." },
		{ "/status/403", "Buildbot does not allow us to do that (HTTP 403)." },
		{ "/status/404", "Buildbot has no such thing (HTTP 404)." },
		{ "/status/409", "Buildbot says that this is at odds with what it has or does now (HTTP 409)." },
		{ "/status/418", "Buildbot gave an answer that I did not expect (HTTP 418)." },
		{ "/status/422", "Buildbot refused what was sent: something in it is not valid (HTTP 422)." },
		{ "/status/429", "Buildbot gets too many requests (HTTP 429). It asks to wait 30 s." },
		{ "/status/500", "Buildbot is in trouble (HTTP 500)." },
		{ "/status/503", "Buildbot is in trouble (HTTP 503). It asks to wait 30 s." },
	};
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
		struct errand errand = { .asked = { &service, .url = address(stand, refusals[i].path) } };
		send_one(stand, &errand);
		assert_true(errand.answered);
		assert_string_equal(errand.refused, refusals[i].says);
	}
}

static void
test_health_of_an_origin(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct http_health health;
	struct errand gone = { .asked = { &service, .url = address(stand, "/gone") } };
	struct errand fine = { .asked = { &service, .url = address(stand, "/status/500") } };
	assert_false(http_health(stand->engine.http, stand->url, &health));
	send_one(stand, &gone);
	assert_true(http_health(stand->engine.http, stand->url, &health));
	assert_true(health.answered == 0 && health.failed > 0);
	assert_string_equal(health.trouble, "Buildbot ended the connection without an answer.");
	send_one(stand, &fine);
	assert_true(http_health(stand->engine.http, stand->url, &health));
	assert_true(health.answered >= health.failed);
	assert_string_equal(health.trouble, "");
}

/* -- Rehearsals ------------------------------------------------------------------------------------------------------- */

static void
test_a_rehearsal_sends_only_what_changes_nothing(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	char expected[300];
	struct errand post = { .dry = true, .asked = { &service, "POST", address(stand, "/echo"), .body = "target=staging&branch=main",
		.type = "application/x-www-form-urlencoded" } };
	struct errand delete = { .dry = true, .asked = { &service, "DELETE", address(stand, "/echo"), .anonymous = true } };
	struct errand get = { .dry = true, .asked = { &service, .url = address(stand, "/echo") } };
	struct errand query = { .dry = true, .asked = { &service, "POST", address(stand, "/echo"), .body = "{}", .harmless = true } };
	struct errand strange = { .dry = true, .asked = { &service, "POST", "http://elsewhere.test/" } };
	send_one(stand, &post);
	send_one(stand, &delete);
	assert_int_equal(stand->server->connections, 0);
	assert_false(post.answered || post.sent || delete.answered);
	snprintf(expected, sizeof expected, "POST %s/echo target=staging branch=main, token ****", stand->url);
	assert_string_equal(post.would, expected);
	snprintf(expected, sizeof expected, "DELETE %s/echo", stand->url);
	assert_string_equal(delete.would, expected);
	send_one(stand, &get);
	send_one(stand, &query);
	send_one(stand, &strange);
	assert_true(get.answered && query.answered);
	assert_false(strange.answered);
	assert_string_equal(strange.would, "");
}

/* -- Waiting, turns and giving up ------------------------------------------------------------------------------------- */

static bool
eight_wait_at_the_server(struct stand *stand)
{
	return stand->server->requests >= 8;
}

static bool
the_good_have_ended(struct stand *stand)
{
	const struct errand *good = stand->with;
	for (size_t i = 0; i < 20; i++)
		if (!good[i].ended)
			return false;
	return true;
}

static void
test_one_hung_service_does_not_hold_up_another(void **state)
{
	struct stand *stand = *state;
	struct http_service hung = bot(stand);
	struct server *other = server_open(NULL);
	struct errand *stuck = calloc(100, sizeof *stuck), *good = calloc(20, sizeof *good);
	char url[100], path[120];
	snprintf(url, sizeof url, "http://127.0.0.1:%d", other->port);
	snprintf(path, sizeof path, "%s/echo", url);
	struct http_service fine = { .name = "Jenkins", .url = url };
	char *silent_path = address(stand, "/silent");
	for (size_t i = 0; i < 100; i++) {
		stuck[i].asked = (struct http_request){ &hung, "POST", .url = silent_path };
		begin(stand, &stuck[i]);
	}
	for (size_t i = 0; i < 20; i++) {
		good[i].asked = (struct http_request){ &fine, .url = path };
		begin(stand, &good[i]);
	}
	run_until(stand, the_good_have_ended, good);
	run_until(stand, eight_wait_at_the_server, NULL);
	for (size_t i = 0; i < 20; i++) {
		assert_true(good[i].answered);
		assert_in_range(good[i].took, 0, 3000);
	}
	for (size_t i = 0; i < 100; i++)
		assert_false(stuck[i].ended);
	assert_int_equal(stand->server->connections, 8);
	assert_true(other->most_at_once <= 8);

	tasks_cancel_all(stand->engine.tasks);
	run(stand);
	size_t sent = 0;
	for (size_t i = 0; i < 100; i++) {
		assert_true(stuck[i].ended && !stuck[i].answered);
		sent += stuck[i].sent;
	}
	assert_int_equal(sent, 8);              /* the other 92 never left the queue */
	server_close(other);
	free(stuck);
	free(good);
}

static void
test_a_free_line_goes_to_the_next(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand stuck[8] = {0}, next = { .asked = { &service, .url = address(stand, "/echo") } };
	for (size_t i = 0; i < 8; i++) {
		stuck[i].asked = (struct http_request){ &service, .url = address(stand, "/silent") };
		begin(stand, &stuck[i]);
	}
	begin(stand, &next);
	run_until(stand, eight_wait_at_the_server, NULL);
	assert_false(next.ended);
	task_cancel(&stand->engine, stuck[3].task);
	for (int i = 0; i < 3; i++)             /* the rest would wait for 30 s */
		task_cancel(&stand->engine, stuck[i].task);
	for (int i = 4; i < 8; i++)
		task_cancel(&stand->engine, stuck[i].task);
	run(stand);
	assert_true(next.answered);
}

static void
test_nobody_waits_for_a_line_for_ever(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand stuck[8] = {0}, late = { .asked = { &service, "POST", address(stand, "/echo"), .seconds = 1 } };
	for (size_t i = 0; i < 8; i++) {
		stuck[i].asked = (struct http_request){ &service, .url = address(stand, "/silent"), .seconds = 6 };
		begin(stand, &stuck[i]);
	}
	begin(stand, &late);
	run(stand);
	assert_false(late.answered || late.sent);
	assert_string_equal(late.error, "Buildbot is busy: no line to it came free within 4 s; nothing was sent.");
	assert_in_range(late.took, 3900, 5900);
	assert_string_equal(stuck[0].error, "Buildbot did not answer within 6 s.");
}

struct ticking {
	struct stand *stand;
	int64_t worst;
	bool stop;
};

/* Another task's timer: how late is it at worst? */
static void
tick(struct task *task, void *with)
{
	struct ticking *ticking = with;
	while (!ticking->stop) {
		int64_t before = clock_mono();
		if (!task_pause(task, 20))
			break;
		int64_t late = clock_mono() - before - 20;
		if (late > ticking->worst)
			ticking->worst = late;
	}
	if (--ticking->stand->left == 0)
		loop_stop(ticking->stand->engine.loop);
}

static bool
a_name_is_looked_up(struct stand *stand)
{
	(void)stand;
	return asleep > 0;
}

static bool
it_has_ended(struct stand *stand)
{
	return ((struct errand *)stand->with)->ended;
}

static void
test_a_silent_name_server_stops_nobody(void **state)
{
	struct stand *stand = *state;
	struct ticking ticking = { .stand = stand };
	struct http_service service = { .name = "Buildbot", .url = "http://asleep.test" };
	struct errand dropped = { .asked = { &service, "POST", "http://asleep.test/" } };
	struct errand patient = { .asked = { &service, "POST", "http://asleep.test/", .seconds = 1 } };
	awake = false;
	stand->left++;
	assert_true(task_start(&stand->engine, "tick", tick, &ticking, NULL) != 0);
	begin(stand, &dropped);
	begin(stand, &patient);
	run_until(stand, a_name_is_looked_up, NULL);
	task_cancel(&stand->engine, dropped.task);
	run_until(stand, it_has_ended, &dropped);
	assert_true(dropped.took < 3000);
	assert_false(dropped.sent || dropped.answered);
	run_until(stand, it_has_ended, &patient);
	ticking.stop = true;
	run(stand);
	assert_false(patient.sent || patient.answered);
	assert_string_equal(patient.error, "I cannot find the host asleep.test of Buildbot: the name servers do not answer.");
	assert_in_range(patient.took, 900, 3000);
	assert_in_range(ticking.worst, 0, 700);

	int64_t began = clock_mono();
	http_close(stand->engine.http);         /* nor does the end wait for it */
	assert_in_range(clock_mono() - began, 0, 700);
	stand->engine.http = NULL;
	awake = true;
	for (int i = 0; i < 200 && asleep > 0; i++)
		usleep(10000);
}

static void
test_cancelling_tells_whether_it_was_sent(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct errand errands[9] = {0};
	for (size_t i = 0; i < 9; i++) {
		errands[i].asked = (struct http_request){ &service, "POST", .url = address(stand, "/silent") };
		begin(stand, &errands[i]);
	}
	run_until(stand, eight_wait_at_the_server, NULL);
	for (size_t i = 9; i-- > 0;)            /* the one that waits first, or it would get a line */
		task_cancel(&stand->engine, errands[i].task);
	run(stand);
	size_t sent = 0;
	for (size_t i = 0; i < 9; i++) {
		assert_false(errands[i].answered);
		sent += errands[i].sent;
	}
	assert_int_equal(sent, 8);
	assert_int_equal(stand->server->requests, 8);
}

static long
resident_megabytes(void)
{
	long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");
	if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2)
		resident = 0;
	if (file)
		fclose(file);
	return resident * sysconf(_SC_PAGESIZE) >> 20;
}

static bool
is_watched_by_a_tool(void)
{
#ifdef __SANITIZE_ADDRESS__
	return true;
#else
	const char *loaded = getenv("LD_PRELOAD");
	return loaded && strstr(loaded, "vgpreload");
#endif
}

struct crowd {
	struct stand *stand;
	struct http_request asked;
	int begun, sent;
};

static void
be_one_of_many(struct task *task, void *with)
{
	struct crowd *crowd = with;
	struct http_response response;
	crowd->begun++;
	if (http_send(task, &crowd->asked, &response))
		abort();
	crowd->sent += response.sent;
	if (--crowd->stand->left == 0)
		loop_stop(crowd->stand->engine.loop);
}

static bool
all_wait(struct stand *stand)
{
	return ((struct crowd *)stand->with)->begun == 10000 && stand->server->requests >= 8;
}

static void
test_ten_thousand_wait_for_a_server_that_never_answers(void **state)
{
	struct stand *stand = *state;
	struct http_service service = bot(stand);
	struct crowd crowd = { .stand = stand, .asked = { &service, "POST", address(stand, "/silent"), .body = "x" } };
	if (is_watched_by_a_tool())
		skip();
	for (int i = 0; i < 10000; i++) {
		stand->left++;
		assert_true(task_start(&stand->engine, "one of many", be_one_of_many, &crowd, NULL) != 0);
	}
	run_until(stand, all_wait, &crowd);
	assert_in_range(resident_megabytes(), 1, 200);
	int64_t began = clock_mono();
	tasks_cancel_all(stand->engine.tasks);
	run(stand);
	assert_in_range(clock_mono() - began, 0, 10000);
	assert_int_equal(crowd.sent, 8);
	assert_int_equal(stand->server->requests, 8);
	assert_int_equal(tasks_count(stand->engine.tasks), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stand, close_stand)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_request_and_its_answer),
		TEST(test_the_environment_has_no_say),
		TEST(test_the_ways_a_credential_goes),
		TEST(test_methods_and_bodies),
		TEST(test_a_large_body_goes_without_asking_first),
		TEST(test_headers_of_a_hint_are_not_those_of_the_answer),
		TEST(test_a_connection_is_used_again),
		TEST(test_a_token_goes_to_its_own_origin_alone),
		TEST(test_a_redirect_is_returned_and_not_followed),
		TEST(test_nothing_can_be_smuggled_into_headers),
		TEST(test_a_name_does_not_lead_to_the_metadata_of_a_cloud),
		TEST(test_a_certificate_is_verified),
		TEST(test_no_byte_reaches_a_server_that_is_not_the_one),
		TEST(test_old_tls_is_refused),
		TEST(test_our_own_certificate_is_shown),
		TEST(test_a_body_that_is_too_large),
		TEST(test_headers_without_end),
		TEST(test_a_deadline_counts_the_whole_answer),
		TEST(test_a_connection_that_ends_too_early),
		TEST(test_what_changes_something_is_sent_once),
		TEST(test_a_port_where_nobody_listens),
		TEST(test_a_connection_that_is_not_taken),
		TEST(test_a_host_that_does_not_exist),
		TEST(test_no_descriptor_is_left),
		TEST(test_a_server_that_speaks_something_else),
		TEST(test_refusals_as_sentences),
		TEST(test_health_of_an_origin),
		TEST(test_a_rehearsal_sends_only_what_changes_nothing),
		TEST(test_one_hung_service_does_not_hold_up_another),
		TEST(test_a_free_line_goes_to_the_next),
		TEST(test_nobody_waits_for_a_line_for_ever),
		TEST(test_a_silent_name_server_stops_nobody),
		TEST(test_cancelling_tells_whether_it_was_sent),
		TEST(test_ten_thousand_wait_for_a_server_that_never_answers),
	};
	log_open(LEVEL_ERROR, LOG_TEXT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
