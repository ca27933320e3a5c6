/* Tests of conf: what is read, what is said about each mistake, and that no mistake hides another or is told as five. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/conf.h"
#include "bridge/base/pattern.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"

/* A section with a setting of every type. */
struct param {
	const char *name;
	const struct pattern *pattern;
	bool required;
};

struct job {
	const char *name;
	struct where where;
	const char *about;
	struct list run;
	struct sections params;
};

struct service {
	const char *name;
	struct where where;
	const char *about, *url, *folder, *proxy;
	struct list hosts, words;
	bool insecure;
	int64_t lines, within;
	const struct pattern *pattern;
	const struct secret *token;
	struct sections jobs;
};

static const struct setting param_settings[] = {
	SETTING(param, name,     TYPE_TITLE,   NULL, "What it is called."),
	SETTING(param, pattern,  TYPE_PATTERN, NULL, "What it must look like."),
	SETTING(param, required, TYPE_FLAG,    NULL, "Whether it must be given."),
	{ 0 }
};
static const struct shape param_shape = { "param", sizeof(struct param), param_settings, "A parameter.", false };

static const struct setting job_settings[] = {
	SETTING(job, name,  TYPE_TITLE, NULL,          "What it is called."),
	SETTING(job, where, TYPE_WHERE, NULL,          NULL),
	SETTING(job, about, TYPE_TEXT,  NULL,          "What it does."),
	SETTING(job, run,   TYPE_LIST,  CONF_REQUIRED, "Its command."),
	{ "params", TYPE_SECTIONS, offsetof(struct job, params), NULL, "Its parameters.", &param_shape },
	{ 0 }
};
static const struct shape job_shape = { "job", sizeof(struct job), job_settings, "A job.", false };

static const struct setting service_settings[] = {
	SETTING(service, name,     TYPE_TITLE,   NULL,           "What it is called."),
	SETTING(service, where,    TYPE_WHERE,   NULL,           NULL),
	SETTING(service, about,    TYPE_TEXT,    NULL,           "What it is."),
	SETTING(service, folder,   TYPE_PATH,    "/var/lib/it",  "Where it keeps things."),
	SETTING(service, hosts,    TYPE_LIST,    NULL,           "Its hosts."),
	SETTING(service, insecure, TYPE_FLAG,    "no",           "Whether plain http will do."),
	SETTING(service, lines,    TYPE_NUMBER,  "10",           "How many lines."),
	SETTING(service, pattern,  TYPE_PATTERN, NULL,           "What names look like."),
	SETTING(service, proxy,    TYPE_TEXT,    "none",         "Through what."),
	SETTING(service, token,    TYPE_SECRET,  NULL,           "Its token."),
	SETTING(service, url,      TYPE_URL,     NULL,           "Where it is."),
	SETTING(service, within,   TYPE_SPAN,    "30m",          "How long."),
	SETTING(service, words,    TYPE_LIST,    "help, ping",   "Words."),
	{ "jobs", TYPE_SECTIONS, offsetof(struct service, jobs), NULL, "Its jobs.", &job_shape },
	{ 0 }
};
static const struct shape service_shape = { "ci", sizeof(struct service), service_settings, "A service.", false };

struct gateway {
	const char *name, *prefix;
};

static const struct setting gateway_settings[] = {
	SETTING(gateway, name,   TYPE_TEXT, "sally", "Our name."),
	SETTING(gateway, prefix, TYPE_TEXT, "!",     "What begins a command."),
	{ 0 }
};
static const struct shape gateway_shape = { "gateway", sizeof(struct gateway), gateway_settings, "The gateway.", true };

/* Fills the whole file as a gateway would: its root, and every section of a kind it knows. */
static void
fill_all(struct conf *conf)
{
	struct gateway gateway = { 0 };

	conf_fill(conf, conf_root(conf), &gateway_shape, &gateway);
	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, NULL));) {
		struct service *service = arena_take(conf_arena(conf), sizeof *service);
		if (!strcmp(section_kind(at), "ci"))
			conf_fill(conf, at, &service_shape, service);
		else if (strcmp(section_kind(at), "room") != 0)
			conf_mistake(conf, section_where(at), at, "there is no section %s.", section_kind(at));
	}
}

static char *
all_mistakes(struct conf *conf)
{
	char *all = arena_text(conf_arena(conf), "");

	for (size_t i = 0; i < conf_mistakes(conf); i++)
		all = arena_printf(conf_arena(conf), "%s%s%s", all, i ? "\n" : "", conf_mistake_at(conf, i));
	return all;
}

static struct conf *
read_all(const char *text)
{
	struct conf *conf = conf_read_text("x.conf", text, strlen(text));

	fill_all(conf);
	return conf;
}

struct mistaken {
	const char *text, *said;
};

static void
check_table(const struct mistaken *table, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct conf *conf = read_all(table[i].text);
		if (strcmp(all_mistakes(conf), table[i].said) != 0)
			print_message("Read was:\n%s\n", table[i].text);
		assert_string_equal(all_mistakes(conf), table[i].said);
		conf_free(conf);
	}
}

#define CHECK(table) check_table((table), sizeof(table) / sizeof *(table))

/* What is right. */

