/* wire: the connection to the real server. */
#include "protocols/irc/wire.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "protocols/irc/dial.h"
#include "protocols/irc/flood.h"
#include "protocols/irc/irc_settings.h"
#include "protocols/irc/line.h"
#include "protocols/irc/wire_tls.h"

enum {
	HANDSHAKE_WAIT = 20 * 1000,     /* ms for TLS */
	UNREAD_MOST = 64 * 1024,        /* bytes that wait to be read; then the server waits */
	UNSENT_MOST = 64 * 1024,        /* bytes on their way to the server; then the queue waits */
};

struct wire {
	const struct engine *engine;
	const struct irc *irc;
	struct irc_server to;
	const struct wire_events *events;
	void *with;

	struct dial *dial;
	struct bufferevent *stream;     /* owns the descriptor and the TLS; NULL until connected */
	SSL *ssl;                       /* borrowed from the stream; NULL: plain */
	bool up, dead, told;
	bool skipping;                  /* inside a line that is too long */
	struct error why;

	struct flood flood;
	struct watch *failing;          /* tells down() from the loop */
	struct watch *pace;             /* the next line of the queue may leave */
	struct watch *pulse;            /* the handshake's end; then whether the server is there */
	int64_t heard, asked;           /* mono ms; asked 0: no answer is waited for */
	char line[LINE_HEARD_MOST + 1];
};

static void
fail(struct wire *wire)
{
	if (wire->dead)
		return;
	wire->dead = true;
	if (wire->stream)
		bufferevent_disable(wire->stream, EV_READ | EV_WRITE);
	watch_off(wire->pace);
	watch_off(wire->pulse);
	watch_now(wire->failing);
}

void
wire_fail(struct wire *wire, const char *why)
{
	if (!wire->dead)
		error_set(&wire->why, "%s", why);
	fail(wire);
}

static void
tell_down(void *with, int events)
{
	struct wire *wire = with;

	(void)events;
	if (wire->told)
		return;
	wire->told = true;
	wire->events->down(wire->why.text, wire->with);
}

/* Out. */

static size_t
unsent(const struct wire *wire)
{
	return evbuffer_get_length(bufferevent_get_output(wire->stream));
}

static void
send_bytes(struct wire *wire, const struct written *line)
{
	if (wire->up && !wire->dead && line->length && bufferevent_write(wire->stream, line->bytes, line->length) < 0)
		wire_fail(wire, "A line could not be sent.");
}

static void
send_waiting(struct wire *wire)
{
	struct written line;
	int64_t wait = -1;
	size_t waited = wire->flood.lines.count;

	/* Nothing comes between lines that belong together, whatever else is due. */
	while (wire->up && !wire->dead && (flood_along(&wire->flood) || unsent(wire) < UNSENT_MOST)
			&& flood_take(&wire->flood, clock_mono(), &line, &wait))
		send_bytes(wire, &line);
	if (wait > 0)
		watch_after(wire->pace, wait);
	if (wire->flood.lines.count < waited)
		wire->events->drained(wire->with);
}

static void
paced(void *with, int events)
{
	(void)events;
	send_waiting(with);
}

void
wire_now(struct wire *wire, const struct written *line)
{
	send_bytes(wire, line);
}

bool
wire_room(const struct wire *wire, size_t lines)
{
	return flood_room(&wire->flood, lines);
}

void
wire_pace(struct wire *wire, int64_t burst, int64_t rate)
{
	wire->flood.burst = burst;
	wire->flood.rate = rate;
}

void
wire_later(struct wire *wire, const struct written *line)
{
	flood_put(&wire->flood, line, FLOOD_PACED);
	send_waiting(wire);
}

void
wire_along(struct wire *wire, const struct written *line)
{
	flood_put(&wire->flood, line, FLOOD_ALONG);
	send_waiting(wire);
}

bool
wire_spare(struct wire *wire, const struct written *line, bool goes_on)
{
	flood_put_spare(&wire->flood, line, goes_on);
	send_waiting(wire);
	return !flood_spare_shorten(&wire->flood);
}

void
wire_first(struct wire *wire, const struct written *line)
{
	flood_put_first(&wire->flood, line);
	send_waiting(wire);
}

