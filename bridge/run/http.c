/* Who may be asked, what would be sent, and what became of it, as a sentence. The sending is in http_lines.c. */
#include "bridge/run/http.h"

#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"
#include "bridge/base/url.h"
#include "bridge/run/http_lines.h"
#include "bridge/run/task.h"

enum {
	SECONDS = 30,
	SECONDS_MOST = 24 * 3600,
	PATIENCE = 4,                   /* times its seconds: so long a request waits for a line */
	BODY_MOST = 4 << 20,
};

/* -- What went wrong ----------------------------------------------------------------------------------------------- */

static const struct trouble {
	CURLcode code;
	int detail;
	const char *sentence;           /* {name} {host} {seconds} {patience} {most} are filled in */
} troubles[] = {
	{ CURLE_ABORTED_BY_CALLBACK, ANY, "{name} ended the connection without an answer. I did not send it a second time." },
	{ CURLE_AGAIN, QUEUEING, "{name} is busy: no line to it came free within {patience} s; nothing was sent." },
	{ CURLE_COULDNT_CONNECT, BARRED, "The host {host} of {name} has an address that I never connect to; nothing was sent." },
	{ CURLE_COULDNT_CONNECT, ECONNREFUSED, "{name} at {host} refused the connection." },
	{ CURLE_COULDNT_CONNECT, EHOSTUNREACH, "I cannot reach {name}: there is no way to {host}." },
	{ CURLE_COULDNT_CONNECT, EMFILE, "I have too many connections open to ask {name}; nothing was sent." },
	{ CURLE_COULDNT_CONNECT, ENETUNREACH, "I cannot reach {name}: there is no way to {host}." },
	{ CURLE_COULDNT_CONNECT, ANY, "I cannot connect to {name} at {host}." },
	{ CURLE_COULDNT_RESOLVE_HOST, ANY, "I cannot find the host {host} of {name}." },
	{ CURLE_GOT_NOTHING, ANY, "{name} ended the connection without an answer." },
	{ CURLE_OPERATION_TIMEDOUT, FINDING, "I cannot find the host {host} of {name}: the name servers do not answer." },
	{ CURLE_OPERATION_TIMEDOUT, CONNECTING, "{name} at {host} did not take the connection in time." },
	{ CURLE_OPERATION_TIMEDOUT, ANSWERING, "{name} did not answer within {seconds} s." },
	{ CURLE_OUT_OF_MEMORY, ANY, "There is no memory left to ask {name}." },
	{ CURLE_PARTIAL_FILE, ANY, "{name} ended the connection before its answer was complete." },
	{ CURLE_PEER_FAILED_VERIFICATION, X509_V_OK, "{name}'s certificate is not for {host}; nothing was sent." },
	/* Curl looks at the name after the chain, and before it notes how the chain was. */
	{ CURLE_PEER_FAILED_VERIFICATION, X509_V_ERR_UNSPECIFIED, "{name}'s certificate is not for {host}; nothing was sent." },
	{ CURLE_PEER_FAILED_VERIFICATION, X509_V_ERR_CERT_HAS_EXPIRED, "{name}'s certificate has expired; nothing was sent." },
	{ CURLE_PEER_FAILED_VERIFICATION, X509_V_ERR_CERT_NOT_YET_VALID, "{name}'s certificate is not valid yet; nothing was sent." },
	{ CURLE_PEER_FAILED_VERIFICATION, ANY,
		"{name}'s certificate is not from an authority that I trust; nothing was sent. Its ca_file should name that authority." },
	{ CURLE_RECV_ERROR, ANY, "{name} ended the connection before its answer was complete." },
	{ CURLE_SEND_ERROR, ANY, "{name} ended the connection before it had taken all of the request." },
	{ CURLE_SSL_CACERT_BADFILE, ANY, "I cannot read the certificates of the authorities to trust for {name}; nothing was sent." },
	{ CURLE_SSL_CERTPROBLEM, ANY, "Our own certificate for {name} cannot be used: look at its certificate_file and key_file." },
	{ CURLE_SSL_CONNECT_ERROR, ANY, "{name} at {host} and I found no common way to encrypt; nothing was sent." },
	{ CURLE_UNSUPPORTED_PROTOCOL, ANY, "What answers at {host} for {name} does not speak HTTP." },
	{ CURLE_URL_MALFORMAT, ANY, "The address for {name} is not one." },
	{ CURLE_WEIRD_SERVER_REPLY, ANY, "What answers at {host} for {name} does not speak HTTP." },
	{ CURLE_WRITE_ERROR, FULL_BODY, "{name} answered with more than {most}; I took none of it." },
	{ CURLE_WRITE_ERROR, FULL_HEAD, "{name} answered with more than 64 KB of headers; I took none of it." },
};