static void
test_every_type_is_filled(void **state)
{
	static const char text[] =
		"# A comment\n"
		"name = \"sally\"   prefix='\\!'# at once\n"
		"ci \"web\" {\n"
		"\tabout = \"a \\\"quoted\\\" \\\\ word\\tand\\nline\" lines = 7 insecure = true\n"
		"\turl = \"https://ci.example/base//\"\n"
		"\thosts = {\n"
		"\t\t\"a\", 'b\\w',   # the last one may have a comma\n"
		"\t\t\"corp/#ops\",\n"
		"\t}\n"
		"\twithin = \"90s\"\n"
		"\tfolder = \"things\"\n"
		"\tpattern = '\\w{1,20}'\n"
		"\tjob \"one\" { about = \"first\" run = \"single\" param \"host\" { pattern = '[a-z]+' required = yes } param \"x\" {} }\n"
		"\tjob \"two\" { run = {} }\n"
		"}\r\n"
		"ci \"other\" {\n}\n";
	struct conf *conf = conf_read_text("dir/x.conf", text, strlen(text));
	struct section *at = conf_next(conf_root(conf), NULL, "ci");
	struct service web = { 0 }, other = { 0 };
	struct gateway gateway = { 0 };

	(void)state;
	assert_true(conf_fill(conf, conf_root(conf), &gateway_shape, &gateway));
	assert_true(conf_fill(conf, at, &service_shape, &web));
	assert_string_equal(all_mistakes(conf), "");
	assert_string_equal(gateway.name, "sally");
	assert_string_equal(gateway.prefix, "\\!");
	assert_string_equal(web.name, "web");
	assert_int_equal(web.where.line, 3);
	assert_int_equal(web.where.column, 1);
	assert_string_equal(web.about, "a \"quoted\" \\ word\tand\nline");
	assert_int_equal(web.lines, 7);
	assert_true(web.insecure);
	assert_string_equal(web.url, "https://ci.example/base");
	assert_int_equal(web.hosts.count, 3);
	assert_string_equal(web.hosts.each[1], "b\\w");
	assert_string_equal(web.hosts.each[2], "corp/#ops");
	assert_int_equal(web.hosts.where[2].line, 8);
	assert_int_equal(web.hosts.where[2].column, 3);
	assert_int_equal(web.within, 90000);
	assert_string_equal(web.folder, "dir/things");
	assert_true(pattern_matches(web.pattern, "abc_1"));
	assert_int_equal(web.jobs.count, 2);
	const struct job *one = web.jobs.each[0], *two = web.jobs.each[1];
	assert_string_equal(one->about, "first");
	assert_int_equal(one->run.count, 1);
	assert_string_equal(one->run.each[0], "single");
	assert_int_equal(one->params.count, 2);
	assert_true(((const struct param *)one->params.each[0])->required);
	assert_false(((const struct param *)one->params.each[1])->required);
	assert_int_equal(two->run.count, 0);
	assert_int_equal(two->where.line, 14);

	at = conf_next(conf_root(conf), at, "ci");
	assert_true(conf_fill(conf, at, &service_shape, &other));
	assert_string_equal(section_title(at), "other");
	assert_null(conf_next(conf_root(conf), at, "ci"));
	conf_free(conf);
}

static void
test_fallbacks_are_read_as_if_written(void **state)
{
	struct conf *conf = conf_read_text("x.conf", "ci \"web\" { }", 12);
	struct service web = { 0 };

	(void)state;
	assert_true(conf_fill(conf, conf_next(conf_root(conf), NULL, NULL), &service_shape, &web));
	assert_int_equal(web.lines, 10);
	assert_int_equal(web.within, 30 * 60 * 1000);
	assert_string_equal(web.folder, "/var/lib/it");
	assert_string_equal(web.proxy, "none");
	assert_int_equal(web.words.count, 2);
	assert_string_equal(web.words.each[1], "ping");
	assert_int_equal(web.hosts.count, 0);
	assert_null(web.about);
	assert_null(web.url);
	assert_null(web.token);
	assert_false(web.insecure);
	conf_free(conf);
}

static void
test_a_byte_order_mark_and_no_last_line_end_are_fine(void **state)
{
	struct conf *conf = conf_read_text("x.conf", "\xef\xbb\xbfname = \"sally\"", 17);

	(void)state;
	fill_all(conf);
	assert_string_equal(all_mistakes(conf), "");
	conf_free(conf);
}

/* What is wrong. */

static void
test_each_mistake_of_writing_has_its_sentence(void **state)
{
	static const struct mistaken table[] = {
		{ "", "" },
		{ "name = sally", "x.conf:1: name is a text; write name = \"sally\"." },
		{ "name = our good bot # who\nprefix = \"!\"", "x.conf:1: name is a text; write name = \"our good bot\"." },
		{ "name = say \"x\"", "x.conf:1: name is a text; write name = \"say\".\nx.conf:1: a text stands alone here; an option is written NAME = \"...\"." },
		{ "name = yes", "x.conf:1: name is a text; write name = \"yes\"." },
		{ "name = a\\b", "x.conf:1: name is a text; write name = 'a\\b'." },
		{ "name =\nprefix = \"!\"", "x.conf:1: name has no value; write name = \"...\"." },
		{ "name =", "x.conf:1: name has no value; write name = \"...\"." },
		{ "name \"sally\"\nprefix = 1", "x.conf:1: = is missing after name; write name = ..., or name { ... } for a section.\n"
			"x.conf:2: prefix is a text; write prefix = \"1\"." },
		{ "name: \"sally\"", "x.conf:1: = is missing after name; write name = ..." },
		{ "name", "x.conf:1: = is missing after name; write name = ..., or name { ... } for a section." },
		{ "name += \"x\"", "x.conf:1: += is not known here; write the whole of name with =." },
		{ "name = \"sally\nprefix = \"!\"", "x.conf:1: the \" that opens here is never closed on its line." },
		{ "name = 'sally\nprefix = 1", "x.conf:1: the ' that opens here is never closed on its line.\nx.conf:2: prefix is a text; write prefix = \"1\"." },
		{ "name = \"a\\", "x.conf:1: the \" that opens here is never closed on its line." },
		{ "name = \"a\\\"", "x.conf:1: the \" that opens here is never closed on its line." },
		{ "name = \"\\d+\"", "x.conf:1: name has a backslash in double quotes where only \\\" \\\\ \\n \\t have a meaning; use 'single quotes', which keep it." },
		{ "name = \"a\"; prefix = \"b\",", "x.conf:1: no ; stands between options." },
		{ "name = \"a\",\nprefix = \"b\",", "x.conf:1: no , stands between options.\nx.conf:2: no , stands between options." },
		{ "// name", "x.conf:1: a comment begins with #." },
		{ "= 3", "x.conf:1: there is no name before this =." },
		{ "\"x\"", "x.conf:1: a text stands alone here; an option is written NAME = \"...\"." },
		{ "{ a = 1 }\nname = 1", "x.conf:1: there is no name before this {; a section is written NAME \"TITLE\" { ... }.\nx.conf:2: name is a text; write name = \"1\"." },
		{ "3 = 4", "x.conf:1: an option or a section begins with a letter." },
		{ "\xc3\xa9 = 4", "x.conf:1: an option or a section begins with a letter." },
		{ "include \"y\"", "x.conf:1: a file is included with include(\"FILE\")." },
		{ "include(y)", "x.conf:1: a file is included with include(\"FILE\")." },
		{ "include(\"y\"", "x.conf:1: a file is included with include(\"FILE\")." },
		{ "name = \"\x01\"", "x.conf:1: a character that cannot be seen stands in this line; take it out." },
		{ "\n\nname = \"\xe9\"\nprefix = \"\xe9\"", "x.conf:3: this line is not UTF-8; save the file as UTF-8." },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa = 1", "x.conf:1: a name has 64 letters at most." },
	};

	(void)state;
	CHECK(table);
}

