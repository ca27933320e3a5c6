/* An IRC server of the test's own, which can be strict, rude, forgetful and somebody else, against the protocol. Loopback only. */
#include <arpa/inet.h>
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
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
#include "bridge/protocol.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/outbox.h"
#include "protocols/irc/irc_settings.h"

extern const struct protocol protocol_irc;

enum { PATIENCE = 20 * 1000, LINE_SIZE = 20000, HEARD_SIZE = 8192 };

/* -- Names: a stand-in for the system's resolver --------------------------------------------------------------------- */

static atomic_bool resolver_awake;

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(service)) };
	const struct timespec moment = { .tv_nsec = 5 * 1000 * 1000 };

	(void)hints;
	while (!strcmp(name, "silent.test") && !resolver_awake)
		nanosleep(&moment, NULL);
	if (!strcmp(name, "nowhere.test") || !strcmp(name, "silent.test"))
		return EAI_NONAME;
	inet_pton(AF_INET, strspn(name, "0123456789.") == strlen(name) ? name : "127.0.0.1", &address.sin_addr);
	struct addrinfo *found = calloc(1, sizeof *found + sizeof address);
	memcpy(found + 1, &address, sizeof address);
	*found = (struct addrinfo){ .ai_family = AF_INET, .ai_socktype = SOCK_STREAM, .ai_addrlen = sizeof address, .ai_addr = (void *)(found + 1) };
	*out = found;
	return 0;
}

void
freeaddrinfo(struct addrinfo *found)
{
	free(found);
}

/* -- The gateway: its loop on a thread, and a stand-in for the bridge ------------------------------------------------ */

struct heard {
	char text[600], account[120], shown[80], proof[80], channel[80], id[80];
	bool proven, only_looks, direct;
	enum message_kind kind;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct heard heard[HEARD_SIZE];
	size_t heard_count, asides;
	int ups, aways;
	char up[200], away[800];
	bool ended, fine;               /* run() has returned */
	char error[600];
	bool comings;                   /* who comes and goes is to be heard */
	int slow;                       /* ms that bridge_hear() takes */
} story = { .lock = PTHREAD_MUTEX_INITIALIZER, .news = PTHREAD_COND_INITIALIZER };

struct gateway {
	pthread_t thread;
	struct engine engine;
	struct irc irc;
	struct link link;
	const char *channels[4];
	struct secret password;
	uint64_t task;
	int orders[2];
	atomic_bool ready;
	bool stopping;
};

static struct gateway gateway;

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
	assert(count == 1 && !cursor && link == &gateway.link);
	if (story.slow && !task_pause(task, story.slow))
		return false;
	pthread_mutex_lock(&story.lock);
	if (message->aside) {
		story.asides++;
		tell_news();
		return true;
	}
	struct heard *heard = &story.heard[story.heard_count % HEARD_SIZE];
	copy_text(heard->text, sizeof heard->text, message->text);
	copy_text(heard->account, sizeof heard->account, message->from.account);
	copy_text(heard->shown, sizeof heard->shown, message->from.shown);
	copy_text(heard->proof, sizeof heard->proof, message->from.proof);
	copy_text(heard->channel, sizeof heard->channel, message->place.channel);
	copy_text(heard->id, sizeof heard->id, message->id);
	heard->proven = message->from.proven;
	heard->only_looks = message->from.only_looks;
	heard->kind = message->kind;
	heard->direct = message->direct;
	story.heard_count++;
	tell_news();
	return true;
}

/* What changes something begins with !deploy or !build; !ping needs no proof, and what has no ! is not for us. */
enum proof
bridge_wants_proof(const struct link *link, const struct message *message)
{
	assert(link == &gateway.link);
	if (message->text[0] != '!' || !strncmp(message->text, "!ping", 5))
		return PROOF_NONE;
	return !strncmp(message->text, "!deploy", 7) || !strncmp(message->text, "!build", 6) ? PROOF_TO_CHANGE : PROOF_TO_LOOK;
}

bool
bridge_wants_comings(const struct link *link, const char *channel)
{
	(void)link, (void)channel;
	return story.comings;
}

static struct timespec
from_now(int64_t ms)
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

/* Waits for the story to go on until `condition` holds. */
#define await(condition) do { \
		struct timespec until_ = from_now(PATIENCE); \
		bool held_, late_ = false; \
		pthread_mutex_lock(&story.lock); \
		while (!(held_ = (condition)) && !late_) \
			late_ = pthread_cond_timedwait(&story.news, &story.lock, &until_) == ETIMEDOUT; \
		pthread_mutex_unlock(&story.lock); \
		if (!held_) \
			fail_msg("waited in vain for: %s (up: %s; away: %s; error: %s)", #condition, story.up, story.away, story.error); \
	} while (0)

/* Something to be said, carried to the loop and back. */
struct saying {
	const char *target, *headline, *to, *txn;
	int lines;
	bool ring, again;
	bool done, fine;                /* under story.lock */
	char error[600];
};

static void
say_it(struct task *task, void *with)
{
	struct saying *saying = with;
	struct card *card = card_new(task->arena, TONE_PLAIN, "%s", saying->headline);
	struct delivered done = { .id = NULL };

	for (int i = 1; i < saying->lines; i++)
		card_line(card, "%s %d", saying->headline, i);
	card->to = saying->to;
	card->ring = saying->ring;
	const struct delivery delivery = { .place = { "corp", saying->target, NULL }, .txn = saying->txn, .again = saying->again, .card = card };
	bool fine = protocol_irc.deliver(task, &gateway.link, &delivery, &done);
	pthread_mutex_lock(&story.lock);
	saying->done = true;
	saying->fine = fine;
	copy_text(saying->error, sizeof saying->error, task->error.text);
	assert(!done.id);
	tell_news();
}

static void
live(struct task *task, void *with)
{
	(void)with;
	bool fine = protocol_irc.run(task, &gateway.link);
	pthread_mutex_lock(&story.lock);
	story.ended = true;
	story.fine = fine;
	copy_text(story.error, sizeof story.error, task->error.text);
	tell_news();
}

/* An order is a pointer to something to say; NULL ends all. */
static void
take_order(void *with, int events)
{
	struct saying *saying;

	(void)with, (void)events;
	while (read(gateway.orders[0], &saying, sizeof saying) == sizeof saying) {
		if (saying) {
			task_start(&gateway.engine, "say", say_it, saying, NULL);
			continue;
		}
		gateway.stopping = true;
		tasks_cancel_all(gateway.engine.tasks);
	}
}

static void
look_for_end(void *with, int events)
{
	struct watch *look = *(struct watch **)with;

	(void)events;
	if (gateway.stopping && !tasks_count(gateway.engine.tasks))
		loop_stop(gateway.engine.loop);
	else
		watch_after(look, 2);
}

static void *
gateway_thread(void *with)
{
	struct error error;
	struct watch *look;

	(void)with;
	gateway.engine = (struct engine){ .loop = loop_open(&error) };
	gateway.engine.tasks = tasks_open(&gateway.engine, 1000);
	struct watch *orders = loop_descriptor(gateway.engine.loop, gateway.orders[0], LOOP_READ, take_order, NULL);
	look = loop_timer(gateway.engine.loop, look_for_end, &look);
	watch_after(look, 2);
	gateway.task = task_start(&gateway.engine, "link corp", live, NULL, NULL);
	gateway.ready = true;
	loop_run(gateway.engine.loop);
	watch_free(look);
	watch_free(orders);
	tasks_close(gateway.engine.tasks);
	loop_close(gateway.engine.loop);
	return NULL;
}

/* One server, as the configuration would have it. */
static struct list
in_a_list(const char *server)
{
	static const char *one[1];

	one[0] = server;
	return (struct list){ .count = 1, .each = one };
}