void
wire_after(struct wire *wire, const struct written *line)
{
	flood_put(&wire->flood, line, FLOOD_PROOF);
	send_waiting(wire);
}

/* In. */

/* The next whole line into wire->line. False where none has come; too long ones are passed over. */
static bool
next_line(struct wire *wire, struct evbuffer *from, size_t *length, size_t *end)
{
	for (;;) {
		struct evbuffer_ptr at = evbuffer_search_eol(from, NULL, end, EVBUFFER_EOL_LF);
		if (at.pos < 0) {
			if (evbuffer_get_length(from) > LINE_HEARD_MOST) {
				evbuffer_drain(from, LINE_HEARD_MOST);
				wire->skipping = true;
			}
			return false;
		}
		*length = (size_t)at.pos;
		if (!wire->skipping && *length <= LINE_HEARD_MOST)
			break;
		evbuffer_drain(from, *length + *end);
		wire->skipping = false;
		log_debug("A line of more than %d bytes was dropped.", LINE_HEARD_MOST);
	}
	evbuffer_copyout(from, wire->line, *length);
	*end += *length;
	if (*length && wire->line[*length - 1] == '\r')
		--*length;
	wire->line[*length] = '\0';
	return true;
}

static void
read_lines(struct wire *wire)
{
	struct evbuffer *from = bufferevent_get_input(wire->stream);
	size_t length, end;

	while (!wire->dead && next_line(wire, from, &length, &end)) {
		/* Empty lines mean nothing. */
		if (length && !wire->events->line(wire->line, length, wire->with))
			return;
		evbuffer_drain(from, end);
	}
}

void
wire_resume(struct wire *wire)
{
	if (wire->up && !wire->dead)
		read_lines(wire);
}

static void
can_read(struct bufferevent *stream, void *with)
{
	struct wire *wire = with;

	(void)stream;
	wire->heard = clock_mono();
	wire->asked = 0;
	/* Nothing is listened to before the handshake has ended well. */
	if (wire->up)
		read_lines(wire);
}

static void
can_write(struct bufferevent *stream, void *with)
{
	(void)stream;
	send_waiting(with);
}

/* Whether it is there. */

static void
ask(struct wire *wire, int64_t now)
{
	static const char *const token[] = { "sallyport" };
	struct written line;

	line_write(&line, 0, "PING", token, 1);
	send_bytes(wire, &line);
	wire->asked = now;
	watch_after(wire->pulse, wire->irc->patience);
}

static void
pulse(void *with, int events)
{
	struct wire *wire = with;
	int64_t now = clock_mono();

	(void)events;
	if (!wire->up) {
		error_set(&wire->why, "TLS with %s was not agreed upon within %d s.", wire->to.host, HANDSHAKE_WAIT / 1000);
		fail(wire);
	} else if (evbuffer_get_length(bufferevent_get_input(wire->stream)) > 0) {
		/* It is we who do not listen: what it says waits here. */
		watch_after(wire->pulse, wire->irc->ping);
	} else if (wire->asked) {
		error_set(&wire->why, "%s went silent: no answer within %lld s.", wire->to.host, (long long)(wire->irc->patience / 1000));
		fail(wire);
	} else if (now - wire->heard >= wire->irc->ping) {
		ask(wire, now);
	} else {
		watch_after(wire->pulse, wire->irc->ping - (now - wire->heard));
	}
}

/* Connecting. */

static void
come_up(struct wire *wire)
{
	wire->up = true;
	wire->heard = clock_mono();
	watch_after(wire->pulse, wire->irc->ping);
	wire->events->up(wire->with);
}

static void
handshake_done(struct wire *wire)
{
	/* OpenSSL refuses by itself; this is the second look before the first byte. */
	if (wire_tls_verified(wire->ssl, wire->to.host, wire->irc, &wire->why))
		come_up(wire);
	else
		fail(wire);
}