static void
test_each_mistake_about_a_section_has_its_sentence(void **state)
{
	static const struct mistaken table[] = {
		{ "ci \"web\" { abuot = \"x\" }", "x.conf:1: ci \"web\": there is no option abuot; did you mean about?" },
		{ "ci \"web\" { tokn_file = \"x\" }", "x.conf:1: ci \"web\": there is no option tokn_file; did you mean token_file?" },
		{ "name = \"x\"\nfrobnicate = \"y\"", "x.conf:2: there is no option frobnicate; there are name and prefix." },
		{ "ci \"web\" { job \"a\" { run = {} param \"p\" { patern = 'x' } } }", "x.conf:1: ci \"web\", job \"a\", param \"p\": there is no option patern; did you mean pattern?" },
		{ "ci \"web\" { jbo \"a\" { } }", "x.conf:1: ci \"web\": there is no section jbo in it; did you mean job?" },
		{ "ci \"web\" { job = \"a\" }", "x.conf:1: ci \"web\": job is a section; write job \"...\" { ... }." },
		{ "ci \"web\" { about { } }", "x.conf:1: ci \"web\": about is an option; write about = \"...\"." },
		{ "ci \"web\" { hosts { \"a\", \"b\" } }", "x.conf:1: ci \"web\": = is missing after hosts; write hosts = { ... }." },
		{ "ci \"web\" { about = \"x\"\nabout = \"y\" }", "x.conf:2: ci \"web\": about stands here twice (line 1); keep one of them." },
		{ "ci { }", "x.conf:1: ci needs a title; write ci \"...\" { ... }." },
		{ "ci \"\" { }", "x.conf:1: ci needs a title; write ci \"...\" { ... }." },
		{ "ci web { lines = 1 }", "x.conf:1: a title stands in quotes; write ci \"web\" {." },
		{ "ci \"web\" { job \"a\" { } }", "x.conf:1: ci \"web\", job \"a\": run is missing; write run = { \"...\", \"...\" }." },
		{ "ci \"web\" {\njob \"a\" { run = \"x\" }\njob \"a\" { run = \"x\" }\n}", "x.conf:3: ci \"web\", job \"a\": there is another job of this name (line 2); give it another one." },
		{ "ci \"web\" { hosts = { \"a\" \"b\" } }", "x.conf:1: ci \"web\": a comma is missing before this value of the list hosts." },
		{ "ci \"web\" { hosts = { \"a\",, \"b\" } }", "x.conf:1: ci \"web\": a value of the list hosts is missing before this comma." },
		{ "ci \"web\" { hosts = { { \"a\" }, \"b\" } }", "x.conf:1: ci \"web\": hosts is a list of values; there are no lists in it." },
		{ "ci \"web\" { hosts = { corp/#ops, a } }", "x.conf:1: ci \"web\": hosts is a list; write hosts = { \"corp/#ops\" }.\nx.conf:1: ci \"web\": hosts is a list; write hosts = { \"a\" }." },
		{ "ci \"web\" { hosts = a }", "x.conf:1: ci \"web\": hosts is a list; write hosts = { \"a\" }." },
		{ "a{b{c{d{e{f{g{h{i{ name = 1 }}}}}}}}}", "x.conf:1: a: there is no section a.\nx.conf:1: a, b, c, d, e, f, g, h: sections stand in sections 8 deep at most." },
	};

	(void)state;
	CHECK(table);
}

static void
test_a_value_of_another_type_is_told_what_to_write(void **state)
{
	static const struct mistaken table[] = {
		{ "ci \"w\" { about = { \"x\" } }", "x.conf:1: ci \"w\": about is a text, not a list; write about = \"...\"." },
		{ "ci \"w\" { lines = \"5\" }", "x.conf:1: ci \"w\": lines is a number, 0 or more; write lines = 5, without quotes." },
		{ "ci \"w\" { lines = -1 }", "x.conf:1: ci \"w\": lines is a number, 0 or more, not -1." },
		{ "ci \"w\" { lines = many }", "x.conf:1: ci \"w\": lines is a number, 0 or more, not many." },
		{ "ci \"w\" { lines = 99999999999999999999 }", "x.conf:1: ci \"w\": lines is larger than any number here can be." },
		{ "ci \"w\" { insecure = \"yes\" }", "x.conf:1: ci \"w\": insecure is yes or no; write insecure = yes, without quotes." },
		{ "ci \"w\" { insecure = on }", "x.conf:1: ci \"w\": insecure is yes or no, not on." },
		{ "ci \"w\" { within = 30m }", "x.conf:1: ci \"w\": within is a span of time (90s, 30m, 12h, 7d); write within = \"30m\"." },
		{ "ci \"w\" { within = \"soon\" }", "x.conf:1: ci \"w\": within is a span of time (90s, 30m, 12h, 7d), not \"soon\"; write within = \"30m\"." },
		{ "ci \"w\" { url = https://ci.example }", "x.conf:1: ci \"w\": url is an http or https address; write url = \"https://ci.example\"." },
		{ "ci \"w\" { url = \"ftp://ci.example\" }", "x.conf:1: ci \"w\": url is an http or https address; write url = \"https://...\"." },
		{ "ci \"w\" { url = \"https://bob:hunter2@ci.example\" }", "x.conf:1: ci \"w\": url carries a user or a password; take all up to the @ out of it." },
		{ "ci \"w\" { url = https://bob:hunter2@ci.example }", "x.conf:1: ci \"w\": url carries a user or a password; take all up to the @ out of it." },
		{ "ci \"w\" { url = \"https://ci.example/a@b\" }", "" },
		{ "ci \"w\" { url = \"https://ci.example/a b\" }", "x.conf:1: ci \"w\": url is an http or https address; write url = \"https://...\"." },
		{ "ci \"w\" { folder = \"\" }", "x.conf:1: ci \"w\": folder is empty; name a file or folder." },
		{ "ci \"w\" { pattern = \"\\w{1,20}\" }", "x.conf:1: ci \"w\": pattern \"w{1,20}\" stands in double quotes, which eat backslashes; use 'single quotes'." },
		{ "ci \"w\" { pattern = \"a\\\\.b\" }", "x.conf:1: ci \"w\": pattern \"a\\.b\" stands in double quotes, which eat backslashes; use 'single quotes'." },
		{ "ci \"w\" { pattern = \"[a-z]+\" }", "" },
		{ "ci \"w\" { pattern = [a-z]+ }", "x.conf:1: ci \"w\": pattern is a pattern; write pattern = \"[a-z]+\"." },
		{ "ci \"w\" { token_file = \"\" }", "x.conf:1: ci \"w\": token_file is empty; name a file." },
		{ "ci \"w\" { token_file = tok }", "x.conf:1: ci \"w\": token_file is the name of a file that holds a secret; write token_file = \"...\"." },
		{ "ci \"w\" { token_file { } }", "x.conf:1: ci \"w\": token_file is an option; write token_file = \"...\"." },
	};

	(void)state;
	CHECK(table);
}