static void
start_gateway(void)
{
	story.heard_count = story.asides = 0;
	story.ups = story.aways = story.slow = 0;
	story.ended = story.fine = false;
	story.up[0] = story.away[0] = story.error[0] = '\0';
	gateway.ready = gateway.stopping = false;
	gateway.link = (struct link){ .name = "corp", .protocol = &protocol_irc, .conf = &gateway.irc, .engine = &gateway.engine,
		.nick = "sally", .channels = gateway.channels };
	assert_int_equal(pipe2(gateway.orders, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(pthread_create(&gateway.thread, NULL, gateway_thread, NULL), 0);
}

static void
order(struct saying *saying)
{
	assert_int_equal(write(gateway.orders[1], &saying, sizeof saying), sizeof saying);
}

static void
stop_gateway(void)
{
	order(NULL);
	pthread_join(gateway.thread, NULL);
	close(gateway.orders[0]);
	close(gateway.orders[1]);
	assert_true(story.ended);
	assert_null(gateway.link.own);
}

/* -- The server ------------------------------------------------------------------------------------------------------- */

struct server {
	int fd, port;
	SSL_CTX *tls;                   /* NULL: plain */
	int client;                     /* -1: nobody */
	SSL *ssl;
	char buffer[1 << 16];
	size_t length;
	size_t line_most;               /* bytes of a line of the client */
	size_t bytes;                   /* that came in all, after TLS */
	char all[1 << 16];              /* of them, for looking back */
};

static struct server server;

static void
open_server(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int on = 1;

	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(server.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(server.fd, 8), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &size), 0);
	server.port = ntohs(address.sin_port);
	server.client = -1;
	server.line_most = 512;
	server.tls = NULL;
}

static void
hang_up(void)
{
	SSL_free(server.ssl);
	server.ssl = NULL;
	if (server.client >= 0)
		close(server.client);
	server.client = -1;
	server.length = 0;
}

static void
close_server(void)
{
	hang_up();
	SSL_CTX_free(server.tls);
	close(server.fd);
}

static bool
readable(int fd, int ms)
{
	struct pollfd look = { .fd = fd, .events = POLLIN };

	return poll(&look, 1, ms) == 1;
}

static bool
answer_the_door(void)
{
	int on = 1;

	hang_up();
	if (!readable(server.fd, PATIENCE))
		fail_msg("nobody connected (away: %s; error: %s)", story.away, story.error);
	server.client = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(server.client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	server.bytes = 0;
	if (!server.tls)
		return true;
	server.ssl = SSL_new(server.tls);
	SSL_set_fd(server.ssl, server.client);
	return SSL_accept(server.ssl) == 1;
}

/* More bytes of the client; false where it hung up, or none came in time. */
static bool
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

/* The next line of the client; NULL where none comes. */
static const char *
next_line(int ms)
{
	static char line[LINE_SIZE];
	char *end;

	while (!(end = memchr(server.buffer, '\n', server.length)))
		if (!take_bytes(ms))
			return NULL;
	size_t length = (size_t)(end - server.buffer);
	assert_true(length > 0 && length < sizeof line && end[-1] == '\r');
	/* Tags have their own room. */
	const char *behind = *server.buffer == '@' ? memchr(server.buffer, ' ', length) : server.buffer;
	assert_true(behind && (size_t)(end - behind) <= server.line_most);
	memcpy(line, server.buffer, length - 1);
	line[length - 1] = '\0';
	assert_null(strchr(line, '\r'));
	server.length -= length + 1;
	memmove(server.buffer, end + 1, server.length);
	return line;
}

/* The next line, which begins so. */
static const char *
expect(const char *beginning)
{
	const char *line = next_line(PATIENCE);

	if (!line)
		fail_msg("waited in vain for %s (away: %s; error: %s)", beginning, story.away, story.error);
	if (strncmp(line, beginning, strlen(beginning)))
		fail_msg("expected %s, heard %s", beginning, line);
	return line;
}

static void
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

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void
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

/* The gateway has read all that was told before, and has said nothing but what was expected. */
static void
expect_nothing(void)
{
	static int count;
	char token[40];

	snprintf(token, sizeof token, "PONG probe%d", ++count);
	tell("PING :%s", token + 5);
	expect(token);
}

/* -- What is common to most stories ----------------------------------------------------------------------------------- */

static const char all_caps[] = "account-tag batch message-tags server-time";

static void
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

static void
welcome(const char *nick)
{
	tell(":irc.test 001 %s :Welcome", nick);
	tell(":irc.test 005 %s A B C D E F G H I J K CASEMAPPING=ascii M :are supported", nick);
	tell(":irc.test 422 %s :no MOTD", nick);
}

static void
let_in(const char *nick, const char *names)
{
	expect("JOIN #ops");
	tell(":%s!s@host.test JOIN #ops", nick);
	tell(":irc.test 353 %s = #ops :%s", nick, names);
	tell(":irc.test 366 %s #ops :End", nick);
}

static void
go_in_with(const char *caps)
{
	int before = story.ups;

	assert_true(answer_the_door());
	greet(caps);
	welcome("sally");
	let_in("sally", "@alice sally bob");
	await(story.ups > before);
}

static void
go_in(void)
{
	go_in_with(all_caps);
}

/* Something that is always heard: whatever came before it has been dealt with. */
static void
expect_heard_only(size_t count)
{
	tell(":zoe!z@h PRIVMSG #ops :that was all");
	await(story.heard_count > 0 && !strcmp(story.heard[(story.heard_count - 1) % HEARD_SIZE].text, "that was all"));
	assert_int_equal(story.heard_count, count + 1);
}

static int
set_up(void **state)
{
	(void)state;
	open_server();
	gateway.channels[0] = "#ops";
	gateway.channels[1] = NULL;
	gateway.irc = (struct irc){ .servers = in_a_list("127.0.0.1"), .port = server.port, .answers = "notice", .realname = "a gateway", .flood = true, .burst = 4,
		.rate = 2000, .retry = 20, .ping = 60000, .patience = 30000, .rejoin = 20 };
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	stop_gateway();
	close_server();
	return 0;
}

/* -- Being there ------------------------------------------------------------------------------------------------------ */

static void
test_it_joins_and_hears(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	assert_non_null(strstr(story.up, "as sally, 1 room"));
	assert_non_null(strstr(story.up, "not encrypted"));
	tell("@account=Alice;msgid=m1 :alice!a@h PRIVMSG #OPS :!build web");
	tell("@account=bob :bob!b@h PRIVMSG sally :whoami");
	await(story.heard_count == 2);
	assert_string_equal(story.heard[0].text, "!build web");
	assert_string_equal(story.heard[0].account, "corp/alice");
	assert_string_equal(story.heard[0].proof, "account-tag");
	assert_string_equal(story.heard[0].channel, "#ops");
	assert_string_equal(story.heard[0].id, "m1");
	assert_false(story.heard[0].direct);
	assert_string_equal(story.heard[1].channel, "bob");
	assert_string_equal(story.heard[1].id, "");
	assert_true(story.heard[1].direct);
}

static void
expect_coming(size_t i, enum message_kind kind, const char *who, const char *text)
{
	await(story.heard_count > i);
	assert_int_equal(story.heard[i].kind, kind);
	assert_string_equal(story.heard[i].shown, who);
	assert_string_equal(story.heard[i].text, text);
	assert_string_equal(story.heard[i].channel, "#ops");
	assert_false(story.heard[i].proven);
}

static void
test_who_comes_and_goes_is_heard_where_it_is_wanted(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	story.comings = true;
	tell(":dan!d@h JOIN #ops");
	tell(":dan!d@h NICK danny");
	tell(":danny!d@h PART #ops :lunch");
	tell(":eve!e@h JOIN #elsewhere");
	tell(":eve!e@h QUIT :not here");
	tell(":eve!e@h JOIN #ops");
	tell(":alice!a@h KICK #ops eve :too loud");
	tell(":bob!b@h JOIN #ops");
	tell(":bob!b@h QUIT :a.example b.example");
	tell(":bob!b@h PRIVMSG #ops :hello");
	expect_coming(0, MESSAGE_CAME, "dan", "");
	expect_coming(1, MESSAGE_RENAMED, "dan", "danny");
	expect_coming(2, MESSAGE_WENT, "danny", "lunch");
	expect_coming(3, MESSAGE_CAME, "eve", "");
	expect_coming(4, MESSAGE_REMOVED, "eve", "alice: too loud");
	expect_coming(5, MESSAGE_CAME, "bob", "");
	expect_coming(6, MESSAGE_WENT, "bob", "a.example b.example");
	expect_coming(7, MESSAGE_SAID, "bob", "hello");
	story.comings = false;
	tell(":dan!d@h JOIN #ops");
	tell(":dan!d@h PRIVMSG #ops :quiet");
	expect_coming(8, MESSAGE_SAID, "dan", "quiet");
}

static void
test_it_says_goodbye_when_it_is_stopped(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	order(NULL);
	assert_string_equal(expect("QUIT"), "QUIT stopped");
	await(story.ended);
	assert_true(story.fine);
}

static void
test_a_cap_list_of_two_lines_and_300_caps(void **state)
{
	char line[8000] = "";

	(void)state;
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	expect("NICK");
	expect("USER");
	for (int i = 0; i < 300; i++)
		snprintf(line + strlen(line), sizeof line - strlen(line), "example.org/cap-%d=v ", i);
	tell(":irc.test CAP * LS * :%s", line);
	tell(":irc.test CAP * LS :account-tag");
	expect("CAP REQ account-tag");
	tell(":irc.test CAP * ACK :account-tag");
	expect("CAP END");
	welcome("sally");
	let_in("sally", "sally");
	await(story.ups == 1);
}

static void
test_a_server_without_capabilities_proves_nobody(void **state)
{
	(void)state;
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	expect("NICK");
	expect("USER");
	tell(":irc.test 421 * CAP :Unknown command");
	welcome("sally");
	let_in("sally", "sally");
	await(story.ups == 1);
	tell("@account=alice :alice!a@h PRIVMSG #ops :!build web");
	await(story.heard_count == 1);
	assert_false(story.heard[0].proven);
	assert_string_equal(story.heard[0].account, "");
	assert_non_null(strstr(story.heard[0].proof, "account-tag"));
}

/* -- Who it is (threats I1 to I5) ------------------------------------------------------------------------------------- */

static void
test_an_admins_nick_gives_no_rights(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	tell("@account=alice :alice!a@h PRIVMSG #ops :!deploy");
	tell(":alice!a@h NICK :gone");
	tell(":mallory!m@h NICK :alice");
	tell(":alice!m@h PRIVMSG #ops :!deploy");
	tell("@account=* :alice!m@h PRIVMSG #ops :!deploy");
	tell("@+account=alice :alice!m@h PRIVMSG #ops :!deploy");
	await(story.heard_count == 4);
	assert_true(story.heard[0].proven);
	for (int i = 1; i < 4; i++) {
		assert_false(story.heard[i].proven);
		assert_string_equal(story.heard[i].account, "");
		assert_string_equal(story.heard[i].shown, "alice");
		assert_string_equal(story.heard[i].proof, "you are not logged in to services on corp");
	}
}

static void
test_a_withdrawn_account_tag_proves_nobody_any_more(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	tell(":irc.test CAP sally DEL :account-tag");
	tell("@account=alice :alice!a@h PRIVMSG #ops :!deploy");
	await(story.heard_count == 1);
	assert_false(story.heard[0].proven);
}

static void
test_a_forged_tag_on_an_open_line_proves_nobody(void **state)
{
	(void)state;
	gateway.irc.servers = in_a_list("elsewhere.test");
	gateway.irc.insecure = true;
	start_gateway();
	go_in();
	tell("@account=alice :alice!a@h PRIVMSG #ops :!deploy");
	await(story.heard_count == 1);
	assert_false(story.heard[0].proven);
	assert_non_null(strstr(story.heard[0].proof, "not encrypted"));
}

static void
test_what_is_played_back_is_no_command(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	tell(":irc.test BATCH +b1 chathistory #ops");
	tell("@batch=b1;account=alice;time=2026-11-23T14:02:10.000Z :alice!a@h PRIVMSG #ops :!deploy");
	tell(":irc.test BATCH -b1");
	tell("@account=alice;time=2020-01-01T00:00:00.000Z :alice!a@h PRIVMSG #ops :!deploy");
	tell("@account=sally :sally!s@host.test PRIVMSG #ops :!deploy");
	expect_heard_only(0);
	expect_nothing();
}

static void
test_a_notice_a_ctcp_or_nickserv_triggers_nothing(void **state)
{
	(void)state;
	gateway.irc.realname = "a real name of one hundred bytes, which the library would print into a buffer that is too small for it";
	start_gateway();
	go_in();
	tell("@account=alice :alice!a@h NOTICE #ops :!deploy");
	tell("@account=alice :alice!a@h NOTICE sally :!deploy");
	tell(":NickServ!n@services PRIVMSG sally :\001VERSION\001");
	tell(":NickServ!n@services PRIVMSG sally :\001PING 123\001");
	tell(":NickServ!n@services PRIVMSG sally :\001FINGER\001");
	tell(":NickServ!n@services PRIVMSG sally :\001DCC CHAT chat 2130706433 5000\001");
	tell(":NickServ!n@services NOTICE sally :This nickname is registered. IDENTIFY with your password");
	tell(":NickServ!n@services NOTICE sally :\001VERSION x\001");
	tell("@account=alice :alice!a@h PRIVMSG #ops :\001ACTION !deploy\001");
	tell(":alice!a@h INVITE sally #secret");
	expect_heard_only(0);
	assert_int_equal(story.asides, 1);
	expect_nothing();
}

/* -- Who it is where there is no account-tag (threats I2, I3) ------------------------------------------------------- */

static const char told_caps[] = "account-notify batch chghost extended-join message-tags server-time";

/* A network that tells of accounts, with WHOX. Alice and bob were there before us. */
static void
go_in_untagged(const char *caps, const char *support)
{
	start_gateway();
	assert_true(answer_the_door());
	greet(caps);
	tell(":irc.test 001 sally :Welcome");
	tell(":irc.test 005 sally CASEMAPPING=ascii %s :are supported", support);
	let_in("sally", "@alice sally bob");
	await(story.ups == 1);
}

/* The next line asks about that nick; its token. */
static unsigned
expect_question(const char *nick)
{
	char beginning[80];
	const char *line;

	snprintf(beginning, sizeof beginning, "WHO %s %%tcuhna,", nick);
	line = expect(beginning);
	unsigned token = (unsigned)atoi(line + strlen(beginning));
	assert_in_range(token, 1, 999);
	return token;
}

static void
answer_question(unsigned token, const char *nick, const char *account)
{
	tell(":irc.test 354 sally %u #ops %c h %s %s", token, *nick, nick, account);
	tell(":irc.test 315 sally %s :End of /WHO list.", nick);
}

static const struct heard *
last_heard(void)
{
	return &story.heard[(story.heard_count - 1) % HEARD_SIZE];
}

static void
test_a_fresh_answer_proves_a_change(void **state)
{
	(void)state;
	go_in_untagged(told_caps, "WHOX");
	tell(":alice!a@h PRIVMSG #ops :!deploy web");
	answer_question(expect_question("alice"), "alice", "Alice");
	await(story.heard_count == 1);
	assert_true(story.heard[0].proven);
	assert_false(story.heard[0].only_looks);
	assert_string_equal(story.heard[0].account, "corp/alice");
	assert_string_equal(story.heard[0].proof, "whox");
	assert_string_equal(story.heard[0].text, "!deploy web");
	/* Each change is asked for again; a look is not, for now it is known. */
	tell(":alice!a@h PRIVMSG #ops :!list");
	await(story.heard_count == 2);
	assert_string_equal(story.heard[1].proof, "account-notify");
	assert_true(story.heard[1].only_looks);
	tell(":alice!a@h PRIVMSG #ops :!deploy web");
	answer_question(expect_question("alice"), "alice", "alice");
	await(story.heard_count == 3);
	assert_string_equal(story.heard[2].proof, "whox");
}

static void
test_an_answer_after_a_nick_swap_proves_nobody(void **state)
{
	(void)state;
	go_in_untagged(told_caps, "WHOX");
	/* Mallory has the nick; alice, of the same host, gets it back before the server answers. */
	tell(":irc.test 353 sally = #ops :mallory");
	tell(":alice!a@h NICK :away");
	tell(":mallory!a@h NICK :alice");
	tell(":alice!a@h PRIVMSG #ops :!deploy web");
	unsigned token = expect_question("alice");
	tell(":alice!a@h NICK :mallory");
	tell(":away!a@h NICK :alice");
	answer_question(token, "alice", "alice");
	await(story.heard_count == 1);
	assert_false(story.heard[0].proven);
	assert_string_equal(story.heard[0].account, "");
	assert_non_null(strstr(story.heard[0].proof, "changed while I asked corp"));
	expect_nothing();
}

static void
test_whatever_happens_in_between_proves_nobody(void **state)
{
	static const char *const events[] = {
		":alice!a@h QUIT :*.net *.split", ":alice!a@h PART #ops :bye", ":bob!b@h KICK #ops alice :out", ":alice!a@h ACCOUNT *",
		":alice!a@h ACCOUNT alice", ":alice!a@h CHGHOST a other", ":alice!a@h NICK Alice", ":bob!b@h NICK alice",
	};

	(void)state;
	go_in_untagged(told_caps, "WHOX");
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		tell(":alice!a@h PRIVMSG #ops :!deploy web");
		unsigned token = expect_question("alice");
		tell("%s", events[i]);
		answer_question(token, "alice", "alice");
		await(story.heard_count == i + 1);
		if (last_heard()->proven)
			fail_msg("%s voids nothing", events[i]);
		/* Somebody else, a moment later: nothing that was known is left. */
		tell(":Alice!a@h QUIT :");
		tell(":alice!a@h QUIT :");
		tell(":alice!a@h JOIN #ops alice :A");
	}
}

static void
test_what_the_network_tells_is_enough_to_look(void **state)
{
	(void)state;
	go_in_untagged(told_caps, "WHOX");
	tell(":dave!d@h JOIN #ops Dave :a name");
	tell(":dave!d@h PRIVMSG #ops :!list");
	tell(":dave!d@h ACCOUNT *");
	tell(":dave!d@h PRIVMSG #ops :!list");
	tell(":dave!d@h PRIVMSG #ops :!deploy");
	tell(":dave!d@h ACCOUNT eve");
	tell(":dave!d@h PRIVMSG #ops :!list");
	tell(":dave!d@h CHGHOST d cloak");
	tell(":dave!d@cloak PRIVMSG #ops :!list");
	await(story.heard_count == 5);
	assert_string_equal(story.heard[0].account, "corp/dave");
	assert_true(story.heard[0].only_looks);
	for (int i = 1; i < 3; i++) {
		assert_false(story.heard[i].proven);
		assert_string_equal(story.heard[i].proof, "you are not logged in to services on corp");
	}
	for (int i = 3; i < 5; i++)
		assert_string_equal(story.heard[i].account, "corp/eve");
	/* Nobody was asked about. */
	expect_nothing();
}

static void
test_nothing_is_carried_to_another_nick_or_another_stay(void **state)
{
	static const char *const events[] = { ":dave!d@h NICK :dan", ":dave!d@h QUIT :*.net *.split", ":dave!d@h PART #ops", ":bob!b@h KICK #ops dave :out" };

	(void)state;
	go_in_untagged(told_caps, "WHOX");
	for (size_t i = 0; i < sizeof events / sizeof *events; i++) {
		tell(":dave!d@h JOIN #ops dave :a name");
		tell("%s", events[i]);
		tell(":irc.test 353 sally = #ops :dave dan");
		tell(":%s!d@h PRIVMSG #ops :!list", i ? "dave" : "dan");
		answer_question(expect_question(i ? "dave" : "dan"), i ? "dave" : "dan", "eve");
		await(story.heard_count == i + 1);
		assert_string_equal(last_heard()->account, "corp/eve");
		tell(":dan!d@h QUIT :");
		tell(":dave!d@h QUIT :");
	}
}

static void
test_a_stranger_with_many_nicks_makes_us_ask_once(void **state)
{
	(void)state;
	go_in_untagged(told_caps, "WHOX");
	tell(":irc.test 353 sally = #ops :mallory");
	tell(":mallory!m@h PRIVMSG #ops :!deploy");
	answer_question(expect_question("mallory"), "mallory", "0");
	tell(":mallory!m@h NICK :m0");
	for (int i = 0; i < 20; i++) {
		tell(":m%d!m@h NICK :m%d", i, i + 1);
		tell(":m%d!m@h PRIVMSG #ops :!deploy", i + 1);
	}
	await(story.heard_count == 21);
	for (int i = 0; i < 21; i++)
		assert_string_equal(story.heard[i].proof, "you are not logged in to services on corp");
	expect_nothing();
}

static void
test_a_question_holds_up_nobody_else(void **state)
{
	(void)state;
	go_in_untagged(told_caps, "WHOX");
	tell(":alice!a@h PRIVMSG #ops :!deploy one");
	tell(":alice!a@h PRIVMSG #ops :!ping two");
	tell(":alice!a@h PRIVMSG #ops :!deploy three");
	tell(":bob!b@h PRIVMSG #ops :!ping bob");
	unsigned token = expect_question("alice");
	await(story.heard_count == 1);
	assert_string_equal(story.heard[0].text, "!ping bob");
	answer_question(token, "alice", "alice");
	await(story.heard_count == 4);
	assert_string_equal(story.heard[1].text, "!deploy one");
	assert_string_equal(story.heard[2].text, "!ping two");
	assert_string_equal(story.heard[3].text, "!deploy three");
	assert_true(story.heard[1].proven);
	assert_true(story.heard[3].proven);
	/* One answer for both: it came after both. */
	expect_nothing();
}

static void
test_who_shares_no_channel_with_us_is_not_asked_about(void **state)
{
	(void)state;
	go_in_untagged(told_caps, "WHOX");
	tell(":zed!z@h PRIVMSG sally :!deploy");
	tell(":zed!z@h PRIVMSG sally :!list");
	await(story.heard_count == 2);
	for (int i = 0; i < 2; i++) {
		assert_false(story.heard[i].proven);
		assert_non_null(strstr(story.heard[i].proof, "we share no channel on corp"));
	}
	tell(":irc.test 353 sally = #ops :\303\251mile");
	tell(":\303\251mile!e@h PRIVMSG #ops :!deploy");
	await(story.heard_count == 3);
	assert_false(story.heard[2].proven);
	assert_non_null(strstr(story.heard[2].proof, "plain letters"));
	expect_nothing();
	/* In private, but seen in #ops. */
	tell(":alice!a@h PRIVMSG sally :!deploy");
	answer_question(expect_question("alice"), "alice", "alice");
	await(story.heard_count == 4);
	assert_true(story.heard[3].proven);
	assert_true(story.heard[3].direct);
}

static void
test_a_network_that_tells_nothing_is_asked_for_looks_too(void **state)
{
	(void)state;
	/* extended-join alone is not enough: a logout would not be told. */
	go_in_untagged("extended-join", "WHOX");
	tell(":dave!d@h JOIN #ops dave :a name");
	tell(":dave!d@h PRIVMSG #ops :!list");
	answer_question(expect_question("dave"), "dave", "dave");
	tell(":dave!d@h PRIVMSG #ops :!list");
	answer_question(expect_question("dave"), "dave", "*");
	tell(":dave!d@h PRIVMSG #ops :hello");
	tell(":dave!d@h PRIVMSG #ops :!ping");
	await(story.heard_count == 4);
	assert_string_equal(story.heard[0].account, "corp/dave");
	assert_false(story.heard[1].proven);
	assert_string_equal(story.heard[1].proof, "you are not logged in to services on corp");
	expect_nothing();
}

static void
test_without_whox_people_may_look_and_change_nothing(void **state)
{
	(void)state;
	go_in_untagged("", "X");
	tell(":alice!a@h PRIVMSG #ops :!list");
	assert_string_equal(expect("WHOIS"), "WHOIS alice");
	tell(":irc.test 311 sally alice a h * :Alice");
	tell(":irc.test 330 sally alice alice :is logged in as");
	tell(":irc.test 318 sally alice :End of /WHOIS list.");
	await(story.heard_count == 1);
	assert_string_equal(story.heard[0].account, "corp/alice");
	assert_string_equal(story.heard[0].proof, "whois");
	assert_true(story.heard[0].only_looks);
	tell(":alice!a@h PRIVMSG #ops :!deploy");
	await(story.heard_count == 2);
	assert_false(story.heard[1].proven);
	assert_non_null(strstr(story.heard[1].proof, "neither account-tag nor WHOX"));
	expect_nothing();
}

static void
test_an_answer_that_never_comes_proves_nobody(void **state)
{
	(void)state;
	go_in_untagged(told_caps, "WHOX");
	tell(":alice!a@h PRIVMSG #ops :!deploy");
	unsigned token = expect_question("alice");
	await(story.heard_count == 1);
	assert_false(story.heard[0].proven);
	assert_non_null(strstr(story.heard[0].proof, "did not say in time"));
	answer_question(token, "alice", "alice");
	expect_heard_only(1);
}

static void
test_a_question_leaves_before_what_waits(void **state)
{
	struct saying long_one = { .target = "#ops", .headline = "many", .lines = 8 };

	(void)state;
	gateway.irc.rate = 1000;
	go_in_untagged(told_caps, "WHOX");
	order(&long_one);
	for (int i = 0; i < 3; i++)
		expect("NOTICE #ops");
	tell(":alice!a@h PRIVMSG #ops :!deploy");
	const char *line = expect("");
	if (!strncmp(line, "NOTICE", 6))        /* it was on its way */
		line = expect("");
	assert_memory_equal(line, "WHO alice", 9);
}

static void
test_identity_is_not_carried_over_a_reconnection(void **state)
{
	(void)state;
	go_in_untagged(told_caps, "WHOX");
	tell(":dave!d@h JOIN #ops dave :a name");
	tell(":dave!d@h PRIVMSG #ops :!list");
	tell(":alice!a@h PRIVMSG #ops :!deploy");
	expect_question("alice");
	await(story.heard_count == 1);
	hang_up();
	await(story.aways == 1);
	assert_true(answer_the_door());
	greet(told_caps);
	tell(":irc.test 001 sally :Welcome");
	tell(":irc.test 005 sally CASEMAPPING=ascii :are supported");
	let_in("sally", "@alice sally bob dave");
	await(story.ups == 2);
	/* Nor is what that server could: this one has no WHOX. */
	tell(":dave!d@h PRIVMSG #ops :!list");
	assert_string_equal(expect("WHOIS"), "WHOIS dave");
	tell(":irc.test 318 sally dave :End of /WHOIS list.");
	await(story.heard_count == 2);
	assert_false(story.heard[1].proven);
	assert_string_equal(story.heard[1].text, "!list");
}

static void
test_a_withdrawn_account_tag_makes_us_ask(void **state)
{
	(void)state;
	go_in_untagged("account-notify account-tag extended-join", "WHOX");
	/* While it is there nothing else counts. */
	tell(":alice!a@h ACCOUNT alice");
	tell(":alice!a@h PRIVMSG #ops :!deploy");
	tell("@account=alice :alice!a@h PRIVMSG #ops :!deploy");
	await(story.heard_count == 2);
	assert_false(story.heard[0].proven);
	assert_string_equal(story.heard[1].proof, "account-tag");
	expect_nothing();
	tell(":irc.test CAP sally DEL :account-tag");
	tell("@account=alice :alice!a@h PRIVMSG #ops :!deploy");
	unsigned token = expect_question("alice");
	/* What was told before does not count: nobody listened. */
	tell("@account=bob :bob!b@h PRIVMSG #ops :!list");
	answer_question(expect_question("bob"), "bob", "0");
	await(story.heard_count == 3);
	answer_question(token, "alice", "alice");
	await(story.heard_count == 4);
	assert_false(story.heard[2].proven);
	assert_string_equal(story.heard[3].proof, "whox");
	/* And it comes back in the middle of a question. */
	tell(":alice!a@h PRIVMSG #ops :!deploy");
	token = expect_question("alice");
	tell(":irc.test CAP sally NEW :account-tag");
	expect("CAP REQ account-tag");
	tell(":irc.test CAP sally ACK :account-tag");
	answer_question(token, "alice", "alice");
	await(story.heard_count == 5);
	assert_false(story.heard[4].proven);
	tell("@account=alice :alice!a@h PRIVMSG #ops :!deploy");
	await(story.heard_count == 6);
	assert_string_equal(story.heard[5].proof, "account-tag");
}

static void
test_an_open_line_is_never_asked_anything(void **state)
{
	(void)state;
	gateway.irc.servers = in_a_list("elsewhere.test");
	gateway.irc.insecure = true;
	go_in_untagged(told_caps, "WHOX");
	tell(":alice!a@h ACCOUNT alice");
	tell(":alice!a@h PRIVMSG #ops :!deploy");
	tell(":alice!a@h PRIVMSG #ops :!list");
	await(story.heard_count == 2);
	for (int i = 0; i < 2; i++) {
		assert_false(story.heard[i].proven);
		assert_non_null(strstr(story.heard[i].proof, "not encrypted"));
	}
	expect_nothing();
}

/* -- What the wire must neutralise (facts): one test for each finding ------------------------------------------------- */

static void
survives(const char *const *lines, size_t count)
{
	start_gateway();
	go_in();
	for (size_t i = 0; i < count; i++)
		tell("%s", lines[i]);
	expect_heard_only(0);
	expect_nothing();
	assert_int_equal(story.aways, 0);
}

#define SURVIVES(...) do { \
		static const char *const lines_[] = { __VA_ARGS__ }; \
		survives(lines_, sizeof lines_ / sizeof *lines_); \
	} while (0)

