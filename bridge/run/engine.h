/* engine: what a task can reach: the loop and the machines on it. Opened and closed by bridge.c. */
#ifndef SALLYPORT_RUN_ENGINE_H
#define SALLYPORT_RUN_ENGINE_H

struct children;
struct http;
struct loop;
struct store;
struct tasks;

struct engine {
	struct loop *loop;
	struct tasks *tasks;
	struct children *children;
	struct http *http;
	struct store *store;
	const char *state;              /* the folder of all that is kept; absolute */
};

#endif