static void
test_a_broken_pattern_says_where(void **state)
{
	struct conf *conf = read_all("ci \"w\" { pattern = '[a' }");

	(void)state;
	assert_int_equal(conf_mistakes(conf), 1);
	assert_non_null(strstr(conf_mistake_at(conf, 0), "x.conf:1: ci \"w\": pattern \"[a\" is no pattern: "));
	conf_free(conf);
}

/* One typo is told once, and what is around it is understood nevertheless. */
static void
test_a_brace_too_few_or_too_many_is_one_mistake(void **state)
{
	static const struct mistaken table[] = {
		/* the section in the middle is never closed */
		{ "ci \"a\" {\n\tlines = 1\nci \"b\" {\n\tlines = x\n}\nname = 1\n",
			"x.conf:1: the section ci \"a\" that begins here is never closed with }.\nx.conf:4: ci \"b\": lines is a number, 0 or more, not x.\n"
			"x.conf:6: name is a text; write name = \"1\"." },
		/* an inner one */
		{ "ci \"a\" {\n\tjob \"x\" {\n\t\trun = \"x\"\n\tjob \"y\" {\n\t\trun = y\n\t}\n}\nroom \"r\" {\n}\nname = 1\n",
			"x.conf:2: the section job \"x\" that begins here is never closed with }.\nx.conf:5: ci \"a\", job \"y\": run is a list; write run = { \"y\" }.\n"
			"x.conf:10: name is a text; write name = \"1\"." },
		/* the last one */
		{ "room \"r\" { x = 1 }\nci \"a\" {\n\tlines = 1\n", "x.conf:2: the section ci \"a\" that begins here is never closed with }." },
		{ "ci \"a\" {", "x.conf:1: the section ci \"a\" that begins here is never closed with }." },
		/* one that is not indented at all is not reported for what it swallowed */
		{ "room \"r\" {\nci \"a\" {\nlines = 1\nname = \"x\"\nprefix = \"y\"", "x.conf:1: the section room \"r\" that begins here is never closed with }.\n"
			"x.conf:2: the section ci \"a\" that begins here is never closed with }." },
		/* { forgotten */
		{ "ci \"a\"\n\tlines = 1\n}\nname = 1\n", "x.conf:1: { is missing after ci and its title.\nx.conf:4: name is a text; write name = \"1\"." },
		{ "room\n\tlines = 1\n}\n", "x.conf:1: { is missing after room." },
		/* } too much */
		{ "name = \"x\"\n}\nprefix = 1\n", "x.conf:2: this } closes nothing.\nx.conf:3: prefix is a text; write prefix = \"1\"." },
		{ "ci \"a\" {\n\tlines = 1 }\n\twithin = \"1s\"\n}\nname = 1\n", "x.conf:4: this } closes nothing.\nx.conf:5: name is a text; write name = \"1\"." },
		{ "ci \"a\" {\n\tjob \"x\" { run = \"x\" } }\n\tjob \"y\" { run = y }\n}\n", "x.conf:3: ci \"a\", job \"y\": run is a list; write run = { \"y\" }.\nx.conf:4: this } closes nothing." },
		/* odd indentation alone is nobody's business */
		{ "    ci \"a\" {\nlines = 1\n  }\n", "" },
	};

	(void)state;
	CHECK(table);
}

static void
test_a_quote_or_list_that_is_never_closed_is_one_mistake(void **state)
{
	static const struct mistaken table[] = {
		{ "ci \"a {\n\tlines = x\n}\nname = 1", "x.conf:1: the \" that opens here is never closed on its line.\nx.conf:2: ci \"a\": lines is a number, 0 or more, not x.\n"
			"x.conf:4: name is a text; write name = \"1\"." },
		{ "ci \"a\" { hosts = { \"x }\n}\nname = 1", "x.conf:1: ci \"a\": the \" that opens here is never closed on its line.\nx.conf:3: name is a text; write name = \"1\"." },
		{ "ci \"a\" { about = \"x }\nci \"b\" { lines = x }\nname = 1", "x.conf:1: ci \"a\": the \" that opens here is never closed on its line.\n"
			"x.conf:2: ci \"b\": lines is a number, 0 or more, not x.\nx.conf:3: name is a text; write name = \"1\"." },
		{ "ci \"a\" {\n\thosts = { \"x\", \"y\"\n\tlines = x\n}\nname = 1", "x.conf:2: ci \"a\": the list hosts that begins here is never closed with }.\n"
			"x.conf:3: ci \"a\": lines is a number, 0 or more, not x.\nx.conf:5: name is a text; write name = \"1\"." },
		{ "ci \"a\" { job \"x\" { run = { \"y", "x.conf:1: ci \"a\", job \"x\": the \" that opens here is never closed on its line." },
		{ "ci \"a\" {\n\tjob \"x\" {\n\t\trun = { \"y\",\n", "x.conf:3: ci \"a\", job \"x\": the list run that begins here is never closed with }." },
	};

	(void)state;
	CHECK(table);
}

