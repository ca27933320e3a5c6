/* files_route: GET /f/CODE: a file of one chat for whoever was given its link in another. */
#include "bridge/files_route.h"

#include <ctype.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/bridge.h"
#include "bridge/protocol.h"
#include "bridge/run/task.h"
#include "bridge/talk/files.h"

enum {
	FETCH = 60 * 1000,              /* ms that the chat may take */
	NAME_MOST = 200,                /* bytes of a name */
};

enum { NOT_FOUND = 404, TOO_LARGE = 413, CHAT_FAILED = 502, NOT_NOW = 503 };

/* One that cannot be a code is answered as one that we do not know. */
static unsigned
allowed(const struct arrival *arrival, void *with)
{
	(void)with;
	return files_shaped(arrival->rest) ? 200 : NOT_FOUND;
}

/* Pictures that a browser decodes and never runs; all else is saved, as bytes of no type. SVG is a program. */
static const char *
shown_as(const char *type)
{
	static const char *const pictures[] = { "image/avif", "image/gif", "image/jpeg", "image/png", "image/webp" };

	for (size_t i = 0; type && i < sizeof pictures / sizeof *pictures; i++)
		if (!strcmp(type, pictures[i]))
			return pictures[i];
	return NULL;
}

/* The name twice (RFC 6266): in letters that no reader mistakes, and whole for those who know how. */
static char *
disposition(struct arena *arena, const char *how, const char *name)
{
	char *whole = text_clean(arena, name, strlen(name));

	whole[text_fit(whole, strlen(whole), NAME_MOST)] = '\0';
	for (char *at = whole; *at; at++)
		if (*at == '/' || *at == '\\')
			*at = '_';
	char *plain = arena_text(arena, whole), *encoded = url_part(arena, whole);
	for (char *at = plain; *at; at++)
		if (!isascii((unsigned char)*at) || (!isalnum((unsigned char)*at) && !strchr("._-", *at)))
			*at = '_';
	return encoded ? arena_printf(arena, "%s; filename=\"%s\"; filename*=UTF-8''%s", how, plain, encoded) : arena_text(arena, how);
}

static void
give_back(void *with)
{
	--((struct bridge *)with)->files;
}

/* Its bytes, or the status that says why not. The place that it takes is given back when the answer has left. */
static unsigned
fetch(struct task *task, struct bridge *bridge, const struct file *file, struct fetched *out)
{
	struct link *link = links_find(&bridge->links, file->link);

	if (!link || !link->protocol->fetch)
		return NOT_FOUND;
	if (file->size > FILES_MOST)
		return TOO_LARGE;
	if (bridge->files >= FILES_AT_ONCE || link->state != LINK_UP)
		return NOT_NOW;
	bridge->files++;
	task_defer(task, give_back, bridge);
	talk_hold(task, &bridge->talk);
	if (link->protocol->fetch(task, link, file->id, FILES_MOST, out) && out->length <= FILES_MOST)
		return 200;
	log_warning("%s: a file was asked for by its link and was not had: %s", file->link,
		*task->error.text ? task->error.text : "it is larger than was said.");
	return CHAT_FAILED;
}

static void
run(struct task *task, const struct arrival *arrival, struct answer *answer, void *with)
{
	struct file file;
	struct fetched fetched = { 0 };
	bool found;

	if (!files_find(task, arrival->rest, &file, &found)) {
		log_warning("A file was asked for by its link, and the links could not be read: %s", task->error.text);
		answer->status = NOT_NOW;
		return;
	}
	answer->status = found ? fetch(task, with, &file, &fetched) : NOT_FOUND;
	if (answer->status != 200)
		return;
	const char *picture = shown_as(file.type ? file.type : fetched.type);
	answer->bytes = fetched.length ? fetched.bytes : "";
	answer->length = fetched.length;
	answer->type = picture ? picture : "application/octet-stream";
	answer->disposition = disposition(task->arena, picture ? "inline" : "attachment", file.name ? file.name : "");
}

const struct hook_route files_route = { "GET", "f", false, FETCH, allowed, run };
