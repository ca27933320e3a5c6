/* irc_world: an IRC server of the test's own, which can be strict, rude and forgetful, and the gateway's link to it, with stand-ins for the
 * bridge and for the system's resolver. Loopback only. Every server is played by the test itself, line by line. */
#ifndef SALLYPORT_TESTS_IRC_WORLD_H
#define SALLYPORT_TESTS_IRC_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <errno.h>
#include <stdbool.h>
#include <time.h>

#include <cmocka.h>
#include <openssl/ssl.h>

#include "bridge/base/secret.h"
#include "bridge/protocol.h"
#include "bridge/run/engine.h"
#include "protocols/irc/irc_settings.h"

enum { PATIENCE = 20 * 1000, LINE_SIZE = 20000, HEARD_SIZE = 1024 };

extern const struct protocol protocol_irc;

/* What the bridge heard and was told; under the lock. */
struct story {
	pthread_mutex_t lock;
	pthread_cond_t news;
	struct heard {
		char text[600], account[120], shown[80], channel[80];
		bool proven, direct;
	} heard[HEARD_SIZE];
	size_t heard_count;
	int ups, aways;
	char up[300], away[800];
	bool ended, fine;               /* run() has returned */
	char error[600];
};
extern struct story story;

struct world {
	pthread_t thread;
	struct engine engine;
	struct irc irc;
	struct link link;
	const char *channels[12], *later[12];   /* later: after order_channels() */
	const char *servers[4];         /* irc.servers shows them */
	int orders[2];
	bool stopping;
};
extern struct world world;

/* One connection at a time is talked to; there may be several listeners. */
struct server {
	int fd, port;                   /* the first listener */
	SSL_CTX *tls;                   /* NULL: plain */
	int client;                     /* -1: nobody */
	SSL *ssl;
	char buffer[1 << 16];
	size_t length;
	size_t bytes;                   /* that came in all, after TLS */
	char all[1 << 16];              /* of them, for looking back */
};
extern struct server server;

/* Something to be said, carried to the loop and back. */
struct saying {
	const char *target, *headline, *txn;
	bool done, fine;                /* under story.lock */
	char error[600];
};

void show_stderr(void);                         /* else the log keeps what is written there */
#define world_fail(...) do { show_stderr(); fail_msg(__VA_ARGS__); } while (0)

struct timespec world_from_now(int64_t ms);

/* Waits for the story to go on until `condition` holds. */
#define await(condition) do { \
		struct timespec until_ = world_from_now(PATIENCE); \
		bool held_, late_ = false; \
		pthread_mutex_lock(&story.lock); \
		while (!(held_ = (condition)) && !late_) \
			late_ = pthread_cond_timedwait(&story.news, &story.lock, &until_) == ETIMEDOUT; \
		pthread_mutex_unlock(&story.lock); \
		if (!held_) \
			world_fail("waited in vain for: %s (up: %s; away: %s; error: %s)", #condition, story.up, story.away, story.error); \
	} while (0)

int world_set_up(void **state);                 /* a listener and settings for it; then start_gateway() */
int world_tear_down(void **state);
#define STORY(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

void start_gateway(void);
void order(struct saying *);                    /* NULL ends all */
void order_channels(const char *const *names, size_t count);   /* the configuration has others now */
size_t logged(const char *part);                /* how often the log says it, in this story */
void use_servers(const char *const *names, size_t count);

int listen_at(const char *address, int *port);  /* another listener; port 0: any */
bool answer_the_door(void);                     /* of the first listener; false where TLS failed */
bool answer_at(int fd);
void hang_up(void);
bool take_bytes(int ms);
const char *next_line(int ms);                  /* NULL where none comes */
const char *expect(const char *beginning);      /* the next line, which begins so */
void give(const char *bytes, size_t length);
void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
void expect_nothing(void);                      /* it has read all that was told, and has said nothing but what was expected */

void greet(const char *caps);                   /* CAP, NICK, USER */
void welcome(const char *nick, const char *supported);  /* 001, 005, 422 */
void let_in(const char *nick, const char *names);       /* JOIN #ops */
void go_in(void);                               /* all of it */
void expect_heard_only(size_t count);           /* all that was told is dealt with, and that much of it was heard */

/* The servers speak TLS from now on, with a certificate for `names` ("DNS:irc.test"), of an authority that the gateway trusts. */
void use_tls(const char *names);

#endif