static void
test_a_name_with_percents_is_no_format(void **state)
{
	(void)state;
	gateway.irc.realname = "100%n %s %p %%";
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	expect("NICK sally");
	assert_non_null(strstr(expect("USER"), ":100%n %s %p %%"));
}

static void
test_a_line_of_nine_kilobytes_deafens_nobody(void **state)
{
	char line[9100];

	(void)state;
	start_gateway();
	go_in();
	snprintf(line, sizeof line, "@x=");
	memset(line + 3, 'x', 8100);
	snprintf(line + 3 + 8100, sizeof line - 3 - 8100, ";account=alice :alice!a@h PRIVMSG #ops :!after long tags");
	tell("%s", line);
	await(story.heard_count == 1);
	assert_true(story.heard[0].proven);
	/* And what is longer than any line may be. */
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	tell("%s", line);
	tell(":alice!a@h PRIVMSG #ops :%.2000s", line);
	for (int i = 0; i < 40; i++)
		give(line, sizeof line - 1);
	give("\r\n", 2);
	expect_heard_only(1);
}

/* Its last byte before the limit is the first one of a line that would look well. */
static void
test_the_end_of_an_endless_line_is_no_line(void **state)
{
	static char much[16 * 1024 + 1];
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };

	(void)state;
	start_gateway();
	go_in();
	memset(much, 'x', sizeof much);
	much[sizeof much - 1] = '@';
	for (int i = 0; i < 5; i++) {
		give(much, sizeof much);
		nanosleep(&moment, NULL);       /* so that it is most likely read before the rest is there; it must hold either way */
		tell("account=alice :alice!a@h PRIVMSG #ops :!deploy");
	}
	expect_heard_only(0);
}