static const char *
sentence_of(const struct call *call)
{
	for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
		if (troubles[i].code == call->code && (troubles[i].detail == ANY || troubles[i].detail == call->detail))
			return troubles[i].sentence;
	return call->sent ? "Something went wrong while I asked {name}; the log tells more."
		: "Something went wrong before I could ask {name}; the log tells more. Nothing was sent.";
}

static char *
size_in_words(struct task *task, size_t size)
{
	if (size >= 1 << 20)
		return task_text(task, "%zu MB", size >> 20);
	return size >= 1 << 10 ? task_text(task, "%zu KB", size >> 10) : task_text(task, "%zu bytes", size);
}

static bool
fail_with(struct task *task, const struct call *call, const char *sentence)
{
	const struct { const char *slot, *value; } fill[] = {
		{ "{host}",     call->host },
		{ "{most}",     size_in_words(task, call->most) },
		{ "{name}",     call->asked->service->name },
		{ "{patience}", task_text(task, "%u", call->seconds * PATIENCE) },
		{ "{seconds}",  task_text(task, "%u", call->seconds) },
	};
	struct text text = text_in(task->arena, sizeof task->error.text);
	while (*sentence) {
		size_t i = 0, count = sizeof fill / sizeof *fill;
		while (i < count && strncmp(sentence, fill[i].slot, strlen(fill[i].slot)) != 0)
			i++;
		if (i == count) {
			text_add_bytes(&text, sentence++, 1);
			continue;
		}
		text_add(&text, fill[i].value);
		sentence += strlen(fill[i].slot);
	}
	return task_fail(task, "%s", text.bytes);
}

/* -- What is allowed to be asked ----------------------------------------------------------------------------------- */

/* scheme://host:port as curl reads it, which is who would be connected to. */
static char *
seen_by_curl(struct task *task, const char *url, char **host)
{
	char *scheme = NULL, *name = NULL, *port = NULL, *seen = NULL;
	CURLU *parsed = curl_url();
	if (parsed && !curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER)
	    && !curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) && !curl_url_get(parsed, CURLUPART_HOST, &name, 0)
	    && !curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT)) {
		seen = task_text(task, "%s://%s:%s", scheme, name, port);
		*host = task_text(task, "%s", name);
	}
	curl_free(scheme);
	curl_free(name);
	curl_free(port);
	curl_url_cleanup(parsed);
	return seen;
}

/* Our own reading of the addresses and curl's must both find the service's origin: two readers that differ are how tokens leave. */
static bool
stays_home(struct task *task, struct call *call)
{
	const struct http_service *service = call->asked->service;
	char *host = NULL, *other = NULL;
	const char *own = seen_by_curl(task, service->url, &host);
	const char *asked = seen_by_curl(task, call->asked->url, &other);
	if (!own)
		return task_fail(task, "The url of %s in the configuration is not one that I can ask.", service->name);
	call->host = host;
	if (!asked || strcasecmp(own, asked) != 0 || !url_same_origin(service->url, call->asked->url))
		return task_fail(task, "%s led to an address that is not its own; nothing was sent.", service->name);
	return true;
}

static bool
is_token(const char *word)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
	return *word && word[strspn(word, allowed)] == '\0';
}

static bool
is_value(const char *text)
{
	for (; *text; text++)
		if (((unsigned char)*text < ' ' && *text != '\t') || *text == 0x7f)
			return false;
	return true;
}

static bool
headers_are_sound(struct task *task, const struct http_request *asked)
{
	const struct http_service *service = asked->service;
	if (asked->type && !is_value(asked->type))
		return task_fail(task, "A line end or control character would go into the headers for %s; nothing was sent.", service->name);
	for (const struct http_header *each = asked->headers; each && each->name; each++)
		if (!is_token(each->name) || !is_value(each->value))
			return task_fail(task, "A line end or control character would go into the headers for %s; nothing was sent.", service->name);
	if (service->secret && !asked->anonymous && !is_value(service->secret->bytes))
		return task_fail(task, "The credential for %s in %s has a line end or control character inside; nothing was sent.",
			service->name, service->secret->path);
	if (service->header && !is_token(service->header))
		return task_fail(task, "%s cannot be the name of a header that carries %s's credential.", service->header, service->name);
	return true;
}