/* Every syntax, in lines as people write them. */
static const char whole[] =
	"name     = \"sally\"                     # a comment, with { in it\n"
	"strangers = { \"help\", \"ping\" }\n"
	"\n"
	"irc \"corp\" {\n"
	"    server = \"irc.corp.example\"\n"
	"    answers = \"notice\" colour = no     # or message\n"
	"    places = { \"corp/#ops\",\n"
	"        'hq/#ops' }\n"
	"    port = 6697\n"
	"}\n"
	"console { socket = \"/run/console\" }\n"
	"room \"shop\" { places = { \"corp/#shop\" } services = { \"ci\", \"jira\" } }\n"
	"lock    { release = { \"owner\" } longest = \"12h\" }\n"
	"exec \"fix\" {\n"
	"    timeout = \"60s\"\n"
	"    command \"rotate\" {\n"
	"        run   = { \"rotate-logs\", \"--\", \"{host}\" }\n"
	"        param \"host\" { pattern = '[a-z0-9-]{1,40}' required = yes }\n"
	"        changes = yes\n"
	"    }\n"
	"    command \"look\" { run = { \"look\" } }\n"
	"}\n"
	"alias \"ship\" { is = \"deploy web\" in = { \"ops\" } }\n";

/* The sign at `i` is one of the reader's: not in a comment, nor inside the quotes of another kind. */
static bool
is_sign(const char *text, size_t i)
{
	size_t begins = i;
	char quote = '\0';

	while (begins > 0 && text[begins - 1] != '\n')
		begins--;
	for (; begins < i; begins++)
		if (!quote && text[begins] == '#')
			return false;
		else if (quote ? text[begins] == quote : text[begins] == '"' || text[begins] == '\'')
			quote = quote ? '\0' : text[begins];
	return strchr("{}=,\"'", text[i]) && (!quote || quote == text[i]);
}

static size_t
count_sections(struct conf *conf)
{
	size_t count = 0;

	for (struct section *at = NULL; (at = conf_next(conf_root(conf), at, NULL));)
		count++;
	return count;
}

/* Each of them in turn is left out, or written twice. Quotes that no longer pair up cannot always be told apart. */
static void
test_any_one_sign_lost_or_doubled_is_one_mistake(void **state)
{
	struct conf *right = conf_read_text("x.conf", whole, strlen(whole));
	size_t signs = 0, told_twice = 0;
	char text[sizeof whole + 1];

	(void)state;
	assert_int_equal(conf_mistakes(right), 0);
	for (size_t i = 0; i < strlen(whole); i++)
		for (int twice = 0; twice < 2 && is_sign(whole, i); twice++, signs++) {
			snprintf(text, sizeof text, "%.*s%s", (int)i + twice, whole, whole + i + 1 - twice);
			struct conf *conf = conf_read_text("x.conf", text, strlen(text));
			bool quote = whole[i] == '"' || whole[i] == '\'';
			if (!conf_mistakes(conf) || conf_mistakes(conf) > (quote ? 2 : 1) || (!quote && count_sections(conf) != count_sections(right)))
				fail_msg("In\n%s\n%s", text, all_mistakes(conf));
			told_twice += conf_mistakes(conf) == 2;
			conf_free(conf);
		}
	assert_true(signs > 200 && told_twice < signs / 50);
	conf_free(right);
}

static void
test_mistakes_come_in_order_and_once(void **state)
{
	static const char text[] = "name = 1\n}\nci \"a\" { lines = x }\nprefix = 2";
	struct conf *conf = conf_read_text("x.conf", text, strlen(text));
	struct service service = { 0 };

	(void)state;
	assert_false(conf_fill(conf, conf_next(conf_root(conf), NULL, "ci"), &service_shape, &service));
	assert_int_equal(service.lines, 10);
	fill_all(conf);
	conf_mistake(conf, (struct where){ "x.conf", 2, 1 }, NULL, "one\nline, %s.", "\x1b[31mclean");
	assert_string_equal(all_mistakes(conf), "x.conf:1: name is a text; write name = \"1\".\nx.conf:2: this } closes nothing.\nx.conf:2: one line, clean.\n"
		"x.conf:3: ci \"a\": lines is a number, 0 or more, not x.\nx.conf:4: prefix is a text; write prefix = \"2\".");
	assert_null(conf_mistake_at(conf, 5));
	conf_free(conf);
}

static void
test_warnings_stand_among_the_mistakes_and_crowd_none_out(void **state)
{
	static const char text[] = "}\n\nname = 1\nci \"a\" { }\n";
	struct conf *conf = conf_read_text("x.conf", text, strlen(text));
	const struct section *ci = conf_next(conf_root(conf), NULL, "ci");

	(void)state;
	fill_all(conf);
	for (int i = 0; i < 2; i++)
		conf_warning(conf, (struct where){ "x.conf", 2, 1 }, ci, "it is %s.", "\x1b[31modd");
	assert_string_equal(all_mistakes(conf), "x.conf:1: this } closes nothing.\nx.conf:3: name is a text; write name = \"1\".");
	assert_int_equal(conf_warnings(conf), 1);
	assert_string_equal(conf_warning_at(conf, 0), "x.conf:2: ci \"a\": it is odd.");
	assert_string_equal(conf_told_at(conf, 0), "x.conf:1: this } closes nothing.");
	assert_string_equal(conf_told_at(conf, 1), "x.conf:2: warning: ci \"a\": it is odd.");
	assert_string_equal(conf_told_at(conf, 2), "x.conf:3: name is a text; write name = \"1\".");
	assert_null(conf_told_at(conf, 3));
	for (int i = 3; i < 2000; i++) {
		conf_warning(conf, (struct where){ "x.conf", i, 1 }, NULL, "odd.");
		conf_mistake(conf, (struct where){ "x.conf", i, 1 }, NULL, "wrong.");
	}
	assert_int_equal(conf_warnings(conf), 100);
	assert_int_equal(conf_mistakes(conf), 1000);
	conf_free(conf);
}

static void
test_what_is_required_can_be_read_though_it_is_missing(void **state)
{
	static const struct setting settings[] = {
		SETTING(gateway, name, TYPE_TEXT, CONF_REQUIRED, "Our name."),
		SETTING(gateway, prefix, TYPE_URL, CONF_REQUIRED, "An address."),
		{ 0 }
	};
	static const struct shape shape = { "gateway", sizeof(struct gateway), settings, "The gateway.", true };
	struct conf *conf = conf_read_text("x.conf", "\n", 1);
	struct gateway gateway = { 0 };

	(void)state;
	assert_false(conf_fill(conf, conf_root(conf), &shape, &gateway));
	assert_string_equal(gateway.name, "");
	assert_string_equal(gateway.prefix, "");
	assert_string_equal(all_mistakes(conf), "x.conf:1: name is missing; write name = \"...\".\nx.conf:1: prefix is missing; write prefix = \"https://...\".");
	conf_free(conf);
}

