/* sender_scene: for tests: a request of each way to be proven, as vendors and standards print it, and who is asked. */
#ifndef SALLYPORT_TESTS_SENDER_SCENE_H
#define SALLYPORT_TESTS_SENDER_SCENE_H

#include <stdbool.h>

#include "bridge/rights/sender.h"
#include "bridge/run/hook.h"

enum { SCENE_NOW = 1700000000, SCENE_HEADERS = 8 };

enum sender_vector_of {
	BY_GITHUB, BY_GITEA, BY_JIRA, BY_ZAMMAD, BY_OPENPROJECT, BY_TRELLO, BY_GRAFANA, BY_GITLAB, BY_BEARER, BY_BASIC, BY_PATH, BY_FIELD, SENDER_VECTORS
};

/* One that is proven. */
struct sender_vector {
	const char *name;
	const struct sender_way *ways;
	const struct secret *secret;
	const char *body, *rest, *header, *value;
	const char *time;               /* the header with it; NULL: none */
};

extern const struct sender_vector sender_vectors[SENDER_VECTORS];

struct scene {
	struct arrival_header headers[SCENE_HEADERS];  /* Host, the one that proves, the time */
	struct arrival arrival;
	struct sender_settings settings;
	struct sender sender;
};

void scene_play(struct scene *, const struct sender_vector *);
bool scene_proven(const struct scene *);

#endif
