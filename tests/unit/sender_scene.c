/* sender_scene: a request of each way to be proven, as vendors and standards print it. */
#include "tests/unit/sender_scene.h"

#include <string.h>

#include "bridge/base/secret.h"

#define EVERYBODY "It's a Secret to Everybody"          /* GitHub's and Atlassian's documentation */

static const struct secret everybody = { "", EVERYBODY, sizeof EVERYBODY - 1 }, jefe = { "", "Jefe", 4 }, token = { "", "glpat-0123456789abcdef", 22 };

static const struct sender_way github[] = { { .by = SENDER_MAC, .header = "X-Hub-Signature-256", .prefix = "sha256=" }, { 0 } },
	gitea[] = { { .by = SENDER_MAC, .header = "X-Gitea-Signature" }, { 0 } }, jira[] = { { .by = SENDER_MAC, .header = "X-Hub-Signature", .prefix = "sha256=" }, { 0 } },
	zammad[] = { { .by = SENDER_MAC, .header = "X-Hub-Signature", .prefix = "sha1=", .sha1 = true }, { 0 } },
	openproject[] = { { .by = SENDER_MAC, .header = "X-OP-Signature", .prefix = "sha1=", .sha1 = true }, { 0 } },
	trello[] = { { .by = SENDER_MAC, .header = "X-Trello-Webhook", .sha1 = true, .base64 = true, .and_url = true }, { 0 } }, grafana[] = { { .by = SENDER_MAC }, { 0 } },
	gitlab[] = { { .by = SENDER_TOKEN, .header = "X-Gitlab-Token" }, { 0 } }, bearer[] = { { .by = SENDER_TOKEN, .header = "Authorization", .prefix = "Bearer " }, { 0 } },
	basic[] = { { .by = SENDER_BASIC }, { 0 } }, path[] = { { .by = SENDER_PATH }, { 0 } }, field[] = { { .by = SENDER_FIELD, .field = "routing_key" }, { 0 } };

const struct sender_vector sender_vectors[SENDER_VECTORS] = {
	[BY_GITHUB] = { "GitHub", github, &everybody, "Hello, World!", "", "X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", NULL },
	[BY_GITEA] = { "RFC 4231, 2, as Gitea writes it", gitea, &jefe, "what do ya want for nothing?", "", "X-Gitea-Signature",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", NULL },
	[BY_JIRA] = { "Jira", jira, &everybody, "Hello World!", "", "X-Hub-Signature", "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9", NULL },
	[BY_ZAMMAD] = { "RFC 2202, 2, as Zammad writes it", zammad, &jefe, "what do ya want for nothing?", "", "X-Hub-Signature",
		"sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", NULL },
	[BY_OPENPROJECT] = { "RFC 2202, 2, as OpenProject writes it", openproject, &jefe, "what do ya want for nothing?", "", "X-OP-Signature",
		"sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", NULL },
	[BY_TRELLO] = { "Trello", trello, &everybody, "{\"action\":{}}", "main", "X-Trello-Webhook", "IZncVuT7omeHAVxpyFkeoOegJo4=", NULL },
	[BY_GRAFANA] = { "Grafana", grafana, &everybody, "{\"status\":\"firing\"}", "", "X-Grafana-Alerting-Signature",
		"7051d226c11d6fa391200733360dffcf3c56f2f21865869cf4a3fcea5fe6adfe", "1700000000" },
	[BY_GITLAB] = { "GitLab", gitlab, &token, "{}", "", "X-Gitlab-Token", "glpat-0123456789abcdef", NULL },
	[BY_BEARER] = { "bearer", bearer, &token, "{}", "", "Authorization", "Bearer glpat-0123456789abcdef", NULL },
	[BY_BASIC] = { "basic", basic, &token, "{}", "", "Authorization", "Basic am9lOmdscGF0LTAxMjM0NTY3ODlhYmNkZWY=", NULL },
	[BY_PATH] = { "path", path, &token, "{}", "backup/glpat-0123456789abcdef", "X-Nothing", "", NULL },
	[BY_FIELD] = { "field", field, &token, "{\"event_action\":\"trigger\", \"routing_key\":\"glpat-0123456789abcdef\"}", "", "X-Nothing", "", NULL },
};

void
scene_play(struct scene *scene, const struct sender_vector *vector)
{
	memset(scene, 0, sizeof *scene);
	scene->settings = (struct sender_settings){ .hook = vector->secret, .hook_user = "joe", .hook_header = "X-Grafana-Alerting-Signature",
		.hook_time_header = vector->time ? "X-Grafana-Alerting-Time" : NULL };
	scene->headers[0] = (struct arrival_header){ "Host", "gw" };
	scene->headers[1] = (struct arrival_header){ vector->header, vector->value };
	scene->headers[2] = (struct arrival_header){ "X-Grafana-Alerting-Time", vector->time ? vector->time : "" };
	scene->arrival = (struct arrival){ .method = "POST", .rest = vector->rest, .peer = "192.0.2.7", .headers = scene->headers, .header_count = 3,
		.body = vector->body, .length = strlen(vector->body) };
	scene->sender = (struct sender){ .ways = vector->ways, .settings = &scene->settings, .certificate_header = "Client-Cert",
		.url = "https://gw.corp.example", .instance = "board", .now = SCENE_NOW };
}

bool
scene_proven(const struct scene *scene)
{
	return sender_proven(&scene->sender, &scene->arrival);
}
