/* hooks_test: sallyport hooks test: a webhook that is proven and changes nothing, on the way that those of its service take. */
#include "bridge/cli/hooks.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/secret.h"
#include "bridge/inbox_route.h"
#include "bridge/rights/sender.h"
#include "bridge/run/hook.h"
#include "bridge/run/http.h"
#include "bridge/run/task.h"
#include "bridge/setup.h"
#include "bridge/work/command.h"
#include "bridge/work/webhook.h"

enum { HEADERS = 4, SECONDS = 10 };

struct testing {
	const struct setup *setup;
	const struct instance *instance;
	int code;
};

/* What is sent. */
struct probe {
	struct http_header headers[HEADERS];
	size_t count;
	const char *body, *rest;
};

static void
add(struct probe *probe, const char *name, const char *value)
{
	probe->headers[probe->count++] = (struct http_header){ name, value };
}

static const char *
base64(struct arena *arena, const char *text)
{
	size_t length = strlen(text);
	char *out = arena_take(arena, 4 * (length / 3 + 1) + 1);

	EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)length);
	return out;
}

/* -- One function for each way to show it ------------------------------------------------------------------------------ */

static bool
show_mac(struct arena *arena, const struct sender *sender, const struct sender_way *way, struct probe *probe)
{
	const char *name = way->header ? way->header : sender->settings->hook_header, *time = sender->settings->hook_time_header;
	const char *now = arena_printf(arena, "%lld", (long long)sender->now);
	const struct arrival_header header = { time ? time : "", now };
	const struct arrival arrival = { .rest = "", .headers = &header, .header_count = 1, .body = probe->body, .length = strlen(probe->body) };
	char written[SENDER_WRITTEN];

	if (!name || !sender_mac(sender, way, sender->settings->hook, &arrival, written))
		return false;
	add(probe, name, arena_printf(arena, "%s%s", way->prefix ? way->prefix : "", written));
	if (time)
		add(probe, time, now);
	return true;
}

static bool
show_token(struct arena *arena, const struct sender *sender, const struct sender_way *way, struct probe *probe)
{
	const char *name = way->header ? way->header : sender->settings->hook_header;

	if (name)
		add(probe, name, arena_printf(arena, "%s%s", way->prefix ? way->prefix : "", sender->settings->hook->bytes));
	return name;
}

static bool
show_password(struct arena *arena, const struct sender *sender, const struct sender_way *way, struct probe *probe)
{
	const char *user = sender->settings->hook_user;

	(void)way;
	if (user)
		add(probe, "Authorization", arena_printf(arena, "Basic %s", base64(arena, arena_printf(arena, "%s:%s", user, sender->settings->hook->bytes))));
	return user;
}

static bool
show_path(struct arena *arena, const struct sender *sender, const struct sender_way *way, struct probe *probe)
{
	(void)arena, (void)way;
	probe->rest = sender->settings->hook->bytes;
	return true;
}

static bool
show_field(struct arena *arena, const struct sender *sender, const struct sender_way *way, struct probe *probe)
{
	struct json_object *body = json_new_object(arena);

	json_set(body, way->field, sender->settings->hook->bytes);
	probe->body = arena_text(arena, json_write(body));
	return true;
}

static bool (*const shows[])(struct arena *, const struct sender *, const struct sender_way *, struct probe *) = {
	[SENDER_MAC] = show_mac, [SENDER_TOKEN] = show_token, [SENDER_BASIC] = show_password, [SENDER_PATH] = show_path, [SENDER_FIELD] = show_field,
};

/* In the first way that can be gone. */
static void
show(struct arena *arena, const struct sender *sender, struct probe *probe)
{
	for (const struct sender_way *way = sender->settings->hook ? sender->ways : NULL; way && way->by; way++)
		if (shows[way->by](arena, sender, way, probe))
			return;
}

/* -- What comes of it ----------------------------------------------------------------------------------------------------- */

static const struct { int status; const char *says; } answers[] = {
	{ 204, "It was taken for what it is: webhooks of its service reach us." },
	{ 401, "It got there and was not proven. Another secret may be in force there, from may not name this machine, or what is in between changes headers." },
	{ 404, "Somebody is there who knows nothing of us. Does the proxy pass on /in/?" },
	{ 413, "It was too large for who is there, which is not us: it has a few bytes." },
	{ 502, "The proxy does not reach us. Is the gateway running, and does the proxy look for it where hooks listens?" },
	{ 503, "It got there, and was put off: the gateway is too busy, or being stopped." },
};

static void
tell(struct testing *testing, const char *url, int status)
{
	testing->code = status == 204 ? EX_OK : 1;
	printf("POST %s\n", url);
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
		if (answers[i].status == status) {
			printf("HTTP %d. %s\n", status, answers[i].says);
			return;
		}
	printf("HTTP %d. That is none of our answers: something else is there.\n", status);
}

/* The path with a secret in it is not shown. */
static bool
send_to(struct task *task, struct testing *testing, const char *base, const struct probe *probe)
{
	const char *shown = task_text(task, "%s/in/%s", base, testing->instance->name);
	const struct http_service service = { .name = "What is there", .url = base };
	const struct http_request request = { .service = &service, .method = "POST", .url = task_text(task, "%s%s%s", shown, *probe->rest ? "/" : "", probe->rest),
		.headers = probe->headers, .body = probe->body, .seconds = SECONDS };
	struct http_response response;

	if (!http_send(task, &request, &response)) {
		printf("POST %s\n%s\n", shown, task->error.text);
		return false;
	}
	tell(testing, shown, response.status);
	return true;
}

static void
test_it(struct task *task, void *with)
{
	struct testing *testing = with;
	const struct hook_settings *hooks = testing->setup->hooks;
	const struct webhook *webhook = testing->instance->webhook;
	const struct webhook_settings *settings = (const void *)((const char *)testing->instance->conf + webhook->settings);
	const struct sender sender = { .ways = webhook->ways, .settings = &settings->sender, .url = hooks->url, .instance = testing->instance->name,
		.now = clock_wall() / 1000 };
	struct probe probe = { .body = "{}", .rest = "" };

	add(&probe, INBOX_TEST, "1");
	show(task->arena, &sender, &probe);
	testing->code = 1;
	if (send_to(task, testing, hooks->url, &probe) || !strncmp(hooks->listen, "unix:", 5))
		return;
	printf("Without what is in between:\n");
	send_to(task, testing, task_text(task, "http://%s", hooks->listen), &probe);
	testing->code = 1;
}

int
hooks_test(const struct setup *setup, const char *const *words)
{
	struct testing testing = { .setup = setup, .code = EX_OSERR };

	if (!words[0] || words[1]) {
		fprintf(stderr, "It is sallyport hooks test SERVICE.\n");
		return EX_USAGE;
	}
	testing.instance = hooks_instance(setup, words[0]);
	if (!testing.instance)
		return EX_USAGE;
	hooks_run(setup, test_it, &testing);
	return testing.code;
}
