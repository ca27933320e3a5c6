/* Tests of secrets: where they may be read from, that they are never shown, and of the log that must not show them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/log.h"
#include "bridge/base/redact.h"
#include "bridge/base/secret.h"
#include "bridge/base/text.h"

static const char canary[] = "c4nary/Token+with?signs";

struct fixture {
	struct arena *arena;
	char folder[64];
	struct error error;
	int stderr_was;
};

static int
begin(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);

	fixture->arena = arena_new();
	strcpy(fixture->folder, "/tmp/sallyport-test-XXXXXX");
	unsetenv("CREDENTIALS_DIRECTORY");
	unsetenv("JOURNAL_STREAM");
	*state = fixture;
	return mkdtemp(fixture->folder) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status, (void)type, (void)where;
	return remove(path);
}

static int
end(void **state)
{
	struct fixture *fixture = *state;

	redact_forget();
	nftw(fixture->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

static char *
path_of(struct fixture *fixture, const char *name)
{
	return arena_printf(fixture->arena, "%s/%s", fixture->folder, name);
}

static char *
put_file(struct fixture *fixture, const char *name, const char *bytes, size_t length, mode_t mode)
{
	char *path = path_of(fixture, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, length), (ssize_t)length);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	return path;
}

static const struct secret *
read_secret(struct fixture *fixture, const char *name)
{
	fixture->error.text[0] = '\0';
	return secret_read(fixture->arena, name, fixture->folder, &fixture->error);
}

/* Reading. */

