/* media: files that the homeserver keeps. */
#include "protocols/matrix/media.h"

#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/url.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "protocols/matrix/homeserver.h"

enum { PATIENCE = 120 };                /* s that a file may take */

const char *
media_put(struct task *task, struct homeserver *at, const char *name, const char *type, const char *bytes, size_t length, bool *never)
{
	const struct matrix_call call = { .method = "POST", .path = url_query(task->arena, "/_matrix/media/v3/upload", "filename", name), .body = bytes,
		.length = length, .type = type, .seconds = PATIENCE };
	struct matrix_answer answer;

	*never = false;
	if (!homeserver_insist(task, at, URGENCY_THREAD, &call, &answer)) {
		*never = answer.status == 403 || answer.status == 413;
		return NULL;
	}
	const char *uri = json_string(answer.json, "content_uri", "");
	if (!strncmp(uri, "mxc://", 6))
		return uri;
	task_fail(task, "The homeserver took a file and did not say where it is.");
	return NULL;
}

bool
media_fetch(struct task *task, struct link *link, const char *id, size_t most, struct fetched *out)
{
	struct homeserver *at = link->own;
	const char *slash = strncmp(id, "mxc://", 6) ? NULL : strchr(id + 6, '/');

	if (!slash)
		return task_fail(task, "That is no file of Matrix.");
	if (!at || at->leaving || at->login != LOGIN_IN)
		return task_fail(task, "%s is away.", link->name);
	const char *server = arena_slice(task->arena, id + 6, (size_t)(slash - id - 6));
	const struct matrix_call call = { .path = homeserver_path(task, "/_matrix/client/v1/media/download", server, slash + 1, NULL), .raw = true, .most = most,
		.seconds = PATIENCE };
	struct matrix_answer answer;
	at->deliveries++;
	bool fine = call.path && homeserver_ask(task, at, &call, &answer);
	homeserver_leave(task, at);
	if (!fine)
		return false;
	*out = (struct fetched){ answer.bytes, answer.length, answer.type ? answer.type : "application/octet-stream" };
	return true;
}
