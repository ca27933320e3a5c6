/* session: an unmodified libircclient behind a connection that only it can have. */
#include "protocols/irc/session.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libircclient.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "protocols/irc/line.h"

enum {
	ACCEPT_WAIT = 2000,             /* ms for our own library to come to our own door */
	HEARD_PARAMS = LINE_LIBRARY_PARAMS,
	WORD_MOST = 450,                /* bytes of what it is asked to say */
};

struct session {
	const struct engine *engine;
	const struct session_events *events;
	void *with;
	struct low_descriptors *low;

	irc_session_t *library;
	int wanted;                     /* the descriptor that it most likely has */
	int theirs;                     /* the library's descriptor, once it is known; -1 */
	int door, ours;                 /* the listener, until it has come; our end of the pair; -1 */
	struct watch *at_door, *timer;
	struct watch *its_words;        /* it wrote something */
	struct watch *failing;
	bool broken;
	char said[2048];                /* what it wrote, not yet whole lines */
	size_t said_length;
	struct error why;
};

/* Low descriptors. */

/* Takes back what is free; how many there are. */
static size_t
fill_spares(struct low_descriptors *low)
{
	size_t held = 0;

	for (size_t i = 0; i < LOW_SPARES; i++) {
		if (low->spare[i] < 0)
			low->spare[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		if (low->spare[i] >= FD_SETSIZE) {
			close(low->spare[i]);
			low->spare[i] = -1;
		}
		held += low->spare[i] >= 0;
	}
	return held;
}

bool
low_descriptors_open(struct low_descriptors *low, struct error *error)
{
	for (size_t i = 0; i < LOW_SPARES; i++)
		low->spare[i] = -1;
	return fill_spares(low) > 0 || error_set(error, "No descriptor below %d is free for this IRC link; too many files are open.", FD_SETSIZE);
}

void
low_descriptors_close(struct low_descriptors *low)
{
	for (size_t i = 0; i < LOW_SPARES; i++) {
		if (low->spare[i] >= 0)
			close(low->spare[i]);
		low->spare[i] = -1;
	}
}

/* Its troubles are told from the loop, never from inside its own callbacks. */
static bool
fail(struct session *session, const char *why)
{
	if (!session->broken) {
		session->broken = true;
		error_set(&session->why, "%s", why);
		watch_now(session->failing);
	}
	return false;
}

static void
tell_broken(void *with, int events)
{
	struct session *session = with;

	(void)events;
	session->events->broken(session->why.text, session->with);
}

/* What libircclient calls. */

static void
on_event(irc_session_t *library, const char *event, const char *origin, const char **params, unsigned count)
{
	struct session *session = irc_get_ctx(library);
	const char *safe[HEARD_PARAMS + 1];
	size_t filled = 0;

	for (; filled < count && filled < HEARD_PARAMS; filled++)
		safe[filled] = params[filled] ? params[filled] : "";
	for (size_t i = filled; i <= HEARD_PARAMS; i++)
		safe[i] = "";
	session->events->heard(event, origin ? origin : "", safe, filled, session->with);
}

static void
on_numeric(irc_session_t *library, unsigned number, const char *origin, const char **params, unsigned count)
{
	char event[8];

	snprintf(event, sizeof event, "%03u", number % 1000);
	on_event(library, event, origin, params, count);
}

/* No CTCP gets here. Were this NULL, the library would answer by itself, with our real name in a buffer that is too small. */
static void
on_ctcp(irc_session_t *library, const char *event, const char *origin, const char **params, unsigned count)
{
	(void)library, (void)event, (void)origin, (void)params, (void)count;
}

static irc_session_t *
new_library(struct session *session)
{
	irc_callbacks_t calls = {
		.event_connect = on_event, .event_nick = on_event, .event_quit = on_event, .event_join = on_event, .event_part = on_event,
		.event_mode = on_event, .event_umode = on_event, .event_topic = on_event, .event_kick = on_event, .event_channel = on_event,
		.event_privmsg = on_event, .event_notice = on_event, .event_channel_notice = on_event, .event_invite = on_event,
		.event_ctcp_req = on_ctcp, .event_ctcp_rep = on_ctcp, .event_ctcp_action = on_ctcp, .event_unknown = on_event,
		.event_numeric = on_numeric,
	};
	irc_session_t *library = irc_create_session(&calls);

	if (library)
		irc_set_ctx(library, session);
	return library;
}

/* One turn of the library. `in` only when something is there to be read: else it spins. Its descriptor is below 1024 by now. */
static bool
turn(struct session *session, bool in)
{
	fd_set readable, writable;
	int most = 0;

	FD_ZERO(&readable);
	FD_ZERO(&writable);
	if (irc_add_select_descriptors(session->library, &readable, &writable, &most))
		return fail(session, "libircclient lost its connection.");
	if (!in)
		FD_ZERO(&readable);
	if (irc_process_select_descriptors(session->library, &readable, &writable))
		return fail(session, "libircclient gave up on what the server said.");
	return true;
}

/* What it says. */

static bool
may_say(const char *command)
{
	static const char *const allowed[] = { "NICK", "QUIT", "USER" };

	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (!strcmp(command, allowed[i]))
			return true;
	return false;
}

static void
pass_on(struct session *session, char *bytes, size_t length)
{
	struct irc_line line;

	if (length && bytes[length - 1] == '\r')
		length--;
	if (line_read(bytes, length, &line) && may_say(line.command))
		session->events->said(&line, session->with);
	else if (length)
		log_warning("libircclient wanted to say something that it may not; it was dropped.");
}

static void
pass_on_lines(struct session *session)
{
	char *from = session->said, *end;

	while ((end = memchr(from, '\n', (size_t)(session->said + session->said_length - from)))) {
		*end = '\0';
		pass_on(session, from, (size_t)(end - from));
		from = end + 1;
	}
	session->said_length = (size_t)(session->said + session->said_length - from);
	memmove(session->said, from, session->said_length);
}

static void
collect(struct session *session)
{
	for (;;) {
		size_t room = sizeof session->said - 1 - session->said_length;
		ssize_t got = recv(session->ours, session->said + session->said_length, room, 0);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (got <= 0) {
			fail(session, "libircclient closed its connection.");
			return;
		}
		session->said_length += (size_t)got;
		pass_on_lines(session);
		if (session->said_length == sizeof session->said - 1)
			session->said_length = 0;       /* it never writes that much without a line end */
	}
}

static void
collect_words(void *with, int events)
{
	struct session *session = with;

	(void)events;
	if (!session->broken)
		collect(session);
}

/* Brings out at once what the library has just formatted. */
static bool
pump(struct session *session)
{
	if (session->theirs < 0 || session->broken || !turn(session, false))
		return false;
	collect(session);
	return !session->broken;
}

/* What it hears. */

bool
session_busy(const struct session *session)
{
	return session->broken || session->theirs < 0;
}

bool
session_give(struct session *session, const char *line, size_t length)
{
	if (session_busy(session))
		return false;
	if (send(session->ours, line, length, MSG_NOSIGNAL) != (ssize_t)length)
		return fail(session, "libircclient does not read what it is given.");
	return turn(session, true);
}

/* The library writes whatever it is given, line ends too. */
static bool
may_be_word(const char *word)
{
	return line_is_word(word) && strlen(word) <= WORD_MOST;
}

static bool
may_be_text(const char *text)
{
	return !strpbrk(text, "\r\n") && strlen(text) <= WORD_MOST;
}

bool
session_nick(struct session *session, const char *nick)
{
	return may_be_word(nick) && irc_cmd_nick(session->library, nick) == 0 && pump(session);
}

bool
session_quit(struct session *session, const char *reason)
{
	return *reason && may_be_text(reason) && irc_cmd_quit(session->library, reason) == 0 && pump(session);
}

/* The door. */

static bool
has_address(int fd, const struct sockaddr_in *address)
{
	struct sockaddr_in own;
	socklen_t size = sizeof own;

	return getsockname(fd, (struct sockaddr *)&own, &size) == 0 && size == sizeof own && own.sin_family == AF_INET
		&& own.sin_port == address->sin_port && own.sin_addr.s_addr == address->sin_addr.s_addr;
}

static bool
leads_to_door(const struct session *session, int fd)
{
	struct sockaddr_in door, peer;
	socklen_t size = sizeof door, same = sizeof peer;
	struct pollfd connected = { .fd = fd, .events = POLLOUT };

	/* On loopback it is connected at once, or nearly. */
	if (poll(&connected, 1, 20) != 1)
		return false;
	return getsockname(session->door, (struct sockaddr *)&door, &size) == 0 && getpeername(fd, (struct sockaddr *)&peer, &same) == 0
		&& same == sizeof peer && peer.sin_family == AF_INET && peer.sin_port == door.sin_port && peer.sin_addr.s_addr == door.sin_addr.s_addr;
}

/* Whose end is the other one? Ours, if one of our low descriptors has its address and leads here: the connection is no stranger's. */
static int
find_theirs(const struct session *session, const struct sockaddr_in *peer)
{
	if (session->wanted >= 0 && has_address(session->wanted, peer) && leads_to_door(session, session->wanted))
		return session->wanted;
	for (int fd = 0; fd < FD_SETSIZE; fd++)
		if (has_address(fd, peer) && leads_to_door(session, fd))
			return fd;
	return -1;
}

static void
close_door(struct session *session)
{
	watch_free(session->at_door);
	session->at_door = NULL;
	if (session->door >= 0)
		close(session->door);
	session->door = -1;
	watch_off(session->timer);
}

/* A pair of our own takes the place of its connection: what is written to it can be read at once, TCP would only cost, and no port is
 * left that anybody could find. */
static bool
pair_up(struct session *session, int theirs)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	session->ours = pair[0];
	bool paired = dup3(pair[1], theirs, O_CLOEXEC) == theirs;
	close(pair[1]);
	return paired;
}

