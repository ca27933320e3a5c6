/* homeserver: requests of the client-server API, and waiting when the homeserver has enough. */
#include "protocols/matrix/homeserver.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/json.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/protocol.h"
#include "bridge/run/http.h"
#include "bridge/run/task.h"
#include "protocols/matrix/matrix_settings.h"
#include "protocols/matrix/seen.h"

enum {
	SAYS_MOST = 200,                /* bytes of a server's own words */
	WAIT_LONGEST = 15 * 60 * 1000,  /* ms that a server may let us wait, before that is a failure */
	WAIT_UNSAID = 5000,             /* ms where it says no number */
};

struct homeserver *
homeserver_open(struct link *link, struct task *task)
{
	struct homeserver *at = memory_take(sizeof *at);

	at->link = link;
	at->conf = link->conf;
	at->task = task->id;
	at->arena = arena_new();
	at->seen = seen_new();
	matrix_rooms_name(&at->rooms, link->channels);
	return at;
}

static void
forget(char *secret)
{
	if (secret)
		secret_wipe(secret, strlen(secret));
	free(secret);
}

void
homeserver_close(struct homeserver *at)
{
	forget(at->token);
	forget(at->refresh);
	free(at->state);
	free(at->filter[0]);
	free(at->filter[1]);
	free((char *)(uintptr_t)at->since);
	matrix_rooms_free(&at->rooms);
	names_free(&at->names);
	seen_free(at->seen);
	arena_free(at->arena);
	free(at);
}

void
homeserver_leave(struct task *task, struct homeserver *at)
{
	if (!--at->deliveries && at->leaving)
		task_wake(task->engine, at->task);
}

void
homeserver_away(struct homeserver *at)
{
	free(at->state);
	at->state = NULL;
}

void
homeserver_forget(struct homeserver *at)
{
	forget(at->token);
	forget(at->refresh);
	at->token = at->refresh = NULL;
}

const char *
homeserver_path(struct task *task, const char *first, ...)
{
	struct text path = text_in(task->arena, 8192);
	const char *part;
	va_list parts;
	bool fine = true;

	text_add(&path, first);
	va_start(parts, first);
	while ((part = va_arg(parts, const char *)) && fine) {
		char *encoded = url_part(task->arena, part);
		fine = encoded != NULL;
		text_add(&path, "/");
		text_add(&path, encoded);
	}
	va_end(parts);
	if (fine && !path.cut)
		return path.bytes;
	task_fail(task, "A name that the homeserver gave cannot stand in an address; nothing was sent.");
	return NULL;
}

static bool
read_answer(struct task *task, const struct matrix_call *call, const struct http_response *response, struct matrix_answer *answer)
{
	bool fine = response->status >= 200 && response->status < 300;
	struct error error;

	answer->status = response->status;
	answer->code = answer->says = "";
	answer->bytes = response->body;
	answer->length = response->length;
	answer->type = http_header(response, "Content-Type");
	if (call->raw && fine)
		return true;
	answer->json = json_read(task->arena, response->body, response->length, &error);
	if (answer->json && !json_object_is_type(answer->json, json_type_object))
		answer->json = NULL;
	if (!answer->json)
		return !fine || task_fail(task, "The homeserver answered with what cannot be read: %s", text_cut(task->arena, error.text, SAYS_MOST));
	answer->code = json_string(answer->json, "errcode", "");
	const char *says = json_string(answer->json, "error", "");
	answer->says = text_cut(task->arena, text_clean(task->arena, says, strlen(says)), SAYS_MOST);
	answer->wait = json_integer(answer->json, "retry_after_ms", 0);
	return true;
}

static void
read_wait(const struct http_response *response, struct matrix_answer *answer)
{
	const char *after = http_header(response, "Retry-After");
	int64_t seconds = after && *after && strspn(after, "0123456789") == strlen(after) && strlen(after) < 7 ? atoll(after) : 0;

	/* The header is in whole seconds, so what stands in the body is nearer. */
	if (answer->wait <= 0)
		answer->wait = seconds * 1000;
	if (answer->wait <= 0)
		answer->wait = WAIT_UNSAID;
}

/* What a homeserver says no with, as a sentence. */
static bool
refused(struct task *task, const struct http_request *request, const struct http_response *response, const struct matrix_answer *answer)
{
	if (!*answer->code)
		return http_refused(task, request, response);
	return task_fail(task, "The homeserver refused: %s (%s, HTTP %d).", *answer->says ? answer->says : "it does not say why",
		text_cut(task->arena, text_clean(task->arena, answer->code, strlen(answer->code)), 60), answer->status);
}

static bool
ask_once(struct task *task, struct homeserver *at, const struct matrix_call *call, const char *token, struct matrix_answer *answer)
{
	const struct http_service service = { .name = "The homeserver", .url = at->base, .ca_file = at->conf->ca_file, .chat = true };
	const struct http_header bearer[] = { { "Authorization", task_text(task, "Bearer %s", token) }, { 0 } };
	const struct http_request request = { .service = &service, .method = call->method, .url = task_text(task, "%s%s", at->base, call->path),
		.headers = *token ? bearer : NULL, .body = call->body, .length = call->length, .type = call->type, .seconds = call->seconds, .most = call->most,
		.unwanted = call->unwanted };
	struct http_response response;

	*answer = (struct matrix_answer){ .code = "", .says = "" };
	task->error.text[0] = '\0';
	if (!http_send(task, &request, &response)) {
		answer->too_much = response.too_much;
		return false;
	}
	if (!read_answer(task, call, &response, answer))
		return false;
	if (answer->status == 429)
		read_wait(&response, answer);
	return (answer->status >= 200 && answer->status < 300) || refused(task, &request, &response, answer);
}

bool
homeserver_ask(struct task *task, struct homeserver *at, const struct matrix_call *call, struct matrix_answer *answer)
{
	char *token = task_text(task, "%s", call->token ? call->token : at->token ? at->token : "");

	if (ask_once(task, at, call, token, answer))
		return true;
	if (call->token || answer->status != 401 || strcmp(answer->code, "M_UNKNOWN_TOKEN") || task->cancelled)
		return false;
	if (!json_true(answer->json, "soft_logout") && at->token && !strcmp(token, at->token)) {
		at->login = LOGIN_BARRED;
		error_set(&at->why, "The homeserver has ended my session for good (logged out, or the account was deactivated): %s",
			*answer->says ? answer->says : "it does not say why");
		task_wake(task->engine, at->task);
		return false;
	}
	if (!homeserver_renew(task, at, token))
		return false;
	return ask_once(task, at, call, at->token, answer);
}

bool
homeserver_insist(struct task *task, struct homeserver *at, enum urgency urgency, const struct matrix_call *call, struct matrix_answer *answer)
{
	for (;;) {
		bool narrow;
		if (!gate_enter(task, &at->gate, urgency, &narrow))
			return false;
		if (narrow && call->lingers) {
			gate_leave(task, &at->gate);
			narrow = false;
		}
		bool fine = homeserver_ask(task, at, call, answer);
		bool again = !fine && answer->status == 429 && answer->wait <= WAIT_LONGEST;
		if (again)
			gate_shut(&at->gate, answer->wait);
		if (narrow)
			gate_leave(task, &at->gate);
		if (!again)
			return fine;
	}
}

bool
homeserver_enter(struct task *task, struct homeserver *at, const struct matrix_call *call, struct matrix_answer *answer)
{
	for (;;) {
		bool fine = homeserver_ask(task, at, call, answer);
		if (fine || answer->status != 429 || answer->wait > WAIT_LONGEST || !task_pause(task, answer->wait))
			return fine;
	}
}