/* Secrets. */

struct folder {
	char path[64];
};

static int
make_folder(void **state)
{
	struct folder *folder = calloc(1, sizeof *folder);

	unsetenv("CREDENTIALS_DIRECTORY");
	strcpy(folder->path, "/tmp/test-conf-XXXXXX");
	*state = folder;
	return mkdtemp(folder->path) ? 0 : -1;
}

/* Files and folders directly in it, and files in these. */
static int
remove_folder(void **state)
{
	static const char *const names[] = { "x.conf", "y.conf", "z.conf", "more/y.conf", "more/z.conf", "more", "token", "open-token", "" };
	struct folder *folder = *state;
	char path[128];

	for (size_t i = 0; i < 12; i++) {
		snprintf(path, sizeof path, "%s/d%zu.conf", folder->path, i);
		unlink(path);
	}
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		snprintf(path, sizeof path, "%s/%s", folder->path, names[i]);
		if (unlink(path))
			rmdir(path);
	}
	free(folder);
	redact_forget();
	return 0;
}

static char *
in_folder(const struct folder *folder, struct conf *conf, const char *name)
{
	return arena_printf(conf_arena(conf), "%s/%s", folder->path, name);
}

static void
write_file(const struct folder *folder, const char *name, const char *text, mode_t mode)
{
	char path[128];

	snprintf(path, sizeof path, "%s/%s", folder->path, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static struct conf *
read_file(const struct folder *folder, const char *text)
{
	char path[128];

	write_file(folder, "x.conf", text, 0644);
	snprintf(path, sizeof path, "%s/x.conf", folder->path);
	struct conf *conf = conf_read(path);
	fill_all(conf);
	return conf;
}

static void
test_a_secret_is_read_from_beside_the_file(void **state)
{
	const struct folder *folder = *state;
	struct service web = { 0 };

	write_file(folder, "token", "s3cret-value\n", 0600);
	struct conf *conf = read_file(folder, "ci \"web\" { token_file = \"token\" url = \"https://ci.example\" }\n");
	assert_string_equal(all_mistakes(conf), "");
	assert_true(conf_fill(conf, conf_next(conf_root(conf), NULL, "ci"), &service_shape, &web));
	assert_string_equal(web.token->bytes, "s3cret-value");
	conf_free(conf);
}

static void
test_a_secret_that_others_can_read_is_refused(void **state)
{
	const struct folder *folder = *state;

	write_file(folder, "open-token", "s3cret-value\n", 0640);
	struct conf *conf = read_file(folder, "\nci \"web\" { token_file = \"open-token\" }\n");
	assert_string_equal(all_mistakes(conf), arena_printf(conf_arena(conf), "x.conf:2: ci \"web\": token_file %s can be read by its group; chmod 600 it.",
		in_folder(folder, conf, "open-token")));
	conf_free(conf);
}

static void
test_a_token_in_place_of_a_file_name_is_never_repeated(void **state)
{
	static const char *const tokens[] = { "ghp_aB3dE5fG7hI9jK1lM3nO5pQ7rS9tU1vW3xY5", "glpat-abcdefghij0123456789", "xoxb-1234567890-abcdef",
		"syt_c2FsbHk_aBcDeFgHiJkLmNoPqRsT_0aB1cD", "0123456789abcdef0123456789abcdef", "550e8400-e29b-41d4-a716-446655440000",
		"aGVsbG8gd29ybGQgdGhpcyBpcyBhIHNlY3JldA==", "q83vEjRW/eJ7Zk0pLm2NsT4uYxB9wC1dF6gH8iK0oPQ", "correct horse battery! staple?" };
	const struct folder *folder = *state;

	for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
		for (size_t quotes = 0; quotes < 2; quotes++) {
			char text[200];
			snprintf(text, sizeof text, "ci \"web\" {\n\ttoken_file = %s%s%s\n}\n", quotes ? "\"" : "", tokens[i], quotes ? "\"" : "");
			struct conf *conf = read_file(folder, text);
			assert_string_equal(all_mistakes(conf), "x.conf:2: ci \"web\": token_file holds a token instead of the name of a file. "
				"Put it in a file, and replace it: others may have read it here.");
			conf_free(conf);
		}
}

static void
test_the_name_of_a_missing_file_is_repeated(void **state)
{
	static const char *const names[] = { "irc-password", "jenkins-token-production", "Jenkins-Token-2024.txt", "secrets/gitlab2-token-v1", "/etc/sallyport/no/such/token",
		"../no-such-folder/token1" };
	const struct folder *folder = *state;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char text[200];
		snprintf(text, sizeof text, "ci \"web\" { token_file = \"%s\" }\n", names[i]);
		struct conf *conf = read_file(folder, text);
		assert_string_equal(all_mistakes(conf), arena_printf(conf_arena(conf), "x.conf:1: ci \"web\": token_file %s is not there.",
			*names[i] == '/' ? names[i] : in_folder(folder, conf, names[i])));
		conf_free(conf);
	}
}

static void
test_the_secret_itself_does_not_stand_in_the_file(void **state)
{
	static const struct mistaken table[] = {
		{ "ci \"web\" { token = \"hunter2\" }", "x.conf:1: ci \"web\": token does not stand in this file. Put it in a file of its own, name that with token_file, "
			"and replace it: others may have read it here." },
	};

	(void)state;
	CHECK(table);
}

static void
test_a_token_does_not_travel_in_clear(void **state)
{
	static const char said[] = "x.conf:1: ci \"web\": url is http, so the token would travel in clear; write https, or insecure = yes if that is meant.";
	static const struct {
		const char *options, *said;
	} table[] = {
		{ "token_file = \"token\" url = \"http://ci.example\"", said },
		{ "url = \"HTTP://ci.example\" token_file = \"token\"", said },
		{ "token_file = \"token\" url = \"http://ci.example\" insecure = no", said },
		{ "token_file = \"token\" url = \"http://127.0.0.1.ci.example\"", said },
		{ "token_file = \"token\" url = \"http://ci.example\" insecure = yes", "" },
		{ "token_file = \"token\" url = \"http://127.0.0.1:8080\"", "" },
		{ "token_file = \"token\" url = \"https://ci.example\"", "" },
		{ "url = \"http://ci.example\"", "" },
	};
	const struct folder *folder = *state;

	write_file(folder, "token", "s3cret-value\n", 0600);
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		char text[200];
		snprintf(text, sizeof text, "ci \"web\" { %s }\n", table[i].options);
		struct conf *conf = read_file(folder, text);
		assert_string_equal(all_mistakes(conf), table[i].said);
		conf_free(conf);
	}
}