static void
test_an_empty_line_deafens_nobody(void **state)
{
	(void)state;
	SURVIVES("", "", "\r", " ", "   ", "\n\n\n");
}

static void
test_nick_and_notice_without_their_words_crash_nothing(void **state)
{
	(void)state;
	SURVIVES("NICK", "NICK :", "NICK x", ":sally!s@h NICK", "NOTICE x", ":a!b@c NOTICE", "NOTICE", "NOTICE AUTH :*** Looking up");
}

static void
test_a_bare_command_says_nothing_old(void **state)
{
	(void)state;
	SURVIVES("@account=alice :alice!a@h PRIVMSG #other :!deploy", "AWAY", ":alice!a@h AWAY", "JOIN", ":alice!a@h PART", ":alice!a@h QUIT", "KICK", "KICK #ops",
		"TOPIC", "INVITE", "MODE", "PRIVMSG", "PRIVMSG #ops", ":alice!a@h PRIVMSG", ":alice!a@h PRIVMSG sally");
}

static void
test_a_lone_ctcp_mark_is_dropped(void **state)
{
	(void)state;
	SURVIVES(":alice!a@h PRIVMSG #ops :\001", ":alice!a@h PRIVMSG sally :\001", ":alice!a@h NOTICE sally :\001", ":alice!a@h PRIVMSG #ops :\001\001",
		":alice!a@h PRIVMSG #ops :\001ACTION", ":alice!a@h PRIVMSG #ops :\001ACTION \001");
}

static void
test_a_nick_that_begins_with_ours_is_not_us(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	tell(":sally2!s@h PRIVMSG #ops :from a longer nick");
	tell(":sall!s@h PRIVMSG #ops :from a shorter nick");
	tell(":alice!a@h PRIVMSG sally2 :to a longer nick");
	tell(":sally2!s@h NICK :other");
	tell(":alice!a@h PRIVMSG sally :to us");
	await(story.heard_count == 3);
	assert_false(story.heard[0].direct);
	assert_false(story.heard[1].direct);
	assert_string_equal(story.heard[2].text, "to us");
	assert_true(story.heard[2].direct);
}

static void
test_the_fourteenth_word_of_a_005_is_read(void **state)
{
	(void)state;
	start_gateway();
	go_in();        /* its 005 says CASEMAPPING=ascii in the thirteenth */
	tell(":ALICE[!a@h PRIVMSG SALLY :in ascii");
	tell(":a!a@h PRIVMSG sally :1 2 3 4 5 6 7 8 9 10 11 12");
	tell(":irc.test 005 sally 1 2 3 4 5 6 7 8 9 10 11 CASEMAPPING=rfc1459 :are supported");
	await(story.heard_count == 2);
	expect_heard_only(2);
}

static void
test_a_long_action_is_no_command(void **state)
{
	char line[500];

	(void)state;
	start_gateway();
	go_in();
	memset(line, 'x', sizeof line);
	snprintf(line, 40, ":alice!a@h PRIVMSG #ops :\001ACTION ");
	line[strlen(line)] = 'x';
	line[sizeof line - 2] = '\001';
	line[sizeof line - 1] = '\0';
	tell("%s", line);
	expect_heard_only(0);
	assert_int_equal(story.asides, 1);
	expect_nothing();
}

static void
test_a_ping_is_answered_before_all_that_waits(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "one of many", .lines = 8 };

	(void)state;
	gateway.irc.burst = 1;
	gateway.irc.rate = 60000;
	start_gateway();
	go_in();        /* the JOIN took the one that was free */
	order(&saying);
	await(saying.done);
	assert_true(saying.fine);
	tell("PING :are you there");
	expect("PONG :are you there");
	tell("PING");
	expect("PONG :");
}

static void
test_a_line_end_in_what_is_said_says_nothing(void **state)
{
	struct saying target = { .target = "#ops\r\nQUIT", .headline = "x" }, nick = { .target = "bob\nQUIT", .headline = "x" },
		blank = { .target = "bob x", .headline = "x" }, text = { .target = "#ops", .headline = "a\r\nQUIT :b\n\rc" };

	(void)state;
	start_gateway();
	go_in();
	order(&target);
	order(&nick);
	order(&blank);
	order(&text);
	await(target.done && nick.done && blank.done && text.done);
	assert_false(target.fine || nick.fine || blank.fine);
	assert_true(text.fine);
	assert_string_equal(expect("NOTICE"), "NOTICE #ops :a QUIT :b c");
	expect_nothing();
}

static void
test_tags_stay_beside_their_own_line(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	for (int i = 0; i < 200; i += 2) {
		tell(":x!a@h PRIVMSG #ops :%d", i);
		tell("@account=a%d :x!a@h PRIVMSG #ops :%d", i + 1, i + 1);
	}
	await(story.heard_count == 200);
	for (int i = 0; i < 200; i++) {
		char account[40];
		snprintf(account, sizeof account, "corp/a%d", i);
		assert_int_equal(atoi(story.heard[i].text), i);
		assert_int_equal(story.heard[i].proven, i % 2);
		assert_string_equal(story.heard[i].account, i % 2 ? account : "");
	}
}

static void
test_numerics_that_are_none_crash_nothing(void **state)
{
	(void)state;
	SURVIVES("000", "000 sally :x", ":irc.test 000 sally", "N", "NI", "N x", "NI x", "NIC x", "P", "1", "01", "1234", "00a");
}

static void
test_a_numeric_without_words_says_nothing_old(void **state)
{
	(void)state;
	SURVIVES("@account=alice :alice!a@h PRIVMSG #other :!deploy", ":irc.test 353", "353", ":irc.test 366", "376", "433", ":irc.test 474", "404", "005", "001",
		":irc.test", ":alice!a@h", "@account=alice", "MODE sally", ":alice!a@h MODE sally", ":irc.test MODE #ops +o alice");
}

static void
test_double_blanks_shift_nothing(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	tell("@account=alice   :alice!a@h   PRIVMSG   #ops   :!deploy  web");
	await(story.heard_count == 1);
	assert_true(story.heard[0].proven);
	assert_string_equal(story.heard[0].text, "!deploy  web");
}

static void
test_garbage_and_bad_utf8_hurt_nothing(void **state)
{
	char bytes[4096];
	unsigned seed = 4711;

	(void)state;
	start_gateway();
	go_in();
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < sizeof bytes; i++) {
			seed = seed * 1103515245u + 12345u;
			bytes[i] = (char)(seed >> 16);
		}
		give(bytes, sizeof bytes);
	}
	give("\r\n", 2);
	tell(":alice!a@h PRIVMSG #ops :\xff\xfe caf\xe9");
	await(story.heard_count > 0 && strstr(story.heard[(story.heard_count - 1) % HEARD_SIZE].text, "caf"));
	assert_string_equal(story.heard[story.heard_count - 1].text, "\357\277\275\357\277\275 caf\357\277\275");
}

/* -- Much at once ----------------------------------------------------------------------------------------------------- */

static void
test_two_thousand_commands_are_all_heard_in_order(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	story.slow = 1;         /* the store takes its time, and the server waits */
	for (int i = 0; i < 1000; i++)
		tell(":x!a@h PRIVMSG #ops :%d", i);
	await(story.heard_count >= 900);
	story.slow = 0;
	for (int i = 1000; i < 2000; i++)
		tell(":x!a@h PRIVMSG #ops :%d", i);
	await(story.heard_count == 2000);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(atoi(story.heard[i].text), i);
}

/* -- Saying something ------------------------------------------------------------------------------------------------- */

static void
test_lines_leave_as_fast_as_the_server_allows(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "line", .lines = 6 };

	(void)state;
	gateway.irc.burst = 3;
	gateway.irc.rate = 100;
	start_gateway();
	go_in();
	int64_t began = clock_mono(), third = 0;
	order(&saying);
	for (int i = 0; i < 6; i++) {
		char expected[40];
		snprintf(expected, sizeof expected, i ? "NOTICE #ops :| line %d" : "NOTICE #ops line", i);
		const char *line = expect("NOTICE #ops");
		assert_true(strstr(line, i ? expected + strlen("NOTICE #ops :| ") : "line"));
		if (i == 2)
			third = clock_mono();
	}
	/* Three at once, less the JOIN just before; then one each time. */
	assert_true(third - began < 1000);
	assert_true(clock_mono() - began >= 290);
}

static void
test_without_a_limit_all_lines_leave_at_once(void **state)
{
	struct saying sayings[20];

	(void)state;
	gateway.irc.burst = 1;
	gateway.irc.rate = 60000;
	gateway.irc.flood = false;
	start_gateway();
	go_in();
	for (int i = 0; i < 20; i++) {
		sayings[i] = (struct saying){ .target = "#ops", .headline = "x", .lines = 5 };
		order(&sayings[i]);
	}
	for (int i = 0; i < 100; i++)
		expect("NOTICE #ops");
	await(sayings[19].done);
}

