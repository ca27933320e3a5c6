/* Who sent a webhook: the vectors that vendors and standards print, and everything that is nearly right (threats W1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"
#include "bridge/rights/sender.h"
#include "bridge/run/hook.h"
#include "bridge/work/webhook.h"

enum { NOW = 1700000000, MUTATIONS = 100000, HEADERS = 8 };

#define EVERYBODY "It's a Secret to Everybody"          /* GitHub's and Atlassian's documentation */

static const struct secret everybody = { "", EVERYBODY, sizeof EVERYBODY - 1 }, jefe = { "", "Jefe", 4 }, token = { "", "glpat-0123456789abcdef", 22 };

static const struct sender_way github[] = { { .by = SENDER_MAC, .header = "X-Hub-Signature-256", .prefix = "sha256=" }, { 0 } },
	gitea[] = { { .by = SENDER_MAC, .header = "X-Gitea-Signature" }, { 0 } }, jira[] = { { .by = SENDER_MAC, .header = "X-Hub-Signature", .prefix = "sha256=" }, { 0 } },
	zammad[] = { { .by = SENDER_MAC, .header = "X-Hub-Signature", .prefix = "sha1=", .sha1 = true }, { 0 } },
	openproject[] = { { .by = SENDER_MAC, .header = "X-OP-Signature", .prefix = "sha1=", .sha1 = true }, { 0 } },
	trello[] = { { .by = SENDER_MAC, .header = "X-Trello-Webhook", .sha1 = true, .base64 = true, .and_url = true }, { 0 } }, grafana[] = { { .by = SENDER_MAC }, { 0 } },
	gitlab[] = { { .by = SENDER_TOKEN, .header = "X-Gitlab-Token" }, { 0 } }, bearer[] = { { .by = SENDER_TOKEN, .header = "Authorization", .prefix = "Bearer " }, { 0 } },
	basic[] = { { .by = SENDER_BASIC }, { 0 } }, path[] = { { .by = SENDER_PATH }, { 0 } }, field[] = { { .by = SENDER_FIELD, .field = "routing_key" }, { 0 } };

/* One that is proven; time: the header with it. */
struct vector {
	const char *name;
	const struct sender_way *ways;
	const struct secret *secret;
	const char *body, *rest, *header, *value, *time;
};

static const struct vector vectors[] = {
	{ "GitHub", github, &everybody, "Hello, World!", "", "X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17", NULL },
	{ "RFC 4231, 2, as Gitea writes it", gitea, &jefe, "what do ya want for nothing?", "", "X-Gitea-Signature",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", NULL },
	{ "Jira", jira, &everybody, "Hello World!", "", "X-Hub-Signature", "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9", NULL },
	{ "RFC 2202, 2, as Zammad writes it", zammad, &jefe, "what do ya want for nothing?", "", "X-Hub-Signature", "sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", NULL },
	{ "RFC 2202, 2, as OpenProject writes it", openproject, &jefe, "what do ya want for nothing?", "", "X-OP-Signature",
		"sha1=effcdf6ae5eb2fa2d27416d5f184df9c259a7c79", NULL },
	{ "Trello", trello, &everybody, "{\"action\":{}}", "main", "X-Trello-Webhook", "IZncVuT7omeHAVxpyFkeoOegJo4=", NULL },
	{ "Grafana", grafana, &everybody, "{\"status\":\"firing\"}", "", "X-Grafana-Alerting-Signature", "7051d226c11d6fa391200733360dffcf3c56f2f21865869cf4a3fcea5fe6adfe",
		"1700000000" },
	{ "GitLab", gitlab, &token, "{}", "", "X-Gitlab-Token", "glpat-0123456789abcdef", NULL },
	{ "bearer", bearer, &token, "{}", "", "Authorization", "Bearer glpat-0123456789abcdef", NULL },
	{ "basic", basic, &token, "{}", "", "Authorization", "Basic am9lOmdscGF0LTAxMjM0NTY3ODlhYmNkZWY=", NULL },
	{ "path", path, &token, "{}", "backup/glpat-0123456789abcdef", "X-Nothing", "", NULL },
	{ "field", field, &token, "{\"event_action\":\"trigger\", \"routing_key\":\"glpat-0123456789abcdef\"}", "", "X-Nothing", "", NULL },
};

enum { VECTORS = sizeof vectors / sizeof *vectors, HEADER_VECTORS = VECTORS - 2 };

/* A request, and who is asked whether it is proven. */
struct scene {
	struct arrival_header headers[HEADERS];
	struct arrival arrival;
	struct sender_settings settings;
	struct sender sender;
};

static void
play(struct scene *scene, const struct vector *vector)
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
		.url = "https://gw.corp.example", .instance = "board", .now = NOW };
}

