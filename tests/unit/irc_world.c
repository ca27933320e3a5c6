/* irc_world: an IRC server of the test's own, and the gateway's link to it. */
#include "irc_world.h"

#include <arpa/inet.h>
#include <assert.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "bridge/base/log.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"

struct story story = { .lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER };
struct world world;
struct server server;

/* -- Names: a stand-in for the system's resolver: "both.test" has an IPv6 and an IPv4 address ---------------------------- */

static struct addrinfo *
address_of(int family, const void *address, socklen_t length, struct addrinfo *next)
{
	struct addrinfo *made = calloc(1, sizeof *made + length);

	memcpy(made + 1, address, length);
	*made = (struct addrinfo){ .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_addrlen = length, .ai_addr = (void *)(made + 1), .ai_next = next };
	return made;
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(service)) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = four.sin_port, .sin6_addr = IN6ADDR_LOOPBACK_INIT };

	(void)hints;
	*out = NULL;
	if (!strcmp(name, "nowhere.test"))
		return EAI_NONAME;
	inet_pton(AF_INET, strspn(name, "0123456789.") == strlen(name) ? name : "127.0.0.1", &four.sin_addr);
	if (!strchr(name, ':'))
		*out = address_of(AF_INET, &four, sizeof four, NULL);
	if (!strcmp(name, "both.test") || !strcmp(name, "::1"))
		*out = address_of(AF_INET6, &six, sizeof six, *out);
	return *out ? 0 : EAI_NONAME;
}

void
freeaddrinfo(struct addrinfo *found)
{
	while (found) {
		struct addrinfo *next = found->ai_next;
		free(found);
		found = next;
	}
}

/* -- The gateway: its loop on a thread, and a stand-in for the bridge ---------------------------------------------------- */

static void
tell_news(void)
{
	pthread_cond_broadcast(&story.news);
	pthread_mutex_unlock(&story.lock);
}

void
link_up(struct link *link, const char *format, ...)
{
	va_list values;

	pthread_mutex_lock(&story.lock);
	link->state = LINK_UP;
	va_start(values, format);
	vsnprintf(story.up, sizeof story.up, format, values);
	va_end(values);
	story.ups++;
	tell_news();
}

void
link_away(struct link *link, const char *format, ...)
{
	va_list values;

	pthread_mutex_lock(&story.lock);
	link->state = LINK_AWAY;
	va_start(values, format);
	vsnprintf(story.away, sizeof story.away, format, values);
	va_end(values);
	story.aways++;
	tell_news();
}

void
link_heard(struct link *link)
{
	link->heard++;
}

static void
copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

bool
bridge_hear(struct task *task, struct link *link, const struct message *message, size_t count, const char *cursor)
{
	(void)task;
	assert(count == 1 && !cursor && link == &world.link);
	pthread_mutex_lock(&story.lock);
	struct heard *heard = &story.heard[story.heard_count++ % HEARD_SIZE];
	copy_text(heard->text, sizeof heard->text, message->text);
	copy_text(heard->account, sizeof heard->account, message->from.account);
	copy_text(heard->shown, sizeof heard->shown, message->from.shown);
	copy_text(heard->channel, sizeof heard->channel, message->place.channel);
	heard->proven = message->from.proven;
	heard->direct = message->direct;
	tell_news();
	return true;
}

/* Who says what is the account-tag's business here. */
enum proof
bridge_wants_proof(const struct link *link, const struct message *message)
{
	(void)link, (void)message;
	return PROOF_NONE;
}

bool
bridge_wants_comings(const struct link *link, const char *channel)
{
	(void)link, (void)channel;
	return false;
}

/* -- The log, for looking back ------------------------------------------------------------------------------------------- */

static int log_fd = -1, stderr_before = -1;

static void
begin_log(void)
{
	log_fd = memfd_create("log", MFD_CLOEXEC);
	stderr_before = dup(STDERR_FILENO);
	assert_true(log_fd >= 0 && stderr_before >= 0);
	dup2(log_fd, STDERR_FILENO);
}

void
show_stderr(void)
{
	fflush(stderr);
	dup2(stderr_before, STDERR_FILENO);
}

static void
end_log(void)
{
	show_stderr();
	close(stderr_before);
	close(log_fd);
}