static void
test_said_means_that_the_server_has_it(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "B31 passed", .to = "alice", .ring = true, .txn = "txn-1" };

	(void)state;
	start_gateway();
	go_in();
	order(&saying);
	assert_string_equal(expect("PRIVMSG"), "PRIVMSG #ops :alice: B31 passed");
	assert_string_equal(expect("PING"), "PING txn-1");
	tell(":irc.test PONG irc.test :another");
	expect_nothing();
	assert_false(saying.done);
	tell(":irc.test PONG irc.test :txn-1");
	await(saying.done);
	assert_true(saying.fine);
}

static void
test_a_later_proof_proves_what_was_said_before(void **state)
{
	struct saying first = { .target = "#ops", .headline = "one", .txn = "txn-1" }, second = { .target = "bob", .headline = "two", .txn = "txn-2" };

	(void)state;
	start_gateway();
	go_in();
	order(&first);
	expect("NOTICE #ops");
	expect("PING txn-1");
	order(&second);
	expect("NOTICE bob");
	expect("PING txn-2");
	tell(":irc.test PONG irc.test :txn-2");
	await(first.done && second.done);
	assert_true(first.fine && second.fine);
}

static void
test_a_proof_proves_nothing_that_was_said_after(void **state)
{
	struct saying first = { .target = "#ops", .headline = "one", .txn = "txn-1" }, second = { .target = "bob", .headline = "two", .txn = "txn-2" };

	(void)state;
	start_gateway();
	go_in();
	order(&first);
	expect("NOTICE #ops");
	expect("PING txn-1");
	order(&second);
	expect("NOTICE bob");
	expect("PING txn-2");
	tell(":irc.test PONG irc.test :txn-1");
	await(first.done);
	expect_nothing();
	assert_false(second.done);
	hang_up();
	await(second.done);
	assert_true(first.fine);
	assert_false(second.fine);
}

static void
test_what_the_server_refuses_was_not_said(void **state)
{
	struct saying muted = { .target = "#ops", .headline = "one", .txn = "txn-1" }, gone = { .target = "bob", .headline = "two", .txn = "txn-2" };

	(void)state;
	start_gateway();
	go_in();
	order(&muted);
	expect("NOTICE");
	expect("PING");
	tell(":irc.test 404 sally #ops :Cannot send to channel (+m)");
	tell(":irc.test PONG irc.test :txn-1");
	await(muted.done);
	assert_false(muted.fine);
	assert_non_null(strstr(muted.error, "Cannot send to channel"));
	order(&gone);
	expect("NOTICE");
	expect("PING");
	tell(":irc.test 401 sally bob :No such nick");
	tell(":irc.test PONG irc.test :txn-2");
	await(gone.done);
	assert_false(gone.fine);
}

static void
test_a_lost_connection_is_no_proof(void **state)
{
	struct saying sayings[60];

	(void)state;
	gateway.irc.rate = 60000;
	start_gateway();
	go_in();
	/* More than the queue takes: some wait for room, some for their proof, none is forgotten. */
	for (int i = 0; i < 60; i++) {
		sayings[i] = (struct saying){ .target = "#ops", .headline = "x", .lines = 8, .txn = "txn" };
		order(&sayings[i]);
	}
	expect("NOTICE");
	expect("NOTICE");
	hang_up();
	for (int i = 0; i < 60; i++) {
		await(sayings[i].done);
		assert_false(sayings[i].fine);
		assert_true(*sayings[i].error);
	}
	go_in();
	struct saying late = { .target = "#ops", .headline = "said late", .again = true };
	order(&late);
	assert_string_equal(expect("NOTICE"), "NOTICE #ops :said late (resent)");
}

static void
test_a_full_queue_makes_room_again(void **state)
{
	struct saying sayings[40];

	(void)state;
	gateway.irc.burst = 1;
	gateway.irc.rate = 1;
	start_gateway();
	go_in();
	for (int i = 0; i < 40; i++) {
		sayings[i] = (struct saying){ .target = "#ops", .headline = "x", .lines = 10 };
		order(&sayings[i]);
	}
	for (int i = 0; i < 400; i++)
		expect("NOTICE #ops");
	await(sayings[39].done);
	assert_true(sayings[39].fine);
	expect_nothing();
}

/* -- The proof, with a label or with an echo -------------------------------------------------------------------------- */

static const char with_labels[] = "account-tag batch echo-message labeled-response message-tags standard-replies";
static const char with_echo[] = "account-tag echo-message message-tags";
static const char with_multiline[] = "account-tag batch draft/multiline=max-bytes=4096,max-lines=24 echo-message labeled-response message-tags";

static void
test_a_labelled_echo_proves_exactly_that_line(void **state)
{
	struct saying first = { .target = "#ops", .headline = "one", .txn = "txn-1" }, second = { .target = "#ops", .headline = "one", .txn = "txn-2" };

	(void)state;
	start_gateway();
	go_in_with(with_labels);
	order(&first);
	assert_string_equal(expect("@"), "@label=txn-1.0 NOTICE #ops one");
	order(&second);
	assert_string_equal(expect("@"), "@label=txn-2.0 NOTICE #ops one");
	tell("@label=txn-2.0 :sally!s@h NOTICE #ops :one");
	await(second.done);
	expect_nothing();
	assert_true(second.fine);
	assert_false(first.done);
	/* What the server made of it is what was said. */
	tell("@label=txn-1.0 :sally!s@h NOTICE #ops :o*e");
	await(first.done);
	assert_true(first.fine);
}

static void
test_every_line_is_proven_for_itself(void **state)
{
	struct saying saying = { .target = "bob", .headline = "x", .lines = 3, .txn = "txn-1" };

	(void)state;
	start_gateway();
	go_in_with(with_labels);
	order(&saying);
	assert_string_equal(expect("@"), "@label=txn-1.0 NOTICE bob x");
	expect("@label=txn-1.1 NOTICE bob");
	expect("@label=txn-1.2 NOTICE bob");
	tell("@label=txn-1.2 :irc.test ACK");
	tell("@label=txn-1.0 :irc.test ACK");
	tell("@label=txn-1.0 :irc.test ACK");
	tell("@label=txn-1.9 :irc.test ACK");
	tell("@label=txn-9.1 :irc.test ACK");
	tell("@label=txn-1 :irc.test ACK");
	tell("@label=. :irc.test ACK");
	expect_nothing();
	assert_false(saying.done);
	/* An answer of several lines, the last of which is only its end. */
	tell("@label=txn-1.1 :irc.test BATCH +r1 labeled-response");
	tell("@batch=r1 :irc.test 301 sally bob :away");
	expect_nothing();
	assert_false(saying.done);
	tell(":irc.test BATCH -r1");
	await(saying.done);
	assert_true(saying.fine);
}

static void
test_a_labelled_error_refuses_exactly_that_line(void **state)
{
	static const char *const errors[] = {
		"@label=txn-1.0 :irc.test 404 sally #ops :Cannot send to channel (+m)",
		"@label=txn-1.0 :irc.test FAIL NOTICE SOMETHING #ops :Cannot send to channel (+m)",
		"@label=txn-1.0 :irc.test BATCH +r1 labeled-response\r\n@batch=r1 :irc.test 404 sally #ops :Cannot send to channel (+m)\r\n:irc.test BATCH -r1",
	};

	(void)state;
	gateway.irc.flood = false;
	start_gateway();
	go_in_with(with_labels);
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
		struct saying muted = { .target = "#ops", .headline = "one", .txn = "txn-1" }, other = { .target = "#ops", .headline = "two", .txn = "txn-2" };
		order(&other);
		expect("@label=txn-2.0 ");
		order(&muted);
		expect("@label=txn-1.0 ");
		tell("%s", errors[i]);
		await(muted.done);
		assert_false(muted.fine);
		assert_string_equal(muted.error, "corp did not take it for #ops: Cannot send to channel (+m).");
		expect_nothing();
		assert_false(other.done);
		/* An error without a label is none of theirs: of a loose answer, perhaps. */
		tell(":irc.test 404 sally #ops :Cannot send to channel (+m)");
		tell("@label=txn-2.0 :irc.test ACK");
		await(other.done);
		assert_true(other.fine);
	}
}

static void
test_a_server_that_forgets_a_label_is_asked(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "one", .txn = "txn-1" };

	(void)state;
	gateway.irc.patience = 30;
	start_gateway();
	go_in_with(with_labels);
	order(&saying);
	expect("@label=txn-1.0 ");
	assert_string_equal(expect("PING"), "PING txn-1");
	tell(":irc.test PONG irc.test :txn-1");
	await(saying.done);
	assert_true(saying.fine);
}

static void
test_a_loose_answer_carries_no_label(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "pong" };

	(void)state;
	start_gateway();
	go_in_with(with_multiline);
	order(&saying);
	assert_string_equal(expect("NOTICE"), "NOTICE #ops pong");
	await(saying.done);
	assert_true(saying.fine);
	expect_nothing();
}

static void
test_an_echo_proves_where_there_are_no_labels(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "x", .lines = 2, .txn = "txn-1" }, changed = { .target = "#ops", .headline = "damn", .txn = "txn-2" };

	(void)state;
	start_gateway();
	go_in_with(with_echo);
	order(&saying);
	expect("NOTICE #ops x");
	expect("NOTICE #ops :x 1");
	expect("PING txn-1");
	tell(":sally!s@h NOTICE #ops :x");
	tell(":sally!s@h NOTICE #ops :x");
	tell(":alice!s@h NOTICE #ops :x 1");
	tell(":sally!s@h NOTICE #other :x 1");
	expect_nothing();
	assert_false(saying.done);
	tell(":sally!s@h NOTICE #OPS :x 1");
	await(saying.done);
	assert_true(saying.fine);
	order(&changed);
	expect("NOTICE #ops damn");
	expect("PING txn-2");
	tell(":sally!s@h NOTICE #ops :d**n");
	expect_nothing();
	assert_false(changed.done);
	tell(":irc.test PONG irc.test :txn-2");
	await(changed.done);
	assert_true(changed.fine);
}

static void
test_our_own_echo_is_no_command(void **state)
{
	(void)state;
	start_gateway();
	go_in_with(with_multiline);
	tell("@account=alice :sally!s@h PRIVMSG #ops :!build web");
	tell("@account=alice :sally!s@h PRIVMSG sally :!build web");
	tell("@account=alice :sally!s@h BATCH +e draft/multiline #ops");
	tell("@batch=e :sally!s@h PRIVMSG #ops :!build web");
	tell(":irc.test BATCH -e");
	expect_heard_only(0);
}

static void
test_a_label_is_no_proof_once_the_connection_is_lost(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "one", .txn = "txn-1" };

	(void)state;
	start_gateway();
	go_in_with(with_labels);
	order(&saying);
	expect("@label=txn-1.0 ");
	hang_up();
	await(saying.done);
	assert_false(saying.fine);
	go_in_with(with_labels);
	struct saying again = { .target = "#ops", .headline = "one", .txn = "txn-1", .again = true };
	order(&again);
	assert_string_equal(expect("@"), "@label=txn-1.0 NOTICE #ops :one (resent)");
	tell("@label=txn-1.0 :sally!s@h NOTICE #ops :one (resent)");
	await(again.done);
	assert_true(again.fine);
}

/* -- Messages of many lines ------------------------------------------------------------------------------------------- */

