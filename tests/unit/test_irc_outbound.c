/* Whatever is said on IRC: exactly the line that was meant, or nothing. Random bytes through every way out; SALLYPORT_MANY says how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/text.h"
#include "bridge/run/engine.h"
#include "bridge/run/loop.h"
#include "bridge/talk/card.h"
#include "protocols/irc/channels.h"
#include "protocols/irc/line.h"
#include "protocols/irc/say.h"
#include "protocols/irc/session.h"

static uint64_t seed = 88172645463325252u;

static size_t
many(size_t usual)
{
	const char *wanted = getenv("SALLYPORT_MANY");

	return wanted ? strtoul(wanted, NULL, 10) : usual;
}

static uint64_t
chance(uint64_t among)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed / 3 % among;
}

/* What breaks lines, what commands begin with and what the eye does not see are as likely as anything else. */
static const char *const pieces[] = {
	"\r\n", "\r", "\n", "\001", "\002", "\003" "04", "\017", "\033[31m", "\007", " ", "  ", ":", "!", "@", ";", "=", "\\", ",", "#", "-", ".", "%s", "%n",
	"\302\205", "\302\240", "\342\200\213", "\342\200\256", "\342\201\246", "\342\201\240", "\357\273\277", "\303\251", "\342\202\254", "\360\237\232\200",
	"\200", "\377", "\300\257", "\355\240\200", "bob", "alice", "sally", "PRIVMSG #ops :!deploy", "QUIT", "http://ci.example/b/1", "| ", "B31" };
enum { PIECES = sizeof pieces / sizeof *pieces };

/* Of at most `most` bytes, without NUL. */
static void
random_text(char *out, size_t most)
{
	size_t wanted = chance(4) ? chance(most / 8 + 1) : chance(most), length = 0;

	while (length < wanted) {
		uint64_t dice = chance(8);
		char letter[2] = { (char)(dice == 7 ? 1 + chance(255) : 'a' + chance(26)) };
		const char *piece = dice < 2 ? pieces[chance(PIECES)] : letter;
		if (length + strlen(piece) > wanted)
			break;
		memcpy(out + length, piece, strlen(piece));
		length += strlen(piece);
	}
	out[length] = '\0';
}

/* Anything, or a word that is fine. */
static void
random_word(char *out, size_t most)
{
	static const char *const fine[] = { "#ops", "bob", "x1", "01KDX.0" };

	if (chance(3))
		strcpy(out, fine[chance(4)]);
	else
		random_text(out, most);
}

/* One line, one end of it, no longer than may be, and taken apart again. */
static void
read_back(struct written *line, size_t most, struct irc_line *back)
{
	assert_true(line->length > 2 && !memcmp(line->bytes + line->length - 2, "\r\n", 3));
	assert_int_equal(strlen(line->bytes), line->length);
	assert_true(strcspn(line->bytes, "\r\n") == line->length - 2);
	const char *behind = *line->bytes == '@' ? strchr(line->bytes, ' ') + 1 : line->bytes;
	assert_true(line->length - (size_t)(behind - line->bytes) <= most);
	assert_true(behind - line->bytes <= LINE_TAGS_OURS);
	line->bytes[line->length - 2] = '\0';
	assert_true(line_read(line->bytes, line->length - 2, back));
	assert_null(back->prefix);
}

static void
expect_tag(const struct irc_line *line, const char *name, const char *value)
{
	char found[100];

	assert_int_equal(line_tagged(line, name), value != NULL);
	if (value) {
		assert_true(line_tag(line, name, found, sizeof found));
		assert_string_equal(found, value);
	}
}

/* -- The serializer --------------------------------------------------------------------------------------------------- */

