/* dial: from a host's name to a connected descriptor. */
#include "protocols/irc/dial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"

enum {
	NAME_WAIT = 20 * 1000,          /* ms for all name servers together */
	ADDRESS_WAIT = 10 * 1000,       /* ms for one address */
	ADDRESSES = 8,                  /* of one name that are tried */
};

/* Shared by the dial and its thread; whoever lets go last frees it. */
struct lookup {
	atomic_int holders;
	char host[256], port[8];
	int done;                       /* the thread writes a byte to it */
	int failed;                     /* as getaddrinfo() says it */
	struct addrinfo *found;
};

struct dial {
	const struct engine *engine;
	dial_fn *call;
	void *with;
	struct lookup *lookup;
	int done;                       /* the reading end of lookup->done; -1 */
	struct addrinfo *next;          /* the address to try next */
	unsigned tried;
	int fd;                         /* being connected; -1 */
	struct watch *watch, *timer;
	struct error why;
};

static void
let_go(struct lookup *lookup)
{
	if (!lookup || atomic_fetch_sub(&lookup->holders, 1) > 1)
		return;
	if (lookup->found)
		freeaddrinfo(lookup->found);
	close(lookup->done);
	free(lookup);
}

static void *
look_up(void *with)
{
	struct lookup *lookup = with;
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };

	lookup->failed = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);
	/* Without any other interface 127.0.0.1 and ::1 are no "configured" addresses to AI_ADDRCONFIG. */
	if (lookup->failed) {
		hints.ai_flags = 0;
		lookup->failed = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->found);
	}
	if (lookup->failed)
		lookup->found = NULL;
	/* Nobody may listen any more; that is no matter. */
	ssize_t written = write(lookup->done, "", 1);
	(void)written;
	let_go(lookup);
	return NULL;
}

/* Signals are the loop's: the thread takes none. */
static bool
start_thread(struct lookup *lookup)
{
	pthread_t thread;
	pthread_attr_t how;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&how);
	pthread_attr_setdetachstate(&how, PTHREAD_CREATE_DETACHED);
	int failed = pthread_create(&thread, &how, look_up, lookup);
	pthread_attr_destroy(&how);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return failed == 0;
}

/* Nothing of `dial` is touched after the call: it may be gone. */
static void
end(struct dial *dial, int fd)
{
	watch_off(dial->timer);
	watch_free(dial->watch);
	dial->watch = NULL;
	dial->fd = -1;
	dial->call(dial->with, fd, fd < 0 ? dial->why.text : NULL);
}

static void
take_fd(struct dial *dial)
{
	int fd = dial->fd;

	end(dial, fd);
}

static void try_next(struct dial *);

static void
give_up_address(struct dial *dial, int reason)
{
	error_set(&dial->why, "%s could not be reached: %s.", dial->lookup->host, strerror(reason));
	watch_free(dial->watch);
	dial->watch = NULL;
	if (dial->fd >= 0)
		close(dial->fd);
	dial->fd = -1;
	try_next(dial);
}

static void
connected(void *with, int events)
{
	struct dial *dial = with;
	int reason = 0;
	socklen_t size = sizeof reason;

	(void)events;
	if (getsockopt(dial->fd, SOL_SOCKET, SO_ERROR, &reason, &size) < 0)
		reason = errno;
	if (reason)
		give_up_address(dial, reason);
	else
		take_fd(dial);
}

static void
try_next(struct dial *dial)
{
	struct addrinfo *at = dial->next;

	if (!at || dial->tried++ == ADDRESSES) {
		end(dial, -1);
		return;
	}
	dial->next = at->ai_next;
	dial->fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol);
	if (dial->fd < 0 || (connect(dial->fd, at->ai_addr, at->ai_addrlen) < 0 && errno != EINPROGRESS)) {
		give_up_address(dial, errno);
		return;
	}
	watch_after(dial->timer, ADDRESS_WAIT);
	dial->watch = loop_descriptor(dial->engine->loop, dial->fd, LOOP_WRITE, connected, dial);
}

static void
looked_up(void *with, int events)
{
	struct dial *dial = with;
	const struct lookup *lookup = dial->lookup;

	(void)events;
	watch_free(dial->watch);
	dial->watch = NULL;
	if (lookup->failed || !lookup->found) {
		error_set(&dial->why, "The name %s could not be looked up: %s.", lookup->host, gai_strerror(lookup->failed));
		end(dial, -1);
		return;
	}
	dial->next = lookup->found;
	try_next(dial);
}

static void
late(void *with, int events)
{
	struct dial *dial = with;

	(void)events;
	if (dial->fd >= 0) {
		give_up_address(dial, ETIMEDOUT);
		return;
	}
	/* No thread or pipe could be had, or the name servers are silent. */
	if (!*dial->why.text)
		error_set(&dial->why, "The name %s could not be looked up: no name server answered within %d s.", dial->lookup->host, NAME_WAIT / 1000);
	end(dial, -1);
}

static bool
begin_lookup(struct dial *dial)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return false;
	dial->done = ends[0];
	dial->lookup->done = ends[1];
	atomic_fetch_add(&dial->lookup->holders, 1);
	if (!start_thread(dial->lookup)) {
		atomic_fetch_sub(&dial->lookup->holders, 1);
		return false;
	}
	dial->watch = loop_descriptor(dial->engine->loop, dial->done, LOOP_READ, looked_up, dial);
	return true;
}

struct dial *
dial_start(const struct engine *engine, const char *host, int port, dial_fn *call, void *with)
{
	struct dial *dial = memory_take(sizeof *dial);
	int64_t wait = NAME_WAIT;

	*dial = (struct dial){ .engine = engine, .call = call, .with = with, .lookup = memory_take(sizeof *dial->lookup), .done = -1, .fd = -1 };
	atomic_init(&dial->lookup->holders, 1);
	dial->lookup->done = -1;
	snprintf(dial->lookup->host, sizeof dial->lookup->host, "%s", host);
	snprintf(dial->lookup->port, sizeof dial->lookup->port, "%d", port);
	dial->timer = loop_timer(engine->loop, late, dial);
	if (!begin_lookup(dial)) {
		error_set(&dial->why, "The name %s could not be looked up: %s.", host, strerror(errno));
		wait = 0;       /* told from the loop, as everything is */
	}
	watch_after(dial->timer, wait);
	return dial;
}

void
dial_free(struct dial *dial)
{
	if (!dial)
		return;
	watch_free(dial->timer);
	watch_free(dial->watch);
	if (dial->fd >= 0)
		close(dial->fd);
	if (dial->done >= 0)
		close(dial->done);
	let_go(dial->lookup);
	free(dial);
}
