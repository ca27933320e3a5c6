/* matrix_login: finding the homeserver's address, logging in as one device that stays the same, and renewing a token that has ended. */
#include <stdlib.h>
#include <string.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"
#include "bridge/base/url.h"
#include "bridge/protocol.h"
#include "bridge/run/http.h"
#include "bridge/run/task.h"
#include "protocols/matrix/homeserver.h"
#include "protocols/matrix/matrix_settings.h"

enum { WELL_KNOWN_MOST = 64 << 10, TOKEN_MOST = 4096 };

/* -- Where it is ------------------------------------------------------------------------------------------------------ */

static bool
is_address(const char *server)
{
	return !strncmp(server, "https://", 8) || !strncmp(server, "http://", 7);
}

static const char *
without_slash(struct arena *arena, const char *url)
{
	size_t length = strlen(url);

	while (length && url[length - 1] == '/')
		length--;
	return arena_slice(arena, url, length);
}

/* What https://corp.example/.well-known/matrix/client names (client-server API, "Well-known URI"). None at all: the name itself. */
static bool
discover(struct task *task, struct homeserver *at)
{
	const char *name = task_text(task, "https://%s", at->conf->server);
	const struct http_service service = { .name = "The homeserver's name", .url = name, .ca_file = at->conf->ca_file, .chat = true };
	const struct http_request request = { .service = &service, .url = task_text(task, "%s/.well-known/matrix/client", name), .most = WELL_KNOWN_MOST };
	struct http_response response;
	struct error error;

	if (!http_send(task, &request, &response))
		return false;
	if (response.status == 404) {
		at->base = arena_text(at->arena, name);
		return true;
	}
	if (response.status != 200)
		return http_refused(task, &request, &response);
	struct json_object *json = json_read(task->arena, response.body, response.length, &error);
	const char *base = json_string(json_key(json, "m.homeserver"), "base_url", NULL);
	if (!base || strncmp(base, "https://", 8) || !url_origin(task->arena, base))
		return task_fail(task, "https://%s/.well-known/matrix/client names no homeserver that I can use; write its address in server.", at->conf->server);
	at->base = without_slash(at->arena, base);
	return true;
}

static bool
find_address(struct task *task, struct homeserver *at)
{
	if (at->base)
		return true;
	if (!is_address(at->conf->server))
		return discover(task, at);
	at->base = without_slash(at->arena, at->conf->server);
	return true;
}

/* -- Logging in ------------------------------------------------------------------------------------------------------- */

static bool
barred(struct task *task, struct homeserver *at, const char *sentence)
{
	at->login = LOGIN_BARRED;
	error_set(&at->why, "%s", sentence);
	return task_fail(task, "%s", sentence);
}

static void
keep_secret(char **where, const char *secret)
{
	if (*where)
		secret_wipe(*where, strlen(*where));
	free(*where);
	*where = memory_text(secret);
	if (secret)
		redact_add(secret, strlen(secret));
}

static bool
take_tokens(struct task *task, struct homeserver *at, struct json_object *json)
{
	const char *token = json_string(json, "access_token", NULL), *refresh = json_string(json, "refresh_token", NULL);

	if (!token || !*token || strlen(token) > TOKEN_MOST)
		return task_fail(task, "The homeserver let me in and gave no token.");
	keep_secret(&at->token, token);
	if (refresh && strlen(refresh) <= TOKEN_MOST)
		keep_secret(&at->refresh, refresh);
	at->login = LOGIN_IN;
	return true;
}

static const char *
login_body(struct task *task, const struct homeserver *at, const char *type, const struct secret *password)
{
	struct json_object *body = json_new_object(task->arena), *who = json_new_object(task->arena);

	json_set(who, "type", "m.id.user");
	json_set(who, "user", at->conf->user);
	json_set(body, "type", type);
	json_put(body, "identifier", who);
	if (password)
		json_set(body, "password", password->bytes);
	json_set(body, "device_id", at->conf->device);
	json_set(body, "initial_device_display_name", "sallyport");
	json_set_flag(body, "refresh_token", true);
	return json_write(body);
}