static void
test_a_card_of_many_lines_is_one_message(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "B31 failed", .lines = 3, .to = "alice", .ring = true, .txn = "txn-1" };

	(void)state;
	gateway.irc.flood = false;
	start_gateway();
	go_in_with(with_multiline);
	order(&saying);
	assert_string_equal(expect("@"), "@label=txn-1.0 BATCH +s1 draft/multiline #ops");
	/* All of one message are of one kind, and none rings but by the name at its very beginning. */
	assert_string_equal(expect("@"), "@batch=s1 PRIVMSG #ops :alice: B31 failed");
	assert_string_equal(expect("@"), "@batch=s1 PRIVMSG #ops :B31 failed 1");
	assert_string_equal(expect("@"), "@batch=s1 PRIVMSG #ops :B31 failed 2");
	assert_string_equal(expect("BATCH"), "BATCH -s1");
	tell("@label=txn-1.0 :sally!s@h BATCH +77 draft/multiline #ops");
	tell("@batch=77 :sally!s@h PRIVMSG #ops :alice: B31 failed");
	tell(":sally!s@h BATCH -77");
	await(saying.done);
	assert_true(saying.fine);
	struct saying refused = { .target = "bob", .headline = "x", .lines = 2, .txn = "txn-2" };
	order(&refused);
	expect("@label=txn-2.0 BATCH +s2 draft/multiline bob");
	expect("@batch=s2 NOTICE bob x");
	expect("@batch=s2 NOTICE bob :x 1");
	expect("BATCH -s2");
	tell("@label=txn-2.0 :irc.test FAIL BATCH MULTILINE_MAX_BYTES 40 :Multiline batch max-bytes exceeded");
	await(refused.done);
	assert_false(refused.fine);
	assert_non_null(strstr(refused.error, "Multiline batch max-bytes exceeded"));
	/* Broken off in the middle, so that nothing answers the label. */
	struct saying broken = { .target = "bob", .headline = "x", .lines = 2, .txn = "txn-3" };
	order(&broken);
	expect("@label=txn-3.0 BATCH +s3 draft/multiline bob");
	expect("@batch=s3 NOTICE bob x");
	expect("@batch=s3 NOTICE bob :x 1");
	expect("BATCH -s3");
	tell(":irc.test FAIL BATCH MULTILINE_INVALID :Invalid multiline batch");
	await(broken.done);
	assert_false(broken.fine);
	assert_non_null(strstr(broken.error, "Invalid multiline batch"));
}

/* Servers take nothing else while a batch is open, so it leaves as one; what it costs, the next line waits. */
static void
test_a_message_of_many_lines_is_not_drawn_out(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "x", .lines = 8 }, next = { .target = "#ops", .headline = "next" };
	int64_t began = clock_mono();

	(void)state;
	gateway.irc.burst = 2;
	gateway.irc.rate = 100;
	start_gateway();
	go_in_with(with_multiline);
	order(&saying);
	order(&next);
	expect("BATCH +s1");
	int64_t opened = clock_mono();
	for (int i = 0; i < 8; i++)
		expect("@batch=s1 NOTICE #ops");
	expect("BATCH -s1");
	assert_true(clock_mono() - opened < 500);
	expect("NOTICE #ops next");
	assert_true(clock_mono() - began >= 900);
}

static void
test_many_lines_of_a_person_are_one_command(void **state)
{
	(void)state;
	start_gateway();
	go_in_with(with_multiline);
	tell("@account=alice;msgid=m9 :alice!a@h BATCH +1 draft/multiline #ops");
	tell("@account=bob :bob!b@h PRIVMSG #ops :in between");
	tell("@batch=1 :alice!a@h PRIVMSG #ops :!build web");
	tell("@batch=1 :alice!a@h PRIVMSG #ops :for the \003" "4release");
	tell("@batch=1;draft/multiline-concat :alice!a@h PRIVMSG #ops : of today");
	tell(":alice!a@h BATCH -1");
	await(story.heard_count == 2);
	assert_string_equal(story.heard[0].text, "in between");
	assert_string_equal(story.heard[1].text, "!build web\nfor the release of today");
	assert_string_equal(story.heard[1].account, "corp/alice");
	assert_string_equal(story.heard[1].id, "m9");
	assert_string_equal(story.heard[1].channel, "#ops");
}

static void
test_what_only_looks_like_a_message_of_many_lines_is_no_command(void **state)
{
	static const char *const lines[] = {
		/* played back */
		":irc.test BATCH +h chathistory #ops", "@batch=h;account=alice :alice!a@h BATCH +m draft/multiline #ops",
		"@batch=m :alice!a@h PRIVMSG #ops :!build one", "@batch=h :alice!a@h PRIVMSG #ops :!build two", ":irc.test BATCH -m", ":irc.test BATCH -h",
		/* long ago */
		"@time=2020-01-01T00:00:00.000Z;account=alice :alice!a@h BATCH +o draft/multiline #ops", "@batch=o :alice!a@h PRIVMSG #ops :!build three",
		":irc.test BATCH -o",
		/* never opened, never closed, closed twice, opened twice */
		"@batch=x;account=alice :alice!a@h PRIVMSG #ops :!build four", ":irc.test BATCH -x",
		"@account=alice :alice!a@h BATCH +c draft/multiline #ops", "@batch=c :alice!a@h PRIVMSG #ops :!build five",
		"@account=alice :alice!a@h BATCH +c draft/multiline #ops", ":irc.test BATCH -c", ":irc.test BATCH -c",
		/* a notice, a bot, an action, somebody else's */
		"@account=alice :alice!a@h BATCH +n draft/multiline #ops", "@batch=n :alice!a@h NOTICE #ops :!build six", ":irc.test BATCH -n",
		"@account=alice;bot :alice!a@h BATCH +b draft/multiline #ops", "@batch=b :alice!a@h PRIVMSG #ops :!build seven", ":irc.test BATCH -b",
		"@account=alice :alice!a@h BATCH +a draft/multiline #ops", "@batch=a :alice!a@h PRIVMSG #ops :\001ACTION !build eight\001", ":irc.test BATCH -a",
		"@account=alice :alice!a@h BATCH +s draft/multiline #ops", "@batch=s :mallory!a@h PRIVMSG #ops :!build nine", ":irc.test BATCH -s",
		"@account=alice :alice!a@h BATCH +e draft/multiline #elsewhere", "@batch=e :alice!a@h PRIVMSG #elsewhere :!build ten", ":irc.test BATCH -e",
		"BATCH", "BATCH +", "BATCH -", "BATCH :",
	};

	(void)state;
	start_gateway();
	go_in_with(with_multiline);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		tell("%s", lines[i]);
	expect_heard_only(0);
}

static void
test_ten_thousand_open_batches_deafen_nobody(void **state)
{
	(void)state;
	start_gateway();
	go_in_with(with_multiline);
	for (int i = 0; i < 10000; i++) {
		tell(":mallory!m@h BATCH +m%d draft/multiline #ops", i);
		tell("@batch=m%d :mallory!m@h PRIVMSG #ops :!build web", i);
	}
	tell("@account=alice :alice!a@h BATCH +a draft/multiline sally");
	tell("@batch=a :alice!a@h PRIVMSG sally :ping");
	tell(":alice!a@h BATCH -a");
	await(story.heard_count == 1);
	assert_string_equal(story.heard[0].text, "ping");
	assert_true(story.heard[0].direct);
}

/* -- Standard replies ------------------------------------------------------------------------------------------------- */

static void
test_a_fail_ends_what_it_is_about(void **state)
{
	struct saying muted = { .target = "#ops", .headline = "one", .txn = "txn-1" };

	(void)state;
	start_gateway();
	go_in();
	order(&muted);
	expect("NOTICE");
	expect("PING");
	tell(":irc.test NOTE * SOME_NOTE #ops :All is well");
	tell(":irc.test WARN NOTICE SOME_WARNING #ops :Perhaps not so well");
	tell(":irc.test FAIL NOTICE");
	tell(":irc.test FAIL WHATEVER NO_SUCH_THING #ops :No");
	tell(":irc.test FAIL NOTICE CANNOT_SEND #ops :You are \002muted\002 here");
	tell(":irc.test PONG irc.test :txn-1");
	await(muted.done);
	assert_false(muted.fine);
	assert_string_equal(muted.error, "corp did not take it for #ops: You are muted here.");
	hang_up();
	await(story.aways > 0);
	assert_true(answer_the_door());
	greet(all_caps);
	welcome("sally");
	expect("JOIN #ops");
	tell(":irc.test FAIL JOIN NEEDS_REGISTRATION #ops :This channel is for members");
	/* At once: nobody waits for an answer that has come. */
	int64_t began = clock_mono();
	await(story.ups == 2);
	assert_true(clock_mono() - began < 10000);
	assert_non_null(strstr(story.up, "#ops"));
}

static void
test_a_thousand_replies_hurt_nothing(void **state)
{
	static const char *const kinds[] = { "FAIL", "WARN", "NOTE" };
	char words[700];

	(void)state;
	memset(words, 'x', sizeof words - 1);
	words[sizeof words - 1] = '\0';
	start_gateway();
	go_in_with(with_multiline);
	for (int i = 0; i < 1000; i++)
		tell(":irc.test %s %s %s %s :\033[31m%s", kinds[i % 3], i % 2 ? "BATCH" : words, words, words, words);
	expect_nothing();
}

/* A line may be longer where the server says so; the usual where what it says makes no sense. */
static void
test_the_servers_own_line_length_is_used(void **state)
{
	static const struct { const char *token; size_t lines; } lengths[] = {
		{ "LINELEN=2048", 1 }, { "LINELEN=8192", 1 }, { "LINELEN=8193", 2 }, { "LINELEN=100", 2 }, { "LINELEN=", 2 }, { "LINELEN=2k", 2 }, { "LINELEN=99999999999999999999", 2 } };
	char words[400] = "";

	(void)state;
	/* Each name of somebody here grows by a word joiner. */
	for (int i = 0; i < 95; i++)
		strcat(words, i ? " bob" : "bob");
	gateway.irc.flood = false;
	start_gateway();
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct saying saying = { .target = "#ops", .headline = words };
		int before = story.ups;
		assert_true(answer_the_door());
		greet(all_caps);
		server.line_most = lengths[i].lines == 1 ? 8192 : 512;
		tell(":irc.test 001 sally :Welcome");
		tell(":irc.test 005 sally CASEMAPPING=ascii %s :are supported", lengths[i].token);
		tell(":irc.test 422 sally :no MOTD");
		let_in("sally", "sally bob");
		await(story.ups > before);
		order(&saying);
		await(saying.done);
		for (size_t j = 0; j < lengths[i].lines; j++)
			expect("NOTICE #ops");
		expect_nothing();
		hang_up();
	}
}

static void
test_nothing_is_said_where_we_are_not(void **state)
{
	struct saying early = { .target = "#ops", .headline = "x" }, other = { .target = "#other", .headline = "x" };

	(void)state;
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	order(&early);
	await(early.done);
	assert_false(early.fine);
	expect("NICK");
	expect("USER");
	tell(":irc.test CAP * LS :");
	expect("CAP END");
	welcome("sally");
	let_in("sally", "sally");
	await(story.ups == 1);
	order(&other);
	await(other.done);
	assert_false(other.fine);
	assert_non_null(strstr(other.error, "#other"));
}

static void
test_people_in_the_room_are_not_pinged(void **state)
{
	struct saying saying = { .target = "#ops", .headline = "approved by bob and dana and erin and fred", .to = "alice" };

	(void)state;
	start_gateway();
	go_in();
	tell(":dana!d@h JOIN #ops");
	tell(":erin!d@h JOIN #ops");
	tell(":erin!d@h PART #ops");
	tell(":alice!a@h NICK :fred");
	expect_nothing();
	order(&saying);
	assert_string_equal(expect("NOTICE"), "NOTICE #ops :alice: approved by b\342\201\240ob and d\342\201\240ana and erin and f\342\201\240red");
}

