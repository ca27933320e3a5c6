/* Who sent a webhook: the vectors that vendors and standards print, addresses, certificates, and the options (threats W1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"
#include "bridge/rights/sender.h"
#include "bridge/run/hook.h"
#include "bridge/work/webhook.h"
#include "tests/unit/sender_scene.h"

static const struct secret other = { "", "It's a Secret to Everybodx", 26 };

static void
test_the_vectors_that_vendors_print(void **state)
{
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < SENDER_VECTORS; i++) {
		scene_play(&scene, &sender_vectors[i]);
		if (!scene_proven(&scene))
			fail_msg("%s is not proven", sender_vectors[i].name);
	}
}

static void
test_nobody_is_the_sender_where_nothing_was_given(void **state)
{
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < SENDER_VECTORS; i++) {
		scene_play(&scene, &sender_vectors[i]);
		scene.settings.hook = NULL;
		assert_false(scene_proven(&scene));
	}
}

static void
test_another_secret_another_body_another_way(void **state)
{
	static const struct secret longer = { "", "glpat-0123456789abcdefg", 23 };
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < SENDER_VECTORS; i++) {
		scene_play(&scene, &sender_vectors[i]);
		scene.settings.hook = &other;
		assert_false(scene_proven(&scene));
		scene.settings.hook = &longer;
		assert_false(scene_proven(&scene));
		for (size_t w = 0; w < SENDER_VECTORS; w++) {
			scene_play(&scene, &sender_vectors[i]);
			scene.sender.ways = sender_vectors[w].ways;
			bool alike = w == i || (!strcmp(sender_vectors[w].header, sender_vectors[i].header) && sender_vectors[w].ways->prefix && sender_vectors[i].ways->prefix
				&& !strcmp(sender_vectors[w].ways->prefix, sender_vectors[i].ways->prefix));
			assert_int_equal(scene_proven(&scene), alike);
		}
		if (sender_vectors[i].ways->by != SENDER_MAC)
			continue;
		scene_play(&scene, &sender_vectors[i]);
		scene.arrival.length--;
		assert_false(scene_proven(&scene));
		scene.arrival.length++;
		scene.arrival.body = "{\"other\": 1}";
		scene.arrival.length = strlen(scene.arrival.body);
		assert_false(scene_proven(&scene));
	}
}

static void
test_two_secrets_count_while_one_takes_the_others_place(void **state)
{
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < SENDER_VECTORS; i++) {
		scene_play(&scene, &sender_vectors[i]);
		scene.settings.hook_old = scene.settings.hook;
		scene.settings.hook = &other;
		assert_true(scene_proven(&scene));
		scene.settings.hook_old = NULL;
		assert_false(scene_proven(&scene));
	}
}

static void
test_a_signed_time_is_fresh_or_nothing(void **state)
{
	enum { NOW = SCENE_NOW };
	static const struct { int64_t now; const char *time; bool proven; } rows[] = {
		{ NOW + 300, "1700000000", true }, { NOW + 301, "1700000000", false }, { NOW - 300, "1700000000", true }, { NOW - 301, "1700000000", false },
		{ NOW, "1700000001", false }, { NOW, "", false }, { NOW, " 1700000000", false }, { NOW, "1700000000 ", false }, { NOW, "-1700000000", false },
		{ NOW, "99999999999999999999", false }, { NOW, "0x6553F100", false },
	};
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		scene_play(&scene, &sender_vectors[BY_GRAFANA]);
		scene.sender.now = rows[i].now;
		scene.headers[2].value = rows[i].time;
		assert_int_equal(scene_proven(&scene), rows[i].proven);
	}
	scene_play(&scene, &sender_vectors[BY_GRAFANA]);
	scene.arrival.header_count = 2;
	assert_false(scene_proven(&scene));
}

static void
test_trello_signs_the_address_too(void **state)
{
	struct scene scene;

	(void)state;
	scene_play(&scene, &sender_vectors[BY_TRELLO]);
	scene.sender.url = "https://gw.evil.example";
	assert_false(scene_proven(&scene));
	scene_play(&scene, &sender_vectors[BY_TRELLO]);
	scene.sender.instance = "boar";
	assert_false(scene_proven(&scene));
	scene_play(&scene, &sender_vectors[BY_TRELLO]);
	scene.arrival.rest = "main/";
	assert_false(scene_proven(&scene));
	scene.sender.url = NULL;
	assert_false(scene_proven(&scene));
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
		scene_play(&scene, &sender_vectors[BY_GITHUB]);
		scene.settings = (struct sender_settings){ .from = { .count = 1 }, .ranges = ranges(from, "10.2.0.0/16", "2001:db8::/32") };
		scene.sender.proxies = &proxies;
		scene.arrival.peer = rows[i].peer;
		if (rows[i].before)
			scene.headers[scene.arrival.header_count++] = (struct arrival_header){ "X-Forwarded-For", rows[i].before };
		if (rows[i].forwarded)
			scene.headers[scene.arrival.header_count++] = (struct arrival_header){ "x-forwarded-for", rows[i].forwarded };
		if (scene_proven(&scene) != rows[i].proven)
			fail_msg("%s, %s: %sproven", rows[i].peer, rows[i].forwarded ? rows[i].forwarded : "-", rows[i].proven ? "not " : "");
	}
}

static void
test_all_that_was_given_must_hold(void **state)
{
	struct range from[2];
	struct scene scene;

	(void)state;
	scene_play(&scene, &sender_vectors[BY_GITHUB]);
	scene.settings.from.count = 1;
	scene.settings.ranges = ranges(from, "192.0.2.7", NULL);
	assert_true(scene_proven(&scene));
	scene.arrival.peer = "192.0.2.8";
	assert_false(scene_proven(&scene));
	scene.arrival.peer = "192.0.2.7";
	scene.headers[1].value = "sha256=0";
	assert_false(scene_proven(&scene));
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

	scene_play(&scene, &sender_vectors[BY_GITHUB]);
	scene.settings = (struct sender_settings){ .hook_certificates = { .count = 1 }, .fingerprints = known };
	scene.sender.proxies = &proxies;
	scene.arrival.peer = peer;
	scene.headers[scene.arrival.header_count++] = (struct arrival_header){ "Client-Cert", written };
	return scene_proven(&scene);
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
	scene_play(&scene, &sender_vectors[BY_PATH]);
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

static const struct { const char *text; enum sender_vector_of of; const char *mistake; } sections[] = {
	{ "hook_file = \"long\"", BY_GITHUB, NULL },
	{ "hook_file = \"short\"", BY_GITHUB, "openssl rand -hex 20" },
	{ "hook_file = \"long\" hook_old_file = \"short\"", BY_GITHUB, "hook_old_file is shorter" },
	{ "hook_old_file = \"long\"", BY_GITHUB, "write that one" },
	{ "hook_file = \"long\"", BY_GRAFANA, "hook_file needs hook_header" },
	{ "hook_file = \"long\" hook_header = \"X-Sig\"", BY_GRAFANA, NULL },
	{ "hook_file = \"long\"", BY_BASIC, "hook_file needs hook_user" },
	{ "hook_file = \"long\"", BY_PATH, NULL },
	{ "hook_file = \"blank\"", BY_PATH, "the end of an address" },
	{ "from = \"10.0.0.1/8\"", BY_GITHUB, "10.0.0.1/8 is no address" },
	{ "from = { \"10.0.0.0/8\", \"::1\" }", BY_GITHUB, NULL },
	{ "hook_certificates = \"12:34\"", BY_GITHUB, "12:34 is no SHA-256 fingerprint" },
	{ "hook_time_header = \"X-Time\"", BY_GITHUB, "that needs hook_file" },
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
		sender_settings_check(conf, at, section_where(at), sender_vectors[sections[i].of].ways, &acme.webhook.sender);
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
