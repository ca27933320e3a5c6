/* wire: the connection to the real server: dialling, verified TLS, lines in and out, flood control, and whether it is still alive. */
#ifndef SALLYPORT_PROTOCOLS_IRC_WIRE_H
#define SALLYPORT_PROTOCOLS_IRC_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct engine;
struct irc;
struct irc_server;
struct wire;
struct written;

/* All are called from the loop; none may free the wire. */
struct wire_events {
	void (*up)(void *with);                 /* the server is verified: the first line may leave */
	bool (*line)(char *bytes, size_t length, void *with);  /* without its line end, bytes[length] may be written. False: not now, offer it again after wire_resume() */
	void (*drained)(void *with);            /* a line has left the queue: there is more room in it */
	void (*down)(const char *why, void *with);      /* once; nothing else comes after it */
};

/* `irc` and the events must outlive it; where it goes is copied. */
struct wire *wire_open(const struct engine *, const struct irc *, const struct irc_server *, const struct wire_events *, void *with);
void wire_close(struct wire *);                 /* NULL is fine */

void wire_now(struct wire *, const struct written *);           /* before all that waits: PONG, the login */
bool wire_room(const struct wire *, size_t lines);
void wire_pace(struct wire *, int64_t burst, int64_t rate);    /* the server's limit; rate 0: none, which is also so at first */
void wire_later(struct wire *, const struct written *);         /* in order, as the server's limit allows */
void wire_first(struct wire *, const struct written *);         /* before all that waits, but it costs what a line costs */
void wire_along(struct wire *, const struct written *);         /* right behind the one just given to wire_later(), with nothing in between */
/* For people we do not know: behind all that waits; goes_on: it is of the same answer as the one before. False: the oldest of these had to go. */
bool wire_spare(struct wire *, const struct written *, bool goes_on);
void wire_after(struct wire *, const struct written *);         /* in order with those, without a wait of its own: a PING behind what was said */
void wire_resume(struct wire *);
void wire_fail(struct wire *, const char *why);                 /* down() is called from the loop */
void wire_goodbye(struct wire *, const struct written *);       /* tries to say one last thing; wire_close() is next */

#endif