static void
test_long_words_fit_behind_our_own_prefix(void **state)
{
	char words[900];
	struct saying saying = { .target = "#ops", .headline = words };

	(void)state;
	for (size_t i = 0; i < sizeof words - 4; i += 3)
		memcpy(words + i, i % 33 == 30 ? " \303\251" : "\342\202\254", 3);
	words[sizeof words - 3] = '\0';
	start_gateway();
	assert_true(answer_the_door());
	greet(all_caps);
	welcome("sally");
	expect("JOIN");
	char host[64], prefix[200];
	memset(host, 'h', sizeof host - 1);
	host[sizeof host - 1] = '\0';
	snprintf(prefix, sizeof prefix, ":sally!~useruserus@%s%s%s ", host, host, "hhhhhhhhhhhhhhhhhhhhhh");
	tell("%sJOIN #ops", prefix);
	tell(":irc.test 366 sally #ops :End");
	await(story.ups == 1);
	order(&saying);
	await(saying.done);
	assert_true(saying.fine);
	for (int i = 0; i < 3; i++) {
		const char *line = expect("NOTICE #ops :");
		assert_true(strlen(prefix) + strlen(line) + 2 <= 512);
		assert_int_not_equal((unsigned char)line[strlen("NOTICE #ops :")] & 0xc0, 0x80);
	}
}

/* -- Nicks and channels ----------------------------------------------------------------------------------------------- */

static void
test_a_taken_nick_gets_an_underscore_and_is_taken_back(void **state)
{
	(void)state;
	gateway.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	expect("NICK sally");
	expect("USER");
	tell(":irc.test CAP * LS :");
	tell(":irc.test 433 * sally :Nickname is already in use");
	expect("CAP END");
	assert_string_equal(expect("NICK"), "NICK sally_");
	tell(":irc.test 433 * sally_ :Nickname is already in use");
	assert_string_equal(expect("NICK"), "NICK sally__");
	welcome("sally__");
	let_in("sally__", "sally__ sally");
	await(story.ups == 1);
	assert_non_null(strstr(story.up, "as sally__"));
	tell(":alice!a@h PRIVMSG sally__ :to us");
	await(story.heard_count == 1);
	assert_true(story.heard[0].direct);
	tell(":sally!x@y QUIT :bye");
	expect("NICK sally");
	tell(":sally__!s@host.test NICK :sally");
	await(strstr(story.up, "as sally,"));
	tell(":alice!a@h PRIVMSG sally :to us");
	await(story.heard_count == 2);
	assert_true(story.heard[1].direct);
}

static void
test_the_nick_is_asked_for_again_and_again(void **state)
{
	(void)state;
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	expect("NICK");
	expect("USER");
	tell(":irc.test CAP * LS :");
	expect("CAP END");
	welcome("sally_");
	let_in("sally_", "sally_");
	for (int i = 0; i < 2; i++) {
		assert_string_equal(expect("ISON"), "ISON sally");
		tell(":irc.test 303 sally_ :sally");
	}
	expect("ISON sally");
	tell(":irc.test 303 sally_ :");
	expect("NICK sally");
	tell(":sally_!s@host.test NICK :sally");
	await(strstr(story.up, "as sally,"));
}

static void
test_a_nick_that_the_server_does_not_allow_is_said(void **state)
{
	(void)state;
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	tell(":irc.test 432 * sally :Erroneous nickname");
	await(story.ended);
	assert_false(story.fine);
	assert_non_null(strstr(story.error, "nick"));
}

static void
test_it_comes_back_after_a_kick(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	tell(":alice!a@h KICK #ops bob :not us");
	tell(":alice!a@h KICK #ops sally :go away");
	await(strstr(story.up, "not in #ops: kicked: go away"));
	struct saying saying = { .target = "#ops", .headline = "x" };
	order(&saying);
	await(saying.done);
	expect("JOIN #ops");
	tell(":irc.test 474 sally #ops :Cannot join channel (+b)");
	await(strstr(story.up, "not in #ops: I am banned there (+b); lift the ban"));
	let_in("sally", "sally alice");
	await(strstr(story.up, "1 room") && !strstr(story.up, "not in"));
}

static void
test_a_channel_that_does_not_let_us_in_keeps_nobody_waiting(void **state)
{
	(void)state;
	gateway.channels[1] = "#shop";
	gateway.channels[2] = NULL;
	gateway.irc.rejoin = 15 * 60 * 1000;
	start_gateway();
	assert_true(answer_the_door());
	greet(all_caps);
	welcome("sally");
	assert_string_equal(expect("JOIN"), "JOIN #ops,#shop");
	tell(":irc.test 473 sally #shop :Cannot join channel (+i)");
	tell(":sally!s@h JOIN #ops");
	tell(":irc.test 366 sally #ops :End");
	await(story.ups == 1);
	assert_non_null(strstr(story.up, "1 room; not in #shop: by invitation only (+i); invite me"));
}

/* -- Losing the server and finding it again --------------------------------------------------------------------------- */

static void
test_it_comes_back_after_the_server_went_away(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	hang_up();
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "closed the connection"));
	assert_non_null(strstr(story.away, "Next try in"));
	go_in();
	tell("ERROR :Closing Link: the server restarts");
	hang_up();
	await(story.aways == 2);
	assert_non_null(strstr(story.away, "the server restarts"));
	go_in();
	expect_heard_only(0);
}

static void
test_a_refused_connection_is_tried_again(void **state)
{
	int port = server.port;

	(void)state;
	close(server.fd);
	int64_t began = clock_mono();
	start_gateway();
	await(story.aways >= 5);
	assert_non_null(strstr(story.away, "could not be reached"));
	/* 20, 40, 80 and 160 ms, each a quarter less at most. */
	assert_true(clock_mono() - began >= 225);
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port) };
	int on = 1;
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(server.fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, sizeof address), 0);
	listen(server.fd, 8);
	go_in();
}

static void
test_a_ban_is_not_hammered_at(void **state)
{
	(void)state;
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	tell(":irc.test 465 sally :You are banned: no bots");
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "has banned me: You are banned: no bots. I try again by myself"));
}

static void
test_a_kline_is_not_hammered_at(void **state)
{
	(void)state;
	start_gateway();
	go_in();
	tell("ERROR :Closing Link: 127.0.0.1 (K-Lined)");
	hang_up();
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "K-Lined"));
	/* People are told once; the pauses between the tries are test_irc_backoff's. */
	for (int i = 0; i < 3; i++) {
		assert_true(answer_the_door());
		expect("CAP LS 302");
		tell("ERROR :Closing Link: 127.0.0.1 (K-Lined)");
	}
	/* The ban is lifted: it is back without anybody's help. */
	go_in();
	assert_int_equal(story.aways, 1);
	hang_up();
	await(story.aways == 2);
}

static void
test_a_silent_server_is_asked_and_then_left(void **state)
{
	(void)state;
	gateway.irc.ping = 100;
	gateway.irc.patience = 1000;
	start_gateway();
	go_in();
	expect("PING sallyport");
	tell(":irc.test PONG irc.test :sallyport");
	expect("PING sallyport");
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "went silent"));
}

static void
test_a_silent_name_server_stops_nothing(void **state)
{
	(void)state;
	resolver_awake = false;
	gateway.irc.servers = in_a_list("silent.test");
	start_gateway();
	struct saying saying = { .target = "#ops", .headline = "x" };
	order(&saying);
	await(saying.done);     /* the loop turns */
	order(NULL);
	await(story.ended);     /* and can be ended */
	resolver_awake = true;
}

static void
test_a_name_that_is_none_is_said(void **state)
{
	(void)state;
	gateway.irc.servers = in_a_list("nowhere.test");
	start_gateway();
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "nowhere.test could not be looked up"));
}

static size_t
open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count;
}

static void
test_many_reconnections_leak_nothing(void **state)
{
	enum { SETTLED = 4, CONNECTIONS = 12 };
	const struct timespec moment = { .tv_nsec = 5 * 1000 * 1000 };
	size_t before = 0;

	(void)state;
	gateway.irc.retry = 1;
	start_gateway();
	for (int i = 0; i < CONNECTIONS; i++) {
		go_in();
		size_t now = open_files();
		/* The most of several: a link that lost one of its low descriptors to another thread has it back with the next connection. */
		if (i < SETTLED && now > before)
			before = now;
		if (i + 1 < CONNECTIONS) {
			int aways = story.aways;
			hang_up();
			await(story.aways > aways);
		}
	}
	/* The thread that looked the name up last may still be about to close its end. */
	for (int i = 0; i < PATIENCE / 5 && open_files() > before; i++)
		nanosleep(&moment, NULL);
	assert_true(open_files() <= before);
}

/* libircclient waits with select(): its descriptor must stay below 1024 however many files there are. */
static void
test_thousands_of_open_files_do_not_hurt_the_library(void **state)
{
	static int files[2000];
	struct rlimit limit;
	size_t count = 0;

	(void)state;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 2500)
		skip();
	gateway.irc.retry = 1000;
	start_gateway();
	go_in();
	hang_up();
	await(story.aways == 1);
	/* Now, while it waits to try again, all low numbers but the one that it keeps are given away. */
	while (count < 2000 && (files[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0)
		count++;
	assert_int_equal(count, 2000);
	go_in();
	expect_heard_only(0);
	while (count > 0)
		close(files[--count]);
}

/* -- TLS and the login (threats I5, I6) ------------------------------------------------------------------------------- */

static char folder[] = "/tmp/test_irc.XXXXXX";

static EVP_PKEY *
new_key(void)
{
	return EVP_EC_gen("P-256");
}

static X509 *
new_certificate(EVP_PKEY *key, const char *name, const char *names, X509 *issuer, EVP_PKEY *issuer_key, long days)
{
	static long serial;
	X509 *made = X509_new();
	X509V3_CTX context;
	X509_EXTENSION *extension;

	X509_set_version(made, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(made), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(made), -3 * 86400);
	X509_gmtime_adj(X509_getm_notAfter(made), days * 86400);
	X509_set_pubkey(made, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(made, X509_get_subject_name(issuer ? issuer : made));
	X509V3_set_ctx(&context, issuer ? issuer : made, made, NULL, NULL, 0);
	extension = names ? X509V3_EXT_conf_nid(NULL, &context, NID_subject_alt_name, names)
		: X509V3_EXT_conf_nid(NULL, &context, NID_basic_constraints, "critical,CA:TRUE");
	X509_add_ext(made, extension, -1);
	X509_EXTENSION_free(extension);
	X509_sign(made, issuer_key ? issuer_key : key, EVP_sha256());
	return made;
}

static struct { EVP_PKEY *key; X509 *certificate; char file[100]; } authorities[2];

static int
make_authorities(void **state)
{
	(void)state;
	log_open(LEVEL_ERROR, LOG_TEXT);
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(folder));
	for (int i = 0; i < 2; i++) {
		authorities[i].key = new_key();
		authorities[i].certificate = new_certificate(authorities[i].key, i ? "another CA" : "test CA", NULL, NULL, NULL, 30);
		snprintf(authorities[i].file, sizeof authorities[i].file, "%s/ca%d.pem", folder, i);
		FILE *out = fopen(authorities[i].file, "w");
		PEM_write_X509(out, authorities[i].certificate);
		fclose(out);
	}
	return 0;
}

static int
remove_authorities(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		unlink(authorities[i].file);
		EVP_PKEY_free(authorities[i].key);
		X509_free(authorities[i].certificate);
	}
	rmdir(folder);
	return 0;
}