/* First it finds that it is connected, then it says NICK and USER. When it finds that, it asks for its own address, once, and would take one
 * that is not of IPv4 for one of IPv6, for which it has no room: so the pair comes after that. */
static void
let_in(struct session *session, int theirs)
{
	close_door(session);
	session->theirs = theirs;
	if (!turn(session, false))
		return;
	if (!pair_up(session, theirs)) {
		fail(session, "There was no descriptor left for libircclient.");
		return;
	}
	session->its_words = loop_descriptor(session->engine->loop, session->ours, LOOP_READ, collect_words, session);
	if (pump(session))
		session->events->ready(session->with);
}

static void
somebody_came(void *with, int events)
{
	struct session *session = with;
	struct sockaddr_in peer = { 0 };
	socklen_t size = sizeof peer;
	int fd = accept4(session->door, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	int theirs = find_theirs(session, &peer);
	if (theirs >= 0)
		let_in(session, theirs);
	else
		log_warning("A stranger came to the door of libircclient and was sent away.");
	close(fd);
}

static void
nobody_came(void *with, int events)
{
	(void)events;
	fail(with, "libircclient did not connect to its own door.");
}

static bool
open_door(struct session *session, struct sockaddr_in *address)
{
	socklen_t size = sizeof *address;

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	session->door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return session->door >= 0 && bind(session->door, (struct sockaddr *)address, size) == 0 && listen(session->door, SOMAXCONN) == 0
		&& getsockname(session->door, (struct sockaddr *)address, &size) == 0;
}

/* The library uses these texts as formats, and cuts the result at 255 bytes. */
static void
without_percent(const char *from, char *out, size_t size)
{
	size_t length = 0;

	for (; *from && length + 3 < size; from++) {
		if (*from == '%')
			out[length++] = '%';
		out[length++] = *from;
	}
	out[length] = '\0';
}

struct names {
	char nick[100], user[40], real[100];
};

/* One try with the number of this spare: false where another thread got it first, and the library a number that may be too high. */
static bool
connect_at(struct session *session, int *spare, uint16_t port, const struct names *names)
{
	session->library = new_library(session);
	session->wanted = *spare;
	close(*spare);          /* the lowest free number is the next one that is given out */
	*spare = -1;
	if (session->library && irc_connect(session->library, "127.0.0.1", port, NULL, names->nick, names->user, names->real) == 0
			&& leads_to_door(session, session->wanted))
		return true;
	if (session->library) {
		irc_disconnect(session->library);
		irc_destroy_session(session->library);
	}
	session->library = NULL;
	return false;
}

static bool
connect_library(struct session *session, uint16_t port, const struct names *names)
{
	fill_spares(session->low);
	for (size_t i = 0; i < LOW_SPARES; i++)
		if (session->low->spare[i] >= 0 && connect_at(session, &session->low->spare[i], port, names))
			return true;
	return false;
}

struct session *
session_open(const struct engine *engine, struct low_descriptors *low, const char *nick, const char *user, const char *realname,
	const struct session_events *events, void *with, struct error *error)
{
	struct session *session = memory_take(sizeof *session);
	struct sockaddr_in address;
	struct names names;

	session->engine = engine;
	session->events = events;
	session->with = with;
	session->low = low;
	session->theirs = session->door = session->ours = session->wanted = -1;
	session->timer = loop_timer(engine->loop, nobody_came, session);
	session->failing = loop_later(engine->loop, tell_broken, session);
	without_percent(nick, names.nick, sizeof names.nick);
	without_percent(user, names.user, sizeof names.user);
	without_percent(realname, names.real, sizeof names.real);
	if (!may_be_word(nick) || !may_be_word(user) || !may_be_text(realname)) {
		error_set(error, "Our own nick or real name is none that can be said on IRC.");
		session_close(session);
		return NULL;
	}
	if (!open_door(session, &address) || !connect_library(session, ntohs(address.sin_port), &names)) {
		error_set(error, "libircclient could not be started: %s.", strerror(errno));
		session_close(session);
		return NULL;
	}
	session->at_door = loop_descriptor(engine->loop, session->door, LOOP_READ, somebody_came, session);
	watch_after(session->timer, ACCEPT_WAIT);
	return session;
}

void
session_close(struct session *session)
{
	if (!session)
		return;
	close_door(session);
	watch_free(session->timer);
	watch_free(session->its_words);
	watch_free(session->failing);
	if (session->library) {
		irc_disconnect(session->library);
		irc_destroy_session(session->library);
	}
	if (session->ours >= 0)
		close(session->ours);
	fill_spares(session->low);
	free(session);
}
