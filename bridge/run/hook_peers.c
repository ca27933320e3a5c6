/* hook_peers: who is connected to the listener: how many at once, and how long each may take. */
#include "bridge/run/hook_peers.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/run/engine.h"
#include "bridge/run/hook.h"
#include "bridge/run/loop.h"
#include "bridge/run/task.h"

enum { SLOWEST = 64 };                  /* bytes a ms: slower than 64 kB/s nobody may take a long answer */

enum state { WAITS, WORKS, ANSWERS };

/* Whose limit it counts against: an address of IPv4 (who comes over a Unix socket has that of this machine), or the /64 of one of IPv6, where a single machine has them all. */
struct origin {
	int family;
	unsigned char bytes[8];
	size_t count;                   /* of its peers that were not told to go */
	size_t all;
};

struct peer {
	struct peers *peers;
	struct peer *next;
	struct peer **before;
	int fd;
	enum state state;
	bool gone;                      /* told to go: only the library has yet to notice */
	struct origin *origin;          /* shared with the others of it */
	char name[INET6_ADDRSTRLEN];
	struct watch *patience;
	uint64_t task;
};

struct peers {
	const struct engine *engine;
	size_t most, most_each;
	int64_t deadline;
	struct peer *first, **last;     /* in the order in which they came, or began to wait again */
	size_t count;
};

static struct origin
read_origin(const struct sockaddr *address)
{
	struct origin origin = { .family = AF_INET };
	const struct in6_addr *six = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	const uint32_t loopback = htonl(INADDR_LOOPBACK);

	if (address->sa_family == AF_UNIX)
		memcpy(origin.bytes, &loopback, sizeof loopback);
	else if (address->sa_family == AF_INET)
		memcpy(origin.bytes, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	else if (IN6_IS_ADDR_V4MAPPED(six))
		memcpy(origin.bytes, six->s6_addr + 12, 4);
	else {
		origin.family = AF_INET6;
		memcpy(origin.bytes, six->s6_addr, 8);
	}
	return origin;
}

/* NULL: nobody is here from there. */
static struct origin *
origin_of(const struct peers *peers, const struct sockaddr *address)
{
	struct origin origin = read_origin(address);

	for (struct peer *peer = peers->first; peer; peer = peer->next)
		if (peer->origin->family == origin.family && !memcmp(peer->origin->bytes, origin.bytes, sizeof origin.bytes))
			return peer->origin;
	return NULL;
}

struct peers *
peers_open(const struct engine *engine, const struct hook_settings *settings)
{
	struct peers *peers = memory_take(sizeof *peers);

	*peers = (struct peers){ .engine = engine, .most = (size_t)settings->connections, .most_each = (size_t)settings->connections_each,
		.deadline = settings->deadline };
	peers->last = &peers->first;
	return peers;
}

void
peers_close(struct peers *peers)
{
	free(peers);
}

size_t
peers_count(const struct peers *peers)
{
	return peers->count;
}

/* The library finds the connection ended when it looks at it again, and lets it go. */
static void
dismiss(struct peer *peer)
{
	if (peer->gone)
		return;
	peer->gone = true;
	peer->origin->count--;
	peer->peers->count--;
	watch_off(peer->patience);
	shutdown(peer->fd, SHUT_RDWR);
}

/* Whoever has waited longest of that origin; of all (NULL), of that which has most of them. False where all work. */
static bool
dismiss_one(const struct peers *peers, const struct origin *origin)
{
	struct peer *found = NULL;

	for (struct peer *peer = peers->first; peer; peer = peer->next)
		if (!peer->gone && peer->state == WAITS && (!origin || peer->origin == origin) && (!found || peer->origin->count > found->origin->count))
			found = peer;
	if (found)
		dismiss(found);
	return found;
}

bool
peers_room(struct peers *peers, const struct sockaddr *address)
{
	const struct origin *origin = origin_of(peers, address);

	if (origin && origin->count >= peers->most_each && !dismiss_one(peers, origin))
		return false;
	return peers->count < peers->most || dismiss_one(peers, NULL);
}

void
peers_dismiss(struct peers *peers)
{
	for (struct peer *peer = peers->first; peer; peer = peer->next)
		if (peer->state == WAITS)
			dismiss(peer);
}

static void
late(void *with, int events)
{
	struct peer *peer = with;

	(void)events;
	if (peer->state == WORKS)
		task_cancel(peer->peers->engine, peer->task);
	else
		dismiss(peer);
}

static void
into_line(struct peer *peer)
{
	peer->next = NULL;
	peer->before = peer->peers->last;
	*peer->before = peer;
	peer->peers->last = &peer->next;
}

static void
out_of_line(struct peer *peer)
{
	*peer->before = peer->next;
	if (peer->next)
		peer->next->before = peer->before;
	else
		peer->peers->last = peer->before;
}

static void
name_peer(struct peer *peer, const struct sockaddr *address)
{
	const struct sockaddr_in *four = (const void *)address;
	const struct sockaddr_in6 *six = (const void *)address;

	if (address->sa_family == AF_UNIX)
		strcpy(peer->name, "127.0.0.1");
	else if (!inet_ntop(address->sa_family, address->sa_family == AF_INET ? (const void *)&four->sin_addr : &six->sin6_addr, peer->name,
		sizeof peer->name))
		peer->name[0] = '\0';
}

struct peer *
peer_new(struct peers *peers, int fd, const struct sockaddr *address)
{
	struct peer *peer = memory_take(sizeof *peer);

	*peer = (struct peer){ .peers = peers, .fd = fd, .origin = origin_of(peers, address) };
	if (!peer->origin) {
		peer->origin = memory_take(sizeof *peer->origin);
		*peer->origin = read_origin(address);
	}
	peer->origin->count++;
	peer->origin->all++;
	name_peer(peer, address);
	peer->patience = loop_timer(peers->engine->loop, late, peer);
	watch_after(peer->patience, peers->deadline);
	into_line(peer);
	peers->count++;
	return peer;
}

void
peer_free(struct peer *peer)
{
	if (!peer->gone) {
		peer->origin->count--;
		peer->peers->count--;
	}
	if (!--peer->origin->all)
		free(peer->origin);
	out_of_line(peer);
	watch_free(peer->patience);
	free(peer);
}

bool
peer_gone(const struct peer *peer)
{
	return peer->gone;
}

const char *
peer_name(const struct peer *peer)
{
	return peer->name;
}

static void
turn_to(struct peer *peer, enum state state, int64_t ms)
{
	peer->state = state;
	watch_after(peer->patience, ms);
}

void
peer_waits(struct peer *peer)
{
	out_of_line(peer);
	into_line(peer);
	turn_to(peer, WAITS, peer->peers->deadline);
}

void
peer_works(struct peer *peer, uint64_t task, int64_t ms)
{
	peer->task = task;
	turn_to(peer, WORKS, ms);
}

void
peer_answers(struct peer *peer, size_t length)
{
	turn_to(peer, ANSWERS, peer->peers->deadline + (int64_t)(length / SLOWEST));
}