/* The server's certificate: `names` as in "DNS:irc.test"; `by` an authority, or -1 for nobody but itself. */
static void
use_tls(const char *names, int by, long days)
{
	EVP_PKEY *key = new_key();
	X509 *certificate = by < 0 ? new_certificate(key, "irc.test", names, NULL, NULL, days)
		: new_certificate(key, "irc.test", names, authorities[by].certificate, authorities[by].key, days);

	server.tls = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_session_cache_mode(server.tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(server.tls, 0);
	assert_int_equal(SSL_CTX_use_certificate(server.tls, certificate), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(server.tls, key), 1);
	EVP_PKEY_free(key);
	X509_free(certificate);
	gateway.password = (struct secret){ .path = "irc-password", .bytes = "open sesame 4711", .length = 16 };
	gateway.irc.servers = in_a_list("irc.test");
	gateway.irc.tls = true;
	gateway.irc.ca_file = authorities[0].file;
	gateway.irc.account = "sally";
	gateway.irc.password = &gateway.password;
}

/* Up to the password; what it is is looked at. */
static void
ask_for_password(void)
{
	assert_true(answer_the_door());
	expect("CAP LS 302");
	expect("NICK sally");
	expect("USER");
	tell(":irc.test CAP * LS :%s sasl=PLAIN", all_caps);
	expect("CAP REQ :account-tag batch message-tags sasl server-time");
	tell(":irc.test CAP * ACK :account-tag batch message-tags sasl server-time");
	expect("AUTHENTICATE PLAIN");
	tell("AUTHENTICATE +");
	assert_string_equal(expect("AUTHENTICATE "), "AUTHENTICATE AHNhbGx5AG9wZW4gc2VzYW1lIDQ3MTE=");
}

static void
test_it_logs_in_over_verified_tls(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", 0, 30);
	start_gateway();
	ask_for_password();
	assert_string_equal(SSL_get_servername(server.ssl, TLSEXT_NAMETYPE_host_name), "irc.test");
	assert_true(SSL_version(server.ssl) >= TLS1_2_VERSION);
	tell(":irc.test 900 sally sally!s@h sally :You are now logged in");
	tell(":irc.test 903 sally :SASL authentication successful");
	expect("CAP END");
	welcome("sally");
	let_in("sally", "sally");
	await(story.ups == 1);
	assert_null(strstr(story.up, "not encrypted"));
	tell("@account=alice :alice!a@h PRIVMSG #ops :!deploy");
	await(story.heard_count == 1);
	assert_true(story.heard[0].proven);
	struct saying saying = { .target = "#ops", .headline = "B31 passed", .txn = "txn-1" };
	order(&saying);
	expect("NOTICE #ops :B31 passed");
	expect("PING txn-1");
	tell(":irc.test PONG irc.test :txn-1");
	await(saying.done);
	order(NULL);
	expect("QUIT");
}

static void
test_an_address_is_verified_as_one(void **state)
{
	(void)state;
	use_tls("IP:127.0.0.1", 0, 30);
	gateway.irc.servers = in_a_list("127.0.0.1");
	start_gateway();
	ask_for_password();
}

/* Whoever it is, it is not our server: not one byte is said to it. */
static void
expect_no_byte(const char *why)
{
	start_gateway();
	answer_the_door();
	take_bytes(PATIENCE);
	await(story.aways >= 1);
	assert_int_equal(server.bytes, 0);
	if (!strstr(story.away, why))
		fail_msg("expected %s, away: %s", why, story.away);
}

static void
test_an_unknown_authority_hears_nothing(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", 1, 30);
	expect_no_byte("not to be trusted");
}

static void
test_a_self_signed_server_hears_nothing(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", -1, 30);
	expect_no_byte("not to be trusted");
}

static void
test_another_host_hears_nothing(void **state)
{
	(void)state;
	use_tls("DNS:other.test", 0, 30);
	expect_no_byte("for another host");
}

static void
test_an_expired_certificate_hears_nothing(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", 0, -1);
	expect_no_byte("expired");
}

static void
test_old_tls_hears_nothing(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", 0, 30);
	SSL_CTX_set_cipher_list(server.tls, "ALL:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(server.tls, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(server.tls, TLS1_1_VERSION);
	expect_no_byte("TLS with irc.test failed");
}

static void
test_a_server_without_tls_hears_no_word(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", 0, 30);
	SSL_CTX_free(server.tls);
	server.tls = NULL;
	start_gateway();
	assert_true(answer_the_door());
	tell(":irc.test NOTICE * :*** Looking up your hostname");
	tell(":irc.test CAP * LS :sasl");
	tell("AUTHENTICATE +");
	while (take_bytes(PATIENCE))
		server.length = 0;
	await(story.aways >= 1);
	assert_null(memmem(server.all, server.bytes, "CAP", 3));
	assert_null(memmem(server.all, server.bytes, "AHNhbGx5", 8));
	assert_null(memmem(server.all, server.bytes, "sesame", 6));
}

static void
test_a_missing_ca_file_is_said(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", 0, 30);
	gateway.irc.ca_file = "/nonexistent/ca.pem";
	start_gateway();
	answer_the_door();
	await(story.aways >= 1);
	assert_non_null(strstr(story.away, "/nonexistent/ca.pem"));
}

static void
test_a_refused_password_joins_nothing(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", 0, 30);
	start_gateway();
	ask_for_password();
	tell(":irc.test 904 sally :SASL authentication failed");
	await(story.ended);
	assert_false(story.fine);
	assert_non_null(strstr(story.error, "password_file"));
	assert_null(strstr(story.error, "sesame"));
	while (take_bytes(PATIENCE))
		;
	assert_null(memmem(server.all, server.bytes, "JOIN", 4));
	assert_int_equal(story.ups, 0);
}

static void
test_without_sasl_nothing_is_joined(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", 0, 30);
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	expect("NICK");
	expect("USER");
	tell(":irc.test CAP * LS :account-tag");
	expect("CAP REQ account-tag");
	tell(":irc.test CAP * ACK :account-tag");
	await(story.aways == 1);
	assert_non_null(strstr(story.away, "SASL"));
	while (take_bytes(PATIENCE))
		;
	assert_null(memmem(server.all, server.bytes, "JOIN", 4));
	assert_null(memmem(server.all, server.bytes, "AUTHENTICATE", 12));
	/* A server that was restarted has SASL only when its services are linked again: nobody need come for that. */
	ask_for_password();
	tell(":irc.test 903 sally :SASL authentication successful");
	expect("CAP END");
	welcome("sally");
	let_in("sally", "sally");
	await(story.ups == 1);
}

static void
test_a_welcome_before_the_login_joins_nothing(void **state)
{
	(void)state;
	use_tls("DNS:irc.test", 0, 30);
	start_gateway();
	assert_true(answer_the_door());
	expect("CAP LS 302");
	welcome("sally");
	await(story.ended);
	assert_false(story.fine);
	while (take_bytes(PATIENCE))
		;
	assert_null(memmem(server.all, server.bytes, "JOIN", 4));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_it_joins_and_hears),
		STORY(test_who_comes_and_goes_is_heard_where_it_is_wanted),
		STORY(test_it_says_goodbye_when_it_is_stopped),
		STORY(test_a_cap_list_of_two_lines_and_300_caps),
		STORY(test_a_server_without_capabilities_proves_nobody),
		STORY(test_an_admins_nick_gives_no_rights),
		STORY(test_a_withdrawn_account_tag_proves_nobody_any_more),
		STORY(test_a_forged_tag_on_an_open_line_proves_nobody),
		STORY(test_a_fresh_answer_proves_a_change),
		STORY(test_an_answer_after_a_nick_swap_proves_nobody),
		STORY(test_whatever_happens_in_between_proves_nobody),
		STORY(test_what_the_network_tells_is_enough_to_look),
		STORY(test_nothing_is_carried_to_another_nick_or_another_stay),
		STORY(test_a_stranger_with_many_nicks_makes_us_ask_once),
		STORY(test_a_question_holds_up_nobody_else),
		STORY(test_who_shares_no_channel_with_us_is_not_asked_about),
		STORY(test_a_network_that_tells_nothing_is_asked_for_looks_too),
		STORY(test_without_whox_people_may_look_and_change_nothing),
		STORY(test_an_answer_that_never_comes_proves_nobody),
		STORY(test_a_question_leaves_before_what_waits),
		STORY(test_identity_is_not_carried_over_a_reconnection),
		STORY(test_a_withdrawn_account_tag_makes_us_ask),
		STORY(test_an_open_line_is_never_asked_anything),
		STORY(test_what_is_played_back_is_no_command),
		STORY(test_a_notice_a_ctcp_or_nickserv_triggers_nothing),
		STORY(test_a_name_with_percents_is_no_format),
		STORY(test_a_line_of_nine_kilobytes_deafens_nobody),
		STORY(test_the_end_of_an_endless_line_is_no_line),
		STORY(test_an_empty_line_deafens_nobody),
		STORY(test_nick_and_notice_without_their_words_crash_nothing),
		STORY(test_a_bare_command_says_nothing_old),
		STORY(test_a_lone_ctcp_mark_is_dropped),
		STORY(test_a_nick_that_begins_with_ours_is_not_us),
		STORY(test_the_fourteenth_word_of_a_005_is_read),
		STORY(test_a_long_action_is_no_command),
		STORY(test_a_ping_is_answered_before_all_that_waits),
		STORY(test_a_line_end_in_what_is_said_says_nothing),
		STORY(test_tags_stay_beside_their_own_line),
		STORY(test_numerics_that_are_none_crash_nothing),
		STORY(test_a_numeric_without_words_says_nothing_old),
		STORY(test_double_blanks_shift_nothing),
		STORY(test_garbage_and_bad_utf8_hurt_nothing),
		STORY(test_two_thousand_commands_are_all_heard_in_order),
		STORY(test_lines_leave_as_fast_as_the_server_allows),
		STORY(test_without_a_limit_all_lines_leave_at_once),
		STORY(test_said_means_that_the_server_has_it),
		STORY(test_a_later_proof_proves_what_was_said_before),
		STORY(test_a_proof_proves_nothing_that_was_said_after),
		STORY(test_what_the_server_refuses_was_not_said),
		STORY(test_a_lost_connection_is_no_proof),
		STORY(test_a_full_queue_makes_room_again),
		STORY(test_a_labelled_echo_proves_exactly_that_line),
		STORY(test_every_line_is_proven_for_itself),
		STORY(test_a_labelled_error_refuses_exactly_that_line),
		STORY(test_a_server_that_forgets_a_label_is_asked),
		STORY(test_a_loose_answer_carries_no_label),
		STORY(test_an_echo_proves_where_there_are_no_labels),
		STORY(test_our_own_echo_is_no_command),
		STORY(test_a_label_is_no_proof_once_the_connection_is_lost),
		STORY(test_a_card_of_many_lines_is_one_message),
		STORY(test_a_message_of_many_lines_is_not_drawn_out),
		STORY(test_many_lines_of_a_person_are_one_command),
		STORY(test_what_only_looks_like_a_message_of_many_lines_is_no_command),
		STORY(test_ten_thousand_open_batches_deafen_nobody),
		STORY(test_a_fail_ends_what_it_is_about),
		STORY(test_a_thousand_replies_hurt_nothing),
		STORY(test_the_servers_own_line_length_is_used),
		STORY(test_nothing_is_said_where_we_are_not),
		STORY(test_people_in_the_room_are_not_pinged),
		STORY(test_long_words_fit_behind_our_own_prefix),
		STORY(test_a_taken_nick_gets_an_underscore_and_is_taken_back),
		STORY(test_the_nick_is_asked_for_again_and_again),
		STORY(test_a_nick_that_the_server_does_not_allow_is_said),
		STORY(test_it_comes_back_after_a_kick),
		STORY(test_a_channel_that_does_not_let_us_in_keeps_nobody_waiting),
		STORY(test_it_comes_back_after_the_server_went_away),
		STORY(test_a_refused_connection_is_tried_again),
		STORY(test_a_ban_is_not_hammered_at),
		STORY(test_a_kline_is_not_hammered_at),
		STORY(test_a_silent_server_is_asked_and_then_left),
		STORY(test_a_silent_name_server_stops_nothing),
		STORY(test_a_name_that_is_none_is_said),
		STORY(test_many_reconnections_leak_nothing),
		STORY(test_thousands_of_open_files_do_not_hurt_the_library),
		STORY(test_it_logs_in_over_verified_tls),
		STORY(test_an_address_is_verified_as_one),
		STORY(test_an_unknown_authority_hears_nothing),
		STORY(test_a_self_signed_server_hears_nothing),
		STORY(test_another_host_hears_nothing),
		STORY(test_an_expired_certificate_hears_nothing),
		STORY(test_old_tls_hears_nothing),
		STORY(test_a_server_without_tls_hears_no_word),
		STORY(test_a_missing_ca_file_is_said),
		STORY(test_a_refused_password_joins_nothing),
		STORY(test_without_sasl_nothing_is_joined),
		STORY(test_a_welcome_before_the_login_joins_nothing),
	};

	return cmocka_run_group_tests(tests, make_authorities, remove_authorities);
}