static void
test_a_secret_is_read_without_its_line_end(void **state)
{
	static const struct { const char *bytes, *secret; } rows[] = {
		{ "token", "token" }, { "token\n", "token" }, { "token\r\n", "token" }, { "token\n\n", "token\n" }, { " token ", " token " }, { "two\nlines\n", "two\nlines" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		put_file(*state, "token", rows[i].bytes, strlen(rows[i].bytes), 0600);
		const struct secret *secret = read_secret(*state, "token");
		assert_non_null(secret);
		assert_string_equal(secret->bytes, rows[i].secret);
		assert_int_equal(secret->length, strlen(rows[i].secret));
		assert_string_equal(secret->path, path_of(*state, "token"));
	}
}

static void
test_the_largest_secret_is_read_and_a_larger_one_is_not(void **state)
{
	struct fixture *fixture = *state;
	char *large = memory_take(64 * 1024 + 1);

	memset(large, 'x', 64 * 1024 + 1);
	put_file(fixture, "large", large, 64 * 1024, 0600);
	assert_int_equal(read_secret(fixture, "large")->length, 64 * 1024);
	const char *path = put_file(fixture, "large", large, 64 * 1024 + 1, 0600);
	assert_null(read_secret(fixture, "large"));
	assert_string_equal(fixture->error.text, arena_printf(fixture->arena, "%s has more than 64 KiB; that is no secret.", path));
	free(large);
}

static void
test_what_holds_no_secret_is_refused(void **state)
{
	static const struct { const char *bytes; size_t length; const char *error; } rows[] = {
		{ "", 0, "%s is empty." }, { "\n", 1, "%s is empty." }, { "\r\n", 2, "%s is empty." }, { "to\0ken", 6, "%s holds a NUL byte; a secret is text." },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *path = put_file(fixture, "token", rows[i].bytes, rows[i].length, 0600);
		assert_null(read_secret(fixture, "token"));
		assert_memory_equal(fixture->error.text, path, strlen(path));
		assert_string_equal(fixture->error.text + strlen(path), rows[i].error + 2);
	}
}

static void
test_a_secret_that_others_can_read_is_refused(void **state)
{
	static const struct { mode_t mode; const char *error; } rows[] = {
		{ 0600, NULL }, { 0400, NULL }, { 0700, NULL }, { 0640, "can be read by its group; chmod 600 it." }, { 0620, "can be read by its group; chmod 600 it." },
		{ 0604, "can be read by everybody; chmod 600 it." }, { 0602, "can be read by everybody; chmod 600 it." }, { 0644, "can be read by its group; chmod 600 it." },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		put_file(fixture, "token", canary, strlen(canary), rows[i].mode);
		assert_int_equal(read_secret(fixture, "token") == NULL, rows[i].error != NULL);
		if (rows[i].error)
			assert_non_null(strstr(fixture->error.text, rows[i].error));
		unlink(path_of(fixture, "token"));
	}
}

static void
test_what_is_no_file_is_refused(void **state)
{
	struct fixture *fixture = *state;

	put_file(fixture, "token", canary, strlen(canary), 0600);
	assert_int_equal(symlink("token", path_of(fixture, "link")), 0);
	assert_int_equal(mkdir(path_of(fixture, "folder"), 0700), 0);
	assert_int_equal(mkfifo(path_of(fixture, "pipe"), 0600), 0);
	assert_null(read_secret(fixture, "link"));
	assert_non_null(strstr(fixture->error.text, "/link is a symbolic link; name the file itself."));
	assert_null(read_secret(fixture, "folder"));
	assert_non_null(strstr(fixture->error.text, "/folder is no regular file"));
	assert_null(read_secret(fixture, "pipe"));           /* and nobody waits for a writer */
	assert_non_null(strstr(fixture->error.text, "/pipe is no regular file"));
	assert_null(read_secret(fixture, "/dev/zero"));
	assert_null(read_secret(fixture, "missing"));
	assert_non_null(strstr(fixture->error.text, "/missing is not there."));
	assert_null(read_secret(fixture, "token/x"));
	assert_non_null(strstr(fixture->error.text, "/token/x could not be opened: Not a directory."));
	assert_null(secret_read(fixture->arena, "missing", fixture->folder, NULL));
}

/* The service manager's folder: systemd gives its files a mode of 0440 and guards the folder. */
static void
test_the_credentials_of_the_service_manager_come_first(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(mkdir(path_of(fixture, "credentials"), 0700), 0);
	put_file(fixture, "credentials/token", "from systemd", 12, 0440);
	put_file(fixture, "token", "beside", 6, 0600);
	put_file(fixture, "other", "beside too", 10, 0600);
	put_file(fixture, "open", "open to all", 11, 0644);
	setenv("CREDENTIALS_DIRECTORY", path_of(fixture, "credentials"), 1);
	assert_string_equal(read_secret(fixture, "token")->bytes, "from systemd");
	assert_string_equal(read_secret(fixture, "other")->bytes, "beside too");
	assert_string_equal(read_secret(fixture, path_of(fixture, "token"))->bytes, "beside");
	assert_string_equal(read_secret(fixture, path_of(fixture, "credentials/token"))->bytes, "from systemd");
	/* Its mode is trusted in that folder, and not by a way that leads out of it, or beside it. */
	assert_null(read_secret(fixture, "../open"));
	assert_null(read_secret(fixture, path_of(fixture, "credentials/../open")));
	setenv("CREDENTIALS_DIRECTORY", path_of(fixture, "op"), 1);
	assert_null(read_secret(fixture, "open"));
	setenv("CREDENTIALS_DIRECTORY", "relative", 1);
	assert_string_equal(read_secret(fixture, "token")->bytes, "beside");
}

static void
test_a_secret_that_belongs_to_another_user_is_refused(void **state)
{
	struct fixture *fixture = *state;

	if (geteuid() != 0)
		skip();
	char *path = put_file(fixture, "token", canary, strlen(canary), 0600);
	assert_int_equal(chown(path, 65534, 65534), 0);
	assert_null(read_secret(fixture, "token"));
	assert_non_null(strstr(fixture->error.text, "belongs to another user"));
}

struct witness {
	const struct secret *secret;
	bool wiped;
};

static void
look_at_it(void *with)
{
	struct witness *witness = with;

	witness->wiped = true;
	for (size_t i = 0; i < witness->secret->length; i++)
		witness->wiped = witness->wiped && witness->secret->bytes[i] == '\0';
}

/* What was deferred before the secret was read is called after it was wiped. */
static void
test_a_secret_is_wiped_with_its_arena(void **state)
{
	struct fixture *fixture = *state;
	struct arena *arena = arena_new();
	struct witness witness = { NULL, false };

	put_file(fixture, "token", canary, strlen(canary), 0600);
	arena_defer(arena, look_at_it, &witness);
	witness.secret = secret_read(arena, "token", fixture->folder, NULL);
	assert_string_equal(witness.secret->bytes, canary);
	arena_free(arena);
	assert_true(witness.wiped);
}

/* Taking out. */

static const char *
redacted(void **state, const char *text)
{
	struct fixture *fixture = *state;

	return redact_text(fixture->arena, text);
}

static void
test_a_secret_that_was_read_is_taken_out(void **state)
{
	put_file(*state, "token", canary, strlen(canary), 0600);
	assert_non_null(read_secret(*state, "token"));
	assert_string_equal(redacted(state, "Jenkins said: bad token c4nary/Token+with?signs!"), "Jenkins said: bad token [redacted]!");
	assert_null(redacted(state, NULL));
	assert_string_equal(redacted(state, ""), "");
}

static void
test_every_form_of_a_secret_is_taken_out(void **state)
{
	static const char *const forms[] = {
		"c4nary/Token+with?signs", "c4nary%2FToken%2Bwith%3Fsigns", "c4nary%2fToken%2bwith%3fsigns", "c4nary\\/Token+with?signs",
		"YzRuYXJ5L1Rva2VuK3dpdGg/c2lnbnM", "YzRuYXJ5L1Rva2VuK3dpdGg_c2lnbnM",
		"63346e6172792f546f6b656e2b776974683f7369676e73", "63346E6172792F546F6B656E2B776974683F7369676E73",
		"YWxpY2U6YzRuYXJ5L1Rva2VuK3dpdGg/c2lnbnM",             /* alice:c4nary... */
	};
	struct fixture *fixture = *state;

	redact_add(canary, strlen(canary));
	redact_add_basic("alice", canary, strlen(canary));
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		assert_string_equal(redacted(state, forms[i]), "[redacted]");
		assert_string_equal(redacted(state, arena_printf(fixture->arena, "x=%s&y=%s", forms[i], forms[i])), "x=[redacted]&y=[redacted]");
	}
	assert_string_equal(redacted(state, "YzRuYXJ5L1Rva2VuK3dpdGg/c2lnbnM="), "[redacted]=");
}

