/* support: what a server says of its limits and features (005). Pure. What makes no sense is as if it had not been said. */
#ifndef SALLYPORT_PROTOCOLS_IRC_SUPPORT_H
#define SALLYPORT_PROTOCOLS_IRC_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>

enum { LIMITS_MOST = 4 };

struct support {
	size_t nick, channel;           /* bytes of a nick; of a channel's name; 0: not said */
	size_t line;                    /* bytes of a line, its end included; never more than LINE_MOST_EVER */
	size_t targets, joins;          /* channels in one JOIN, by MAXTARGETS and by TARGMAX, which knows better; 0: not said */
	bool targmax;                   /* it says it by command */
	bool monitor;                   /* MONITOR: it tells when a nick becomes free */
	char bot;                       /* the mode of bots; '\0': none */
	struct { char prefixes[8]; size_t most; } limits[LIMITS_MOST];         /* CHANLIMIT: how many channels of these kinds together */
	size_t limit_count;
};

void support_begin(struct support *);
void support_take(struct support *, const char *token);        /* NICKLEN=30, MONITOR, -MONITOR */
size_t support_joins(const struct support *);                  /* channels in one JOIN; 0: as many as fit */
/* How many channels of the kind of `prefix` we may be in, and which kinds count together; 0: no limit. */
size_t support_limit(const struct support *, char prefix, const char **prefixes);

#endif