static bool
log_in(struct task *task, struct homeserver *at, const char *type, const struct secret *password, const char *token)
{
	const struct matrix_call call = { .method = "POST", .path = "/_matrix/client/v3/login", .body = login_body(task, at, type, password), .token = token };
	struct matrix_answer answer;

	if (!homeserver_enter(task, at, &call, &answer)) {
		if (answer.status == 403 || answer.status == 400 || answer.status == 401)
			return barred(task, at, task_text(task, "%s Look at user and the file of its secret.", task->error.text));
		return false;
	}
	if (strcmp(json_string(answer.json, "user_id", ""), at->conf->user))
		return barred(task, at, "The homeserver logged me in as somebody else than user says.");
	return take_tokens(task, at, answer.json);
}

/* A token that people made. Whose it is, is asked: a wrong one would speak as somebody else. */
static bool
use_token(struct task *task, struct homeserver *at)
{
	const struct matrix_call call = { .path = "/_matrix/client/v3/account/whoami", .token = at->conf->token->bytes };
	struct matrix_answer answer;

	if (!homeserver_enter(task, at, &call, &answer)) {
		bool renewable = at->conf->password && answer.status == 401;
		if (answer.status == 401 && !renewable)
			return barred(task, at, task_text(task, "%s The token in %s is not taken any more.", task->error.text, at->conf->token->path));
		return renewable && log_in(task, at, "m.login.password", at->conf->password, "");
	}
	if (strcmp(json_string(answer.json, "user_id", ""), at->conf->user))
		return barred(task, at, task_text(task, "The token in %s is not that of %s.", at->conf->token->path, at->conf->user));
	if (strcmp(json_string(answer.json, "device_id", ""), at->conf->device))
		log_info("%s: the token belongs to the device %s, which is the one that counts.", at->link->name, json_string(answer.json, "device_id", "?"));
	keep_secret(&at->token, at->conf->token->bytes);
	at->login = LOGIN_IN;
	return true;
}

static bool
log_in_anew(struct task *task, struct homeserver *at)
{
	const struct matrix *conf = at->conf;

	if (conf->token)
		return use_token(task, at);
	if (conf->appservice_token)
		return log_in(task, at, "m.login.application_service", NULL, conf->appservice_token->bytes);
	return log_in(task, at, "m.login.password", conf->password, "");
}

bool
homeserver_login(struct task *task, struct homeserver *at)
{
	return find_address(task, at) && (at->token || log_in_anew(task, at));
}

/* -- Renewing --------------------------------------------------------------------------------------------------------- */

static bool
refresh(struct task *task, struct homeserver *at)
{
	struct json_object *body = json_new_object(task->arena);

	json_set(body, "refresh_token", at->refresh);
	const struct matrix_call call = { .method = "POST", .path = "/_matrix/client/v3/refresh", .body = json_write(body), .token = "" };
	struct matrix_answer answer;
	if (homeserver_enter(task, at, &call, &answer))
		return take_tokens(task, at, answer.json);
	if (answer.status == 401 || answer.status == 403)
		keep_secret(&at->refresh, NULL);        /* it has ended too: by logging in again, then */
	return false;
}

static bool
renew(struct task *task, struct homeserver *at)
{
	const struct matrix *conf = at->conf;

	if (at->refresh && refresh(task, at))
		return true;
	if (at->refresh || task->cancelled)
		return false;
	if (conf->password)
		return log_in(task, at, "m.login.password", conf->password, "");
	if (conf->appservice_token)
		return log_in(task, at, "m.login.application_service", NULL, conf->appservice_token->bytes);
	return barred(task, at, task_text(task, "The homeserver wants me to log in again, and %s is all I have; put a new token there, or a password beside it.",
		conf->token->path));
}

bool
homeserver_renew(struct task *task, struct homeserver *at, const char *old)
{
	while (at->renewing && !task->cancelled)
		task_pause(task, 20);
	if (task->cancelled)
		return false;
	if (at->token && strcmp(at->token, old))
		return true;            /* somebody else did it meanwhile */
	log_info("%s: the homeserver wants me to log in again.", at->link->name);
	at->renewing = task->id;
	bool fine = renew(task, at);
	at->renewing = 0;
	if (at->login == LOGIN_BARRED)
		task_wake(task->engine, at->task);
	return fine;
}
