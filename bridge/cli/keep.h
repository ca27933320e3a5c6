/* keep: what every subcommand that keeps the state safe has in hand. */
#ifndef SALLYPORT_CLI_KEEP_H
#define SALLYPORT_CLI_KEEP_H

#include <stdbool.h>

struct arena;
struct error;

struct keep {
	const char *conf;               /* the configuration's path */
	const char *state;              /* the folder; NULL: no configuration could be read */
	const char *socket;             /* of the console; NULL: there is none */
	struct arena *arena;
};

int keep_failed(int code, const struct error *);        /* says the sentence; gives the code back */
int keep_unread(const char *state, const struct error *);  /* the same for a store that could not be read: 65, or 69 where there is none */
int keep_refuse(int code, const char *sentence, ...) __attribute__((format(printf, 2, 3)));
const char *keep_who(struct arena *);                   /* unix/root: who runs us, for the audit */
bool keep_sync(const char *path);                       /* a file or a folder is on the disk, when true */
const char *keep_folder_of(struct arena *, const char *path);
bool keep_sum(const char *path, char out[65]);          /* SHA-256 of a file, in hex; false with errno */

#endif