static bool
changes_nothing(const struct call *call)
{
	return call->asked->harmless || strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
}

/* "POST https://ci.corp.example/job/web/build target=staging branch=main, token ****" */
static bool
would_send(struct task *task, const struct call *call)
{
	const struct http_request *asked = call->asked;
	struct text text = text_in(task->arena, 1000);
	text_printf(&text, "%s %s", call->method, asked->url);
	if (asked->body && *asked->body) {
		char *body = text_cut(task->arena, text_clean(task->arena, asked->body, strnlen(asked->body, 2000)), 300);
		for (char *each = body; asked->type && strstr(asked->type, "form") && *each; each++)
			if (*each == '&')
				*each = ' ';
		text_printf(&text, " %s", body);
	}
	if (asked->service->secret && !asked->anonymous)
		text_add(&text, ", token ****");
	return task_would(task, "%s", text.bytes);
}

/* -- Asking -------------------------------------------------------------------------------------------------------- */

/* Over one curl multi, until there is an answer, a failure, or nobody who wants it any more. */
static bool
ask(struct task *task, struct call *call)
{
	struct http *http = task->engine->http;
	const char *name = url_origin(task->arena, call->asked->service->url);
	struct origin *origin = queue_origin(&http->queue, name);
	lines_ask(http, origin, call, (int64_t)call->seconds * PATIENCE * 1000);
	while (!call->done && !(call->asked->unwanted && *call->asked->unwanted) && task_park(task))
		;
	if (!call->done) {
		lines_withdraw(http, call);
		return false;
	}
	if (call->code == CURLE_OK) {
		origin->health.answered = clock_wall();
		origin->health.answers++;
		origin->health.trouble[0] = '\0';
		return true;
	}
	fail_with(task, call, sentence_of(call));
	origin->health.failed = clock_wall();
	origin->health.failures++;
	memcpy(origin->health.trouble, task->error.text, text_fit(task->error.text, strlen(task->error.text), sizeof origin->health.trouble - 1));
	return false;
}

/* One header line, without its end. False where it is none that we understand; it is then left out. */
static bool
read_header(struct arena *arena, const char *line, size_t length, struct http_header *header)
{
	const char *colon = memchr(line, ':', length);
	if (!colon)
		return false;
	char *name = arena_slice(arena, line, (size_t)(colon - line));
	const char *start = colon + 1, *end = line + length;
	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	char *value = arena_slice(arena, start, (size_t)(end - start));
	*header = (struct http_header){ name, value };
	return is_token(name) && is_value(value) && strlen(value) == (size_t)(end - start);
}

static const struct http_header *
read_headers(struct arena *arena, const struct bytes *head)
{
	size_t lines = 1, count = 0;
	for (size_t i = 0; i < head->length; i++)
		lines += head->at[i] == '\n';
	struct http_header *headers = arena_take(arena, (lines + 1) * sizeof *headers);
	for (const char *line = head->at, *all = line + head->length; line < all;) {
		const char *end = memchr(line, '\n', (size_t)(all - line));
		const char *next = end ? end + 1 : all;
		size_t length = (size_t)((end ? end : all) - line);
		if (length > 0 && line[length - 1] == '\r')
			length--;
		count += read_header(arena, line, length, &headers[count]);
		line = next;
	}
	headers[count] = (struct http_header){0};
	return headers;
}

static void
take_answer(struct task *task, struct call *call, struct http_response *response)
{
	response->status = (int)call->status;
	response->headers = read_headers(task->arena, &call->head);
	response->length = call->body.length;
	response->body = task_text(task, "%s", "");
	if (!call->body.at)
		return;
	response->body = memory_resize(call->body.at, call->body.length + 1);
	task_defer(task, free, response->body);
	call->body = (struct bytes){0};
}

static bool
may_ask(struct task *task, struct call *call)
{
	if (!is_token(call->method))
		return task_fail(task, "%s is no method that %s can be asked with.", call->method, call->asked->service->name);
	if (!stays_home(task, call) || !headers_are_sound(task, call->asked))
		return false;
	if (task->dry && !changes_nothing(call))
		return would_send(task, call);
	return !task->cancelled;
}

