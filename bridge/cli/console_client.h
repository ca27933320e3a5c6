/* console_client: the other end of the console's socket: a terminal, a pipe, or one question. */
#ifndef SALLYPORT_CLI_CONSOLE_CLIENT_H
#define SALLYPORT_CLI_CONSOLE_CLIENT_H

#include <stdbool.h>

#include "protocols/console.h"          /* console_path() */

/* What is typed goes to the gateway, what it says is shown. On a terminal until Ctrl-D; from a pipe until its end, and then until nothing
 * that was asked for goes on any more. `starting`: the gateway may need a moment until it listens. Blocks; may run on a thread of its own.
 * The exit code: 0; 1 where the gateway went away; 69 where nobody answers there. */
int console_client(const char *socket, bool starting);

/* One line, as if it were typed into a pipe. */
int console_say(const char *socket, const char *line);

/* One question (status, audit list ...), ended by NULL; the answer goes to standard output. Its exit code; 69 where nobody answers there. */
int console_ask(const char *socket, const char *const *words);

#endif