/* Files. */

static void
test_included_files_are_read_in_place(void **state)
{
	const struct folder *folder = *state;
	char path[128];

	snprintf(path, sizeof path, "%s/more", folder->path);
	assert_int_equal(mkdir(path, 0755), 0);
	write_file(folder, "more/y.conf", "ci \"y\" { lines = x folder = \"f\" include(\"z.conf\") }\n", 0644);
	write_file(folder, "more/z.conf", "\nabuot = \"z\" within = \"5s\"\n", 0644);
	struct conf *conf = read_file(folder, "ci \"a\" { }\ninclude(\"more/y.conf\")\nci \"b\" { lines = x }\n");
	struct service service = { 0 };
	struct section *at = conf_next(conf_root(conf), conf_next(conf_root(conf), NULL, "ci"), "ci");

	assert_string_equal(section_title(at), "y");
	conf_fill(conf, at, &service_shape, &service);
	assert_int_equal(service.within, 5000);
	assert_string_equal(service.folder, in_folder(folder, conf, "more/f"));
	assert_string_equal(all_mistakes(conf), "x.conf:3: ci \"b\": lines is a number, 0 or more, not x.\nmore/y.conf:1: ci \"y\": lines is a number, 0 or more, not x.\n"
		"more/z.conf:2: ci \"y\": there is no option abuot; did you mean about?");
	conf_free(conf);
}

static void
test_a_circle_of_files_is_refused(void **state)
{
	const struct folder *folder = *state;

	write_file(folder, "y.conf", "include(\"./x.conf\")\n", 0644);
	struct conf *conf = read_file(folder, "name = 1\ninclude(\"y.conf\")\n");
	assert_string_equal(all_mistakes(conf), arena_printf(conf_arena(conf), "x.conf:1: name is a text; write name = \"1\".\n"
		"y.conf:1: I cannot read %s/./x.conf: it includes itself.", folder->path));
	conf_free(conf);
}

static void
test_files_include_files_8_deep_at_most(void **state)
{
	const struct folder *folder = *state;
	char name[32], text[64];

	for (size_t i = 1; i <= 9; i++) {
		snprintf(name, sizeof name, "d%zu.conf", i);
		snprintf(text, sizeof text, i < 9 ? "include(\"d%zu.conf\")\n" : "name = %zu\n", i + 1);
		write_file(folder, name, text, 0644);
	}
	struct conf *conf = read_file(folder, "include(\"d2.conf\")\n");
	assert_string_equal(all_mistakes(conf), "d9.conf:1: name is a text; write name = \"10\".");
	conf_free(conf);
	conf = read_file(folder, "include(\"d1.conf\")\n");
	assert_string_equal(all_mistakes(conf), arena_printf(conf_arena(conf), "d8.conf:1: I cannot read %s/d9.conf: files include files 8 deep at most.", folder->path));
	conf_free(conf);
}

static void
test_a_file_that_cannot_be_read_is_named(void **state)
{
	const struct folder *folder = *state;
	struct conf *conf = conf_read("/no/such/sallyport.conf");

	assert_string_equal(all_mistakes(conf), "sallyport.conf: I cannot read /no/such/sallyport.conf: No such file or directory.");
	assert_null(conf_next(conf_root(conf), NULL, NULL));
	conf_free(conf);

	conf = conf_read(folder->path);
	assert_int_equal(conf_mistakes(conf), 1);
	assert_non_null(strstr(conf_mistake_at(conf, 0), "it is not a regular file."));
	conf_free(conf);

	conf = read_file(folder, "name = 1\ninclude(\"no.conf\")\nprefix = 1\n");
	assert_string_equal(all_mistakes(conf), arena_printf(conf_arena(conf), "x.conf:1: name is a text; write name = \"1\".\n"
		"x.conf:2: I cannot read %s/no.conf: No such file or directory.\nx.conf:3: prefix is a text; write prefix = \"1\".", folder->path));
	conf_free(conf);
}

/* Bounds. */

static char *
repeat(const char *piece, size_t times)
{
	size_t length = strlen(piece);
	char *text = malloc(length * times + 1);

	assert_non_null(text);
	for (size_t i = 0; i < times; i++)
		memcpy(text + i * length, piece, length);
	text[length * times] = '\0';
	return text;
}

static void
test_too_large_a_file_is_refused(void **state)
{
	char *text = repeat("#\n", 512 * 1024 + 1);
	struct conf *conf = conf_read_text("x.conf", text, 1024 * 1024);

	(void)state;
	assert_string_equal(all_mistakes(conf), "");
	conf_free(conf);
	conf = conf_read_text("x.conf", text, 1024 * 1024 + 1);
	assert_string_equal(all_mistakes(conf), "x.conf: I cannot read x.conf: it is longer than 1 MiB.");
	conf_free(conf);
	free(text);
}

static void
test_too_many_options_are_refused(void **state)
{
	char *text = repeat("a=1\n", 150000);
	struct conf *conf = conf_read_text("x.conf", text, strlen(text));

	(void)state;
	assert_string_equal(all_mistakes(conf), "x.conf:100001: more than 200000 options and sections are too much for one configuration.");
	conf_free(conf);
	free(text);
}

static void
test_a_thousand_mistakes_are_enough(void **state)
{
	char *text = repeat("}\n", 5000);
	struct conf *conf = conf_read_text("x.conf", text, strlen(text));

	(void)state;
	assert_int_equal(conf_mistakes(conf), 1000);
	assert_string_equal(conf_mistake_at(conf, 998), "x.conf:999: this } closes nothing.");
	assert_string_equal(conf_mistake_at(conf, 999), "x.conf: there are more mistakes than these 999; mend these first.");
	conf_free(conf);
	free(text);
}

/* What would make a careless reader slow; with its square none of these would end in time. */
static void
test_no_text_is_slow_to_read(void **state)
{
	static const char *const pieces[] = { "\"", "'a'", "{", "a{", "a{}", "}", "a \"", "a=\"x\" ", "a={", ",", "a ", "# ", "\\", "a=\"\\", "a=b#c ", "a{}}", "x y" };

	(void)state;
	for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
		char *text = repeat(pieces[i], 300000 / strlen(pieces[i]));
		alarm(20);
		struct conf *conf = read_all(text);
		alarm(0);
		conf_free(conf);
		free(text);
	}
}