bool
http_send(struct task *task, const struct http_request *asked, struct http_response *response)
{
	static const struct http_header none[] = { {0} };
	unsigned seconds = asked->seconds ? asked->seconds : SECONDS;
	struct call call = {
		.asked = asked, .method = asked->method ? asked->method : "GET", .name = task->name, .task = task->id,
		.seconds = seconds < SECONDS_MOST ? seconds : SECONDS_MOST, .most = asked->most ? asked->most : BODY_MOST,
		.turn.chat = asked->service->chat,
	};
	*response = (struct http_response){ .body = task_text(task, "%s", ""), .headers = none };
	if (!may_ask(task, &call))
		return false;
	if (asked->service->user && asked->service->secret)
		redact_add_basic(asked->service->user, asked->service->secret->bytes, asked->service->secret->length);
	bool answered = ask(task, &call);
	response->sent = call.sent;
	response->too_much = call.full_body;
	if (answered)
		take_answer(task, &call, response);
	/* No answer, or one of a server in trouble, does not say that nothing happened. */
	if (!changes_nothing(&call) && (answered ? response->status >= 500 && response->status != 501 && response->status != 503 : call.sent))
		task->unsure = true;
	free(call.head.at);
	free(call.body.at);
	return answered;
}

const char *
http_header(const struct http_response *response, const char *name)
{
	for (const struct http_header *each = response->headers; each && each->name; each++)
		if (strcasecmp(each->name, name) == 0)
			return each->value;
	return NULL;
}

/* Retry-After is seconds or a date; whatever else it is, it is not repeated. 0: none. */
static long
seconds_to_wait(const struct http_response *response)
{
	const char *after = http_header(response, "Retry-After");
	if (!after || !*after)
		return 0;
	time_t now = (time_t)(clock_wall() / 1000), date = curl_getdate(after, NULL);
	long seconds = 0;
	if (strspn(after, "0123456789") == strlen(after))
		seconds = strlen(after) < 7 ? strtol(after, NULL, 10) : SECONDS_MOST;
	else if (date > now)
		seconds = (long)(date - now);
	return seconds < SECONDS_MOST ? seconds : SECONDS_MOST;
}

static const struct answer {
	int first, last;
	const char *says;
} answers[] = {
	{ 300, 399, "sent me elsewhere, and I do not follow; its url in the configuration may be an old one" },
	{ 400, 400, "did not understand what I asked" },
	{ 401, 401, "refused the credential" },
	{ 403, 403, "does not allow us to do that" },
	{ 404, 404, "has no such thing" },
	{ 409, 409, "says that this is at odds with what it has or does now" },
	{ 413, 413, "says that this is too large" },
	{ 422, 422, "refused what was sent: something in it is not valid" },
	{ 429, 429, "gets too many requests" },
	{ 500, 599, "is in trouble" },
	{ 0, 0, "gave an answer that I did not expect" },
};

bool
http_refused(struct task *task, const struct http_request *asked, const struct http_response *response)
{
	const struct answer *answer = answers;
	while (answer->last && (response->status < answer->first || response->status > answer->last))
		answer++;
	long wait = response->status == 429 || response->status == 503 ? seconds_to_wait(response) : 0;
	if (wait > 0)
		return task_fail(task, "%s %s (HTTP %d). It asks to wait %ld s.", asked->service->name, answer->says, response->status, wait);
	return task_fail(task, "%s %s (HTTP %d).", asked->service->name, answer->says, response->status);
}

bool
http_health(const struct http *http, const char *origin, struct http_health *out)
{
	struct arena *arena = arena_new();
	const char *name = url_origin(arena, origin);
	const struct origin *found = queue_find(&http->queue, name ? name : origin);
	if (found)
		*out = found->health;
	arena_free(arena);
	return found;
}

struct http *
http_open(const struct engine *engine, struct error *error)
{
	struct http *http = memory_take(sizeof *http);
	http->engine = engine;
	http->loop = engine->loop;
	if (lines_open(http, error))
		return http;
	free(http);
	return NULL;
}

void
http_close(struct http *http)
{
	if (!http)
		return;
	lines_close(http);
	free(http);
}