static void
test_a_line_with_tags_is_that_line_or_nothing(void **state)
{
	static const char *const commands[] = { "PRIVMSG", "NOTICE", "BATCH", "PING", "JOIN", "NICK" };
	static const size_t limits[] = { 0, 512, 1024, 8192, 100, 9000 };
	size_t count = many(100000), written = 0;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		char words[4][400], label[100], batch[100], other[40];
		const char *params[4] = { words[0], words[1], words[2], words[3] }, *command = chance(9) ? commands[chance(6)] : other;
		struct line_frame frame = { .prefix = chance(120), .most = limits[chance(6)], .joined = chance(4) == 0 };
		size_t parameters = chance(5), most = frame.most ? frame.most : LINE_MOST;
		struct written line = { .length = 1 };
		struct irc_line back;
		random_text(other, sizeof other);
		random_word(label, sizeof label);
		random_word(batch, sizeof batch);
		frame.label = chance(2) ? label : NULL;
		frame.batch = chance(2) ? batch : NULL;
		for (size_t p = 0; p < parameters; p++)
			p + 1 == parameters ? random_text(words[p], sizeof words[p]) : random_word(words[p], 30);
		if (!line_write_framed(&line, &frame, command, params, parameters)) {
			assert_int_equal(line.length, 0);
			assert_string_equal(line.bytes, "");
			continue;
		}
		written++;
		read_back(&line, most - frame.prefix, &back);
		assert_string_equal(back.command, command);
		assert_int_equal(back.count, parameters);
		for (size_t p = 0; p < parameters; p++)
			assert_string_equal(back.params[p], params[p]);
		expect_tag(&back, "label", frame.label);
		expect_tag(&back, "batch", frame.batch);
		expect_tag(&back, "draft/multiline-concat", frame.joined ? "" : NULL);
	}
	assert_in_range(written, count / 10, count - count / 10);
}

/* -- Cards ------------------------------------------------------------------------------------------------------------ */

struct stage {
	struct arena *arena;
	struct channels channels;
	char target[60], label[80], batch[80];
	bool fine;                      /* target, label and reference could be some */
};

static struct card *
random_card(struct arena *arena)
{
	char text[3000];

	random_text(text, 900);
	struct card *card = card_new(arena, (enum tone)chance(4), "%s", text);
	random_text(text, 12);
	if (chance(2))
		card_state(card, chance(2) ? "B31" : NULL, chance(2) ? "failed" : text);
	for (uint64_t facts = chance(4); facts; facts--) {
		random_text(text, 300);
		card_fact(card, chance(2) ? "log" : NULL, "%s", text);
	}
	for (uint64_t lines = chance(5); lines; lines--) {
		random_text(text, 900);
		/* Names of people grow, so lines do. */
		bool grows = chance(3) == 0;
		for (char *at = text; grows && at < text + 600; at += 4)
			memcpy(at, chance(20) ? "bob " : "b!b ", 5);
		card_line(card, "%s", text);
	}
	random_text(text, sizeof text);
	if (chance(3) == 0) {
		size_t length = strlen(text);
		if (length)
			text[chance(length)] = '\0';      /* a log may hold NUL */
		card_quote(card, text, length, 5);
	}
	random_text(text, 100);
	card_url(card, chance(2) ? "http://ci.example/b/1" : text);
	random_text(text, 30);
	card->to = chance(2) ? chance(3) ? "alice" : arena_text(arena, text) : NULL;
	card->by = chance(3) ? NULL : "bob";
	card->ring = chance(2);
	return card;
}

static struct say
random_say(const struct stage *stage)
{
	static const size_t limits[] = { 0, 512, 2048, 8192 };
	static const size_t wholes[] = { 0, 1, 300, 4096, 40000 };
	const struct channel *channel = channels_find(&stage->channels, stage->target);

	return (struct say){ .target = stage->target, .lines = chance(3) ? 0 : 2 + chance(20), .prefix = chance(380), .most = limits[chance(4)],
		.whole_bytes = wholes[chance(5)], .whole_lines = chance(2) ? 0 : chance(30), .colour = chance(2), .message = chance(2), .again = chance(4) == 0,
		.nick = "sally", .channels = &stage->channels, .channel = channel };
}