static bool
is_proven(const struct scene *scene)
{
	return sender_proven(&scene->sender, &scene->arrival);
}

static void
test_the_vectors_that_vendors_print(void **state)
{
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		play(&scene, &vectors[i]);
		if (!is_proven(&scene))
			fail_msg("%s is not proven", vectors[i].name);
	}
}

static void
test_nobody_is_the_sender_where_nothing_was_given(void **state)
{
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		play(&scene, &vectors[i]);
		scene.settings.hook = NULL;
		assert_false(is_proven(&scene));
	}
}

static void
test_another_secret_another_body_another_way(void **state)
{
	static const struct secret other = { "", "It's a Secret to Everybodx", 26 }, longer = { "", "glpat-0123456789abcdefg", 23 };
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		play(&scene, &vectors[i]);
		scene.settings.hook = &other;
		assert_false(is_proven(&scene));
		scene.settings.hook = &longer;
		assert_false(is_proven(&scene));
		for (size_t w = 0; w < VECTORS; w++) {
			play(&scene, &vectors[i]);
			scene.sender.ways = vectors[w].ways;
			bool alike = w == i || (!strcmp(vectors[w].header, vectors[i].header) && vectors[w].ways->prefix && vectors[i].ways->prefix
				&& !strcmp(vectors[w].ways->prefix, vectors[i].ways->prefix));
			assert_int_equal(is_proven(&scene), alike);
		}
		if (vectors[i].ways->by != SENDER_MAC)
			continue;
		play(&scene, &vectors[i]);
		scene.arrival.length--;
		assert_false(is_proven(&scene));
		scene.arrival.length++;
		scene.arrival.body = "{\"other\": 1}";
		scene.arrival.length = strlen(scene.arrival.body);
		assert_false(is_proven(&scene));
	}
}

static void
test_empty_and_cut_ones(void **state)
{
	struct scene scene;
	char value[200];

	(void)state;
	for (size_t i = 0; i < HEADER_VECTORS; i++)
		for (size_t length = 0; length < strlen(vectors[i].value); length++) {
			play(&scene, &vectors[i]);
			snprintf(value, sizeof value, "%.*s", (int)length, vectors[i].value);
			scene.headers[1].value = value;
			assert_false(is_proven(&scene));
		}
}

/* Every byte, every bit, and then whatever chance makes of it. */
static void
test_a_hundred_thousand_mutated_ones_prove_nothing(void **state)
{
	struct scene scene;
	char value[200];
	size_t tried = 0;

	(void)state;
	srand(6);
	for (size_t i = 0; i < HEADER_VECTORS; i++) {
		size_t length = strlen(vectors[i].value), first = vectors[i].ways->prefix ? strlen(vectors[i].ways->prefix) : vectors[i].ways->by == SENDER_BASIC ? 6 : 0;
		for (size_t n = 0; n < MUTATIONS / HEADER_VECTORS + 8 * length; n++) {
			play(&scene, &vectors[i]);
			snprintf(value, sizeof value, "%s", vectors[i].value);
			for (unsigned times = n < 8 * length ? 1 : 1 + (unsigned)rand() % 4; times; times--) {
				size_t at = n < 8 * length ? n / 8 : first + (size_t)rand() % (length - first);
				value[at] = (char)(n < 8 * length ? value[at] ^ (1 << n % 8) : rand() % 255 + 1);
			}
			scene.headers[1].value = value;
			/* How a scheme is spelt proves nothing either way. */
			bool same = !strcmp(value + first, vectors[i].value + first) && strlen(value) == length && !strncasecmp(value, vectors[i].value, first);
			tried += !same;
			if (is_proven(&scene) != same)
				fail_msg("%s: \"%s\" is %sproven", vectors[i].name, value, same ? "not " : "");
		}
	}
	assert_true(tried > MUTATIONS - 1000);
}

static void
test_what_stands_twice_proves_nothing(void **state)
{
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < HEADER_VECTORS; i++) {
		play(&scene, &vectors[i]);
		scene.headers[scene.arrival.header_count++] = scene.headers[1];
		assert_false(is_proven(&scene));
	}
}

static void
test_two_secrets_count_while_one_takes_the_others_place(void **state)
{
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		play(&scene, &vectors[i]);
		scene.settings.hook_old = scene.settings.hook;
		scene.settings.hook = vectors[i].secret == &token ? &everybody : &token;
		assert_true(is_proven(&scene));
		scene.settings.hook_old = NULL;
		assert_false(is_proven(&scene));
	}
}