size_t
logged(const char *part)
{
	static char text[1 << 18];
	size_t count = 0;
	ssize_t length = pread(log_fd, text, sizeof text - 1, 0);

	text[length > 0 ? length : 0] = '\0';
	for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
		count++;
	return count;
}

struct timespec
world_from_now(int64_t ms)
{
	struct timespec when;

	clock_gettime(CLOCK_REALTIME, &when);
	when.tv_sec += ms / 1000;
	when.tv_nsec += ms % 1000 * 1000000;
	if (when.tv_nsec >= 1000000000) {
		when.tv_nsec -= 1000000000;
		when.tv_sec++;
	}
	return when;
}

static void
say_it(struct task *task, void *with)
{
	struct saying *saying = with;
	struct card *card = card_new(task->arena, TONE_PLAIN, "%s", saying->headline);
	struct delivered done = { .id = NULL };
	const struct delivery delivery = { .place = { "corp", saying->target, NULL }, .txn = saying->txn, .card = card };

	bool fine = protocol_irc.deliver(task, &world.link, &delivery, &done);
	pthread_mutex_lock(&story.lock);
	saying->done = true;
	saying->fine = fine;
	copy_text(saying->error, sizeof saying->error, task->error.text);
	tell_news();
}

static void
live(struct task *task, void *with)
{
	(void)with;
	bool fine = protocol_irc.run(task, &world.link);
	pthread_mutex_lock(&story.lock);
	story.ended = true;
	story.fine = fine;
	copy_text(story.error, sizeof story.error, task->error.text);
	tell_news();
}

static struct saying renewal;

static void
take_order(void *with, int events)
{
	struct saying *saying;

	(void)with, (void)events;
	while (read(world.orders[0], &saying, sizeof saying) == sizeof saying) {
		if (saying == &renewal) {
			world.link.channels = world.later;
			protocol_irc.renew(&world.link);
			memset(world.channels, 0, sizeof world.channels);
		} else if (saying) {
			task_start(&world.engine, "say", say_it, saying, NULL);
		} else {
			world.stopping = true;
			tasks_cancel_all(world.engine.tasks);
		}
	}
}

static void
look_for_end(void *with, int events)
{
	struct watch *look = *(struct watch **)with;

	(void)events;
	if (world.stopping && !tasks_count(world.engine.tasks))
		loop_stop(world.engine.loop);
	else
		watch_after(look, 2);
}

static void *
gateway_thread(void *with)
{
	struct error error;
	struct watch *look;

	(void)with;
	world.engine = (struct engine){ .loop = loop_open(&error) };
	world.engine.tasks = tasks_open(&world.engine, 1000);
	struct watch *orders = loop_descriptor(world.engine.loop, world.orders[0], LOOP_READ, take_order, NULL);
	look = loop_timer(world.engine.loop, look_for_end, &look);
	watch_after(look, 2);
	task_start(&world.engine, "link corp", live, NULL, NULL);
	loop_run(world.engine.loop);
	watch_free(look);
	watch_free(orders);
	tasks_close(world.engine.tasks);
	loop_close(world.engine.loop);
	return NULL;
}

void
start_gateway(void)
{
	story.heard_count = 0;
	story.ups = story.aways = 0;
	story.ended = story.fine = false;
	story.up[0] = story.away[0] = story.error[0] = '\0';
	world.stopping = false;
	world.link = (struct link){ .name = "corp", .protocol = &protocol_irc, .conf = &world.irc, .engine = &world.engine,
		.nick = "sally", .channels = world.channels };
	assert_int_equal(pipe2(world.orders, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&world.thread, NULL, gateway_thread, NULL), 0);
}

void
order(struct saying *saying)
{
	assert_int_equal(write(world.orders[1], &saying, sizeof saying), sizeof saying);
}

void
order_channels(const char *const *names, size_t count)
{
	memset(world.later, 0, sizeof world.later);
	for (size_t i = 0; i < count; i++)
		world.later[i] = names[i];
	order(&renewal);
}

static void
stop_gateway(void)
{
	order(NULL);
	pthread_join(world.thread, NULL);
	close(world.orders[0]);
	close(world.orders[1]);
	assert_true(story.ended);
	assert_null(world.link.own);
}