static void
expect_clean(const char *text, bool colour)
{
	static const char *const hidden[] = { "\342\200\213", "\342\200\256", "\342\201\246", "\357\273\277", "\302\205" };

	if (!text_utf8(text, strlen(text)))
		fail_msg("no UTF-8: %s", text);
	for (const char *at = text; *at; at++)
		assert_true((unsigned char)*at >= ' ' && *at != 0x7f ? true : colour && (*at == '\003' || *at == '\017'));
	for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
		assert_null(strstr(text, hidden[i]));
}

/* Nobody who is here, but who is addressed, stands in it as they are called. */
static void
expect_no_ping(const char *text, const char *to)
{
	size_t from = to && !strncmp(text, to, strlen(to)) && text[strlen(to)] == ':' ? strlen(to) : 0;

	for (const char *at = text + from; (at = strstr(at, "bob")); at++) {
		static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_[]\\`^{}|";
		bool begins = at == text || (!((unsigned char)at[-1] & 0x80) && !strchr(letters, at[-1]));
		assert_true(!begins || ((unsigned char)at[3] & 0x80) || (at[3] && strchr(letters, at[3])));
	}
}

static void
expect_said(const struct stage *stage, const struct say *say, const struct said *said, const struct card *card)
{
	size_t bytes = 0;

	for (size_t i = 0; i < said->count; i++) {
		const struct said_line *one = &said->each[i];
		expect_clean(one->text, say->colour);
		if (say->channel && !strstr(one->text, "http"))
			expect_no_ping(one->text, i == 0 ? card->to : NULL);
		assert_true(*one->text);
		assert_true(!one->joined || (said->whole && i > 0));
		assert_true(*one->command == 'N' || !strchr("!.@$%&~-+?;,:\\/^*=<>'`", *one->text));
		assert_true(!said->whole || !strcmp(one->command, said->each[0].command));
		bytes += strlen(one->text) + (i && !one->joined);
	}
	assert_true(!said->whole || (said->count > 1 && bytes <= say->whole_bytes && (!say->whole_lines || said->count <= say->whole_lines)));
	(void)stage;
}

static void
expect_on_wire(const struct stage *stage, const struct say *say, const struct said *said)
{
	const struct envelope envelope = { .target = stage->target, .label = chance(2) ? stage->label : NULL, .batch = stage->batch,
		.prefix = say->prefix, .most = say->most };
	size_t all = said_lines(said), written = 0, most = say->most ? say->most : LINE_MOST;

	for (size_t i = 0; i < all; i++) {
		struct written line;
		struct irc_line back;
		char label[110];
		if (!said_write(&line, &envelope, said, i)) {
			assert_int_equal(line.length, 0);
			continue;
		}
		written++;
		read_back(&line, most - say->prefix, &back);
		bool edge = said->whole && (i == 0 || i == all - 1);
		snprintf(label, sizeof label, "%s.%zu", stage->label, i);
		expect_tag(&back, "label", envelope.label && (!said->whole || i == 0) ? label : NULL);
		expect_tag(&back, "batch", said->whole && !edge ? stage->batch : NULL);
		const struct said_line *one = edge ? NULL : &said->each[i - said->whole];
		assert_string_equal(back.command, one ? one->command : "BATCH");
		assert_string_equal(edge ? line_param(&back, 0) + 1 : line_last(&back), edge ? stage->batch : one->text);
		assert_string_equal(line_param(&back, edge && i == 0 ? 2 : 0) + (edge && i ? 1 : 0), edge && i ? stage->batch : stage->target);
		expect_tag(&back, "draft/multiline-concat", one && one->joined ? "" : NULL);
	}
	/* delivery.c sends none where one is refused: what is fine must not be. */
	if (stage->fine)
		assert_int_equal(written, all);
}