static void
test_base64_of_any_length_is_taken_out(void **state)
{
	redact_add("abcdef", 6);
	redact_add("abcdegg", 7);
	redact_add("abcdefgh", 8);
	assert_string_equal(redacted(state, "YWJjZGVm"), "[redacted]");
	assert_string_equal(redacted(state, "YWJjZGVnZw=="), "[redacted]==");
	assert_string_equal(redacted(state, "YWJjZGVnZw"), "[redacted]");
	assert_string_equal(redacted(state, "YWJjZGVmZ2g="), "[redacted]=");
	assert_string_equal(redacted(state, "YWJjZGVmZ2g"), "[redacted]");
}

static void
test_a_key_of_many_lines_is_taken_out_line_by_line(void **state)
{
	static const char key[] = "-----BEGIN KEY-----\nMIIEvQIBADANBg\r\nkqhkiG9w0BAQ\n-----END KEY-----";

	redact_add(key, strlen(key));
	assert_string_equal(redacted(state, key), "[redacted]");
	assert_string_equal(redacted(state, "near kqhkiG9w0BAQ in line 2"), "near [redacted] in line 2");
	assert_string_equal(redacted(state, "{\"key\":\"-----BEGIN KEY-----\\nMIIEvQIBADANBg\\r\\nkqhkiG9w0BAQ\\n-----END KEY-----\"}"), "{\"key\":\"[redacted]\"}");
}

static void
test_a_quoted_secret_is_taken_out_of_json(void **state)
{
	redact_add("pass\"word\\/x", 12);
	assert_string_equal(redacted(state, "{\"p\":\"pass\\\"word\\\\/x\"}"), "{\"p\":\"[redacted]\"}");
	assert_string_equal(redacted(state, "{\"p\":\"pass\\\"word\\\\\\/x\"}"), "{\"p\":\"[redacted]\"}");
}

static void
test_of_two_secrets_the_longer_one_is_taken_out(void **state)
{
	redact_add("prefix", 6);
	redact_add("prefix-and-more", 15);
	assert_string_equal(redacted(state, "a prefix-and-more, a prefix."), "a [redacted], a [redacted].");
	assert_string_equal(redacted(state, "prefixprefixprefi"), "[redacted][redacted]prefi");
}

static void
test_a_short_secret_is_not_looked_for(void **state)
{
	redact_add("build", 5);
	redact_add_basic("", "", 0);
	assert_string_equal(redacted(state, "build passed"), "build passed");
}