/* Many servers end TLS without a word, which is no more than an end. */
static void
say_why(struct wire *wire, short what, int reason)
{
	const char *server = wire->to.host;

	if (wire->ssl && !wire->up)
		wire_tls_why(wire->ssl, server, bufferevent_get_openssl_error(wire->stream), &wire->why);
	else if (what & BEV_EVENT_EOF || wire->ssl || reason == 0)
		error_set(&wire->why, "%s closed the connection.", server);
	else
		error_set(&wire->why, "The connection to %s broke: %s.", server, evutil_socket_error_to_string(reason));
}

static void
happened(struct bufferevent *stream, short what, void *with)
{
	struct wire *wire = with;

	(void)stream;
	if (wire->dead)
		return;
	if (what & BEV_EVENT_CONNECTED) {
		if (wire->ssl && !wire->up)
			handshake_done(wire);
		return;
	}
	say_why(wire, what, EVUTIL_SOCKET_ERROR());
	fail(wire);
}

static bool
open_stream(struct wire *wire, int fd)
{
	struct event_base *base = loop_base(wire->engine->loop);

	if (!wire->irc->tls) {
		wire->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
		return wire->stream || error_set(&wire->why, "The connection could not be set up.");
	}
	wire->ssl = wire_tls_new(wire->to.host, wire->irc, &wire->why);
	if (!wire->ssl)
		return false;
	wire->stream = bufferevent_openssl_socket_new(base, fd, wire->ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
	if (wire->stream) {
		bufferevent_openssl_set_allow_dirty_shutdown(wire->stream, 1);
		return true;
	}
	SSL_free(wire->ssl);
	wire->ssl = NULL;
	return error_set(&wire->why, "TLS could not be set up.");
}

static void
dialled(void *with, int fd, const char *why)
{
	struct wire *wire = with;
	int on = 1;

	if (fd < 0) {
		wire_fail(wire, why);   /* before the dial goes, whose words these are */
		return;
	}
	dial_free(wire->dial);
	wire->dial = NULL;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (!open_stream(wire, fd)) {
		close(fd);
		fail(wire);
		return;
	}
	bufferevent_setcb(wire->stream, can_read, can_write, happened, wire);
	bufferevent_setwatermark(wire->stream, EV_READ, 0, UNREAD_MOST);
	bufferevent_enable(wire->stream, EV_READ | EV_WRITE);
	if (wire->ssl)
		watch_after(wire->pulse, HANDSHAKE_WAIT);
	else
		come_up(wire);
}

struct wire *
wire_open(const struct engine *engine, const struct irc *irc, const struct irc_server *to, const struct wire_events *events, void *with)
{
	struct wire *wire = memory_take(sizeof *wire);

	wire->engine = engine;
	wire->irc = irc;
	wire->to = *to;
	wire->events = events;
	wire->with = with;
	flood_begin(&wire->flood, 1, 0);
	wire->failing = loop_later(engine->loop, tell_down, wire);
	wire->pace = loop_timer(engine->loop, paced, wire);
	wire->pulse = loop_timer(engine->loop, pulse, wire);
	wire->dial = dial_start(engine, wire->to.host, wire->to.port, dialled, wire);
	return wire;
}

/* Whatever the socket takes at once: nobody waits for a goodbye. */
void
wire_goodbye(struct wire *wire, const struct written *line)
{
	if (!wire->up || wire->dead || !line->length)
		return;
	bufferevent_disable(wire->stream, EV_READ | EV_WRITE);
	if (!wire->ssl) {
		evbuffer_add(bufferevent_get_output(wire->stream), line->bytes, line->length);
		evbuffer_unfreeze(bufferevent_get_output(wire->stream), 1);
		evbuffer_write(bufferevent_get_output(wire->stream), bufferevent_getfd(wire->stream));
	} else if (unsent(wire) == 0 && SSL_write(wire->ssl, line->bytes, (int)line->length) > 0) {
		SSL_shutdown(wire->ssl);
	}
	wire->dead = true;
}

void
wire_close(struct wire *wire)
{
	if (!wire)
		return;
	dial_free(wire->dial);
	if (wire->stream)
		bufferevent_free(wire->stream);
	watch_free(wire->failing);
	watch_free(wire->pace);
	watch_free(wire->pulse);
	flood_end(&wire->flood);
	free(wire);
}
