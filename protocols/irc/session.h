/* session: an unmodified libircclient behind a connection that only it can have. It registers and takes lines apart;
 * what it must not see does not reach it (line_for_library), and what it may not say is dropped here. */
#ifndef SALLYPORT_PROTOCOLS_IRC_SESSION_H
#define SALLYPORT_PROTOCOLS_IRC_SESSION_H

#include <stdbool.h>
#include <stddef.h>

struct engine;
struct error;
struct irc_line;
struct session;

/* libircclient waits with select(), which knows no descriptor above 1023, and takes the lowest that is free: some of those are kept for
 * it, and one is let go just before it connects. More than one, because another thread may be quicker. */
enum { LOW_SPARES = 4 };
struct low_descriptors {
	int spare[LOW_SPARES];          /* -1: in use, or none could be had */
};
bool low_descriptors_open(struct low_descriptors *, struct error *);
void low_descriptors_close(struct low_descriptors *);

/* None of them may close the session: note it, and close it later, from the loop or a task. */
struct session_events {
	void (*said)(const struct irc_line *, void *with);      /* it wants to say NICK, USER, JOIN ...: on to the server */
	/* What it made of the line that it was just given. `event`: JOIN, PRIVMSG, 433 ... Parameters are never NULL, but may be "". */
	void (*heard)(const char *event, const char *origin, const char *const *params, size_t count, void *with);
	void (*ready)(void *with);      /* it is there: the next line may come */
	void (*broken)(const char *why, void *with);
};

/* It connects at once and says NICK and USER. NULL with a sentence. The low descriptors must outlive it. */
struct session *session_open(const struct engine *, struct low_descriptors *, const char *nick, const char *user, const char *realname,
	const struct session_events *, void *with, struct error *);
void session_close(struct session *);

/* One line from line_for_library(). False: it is not there yet, and ready() follows; or it is broken. */
bool session_give(struct session *, const char *line, size_t length);

bool session_busy(const struct session *);      /* it cannot be given a line now; ready() follows */

bool session_nick(struct session *, const char *nick);
bool session_quit(struct session *, const char *reason);

#endif