/* Text is cut before it comes here: half a secret is one, too. */
static void
test_a_secret_that_was_cut_off_is_taken_out(void **state)
{
	redact_add("ghp_0123456789abcdefghij", 24);
	assert_string_equal(redacted(state, "bad token ghp_0123456..."), "bad token [redacted]...");
	assert_string_equal(redacted(state, "bad token ghp_0123..."), "bad token [redacted]...");
	assert_string_equal(redacted(state, "bad token ghp_012..."), "bad token ghp_012...");
	assert_string_equal(redacted(state, "bad token ghp_0123456789ab"), "bad token [redacted]");
	assert_string_equal(redacted(state, "no token ghp_01234567"), "no token ghp_01234567");
	assert_string_equal(redacted(state, "no token ghp_0123456789ab of ours"), "no token ghp_0123456789ab of ours");
}

static void
test_who_logs_in_by_an_address_is_taken_out(void **state)
{
	static const struct { const char *text, *shown; } rows[] = {
		{ "cloning https://alice:s3cret@git.example/x.git", "cloning https://[redacted]@git.example/x.git" },
		{ "https://ghp_abc@git.example", "https://[redacted]@git.example" }, { "amqp://u:p@ss@mq.example", "amqp://[redacted]@mq.example" },
		{ "redis://:pw@cache", "redis://[redacted]@cache" }, { "a://b@c://d@e", "a://[redacted]@c://[redacted]@e" }, { "x://a@/x://a@/", "x://[redacted]@/x://[redacted]@/" },
		{ "https://git.example/@alice", "https://git.example/@alice" }, { "https://git.example?q=@x", "https://git.example?q=@x" }, { "see https://a.example, alice@b.example", "see https://a.example, alice@b.example" },
		{ "://", "://" }, { "://@", "://@" }, { "a:/b@c", "a:/b@c" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(redacted(state, rows[i].text), rows[i].shown);
}

static void
test_what_a_header_authorizes_with_is_taken_out(void **state)
{
	static const struct { const char *text, *shown; } rows[] = {
		{ "> Authorization: Basic YWxpY2U6c2VjcmV0\r\n> Host: x", "> Authorization: [redacted]\r\n> Host: x" }, { "authorization:Bearer abc.def, next", "authorization:[redacted], next" },
		{ "AUTHORIZATION:   token", "AUTHORIZATION:   [redacted]" }, { "Proxy-Authorization: Digest x", "Proxy-Authorization: [redacted]" },
		{ "{\"Authorization\":\"Bearer abc\",\"x\":1}", "{\"Authorization\":\"[redacted]\",\"x\":1}" },
		{ "{\\\"Authorization\\\": \\\"Bearer abc\\\"}", "{\\\"Authorization\\\": \\\"[redacted]\\\"}" },
		{ "Authorization:", "Authorization:" }, { "Authorization: ", "Authorization: " }, { "authorization failed", "authorization failed" }, { "Authorization", "Authorization" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_string_equal(redacted(state, rows[i].text), rows[i].shown);
}

static void
test_nothing_is_lost_where_much_is_taken_out(void **state)
{
	struct fixture *fixture = *state;
	struct text dirty = text_in(fixture->arena, 100000), clean = text_in(fixture->arena, 100000);

	redact_add("secret", 6);
	for (int i = 0; i < 1000; i++) {
		text_add(&dirty, "://a@/secretAuthorization:x\n");
		text_add(&clean, "://[redacted]@/[redacted]Authorization:[redacted]\n");
	}
	assert_string_equal(redacted(state, dirty.bytes), clean.bytes);
}

static void
test_what_was_forgotten_is_not_looked_for(void **state)
{
	redact_add(canary, strlen(canary));
	redact_forget();
	redact_forget();
	assert_string_equal(redacted(state, canary), canary);
}

/* The log. */

static void
catch_stderr(struct fixture *fixture)
{
	int fd = open(path_of(fixture, "log"), O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0600);

	assert_true(fd >= 0);
	fflush(stderr);
	fixture->stderr_was = dup(STDERR_FILENO);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	close(fd);
}

static char *
caught(struct fixture *fixture)
{
	char *text = arena_take(fixture->arena, 1024 * 1024);

	fflush(stderr);
	lseek(STDERR_FILENO, 0, SEEK_SET);
	ssize_t got = read(STDERR_FILENO, text, 1024 * 1024 - 1);
	assert_true(dup2(fixture->stderr_was, STDERR_FILENO) >= 0);
	close(fixture->stderr_was);
	assert_true(got >= 0);
	return text;
}

/* What follows the time, which is looked at here. */
static const char *
behind_time(const char *line)
{
	static const char shape[] = "0000-00-00T00:00:00Z ";

	for (size_t i = 0; i < sizeof shape - 1; i++)
		if (shape[i] == '0' ? line[i] < '0' || line[i] > '9' : line[i] != shape[i])
			fail_msg("no time at the beginning: %s", line);
	return line + sizeof shape - 1;
}

static void
test_a_line_has_its_time_and_its_level(void **state)
{
	struct fixture *fixture = *state;

	log_open(LEVEL_WARNING, LOG_TEXT);
	catch_stderr(fixture);
	log_debug("not this");
	log_info("nor this");
	log_warning("%s is slow", "Jenkins");
	log_error("disk full");
	const char *text = caught(fixture), *second = strchr(text, '\n') + 1;
	assert_string_equal(arena_slice(fixture->arena, behind_time(text), strcspn(behind_time(text), "\n")), "warning: Jenkins is slow");
	assert_string_equal(behind_time(second), "error: disk full\n");
}

static char *
stream(struct fixture *fixture, unsigned long long device, unsigned long long inode)
{
	return arena_printf(fixture->arena, "%llu:%llu", device, inode);
}

static void
test_the_journal_gets_priorities_and_no_time(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	catch_stderr(fixture);
	fstat(STDERR_FILENO, &status);
	setenv("JOURNAL_STREAM", stream(fixture, status.st_dev, status.st_ino), 1);
	log_open(LEVEL_DEBUG, LOG_TEXT);
	log_debug("one");
	log_info("two");
	log_warning("three");
	log_error("four");
	assert_string_equal(caught(fixture), "<7>one\n<6>two\n<4>three\n<3>four\n");
}

/* The variable is inherited by everything the service starts: stderr may be another file by then. */
static void
test_a_stderr_that_is_not_the_journal_gets_the_time(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	catch_stderr(fixture);
	fstat(STDERR_FILENO, &status);
	caught(fixture);
	const char *const streams[] = {
		stream(fixture, status.st_dev + 1, status.st_ino), stream(fixture, status.st_dev, status.st_ino + 1), "1:2", "nonsense", "", ":", "99999999999999999999999:1",
	};
	for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
		setenv("JOURNAL_STREAM", streams[i], 1);
		catch_stderr(fixture);
		log_open(LEVEL_INFO, LOG_TEXT);
		log_info("hello");
		behind_time(caught(fixture));
	}
}

static void
test_a_commands_lines_have_its_number(void **state)
{
	struct fixture *fixture = *state;

	log_open(LEVEL_INFO, LOG_TEXT);
	catch_stderr(fixture);
	log_number("01M83P1N587AMQRY7YG0VHTMSZ");
	log_info("B2 done");
	log_number("x1");
	log_info("short");
	log_number(NULL);
	log_info("nobody's");
	const char *text = caught(fixture), *second = strchr(text, '\n') + 1, *third = strchr(second, '\n') + 1;
	assert_string_equal(arena_slice(fixture->arena, behind_time(text), strcspn(behind_time(text), "\n")), "info VHTMSZ: B2 done");
	assert_string_equal(arena_slice(fixture->arena, behind_time(second), strcspn(behind_time(second), "\n")), "info x1: short");
	assert_string_equal(behind_time(third), "info: nobody's\n");
}

static void
test_a_line_for_programs_is_one_object(void **state)
{
	struct fixture *fixture = *state;
	struct error error;

	log_open(LEVEL_INFO, LOG_JSON);
	catch_stderr(fixture);
	log_number("01M83P1N587AMQRY7YG0VHTMSZ");
	log_warning("\"%s\" is no job\n{\"level\":\"error\"}", "a\\b");
	log_number(NULL);
	const char *text = caught(fixture);
	struct json_object *line = json_read(fixture->arena, text, strlen(text) - 1, &error);
	assert_non_null(line);
	assert_null(strchr(text, '\n')[1] ? text : NULL);
	assert_string_equal(json_string(line, "level", ""), "warning");
	assert_string_equal(json_string(line, "command", ""), "01M83P1N587AMQRY7YG0VHTMSZ");
	assert_string_equal(json_string(line, "text", ""), "\"a\\b\" is no job {\"level\":\"error\"}");
	assert_int_equal(strlen(json_string(line, "time", "")), strlen("2026-11-23T07:48:36Z"));
}

static void
test_a_line_stays_one_line_without_controls(void **state)
{
	struct fixture *fixture = *state;

	log_open(LEVEL_INFO, LOG_TEXT);
	catch_stderr(fixture);
	log_info("said: %s", "a\n2026-11-23T14:02:10Z error: forged\x1b[31m\x07 \u202e\xff");
	assert_string_equal(behind_time(caught(fixture)), "info: said: a 2026-11-23T14:02:10Z error: forged \ufffd\n");
}

static void
test_a_line_has_a_bound(void **state)
{
	struct fixture *fixture = *state;
	char *endless = memory_take(500001);

	memset(endless, 'x', 500000);
	log_open(LEVEL_INFO, LOG_TEXT);
	catch_stderr(fixture);
	log_info("%s", endless);
	const char *line = caught(fixture);
	assert_true(strlen(line) < 8300);
	assert_string_equal(line + strlen(line) - 5, "x...\n");
	free(endless);
}

static void
test_the_log_never_shows_a_secret(void **state)
{
	struct fixture *fixture = *state;

	redact_add("two  blanks\tand\nlines", 21);
	redact_add(canary, strlen(canary));
	log_open(LEVEL_INFO, LOG_TEXT);
	catch_stderr(fixture);
	log_info("%s, %s, %s", "two  blanks\tand\nlines", canary, "c4nary/\x02Token\u200b+with?signs");
	assert_string_equal(behind_time(caught(fixture)), "info: [redacted], [redacted], [redacted]\n");
}

enum { THREADS = 4, LINES = 200 };

static void *
talk(void *with)
{
	for (int i = 0; i < LINES; i++) {
		log_info("%s says %s", (const char *)with, canary);
		redact_add(with, strlen(with));
	}
	return NULL;
}

static void
test_threads_do_not_mix_their_lines(void **state)
{
	static char names[THREADS][8] = { "thread0", "thread1", "thread2", "thread3" };
	struct fixture *fixture = *state;
	pthread_t threads[THREADS];
	size_t lines = 0;

	redact_add(canary, strlen(canary));
	log_open(LEVEL_INFO, LOG_TEXT);
	catch_stderr(fixture);
	for (size_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, talk, names[i]), 0);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	for (const char *line = caught(fixture), *next; (next = strchr(line, '\n')); line = next + 1, lines++) {
		const char *behind = behind_time(line);
		assert_memory_equal(behind, "info: ", 6);
		assert_memory_equal(next - 16, " says [redacted]", 16);
	}
	assert_int_equal(lines, THREADS * LINES);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_a_secret_is_read_without_its_line_end),
		TEST(test_the_largest_secret_is_read_and_a_larger_one_is_not),
		TEST(test_what_holds_no_secret_is_refused),
		TEST(test_a_secret_that_others_can_read_is_refused),
		TEST(test_what_is_no_file_is_refused),
		TEST(test_the_credentials_of_the_service_manager_come_first),
		TEST(test_a_secret_that_belongs_to_another_user_is_refused),
		TEST(test_a_secret_is_wiped_with_its_arena),
		TEST(test_a_secret_that_was_read_is_taken_out),
		TEST(test_every_form_of_a_secret_is_taken_out),
		TEST(test_base64_of_any_length_is_taken_out),
		TEST(test_a_key_of_many_lines_is_taken_out_line_by_line),
		TEST(test_a_quoted_secret_is_taken_out_of_json),
		TEST(test_of_two_secrets_the_longer_one_is_taken_out),
		TEST(test_a_short_secret_is_not_looked_for),
		TEST(test_a_secret_that_was_cut_off_is_taken_out),
		TEST(test_who_logs_in_by_an_address_is_taken_out),
		TEST(test_what_a_header_authorizes_with_is_taken_out),
		TEST(test_nothing_is_lost_where_much_is_taken_out),
		TEST(test_what_was_forgotten_is_not_looked_for),
		TEST(test_a_line_has_its_time_and_its_level),
		TEST(test_the_journal_gets_priorities_and_no_time),
		TEST(test_a_stderr_that_is_not_the_journal_gets_the_time),
		TEST(test_a_commands_lines_have_its_number),
		TEST(test_a_line_for_programs_is_one_object),
		TEST(test_a_line_stays_one_line_without_controls),
		TEST(test_a_line_has_a_bound),
		TEST(test_the_log_never_shows_a_secret),
		TEST(test_threads_do_not_mix_their_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