static void
test_a_signed_time_is_fresh_or_nothing(void **state)
{
	static const struct { int64_t now; const char *time; bool proven; } rows[] = {
		{ NOW + 300, "1700000000", true }, { NOW + 301, "1700000000", false }, { NOW - 300, "1700000000", true }, { NOW - 301, "1700000000", false },
		{ NOW, "1700000001", false }, { NOW, "", false }, { NOW, " 1700000000", false }, { NOW, "1700000000 ", false }, { NOW, "-1700000000", false },
		{ NOW, "99999999999999999999", false }, { NOW, "0x6553F100", false },
	};
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		play(&scene, &vectors[6]);
		scene.sender.now = rows[i].now;
		scene.headers[2].value = rows[i].time;
		assert_int_equal(is_proven(&scene), rows[i].proven);
	}
	play(&scene, &vectors[6]);
	scene.arrival.header_count = 2;
	assert_false(is_proven(&scene));
}

static void
test_trello_signs_the_address_too(void **state)
{
	struct scene scene;

	(void)state;
	play(&scene, &vectors[5]);
	scene.sender.url = "https://gw.evil.example";
	assert_false(is_proven(&scene));
	play(&scene, &vectors[5]);
	scene.sender.instance = "boar";
	assert_false(is_proven(&scene));
	play(&scene, &vectors[5]);
	scene.arrival.rest = "main/";
	assert_false(is_proven(&scene));
	scene.sender.url = NULL;
	assert_false(is_proven(&scene));
}

/* -- Addresses ------------------------------------------------------------------------------------------------------- */

static struct ranges
ranges(struct range *each, const char *first, const char *second)
{
	size_t count = 0;

	assert_true(range_read(first, &each[count++]));
	if (second)
		assert_true(range_read(second, &each[count++]));
	return (struct ranges){ count, each };
}

static void
test_where_it_comes_from(void **state)
{
	static const struct { const char *peer, *forwarded, *before; bool proven; } rows[] = {
		{ "10.2.0.9", NULL, NULL, true }, { "10.3.0.9", NULL, NULL, false }, { "::ffff:10.2.3.4", NULL, NULL, true }, { "2001:db8::1", NULL, NULL, true },
		{ "2001:db9::1", NULL, NULL, false }, { "10.2.0", NULL, NULL, false }, { "", NULL, NULL, false },
		/* Who is no proxy may say what it likes. */
		{ "10.3.0.9", "10.2.0.1", NULL, false }, { "10.2.0.9", "10.3.0.1", NULL, true },
		/* A proxy says who is before it; of several the last that is no proxy. */
		{ "192.0.2.1", "10.2.0.1", NULL, true }, { "192.0.2.1", "10.3.0.1", NULL, false }, { "192.0.2.1", NULL, NULL, false },
		{ "192.0.2.1", "10.2.0.1, 10.3.0.1", NULL, false }, { "192.0.2.1", "10.3.0.1 ,10.2.0.1", NULL, true }, { "192.0.2.1", "10.2.0.1,192.0.2.2", NULL, true },
		{ "192.0.2.1", "10.3.0.1, 192.0.2.2, 192.0.2.3", NULL, false }, { "192.0.2.1", "10.2.0.1,", NULL, false }, { "192.0.2.1", "10.2.0.1, x", NULL, false },
		{ "192.0.2.1", "unknown", NULL, false }, { "192.0.2.1", "192.0.2.2", "10.2.0.1", true }, { "192.0.2.1", "10.3.0.1", "10.2.0.1", false },
		{ "192.0.2.1", "", "10.2.0.1", false }, { "::ffff:192.0.2.1", "10.2.0.1", NULL, true },
	};
	struct range from[2], proxy[2];
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct ranges proxies = ranges(proxy, "192.0.2.0/24", NULL);
		play(&scene, &vectors[0]);
		scene.settings = (struct sender_settings){ .from = { .count = 1 }, .ranges = ranges(from, "10.2.0.0/16", "2001:db8::/32") };
		scene.sender.proxies = &proxies;
		scene.arrival.peer = rows[i].peer;
		if (rows[i].before)
			scene.headers[scene.arrival.header_count++] = (struct arrival_header){ "X-Forwarded-For", rows[i].before };
		if (rows[i].forwarded)
			scene.headers[scene.arrival.header_count++] = (struct arrival_header){ "x-forwarded-for", rows[i].forwarded };
		if (is_proven(&scene) != rows[i].proven)
			fail_msg("%s, %s: %sproven", rows[i].peer, rows[i].forwarded ? rows[i].forwarded : "-", rows[i].proven ? "not " : "");
	}
}

