/* online: sallyport check --online: logs in, joins, and tells what is missing in a room. */
#ifndef SALLYPORT_CLI_ONLINE_H
#define SALLYPORT_CLI_ONLINE_H

struct setup;

/* Of a configuration without mistakes. Prints the line that counts, with the troubles, and each of them; the exit code. */
int online_check(const struct setup *, const char *counts);

#endif