void
use_servers(const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		world.servers[i] = names[i];
	world.irc.servers = (struct list){ .count = count, .each = world.servers };
}

/* -- The server ----------------------------------------------------------------------------------------------------------- */

int
listen_at(const char *address, int *port)
{
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = htons((uint16_t)*port) };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)*port) };
	bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	struct sockaddr *at = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
	socklen_t size = is_six ? sizeof six : sizeof four;
	int on = 1, fd = socket(at->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	inet_pton(AF_INET, address, &four.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, at, size) || listen(fd, 8) || getsockname(fd, at, &size)) {
		close(fd);
		return -1;
	}
	*port = ntohs(is_six ? six.sin6_port : four.sin_port);
	return fd;
}

void
hang_up(void)
{
	SSL_free(server.ssl);
	server.ssl = NULL;
	if (server.client >= 0)
		close(server.client);
	server.client = -1;
	server.length = 0;
}

static bool
readable(int fd, int ms)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	return poll(&look, 1, ms) == 1;
}

bool
answer_at(int fd)
{
	int on = 1;

	hang_up();
	if (!readable(fd, PATIENCE))
		world_fail("nobody connected (away: %s; error: %s)", story.away, story.error);
	server.client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(server.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	server.bytes = 0;
	if (!server.tls)
		return true;
	server.ssl = SSL_new(server.tls);
	SSL_set_fd(server.ssl, server.client);
	return SSL_accept(server.ssl) == 1;
}

bool
answer_the_door(void)
{
	return answer_at(server.fd);
}

bool
take_bytes(int ms)
{
	size_t room = sizeof server.buffer - server.length;

	if (!(server.ssl && SSL_pending(server.ssl)) && !readable(server.client, ms))
		return false;
	ssize_t got = server.ssl ? SSL_read(server.ssl, server.buffer + server.length, (int)room)
		: recv(server.client, server.buffer + server.length, room, 0);
	for (ssize_t i = 0; i < got && server.bytes < sizeof server.all - 1; i++)
		server.all[server.bytes++] = server.buffer[server.length + (size_t)i];
	server.all[server.bytes] = '\0';
	server.length += got > 0 ? (size_t)got : 0;
	return got > 0;
}

const char *
next_line(int ms)
{
	static char line[LINE_SIZE];
	char *end;

	while (!(end = memchr(server.buffer, '\n', server.length)))
		if (!take_bytes(ms))
			return NULL;
	size_t length = (size_t)(end - server.buffer);
	assert_true(length > 0 && length < sizeof line && end[-1] == '\r');
	assert_true(length + 1 <= 512);
	memcpy(line, server.buffer, length - 1);
	line[length - 1] = '\0';
	assert_null(strchr(line, '\r'));
	server.length -= length + 1;
	memmove(server.buffer, end + 1, server.length);
	return line;
}

const char *
expect(const char *beginning)
{
	const char *line = next_line(PATIENCE);

	if (!line)
		world_fail("waited in vain for %s (away: %s; error: %s)", beginning, story.away, story.error);
	if (strncmp(line, beginning, strlen(beginning)))
		world_fail("expected %.100s, heard %.100s", beginning, line);
	return line;
}

void
give(const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t sent = server.ssl ? SSL_write(server.ssl, bytes, (int)length) : send(server.client, bytes, length, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		bytes += sent;
		length -= (size_t)sent;
	}
}

void
tell(const char *format, ...)
{
	static char line[LINE_SIZE];
	va_list values;

	va_start(values, format);
	int length = vsnprintf(line, sizeof line - 2, format, values);
	va_end(values);
	memcpy(line + length, "\r\n", 2);
	give(line, (size_t)length + 2);
}

void
expect_nothing(void)
{
	static int count;
	char token[40];

	snprintf(token, sizeof token, "PONG probe%d", ++count);
	tell("PING :%s", token + 5);
	expect(token);
}

/* -- What is common to most stories ----------------------------------------------------------------------------------------- */

void
greet(const char *caps)
{
	expect("CAP LS 302");
	expect("NICK sally");
	expect("USER sally ");
	tell(":irc.test CAP * LS :%s", caps);
	if (*caps) {
		const char *asked = expect("CAP REQ ");
		tell(":irc.test CAP * ACK %s", asked + strlen("CAP REQ "));
	}
	expect("CAP END");
}

void
welcome(const char *nick, const char *supported)
{
	tell(":irc.test 001 %s :Welcome", nick);
	tell(":irc.test 005 %s CASEMAPPING=ascii %s :are supported", nick, supported);
	tell(":irc.test 422 %s :no MOTD", nick);
}

void
let_in(const char *nick, const char *names)
{
	expect("JOIN #ops");
	tell(":%s!s@host.test JOIN #ops", nick);
	tell(":irc.test 353 %s = #ops :%s", nick, names);
	tell(":irc.test 366 %s #ops :End", nick);
}

void
go_in(void)
{
	int before = story.ups;

	assert_true(answer_the_door());
	greet("account-tag");
	welcome("sally", "NETWORK=test");
	let_in("sally", "@alice sally bob");
	await(story.ups > before);
}

void
expect_heard_only(size_t count)
{
	tell(":zoe!z@h PRIVMSG #ops :that was all");
	await(story.heard_count > 0 && !strcmp(story.heard[(story.heard_count - 1) % HEARD_SIZE].text, "that was all"));
	assert_int_equal(story.heard_count, count + 1);
}

int
world_set_up(void **state)
{
	static const char *const here[] = { "127.0.0.1" };

	(void)state;
	log_open(LEVEL_DEBUG, LOG_TEXT);
	begin_log();
	server.port = 0;
	server.fd = listen_at("127.0.0.1", &server.port);
	assert_true(server.fd >= 0);
	server.client = -1;
	server.tls = NULL;
	memset(world.channels, 0, sizeof world.channels);
	world.channels[0] = "#ops";
	world.irc = (struct irc){ .port = server.port, .answers = "notice", .realname = "a gateway", .flood = true, .burst = 4, .rate = 2000,
		.retry = 20, .ping = 60000, .patience = 30000, .rejoin = 20 };
	use_servers(here, 1);
	return 0;
}

int
world_tear_down(void **state)
{
	(void)state;
	stop_gateway();
	hang_up();
	SSL_CTX_free(server.tls);
	server.tls = NULL;
	close(server.fd);
	end_log();
	if (world.irc.ca_file)
		unlink(world.irc.ca_file);
	return 0;
}

/* -- TLS -------------------------------------------------------------------------------------------------------------------- */

static X509 *
new_certificate(EVP_PKEY *key, const char *names, X509 *issuer, EVP_PKEY *issuer_key)
{
	X509 *made = X509_new();
	X509V3_CTX context;

	X509_set_version(made, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made), names ? 2 : 1);
	X509_gmtime_adj(X509_getm_notBefore(made), -86400);
	X509_gmtime_adj(X509_getm_notAfter(made), 30 * 86400);
	X509_set_pubkey(made, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, (const unsigned char *)(names ? "irc" : "test CA"), -1, -1, 0);
	X509_set_issuer_name(made, X509_get_subject_name(issuer ? issuer : made));
	X509V3_set_ctx(&context, issuer ? issuer : made, made, NULL, NULL, 0);
	X509_EXTENSION *extension = names ? X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names)
		: X509V3_EXT_conf_nid(NULL, &context, NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(made, extension, -1);
	X509_EXTENSION_free(extension);
	X509_sign(made, issuer_key ? issuer_key : key, EVP_sha256());
	return made;
}

void
use_tls(const char *names)
{
	static char file[] = "/tmp/irc_world.XXXXXX";
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = new_certificate(ca_key, NULL, NULL, NULL), *certificate = new_certificate(key, names, ca, ca_key);

	strcpy(file + strlen(file) - 6, "XXXXXX");
	FILE *out = fdopen(mkstemp(file), "w");
	PEM_write_X509(out, ca);
	fclose(out);
	server.tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_session_cache_mode(server.tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(server.tls, 0);
	SSL_CTX_use_certificate(server.tls, certificate);
	SSL_CTX_use_PrivateKey(server.tls, key);
	world.irc.tls = true;
	world.irc.ca_file = file;
	X509_free(certificate);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}