static void
test_all_that_was_given_must_hold(void **state)
{
	struct range from[2];
	struct scene scene;

	(void)state;
	play(&scene, &vectors[0]);
	scene.settings.from.count = 1;
	scene.settings.ranges = ranges(from, "192.0.2.7", NULL);
	assert_true(is_proven(&scene));
	scene.arrival.peer = "192.0.2.8";
	assert_false(is_proven(&scene));
	scene.arrival.peer = "192.0.2.7";
	scene.headers[1].value = "sha256=0";
	assert_false(is_proven(&scene));
}

static void
test_ranges_as_people_write_them(void **state)
{
	static const char *const good[] = { "10.0.0.0/8", "10.2.0.1", "0.0.0.0/0", "2001:db8::/32", "::1", "::/0", "10.2.0.1/32", "::ffff:10.2.0.0/112" };
	static const char *const bad[] = { "", "/", "10.0.0.0/", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0/8", "corp.example", "2001:db8::1/32", "::/129", "10.0.0.0/8x",
		"10.0.0.0/0008" };
	struct range range;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_true(range_read(good[i], &range));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(range_read(bad[i], &range));
}

/* -- Certificates ------------------------------------------------------------------------------------------------------ */

static bool
comes_with(const char *written, const char *peer, const unsigned char (*known)[32])
{
	struct range proxy[2];
	const struct ranges proxies = ranges(proxy, "192.0.2.1", NULL);
	struct scene scene;

	play(&scene, &vectors[0]);
	scene.settings = (struct sender_settings){ .hook_certificates = { .count = 1 }, .fingerprints = known };
	scene.sender.proxies = &proxies;
	scene.arrival.peer = peer;
	scene.headers[scene.arrival.header_count++] = (struct arrival_header){ "Client-Cert", written };
	return is_proven(&scene);
}

static void
test_a_certificate_that_a_proxy_saw(void **state)
{
	unsigned char known[1][32];
	/* The bytes "certificate" stand for one: no part of it is read. This is their SHA-256. */
	static const char digits[] = "03d66dd08835c1ca3f128cceacd1f31ac94163096b20f445ae84285bc0832d72";

	(void)state;
	for (size_t i = 0; i < 32; i++)
		sscanf(digits + 2 * i, "%2hhx", &known[0][i]);
	const unsigned char (*fine)[32] = (const unsigned char (*)[32])known;
	assert_true(comes_with("Y2VydGlmaWNhdGU=", "192.0.2.1", fine));
	assert_true(comes_with(":Y2VydGlmaWNhdGU=:", "192.0.2.1", fine));
	assert_true(comes_with("-----BEGIN%20CERTIFICATE-----%0AY2VydGlm%0AaWNhdGU=%0A-----END%20CERTIFICATE-----%0A", "192.0.2.1", fine));
	assert_false(comes_with("Y2VydGlmaWNhdGU=", "192.0.2.2", fine));
	assert_false(comes_with("Y2VydGlmaWNhdHU=", "192.0.2.1", fine));
	assert_false(comes_with("", "192.0.2.1", fine));
	assert_false(comes_with("=", "192.0.2.1", fine));
	assert_false(comes_with("====", "192.0.2.1", fine));
	assert_false(comes_with("-----BEGIN CERTIFICATE-----", "192.0.2.1", fine));
	assert_false(comes_with("-----END CERTIFICATE----------BEGIN CERTIFICATE-----Y2VydGlmaWNhdGU=", "192.0.2.1", fine));
	assert_false(comes_with("Y2VydGlmaWNhdGU=!", "192.0.2.1", fine));
	known[0][31] ^= 1;
	assert_false(comes_with("Y2VydGlmaWNhdGU=", "192.0.2.1", fine));
}

/* -- What is kept, and the options ----------------------------------------------------------------------------------------- */

static void
test_no_secret_is_kept(void **state)
{
	struct scene scene;
	char body[] = "{\"key\":\"glpat-0123456789abcdef\",\"again\":\"glpat-0123456789abcdef\"}";

	(void)state;
	play(&scene, &vectors[10]);
	assert_int_equal(sender_rest(&scene.settings, &scene.arrival), strlen("backup"));
	scene.arrival.rest = "glpat-0123456789abcdef";
	assert_int_equal(sender_rest(&scene.settings, &scene.arrival), 0);
	scene.arrival.rest = "backup/daily";
	assert_int_equal(sender_rest(&scene.settings, &scene.arrival), strlen("backup/daily"));
	sender_hide(&scene.settings, body, strlen(body));
	assert_string_equal(body, "{\"key\":\"**********************\",\"again\":\"**********************\"}");
	sender_decoy(&scene.arrival);
}