/* The sample of the design documents is read whole. */

struct link {
	const char *server, *ca_file, *sasl, *account, *password_file, *answers;
	bool colour;
};

static const struct setting link_settings[] = {
	SETTING(link, account,       TYPE_TEXT, NULL,          "Its account."),
	SETTING(link, answers,       TYPE_TEXT, NULL,          "How it answers."),
	SETTING(link, ca_file,       TYPE_PATH, NULL,          "Whom it believes."),
	SETTING(link, colour,        TYPE_FLAG, "yes",         "Whether in colour."),
	SETTING(link, password_file, TYPE_PATH, NULL,          "Its password; not read here."),
	SETTING(link, sasl,          TYPE_TEXT, NULL,          "How it logs in."),
	SETTING(link, server,        TYPE_TEXT, CONF_REQUIRED, "Where it goes."),
	{ 0 }
};
static const struct shape link_shape = { "irc", sizeof(struct link), link_settings, "A link.", false };

struct rack {
	const char *title, *about, *path, *card;
	struct sections params;
};

static const struct setting rack_settings[] = {
	SETTING(rack, title, TYPE_TITLE, NULL, "Its verb."),
	SETTING(rack, about, TYPE_TEXT,  NULL, "What it does."),
	SETTING(rack, card,  TYPE_TEXT,  NULL, "What is answered."),
	SETTING(rack, path,  TYPE_TEXT,  NULL, "What is asked."),
	{ "params", TYPE_SECTIONS, offsetof(struct rack, params), NULL, "Its parameters.", &param_shape },
	{ 0 }
};
static const struct shape rack_shape = { "command", sizeof(struct rack), rack_settings, "A command.", false };

static char *
sample_text(void)
{
	const char *folder = getenv("SALLYPORT_SHARED");
	char path[512], line[2048];
	bool inside = false;
	char *text = NULL;
	size_t length = 0;

	snprintf(path, sizeof path, "%s/conversations.md", folder ? folder : "../shared");
	FILE *file = fopen(path, "r");
	if (!file)
		return NULL;
	FILE *out = open_memstream(&text, &length);
	while (fgets(line, sizeof line, file)) {
		if (!strncmp(line, "## ", 3) || !strncmp(line, "### ", 4))
			inside = !strncmp(line, "## 3. sallyport.conf", 20);
		else if (inside)
			fputs(line, out);
	}
	fclose(file);
	fclose(out);
	return text;
}

static const struct section *
named(struct conf *conf, const struct section *of, const char *kind, const char *title)
{
	const struct section *at = conf_next(of ? of : conf_root(conf), NULL, kind);

	while (at && strcmp(section_title(at), title) != 0)
		at = conf_next(of ? of : conf_root(conf), at, kind);
	return at;
}

static void
test_the_sample_is_read_completely(void **state)
{
	char *text = sample_text();

	(void)state;
	if (!text)
		skip();
	struct conf *conf = conf_read_text("sallyport.conf", text, strlen(text));
	assert_string_equal(all_mistakes(conf), "");
	assert_non_null(named(conf, NULL, "irc", "corp"));
	assert_non_null(named(conf, NULL, "oncall", "sre"));
	assert_non_null(named(conf, named(conf, NULL, "deploy", "web"), "env", "prod"));
	assert_null(section_title(conf_next(conf_root(conf), NULL, "console")));

	struct link corp = { 0 };
	assert_true(conf_fill(conf, named(conf, NULL, "irc", "corp"), &link_shape, &corp));
	assert_string_equal(corp.answers, "notice");
	assert_false(corp.colour);
	struct rack rack = { 0 };
	assert_true(conf_fill(conf, named(conf, named(conf, NULL, "http", "netbox"), "command", "rack"), &rack_shape, &rack));
	assert_string_equal(rack.card, ".results[0] | {headline: .name, facts: {rack: .rack.name, position: .position}}");
	const struct param *host = rack.params.each[0];
	assert_true(host->required && pattern_matches(host->pattern, "db-1"));
	assert_string_equal(all_mistakes(conf), "");
	conf_free(conf);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_type_is_filled),
		cmocka_unit_test(test_fallbacks_are_read_as_if_written),
		cmocka_unit_test(test_a_byte_order_mark_and_no_last_line_end_are_fine),
		cmocka_unit_test(test_each_mistake_of_writing_has_its_sentence),
		cmocka_unit_test(test_each_mistake_about_a_section_has_its_sentence),
		cmocka_unit_test(test_a_value_of_another_type_is_told_what_to_write),
		cmocka_unit_test(test_a_broken_pattern_says_where),
		cmocka_unit_test(test_a_brace_too_few_or_too_many_is_one_mistake),
		cmocka_unit_test(test_a_quote_or_list_that_is_never_closed_is_one_mistake),
		cmocka_unit_test(test_any_one_sign_lost_or_doubled_is_one_mistake),
		cmocka_unit_test(test_mistakes_come_in_order_and_once),
		cmocka_unit_test(test_warnings_stand_among_the_mistakes_and_crowd_none_out),
		cmocka_unit_test(test_what_is_required_can_be_read_though_it_is_missing),
		cmocka_unit_test_setup_teardown(test_a_secret_is_read_from_beside_the_file, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_a_secret_that_others_can_read_is_refused, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_a_token_in_place_of_a_file_name_is_never_repeated, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_the_name_of_a_missing_file_is_repeated, make_folder, remove_folder),
		cmocka_unit_test(test_the_secret_itself_does_not_stand_in_the_file),
		cmocka_unit_test_setup_teardown(test_a_token_does_not_travel_in_clear, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_included_files_are_read_in_place, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_a_circle_of_files_is_refused, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_files_include_files_8_deep_at_most, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(test_a_file_that_cannot_be_read_is_named, make_folder, remove_folder),
		cmocka_unit_test(test_too_large_a_file_is_refused),
		cmocka_unit_test(test_too_many_options_are_refused),
		cmocka_unit_test(test_a_thousand_mistakes_are_enough),
		cmocka_unit_test(test_no_text_is_slow_to_read),
		cmocka_unit_test(test_the_sample_is_read_completely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