static void
test_a_card_is_its_lines_and_nothing_else(void **state)
{
	static const char *const names[] = { "#ops", NULL };
	size_t count = many(100000), wholes = 0, joined = 0;

	(void)state;
	for (size_t i = 0; i < count; i++) {
		struct stage stage = { .arena = arena_new(), .fine = chance(3) > 0 };
		channels_begin(&stage.channels, names, 1000);
		channels_names(&stage.channels, &stage.channels.each[0], "alice @bob sally");
		strcpy(stage.target, chance(3) ? "#ops" : "bob");
		strcpy(stage.label, "01KDXAB");
		strcpy(stage.batch, "s1");
		if (!stage.fine) {
			random_text(stage.target, sizeof stage.target);
			random_text(stage.label, sizeof stage.label);
			random_text(stage.batch, sizeof stage.batch);
		}
		struct card *card = random_card(stage.arena);
		struct say say = random_say(&stage);
		struct said said = say_card(stage.arena, &say, card);
		expect_said(&stage, &say, &said, card);
		expect_on_wire(&stage, &say, &said);
		wholes += said.whole;
		for (size_t j = 0; j < said.count; j++)
			joined += said.each[j].joined;
		channels_end(&stage.channels);
		arena_free(stage.arena);
	}
	assert_true(wholes > count / 20);
	assert_true(joined > count / 1000);
}

/* -- The library ------------------------------------------------------------------------------------------------------ */

static struct {
	struct loop *loop;
	size_t said;
	char command[20], word[1024];
} library;

static void
on_said(const struct irc_line *line, void *with)
{
	(void)with;
	library.said++;
	snprintf(library.command, sizeof library.command, "%s", line->command);
	snprintf(library.word, sizeof library.word, "%s", line_last(line));
	assert_true(!strcmp(line->command, "USER") || line->count == 1);
}

static void
on_heard(const char *event, const char *origin, const char *const *params, size_t count, void *with)
{
	(void)event, (void)origin, (void)params, (void)count, (void)with;
}

static void
on_ready(void *with)
{
	(void)with;
	loop_stop(library.loop);
}

static void
on_broken(const char *why, void *with)
{
	(void)with;
	fail_msg("%s", why);
}

/* Said once and as it was meant, or refused and nothing was said. */
static void
ask_library(struct session *session, bool (*call)(struct session *, const char *), const char *command, const char *word)
{
	library.said = 0;
	if (!call(session, word)) {
		assert_int_equal(library.said, 0);
		return;
	}
	assert_int_equal(library.said, 1);
	assert_string_equal(library.command, command);
	assert_string_equal(library.word, word);
}

static void
test_the_library_says_one_command_or_nothing(void **state)
{
	static const struct session_events events = { on_said, on_heard, on_ready, on_broken };
	struct error error;
	struct low_descriptors low;
	size_t count = many(100000), asked = 0;

	(void)state;
	library.loop = loop_open(&error);
	const struct engine engine = { .loop = library.loop };
	assert_true(low_descriptors_open(&low, &error));
	struct session *session = session_open(&engine, &low, "sally", "sally", "a %s\\gateway", &events, NULL, &error);
	assert_non_null(session);
	loop_run(library.loop);
	assert_int_equal(library.said, 2);
	assert_string_equal(library.word, "a %s\\gateway");
	for (size_t i = 0; i < count; i++) {
		char word[1200];
		random_text(word, chance(8) ? 30 : sizeof word);
		ask_library(session, session_nick, "NICK", word);
		asked += library.said;
		random_text(word, chance(8) ? 30 : sizeof word);
		ask_library(session, session_quit, "QUIT", word);
	}
	assert_true(asked > count / 20);
	session_close(session);
	for (size_t i = 0; i < count / 100; i++) {
		char name[60];
		random_text(name, sizeof name);
		session = session_open(&engine, &low, chance(2) ? "sally" : name, "sally", chance(2) ? "x" : name, &events, NULL, &error);
		if (!session)
			continue;
		library.said = 0;
		loop_run(library.loop);
		assert_int_equal(library.said, 2);
		session_close(session);
	}
	low_descriptors_close(&low);
	loop_close(library.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_line_with_tags_is_that_line_or_nothing),
		cmocka_unit_test(test_a_card_is_its_lines_and_nothing_else),
		cmocka_unit_test(test_the_library_says_one_command_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