struct acme {
	struct webhook_settings webhook;
};

static const struct setting settings[] = { WEBHOOK_SETTINGS(acme, webhook), WEBHOOK_HEADER_SETTINGS(acme, webhook), WEBHOOK_USER_SETTING(acme, webhook), { 0 } };
static const struct shape shape = { "acme", sizeof(struct acme), settings, "Acme.", false };

static const struct { const char *text; const struct sender_way *ways; const char *mistake; } sections[] = {
	{ "hook_file = \"long\"", github, NULL },
	{ "hook_file = \"short\"", github, "openssl rand -hex 20" },
	{ "hook_file = \"long\" hook_old_file = \"short\"", github, "hook_old_file is shorter" },
	{ "hook_old_file = \"long\"", github, "write that one" },
	{ "hook_file = \"long\"", grafana, "hook_file needs hook_header" },
	{ "hook_file = \"long\" hook_header = \"X-Sig\"", grafana, NULL },
	{ "hook_file = \"long\"", basic, "hook_file needs hook_user" },
	{ "hook_file = \"long\"", path, NULL },
	{ "hook_file = \"blank\"", path, "the end of an address" },
	{ "from = \"10.0.0.1/8\"", github, "10.0.0.1/8 is no address" },
	{ "from = { \"10.0.0.0/8\", \"::1\" }", github, NULL },
	{ "hook_certificates = \"12:34\"", github, "12:34 is no SHA-256 fingerprint" },
	{ "hook_time_header = \"X-Time\"", github, "that needs hook_file" },
};

static void
write_secret(const char *folder, const char *name, const char *text)
{
	char file[128];
	FILE *out = NULL;

	snprintf(file, sizeof file, "%s/%s", folder, name);
	int fd = open(file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0 && (out = fdopen(fd, "w")));
	fputs(text, out);
	fclose(out);
}

static void
test_mistakes_of_the_options_are_named(void **state)
{
	char folder[] = "/tmp/test_sender.XXXXXX", text[300], name[64], command[64];

	(void)state;
	assert_non_null(mkdtemp(folder));
	write_secret(folder, "long", "0123456789abcdef0123\n");
	write_secret(folder, "short", "0123456789abcde\n");
	write_secret(folder, "blank", "0123456789 abcdef\n");
	snprintf(name, sizeof name, "%s/x.conf", folder);
	for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
		struct acme acme = { 0 };
		snprintf(text, sizeof text, "acme \"a\" { %s }", sections[i].text);
		struct conf *conf = conf_read_text(name, text, strlen(text));
		struct section *at = conf_next(conf_root(conf), NULL, "acme");
		conf_fill(conf, at, &shape, &acme);
		sender_settings_check(conf, at, section_where(at), sections[i].ways, &acme.webhook.sender);
		if (!sections[i].mistake != !conf_mistakes(conf) || (sections[i].mistake && !strstr(conf_mistake_at(conf, 0), sections[i].mistake)))
			fail_msg("%s: %s", sections[i].text, conf_mistakes(conf) ? conf_mistake_at(conf, 0) : "no mistake");
		conf_free(conf);
	}
	redact_forget();
	snprintf(command, sizeof command, "rm -r '%s'", folder);
	assert_int_equal(system(command), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_vectors_that_vendors_print),
		cmocka_unit_test(test_nobody_is_the_sender_where_nothing_was_given),
		cmocka_unit_test(test_another_secret_another_body_another_way),
		cmocka_unit_test(test_empty_and_cut_ones),
		cmocka_unit_test(test_a_hundred_thousand_mutated_ones_prove_nothing),
		cmocka_unit_test(test_what_stands_twice_proves_nothing),
		cmocka_unit_test(test_two_secrets_count_while_one_takes_the_others_place),
		cmocka_unit_test(test_a_signed_time_is_fresh_or_nothing),
		cmocka_unit_test(test_trello_signs_the_address_too),
		cmocka_unit_test(test_where_it_comes_from),
		cmocka_unit_test(test_all_that_was_given_must_hold),
		cmocka_unit_test(test_ranges_as_people_write_them),
		cmocka_unit_test(test_a_certificate_that_a_proxy_saw),
		cmocka_unit_test(test_no_secret_is_kept),
		cmocka_unit_test(test_mistakes_of_the_options_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
