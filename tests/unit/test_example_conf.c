/* conf/sallyport.conf, held against the tables: every option is in it, none is unknown, and what is commented out shows the default. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/conf_tree.h"
#include "bridge/base/redact.h"
#include "bridge/base/text.h"
#include "bridge/cli/topics.h"
#include "bridge/rights/signing.h"
#include "bridge/setup.h"

enum { SIZE = 256 * 1024 };

static struct arena *arena;
static char folder[] = "/tmp/test_example_conf.XXXXXX";
static char example[SIZE], whole[SIZE];         /* as it is; with everything that is commented out put back */

static const char *
in_folder(const char *name)
{
	return arena_printf(arena, "%s/%s", folder, name);
}

static const char *
keep(const char *name, const char *text)
{
	const char *path = in_folder(name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

/* A # with nothing behind it takes configuration out; behind a # and a blank stands what is said to people. */
static bool
is_taken_out(const char *line)
{
	line += strspn(line, " \t");
	return line[0] == '#' && line[1] && !strchr(" \n", line[1]);
}

static void
put_back(char *text)
{
	for (char *line = text; *line; line += strcspn(line, "\n") + 1) {
		if (is_taken_out(line))
			line[strspn(line, " \t")] = ' ';
		if (!line[strcspn(line, "\n")])
			break;
	}
}

static void
read_example(void)
{
	const char *srcdir = getenv("srcdir");
	FILE *file = fopen(arena_printf(arena, "%s/conf/sallyport.conf", srcdir ? srcdir : "."), "r");

	assert_non_null(file);
	size_t length = fread(example, 1, SIZE - 1, file);
	fclose(file);
	assert_in_range(length, 1, SIZE - 2);
	memcpy(whole, example, SIZE);
	put_back(whole);
}

static int
begin(void **state)
{
	(void)state;
	arena = arena_new();
	assert_non_null(mkdtemp(folder));
	read_example();
	return 0;
}

/* Every file that the whole example names for a secret, beside it. */
static void
for_each_secret(const struct section *section, void (*call)(const char *name))
{
	for (const struct option *option = section->options; option; option = option->next) {
		size_t length = strlen(option->name);
		if (length > 5 && !strcmp(option->name + length - 5, "_file") && option->first && *option->first->text != '/')
			call(option->first->text);
	}
	for (const struct section *inner = section->inner; inner; inner = inner->next)
		for_each_secret(inner, call);
}

/* A certificate and the key that goes with it, as PEM. */
static void
make_pair(const char **certificate, const char **key)
{
	EVP_PKEY *made_key = EVP_EC_gen("P-256");
	X509 *made = X509_new();
	BIO *out[2] = { BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()) };
	char *bytes;

	X509_gmtime_adj(X509_getm_notBefore(made), 0);
	X509_gmtime_adj(X509_getm_notAfter(made), 86400);
	X509_set_pubkey(made, made_key);
	X509_sign(made, made_key, EVP_sha256());
	PEM_write_bio_X509(out[0], made);
	PEM_write_bio_PrivateKey(out[1], made_key, NULL, NULL, 0, NULL, NULL);
	long length = BIO_get_mem_data(out[0], &bytes);
	*certificate = arena_slice(arena, bytes, (size_t)length);
	length = BIO_get_mem_data(out[1], &bytes);
	*key = arena_slice(arena, bytes, (size_t)length);
	BIO_free(out[0]);
	BIO_free(out[1]);
	X509_free(made);
	EVP_PKEY_free(made_key);
}

static void
keep_secret(const char *name)
{
	static const char *certificate, *key;
	const char *end = strrchr(name, '.');

	if (!certificate)
		make_pair(&certificate, &key);
	if (!strncmp(name, "audit-key", 9)) {
		struct signing_key *made = signing_make();
		keep(name, signing_pem(arena, made));
		signing_free(made);
		return;
	}
	if (!strncmp(name, "sealing", 7)) {
		keep(name, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
		return;
	}
	keep(name, end && !strcmp(end, ".pem") ? certificate : end && !strcmp(end, ".key") ? key : "a-secret-of-the-example");
}

static void
drop(const char *name)
{
	unlink(in_folder(name));
}

static int
finish(void **state)
{
	struct conf *conf = conf_read_text("sallyport.conf", whole, strlen(whole));

	(void)state;
	for_each_secret(conf_root(conf), drop);
	conf_free(conf);
	drop("freeze.ics");
	drop("sallyport.conf");
	rmdir(folder);
	arena_free(arena);
	redact_forget();
	return 0;
}

/* Nothing is wrong with it once its secrets are there. */
static void
assert_good(const char *text)
{
	struct conf *conf = conf_read_text("sallyport.conf", whole, strlen(whole));

	for_each_secret(conf_root(conf), keep_secret);
	conf_free(conf);
	keep("freeze.ics", "BEGIN:VCALENDAR\nVERSION:2.0\nEND:VCALENDAR\n");
	struct setup *setup = setup_read(keep("sallyport.conf", text));
	struct text mistakes = text_in(arena, 10000);
	for (size_t i = 0; conf_told_at(setup->conf, i); i++)
		text_printf(&mistakes, "%s\n", conf_told_at(setup->conf, i));
	setup_free(setup);
	assert_string_equal(mistakes.bytes, "");
}

static void
test_the_example_has_no_mistake_once_its_secrets_are_there(void **state)
{
	(void)state;
	assert_good(example);
}

static void
test_whatever_is_commented_out_may_be_written(void **state)
{
	(void)state;
	assert_good(whole);
}

/* runner.job for job in runner. */
static const char *
path_of(const struct section *section)
{
	if (!section->parent)
		return "gateway";
	return section->parent->parent ? arena_printf(arena, "%s.%s", path_of(section->parent), section->kind) : section->kind;
}

static const struct option *
find(const struct section *section, const char *path, const char *name)
{
	const struct option *found = NULL;

	if (!strcmp(path_of(section), path))
		for (const struct option *option = section->options; option; option = option->next)
			if (!strcmp(option->name, name))
				return option;
	for (const struct section *inner = section->inner; inner && !found; inner = inner->next)
		found = find(inner, path, name);
	return found;
}

static const char *
line_of(const char *text, int number)
{
	for (; number > 1; number--)
		text += strcspn(text, "\n") + 1;
	return text;
}

/* The value as topic_default() writes it. */
static const char *
shown(const struct option *option)
{
	struct text text = text_in(arena, 1000);

	for (const struct value *value = option->first; value; value = value->next)
		text_printf(&text, "%s%s%s%s", value == option->first ? "" : ", ", value->quoting ? "\"" : "", value->text, value->quoting ? "\"" : "");
	return arena_printf(arena, option->list ? "default { %s }" : "default %s", text.bytes);
}

static void
check_option(struct text *wrong, const struct conf *conf, const struct section_topic *section, const struct setting *setting)
{
	const char *name = topic_option(arena, setting), *fallback = topic_default(arena, setting);
	const struct option *option = name ? find(&conf->root, section->path, name) : NULL;

	if (!name)
		return;
	if (!option)
		text_printf(wrong, "%s.%s is not in it\n", section->path, name);
	else if (is_taken_out(line_of(example, option->where.line)) && !strncmp(fallback, "default", 7) && strcmp(shown(option), fallback))
		text_printf(wrong, "line %d: %s.%s: %s, but it is commented out with %s\n", option->where.line, section->path, name, fallback, shown(option));
}

static void
test_every_option_is_in_the_example_and_what_is_commented_out_is_its_default(void **state)
{
	struct conf *conf = conf_read_text("sallyport.conf", whole, strlen(whole));
	const struct topics *topics = topics_read(arena);
	struct text wrong = text_in(arena, 10000);

	(void)state;
	for (size_t i = 0; i < topics->section_count; i++)
		for (const struct setting *setting = topics->sections[i].settings; setting->type != TYPE_END; setting++)
			check_option(&wrong, conf, &topics->sections[i], setting);
	conf_free(conf);
	assert_string_equal(wrong.bytes, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_example_has_no_mistake_once_its_secrets_are_there),
		cmocka_unit_test(test_whatever_is_commented_out_may_be_written),
		cmocka_unit_test(test_every_option_is_in_the_example_and_what_is_commented_out_is_its_default),
	};

	return cmocka_run_group_tests(tests, begin, finish);
}
