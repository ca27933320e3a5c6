/* Tests of what an event is to us: what is a command's text and what never is (threats M4), and what hostile servers and clients send. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/json.h"
#include "bridge/base/text.h"
#include "bridge/talk/styled.h"
#include "protocols/matrix/event.h"
#include "tests/unit/styled_shown.h"

static const char *const kinds[] = { "other", "talk", "member", "encryption", "tombstone" };
static const char *const said_as[] = { "said", "edited", "taken back", "reacted" };

/* What somebody said, as one line: "said: TEXT", then what else is set of it. */
static const char *
talk_shown(struct arena *arena, const struct message *message)
{
	struct text out = text_in(arena, 1 << 20);

	text_printf(&out, "%s: %s", said_as[message->kind], message->text);
	if (message->aside)
		text_add(&out, " aside");
	if (message->on)
		text_printf(&out, " on=%s", message->on);
	if (message->place.thread)
		text_printf(&out, " thread=%s", message->place.thread);
	if (message->file)
		text_printf(&out, " file=%s|%s|%s|%d", message->file->id, message->file->name, message->file->type, (int)message->file->size);
	return out.bytes;
}

static const char *
event_shown(struct arena *arena, const struct event *event)
{
	switch (event->kind) {
	case EVENT_TALK:
		return talk_shown(arena, &event->message);
	case EVENT_MEMBER:
		return arena_printf(arena, "member: %s %s shown=%s why=%s%s", event->member, event->membership, event->shown ? event->shown : "-", event->why,
			event->direct ? " direct" : "");
	case EVENT_TOMBSTONE:
		return arena_printf(arena, "tombstone: %s", event->replaced_by);
	default:
		return kinds[event->kind];
	}
}

/* The line of an event; "none" where it is no event, "unread" where it is no JSON that we take. */
static const char *
shown(struct arena *arena, const char *text)
{
	struct error error;
	struct event event;
	struct json_object *json = json_read(arena, text, strlen(text), &error);

	if (!json)
		return "unread";
	return event_read(arena, json, &event) ? event_shown(arena, &event) : "none";
}

/* What stands before each content. */
#define MESSAGE "{\"type\":\"m.room.message\",\"event_id\":\"$e\",\"sender\":\"@bob:corp.example\",\"origin_server_ts\":1000,\"content\":"
#define EVENT(type) "{\"type\":\"" type "\",\"event_id\":\"$e\",\"sender\":\"@bob:corp.example\",\"content\":"
#define STATE(type, key) "{\"type\":\"" type "\",\"state_key\":\"" key "\",\"event_id\":\"$e\",\"sender\":\"@bob:corp.example\",\"content\":"

struct row {
	const char *event, *shown;
};

static void
expect_each(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct arena *arena = arena_new();
		const char *found = shown(arena, rows[i].event);
		if (strcmp(found, rows[i].shown))
			fail_msg("%s\nexpected: %s\n   found: %s", rows[i].event, rows[i].shown, found);
		arena_free(arena);
	}
}

#define EXPECT(rows) expect_each(rows, sizeof rows / sizeof *rows)

static void
test_only_what_somebody_typed_is_a_command(void **state)
{
	static const struct row rows[] = {
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!ci build web\"}}", "said: !ci build web" },
		{ MESSAGE "{\"msgtype\":\"m.emote\",\"body\":\"!ci build web\"}}", "said: !ci build web aside" },
		{ MESSAGE "{\"msgtype\":\"m.notice\",\"body\":\"!ci build web\"}}", "other" },
		{ MESSAGE "{\"msgtype\":\"m.location\",\"body\":\"!ci build web\",\"geo_uri\":\"geo:1,2\"}}", "said: !ci build web aside" },
		{ MESSAGE "{\"msgtype\":\"com.example.bot\",\"body\":\"!ci build web\"}}", "said: !ci build web aside" },
		{ MESSAGE "{\"body\":\"!ci build web\"}}", "said: !ci build web aside" },
		{ MESSAGE "{\"msgtype\":\"M.TEXT\",\"body\":\"!ci build web\"}}", "said: !ci build web aside" },
		/* A message that is the state of a room was typed by nobody. */
		{ STATE("m.room.message", "") "{\"msgtype\":\"m.text\",\"body\":\"!ci build web\"}}", "other" },
		{ STATE("m.room.message", "x") "{\"msgtype\":\"m.text\",\"body\":\"!ci build web\"}}", "other" },
		{ "{\"type\":\"m.room.message\",\"state_key\":7,\"event_id\":\"$e\",\"sender\":\"@bob:corp.example\","
			"\"content\":{\"msgtype\":\"m.text\",\"body\":\"!ci build web\"}}", "other" },
		{ EVENT("m.sticker") "{\"body\":\"!ci build web\",\"url\":\"mxc://corp.example/x\"}}", "other" },
		{ EVENT("org.example.said") "{\"msgtype\":\"m.text\",\"body\":\"!ci build web\"}}", "other" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_the_words_are_those_of_the_body(void **state)
{
	static const struct row rows[] = {
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"hello\",\"format\":\"org.matrix.custom.html\",\"formatted_body\":\"!ci build web\"}}", "said: hello" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"one\\ntwo\"}}", "said: one\ntwo" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"a\\u202eb\\u200bc\\u0007\\u001b[1md\"}}", "said: abcd" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"\"}}", "said: " },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"format\":\"org.matrix.custom.html\",\"formatted_body\":\"!ci build web\"}}", "other" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"a\\u0000b\"}}", "unread" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_an_edit_is_no_command(void **state)
{
	static const struct row rows[] = {
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"* !ci build prod\",\"m.new_content\":{\"msgtype\":\"m.text\",\"body\":\"!ci build prod\"},"
			"\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$old\"}}}", "edited: !ci build prod on=$old" },
		/* Of nothing, or into nothing. */
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!ci build prod\",\"m.new_content\":{\"body\":\"!ci build prod\"},"
			"\"m.relates_to\":{\"rel_type\":\"m.replace\"}}}", "other" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!ci build prod\",\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$old\"}}}", "other" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!ci build prod\",\"m.new_content\":\"!ci build prod\","
			"\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$old\"}}}", "other" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!ci build prod\",\"m.new_content\":{\"body\":7},"
			"\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$old\"}}}", "other" },
		{ MESSAGE "{\"msgtype\":\"m.notice\",\"body\":\"* x\",\"m.new_content\":{\"msgtype\":\"m.text\",\"body\":\"x\"},"
			"\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$old\"}}}", "other" },
	};

	(void)state;
	EXPECT(rows);
}

/* What others said is not said by who answers it. */
static void
test_the_quote_before_an_answer_is_not_part_of_it(void **state)
{
	static const struct row rows[] = {
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"> <@eve:corp.example> !ci build prod\\n\\nwhy?\",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$o\"}}}}",
			"said: why? on=$o" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"> <@eve:corp.example> a\\n> !ci build prod\\n\\n!status\","
			"\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$o\"}}}}", "said: !status on=$o" },
		/* A quote of their own stays. */
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"> <@eve:corp.example> a\\n\\n> mine\\nb\",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$o\"}}}}",
			"said: > mine\nb on=$o" },
		/* Clients of today send none. */
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!status\",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$o\"}}}}", "said: !status on=$o" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"> nothing else\",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$o\"}}}}", "said:  on=$o" },
		/* No answer, so no quote of the client's. */
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"> a\\n\\n!status\"}}", "said: > a\n\n!status" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"> a\\n\\n!status\",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":7}}}}", "said: > a\n\n!status" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"> a\\n\\n!status\",\"m.relates_to\":{\"m.in_reply_to\":\"$o\"}}}", "said: > a\n\n!status" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_a_thread_is_a_place_and_what_stands_in_for_it_no_answer(void **state)
{
	static const struct row rows[] = {
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!log\",\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"$t\",\"is_falling_back\":true,"
			"\"m.in_reply_to\":{\"event_id\":\"$last\"}}}}", "said: !log thread=$t" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!log\",\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"$t\",\"is_falling_back\":false,"
			"\"m.in_reply_to\":{\"event_id\":\"$o\"}}}}", "said: !log on=$o thread=$t" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!log\",\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"$t\"}}}", "said: !log thread=$t" },
		/* Falling back from nothing. */
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!log\",\"m.relates_to\":{\"is_falling_back\":true,\"m.in_reply_to\":{\"event_id\":\"$o\"}}}}", "said: !log on=$o" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!log\",\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":{}}}}", "said: !log" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!log\",\"m.relates_to\":{\"rel_type\":\"org.example.near\",\"event_id\":\"$t\"}}}", "said: !log" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_a_reaction_is_a_key_upon_a_message(void **state)
{
	static const struct row rows[] = {
		{ EVENT("m.reaction") "{\"m.relates_to\":{\"rel_type\":\"m.annotation\",\"event_id\":\"$o\",\"key\":\"\\u2705\"}}}", "reacted: \u2705 on=$o" },
		{ EVENT("m.reaction") "{\"m.relates_to\":{\"rel_type\":\"m.annotation\",\"event_id\":\"$o\",\"key\":\"a\\nb\"}}}", "reacted: a b on=$o" },
		{ EVENT("m.reaction") "{\"m.relates_to\":{\"rel_type\":\"m.annotation\",\"event_id\":\"$o\"}}}", "other" },
		{ EVENT("m.reaction") "{\"m.relates_to\":{\"rel_type\":\"m.annotation\",\"key\":\"x\"}}}", "other" },
		{ EVENT("m.reaction") "{\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"$o\",\"key\":\"x\"}}}", "other" },
		{ EVENT("m.reaction") "{}}", "other" },
	};

	(void)state;
	EXPECT(rows);
}

/* Rooms up to version 10 name it beside the content, later ones in it; a server may write both for the sake of clients. */
static void
test_a_redaction_names_what_is_gone_in_either_place(void **state)
{
	static const struct row rows[] = {
		{ "{\"type\":\"m.room.redaction\",\"event_id\":\"$e\",\"sender\":\"@bob:corp.example\",\"redacts\":\"$o\",\"content\":{}}", "taken back:  on=$o" },
		{ EVENT("m.room.redaction") "{\"redacts\":\"$o\",\"reason\":\"spam\"}}", "taken back:  on=$o" },
		{ "{\"type\":\"m.room.redaction\",\"event_id\":\"$e\",\"sender\":\"@bob:corp.example\",\"redacts\":\"$o\",\"content\":{\"redacts\":\"$o\"}}",
			"taken back:  on=$o" },
		/* The server judged one of them; which, only it knows. */
		{ "{\"type\":\"m.room.redaction\",\"event_id\":\"$e\",\"sender\":\"@bob:corp.example\",\"redacts\":\"$own\",\"content\":{\"redacts\":\"$o\"}}", "other" },
		{ EVENT("m.room.redaction") "{}}", "other" },
		{ EVENT("m.room.redaction") "{\"redacts\":[\"$o\"]}}", "other" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_a_file_is_the_chats_and_its_name_no_command(void **state)
{
	static const struct row rows[] = {
		{ MESSAGE "{\"msgtype\":\"m.image\",\"body\":\"shot.png\",\"url\":\"mxc://corp.example/x\",\"info\":{\"mimetype\":\"image/png\",\"size\":7}}}",
			"said: shot.png aside file=mxc://corp.example/x|shot.png|image/png|7" },
		{ MESSAGE "{\"msgtype\":\"m.file\",\"body\":\"!ci build web\",\"filename\":\"a.txt\",\"url\":\"mxc://corp.example/x\"}}",
			"said: !ci build web aside file=mxc://corp.example/x|a.txt||-1" },
		{ MESSAGE "{\"msgtype\":\"m.file\",\"body\":\"a\\nb\\u202e.exe\",\"url\":\"mxc://corp.example/x\",\"info\":{\"size\":\"big\",\"mimetype\":[]}}}",
			"said: a\nb.exe aside file=mxc://corp.example/x|a b.exe||-1" },
		/* Encrypted, elsewhere, or no file at all. */
		{ MESSAGE "{\"msgtype\":\"m.image\",\"body\":\"a.png\",\"file\":{\"url\":\"mxc://corp.example/x\"}}}", "said: a.png aside" },
		{ MESSAGE "{\"msgtype\":\"m.image\",\"body\":\"a.png\",\"url\":\"https://evil.example/a.png\"}}", "said: a.png aside" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"!status\",\"url\":\"mxc://corp.example/x\"}}", "said: !status" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_how_a_room_is(void **state)
{
	static const struct row rows[] = {
		{ STATE("m.room.member", "@amy:corp.example") "{\"membership\":\"join\",\"displayname\":\"Amy\"}}", "member: @amy:corp.example join shown=Amy why=" },
		{ STATE("m.room.member", "@amy:corp.example") "{\"membership\":\"invite\",\"is_direct\":true}}", "member: @amy:corp.example invite shown=- why= direct" },
		{ STATE("m.room.member", "@amy:corp.example") "{\"membership\":\"ban\",\"reason\":\"out\\n\\u001b[2J\"}}", "member: @amy:corp.example ban shown=- why=out" },
		{ STATE("m.room.member", "@amy:corp.example") "{\"membership\":7,\"displayname\":[],\"is_direct\":\"true\",\"reason\":{}}}",
			"member: @amy:corp.example  shown=- why=" },
		{ STATE("m.room.member", "") "{\"membership\":\"join\"}}", "other" },
		{ EVENT("m.room.member") "{\"membership\":\"join\"}}", "other" },
		{ STATE("m.room.encryption", "") "{\"algorithm\":\"m.megolm.v1.aes-sha2\"}}", "encryption" },
		/* Whatever it says: clients encrypt from there on. */
		{ STATE("m.room.encryption", "") "{}}", "encryption" },
		{ EVENT("m.room.encryption") "{\"algorithm\":\"m.megolm.v1.aes-sha2\"}}", "other" },
		/* Anybody may send one anywhere: it is no word that the room is encrypted. */
		{ EVENT("m.room.encrypted") "{\"ciphertext\":\"x\"}}", "other" },
		{ STATE("m.room.tombstone", "") "{\"replacement_room\":\"!new:corp.example\",\"body\":\"moved\"}}", "tombstone: !new:corp.example" },
		{ STATE("m.room.tombstone", "") "{\"body\":\"moved\"}}", "other" },
		{ EVENT("m.room.tombstone") "{\"replacement_room\":\"!new:corp.example\"}}", "other" },
		/* What an invitation shows of a room has no ids of events. */
		{ "{\"type\":\"m.room.member\",\"state_key\":\"@s:corp.example\",\"sender\":\"@bob:corp.example\",\"content\":{\"membership\":\"invite\"}}",
			"member: @s:corp.example invite shown=- why=" },
	};

	(void)state;
	EXPECT(rows);
}

static void
test_what_is_no_event(void **state)
{
	static const struct row rows[] = {
		{ "{}", "none" },
		{ "[]", "none" },
		{ "7", "none" },
		{ "\"m.room.message\"", "none" },
		{ "{\"type\":\"m.room.message\",\"event_id\":\"$e\",\"sender\":\"@b:c\"}", "none" },
		{ "{\"type\":\"m.room.message\",\"event_id\":\"$e\",\"sender\":\"@b:c\",\"content\":null}", "none" },
		{ "{\"type\":\"m.room.message\",\"event_id\":\"$e\",\"sender\":\"@b:c\",\"content\":\"!ci build\"}", "other" },
		{ "{\"type\":\"m.room.message\",\"event_id\":\"$e\",\"sender\":\"\",\"content\":{}}", "none" },
		{ "{\"type\":\"m.room.message\",\"event_id\":\"$e\",\"sender\":[\"@b:c\"],\"content\":{\"msgtype\":\"m.text\",\"body\":\"x\"}}", "none" },
		{ "{\"type\":7,\"event_id\":\"$e\",\"sender\":\"@b:c\",\"content\":{\"msgtype\":\"m.text\",\"body\":\"x\"}}", "none" },
		/* Without an id it could be heard twice. */
		{ "{\"type\":\"m.room.message\",\"sender\":\"@b:c\",\"content\":{\"msgtype\":\"m.text\",\"body\":\"x\"}}", "other" },
		{ "{\"type\":\"m.room.message\",\"event_id\":\"\",\"sender\":\"@b:c\",\"content\":{\"msgtype\":\"m.text\",\"body\":\"x\"}}", "other" },
		/* Ids stand in paths, logs and the audit. */
		{ "{\"type\":\"m.room.message\",\"event_id\":\"$e\\nx\",\"sender\":\"@b:c\",\"content\":{\"msgtype\":\"m.text\",\"body\":\"x\"}}", "other" },
		{ "{\"type\":\"m.room.message\",\"event_id\":\"$e\",\"sender\":\"@b\\r\\n:c\",\"content\":{\"msgtype\":\"m.text\",\"body\":\"x\"}}", "none" },
		{ "{\"type\":\"m.room.message\",\"event_id\":\"$e\",\"sender\":\"@b\\u007f:c\",\"content\":{\"msgtype\":\"m.text\",\"body\":\"x\"}}", "none" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"x\",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$o \\t\"}}}}", "said: x" },
	};

	(void)state;
	EXPECT(rows);
}

static char *
message_from(struct arena *arena, const char *id, const char *sender, const char *body)
{
	return arena_printf(arena, "{\"type\":\"m.room.message\",\"event_id\":\"%s\",\"sender\":\"%s\",\"content\":{\"msgtype\":\"m.text\",\"body\":\"%s\"}}", id, sender, body);
}

/* So many times that character behind what stands in front. */
static char *
long_text(struct arena *arena, const char *front, char fill, size_t length)
{
	char *text = arena_take(arena, length + 1);

	memset(text, fill, length);
	memcpy(text, front, strlen(front));
	return text;
}

static void
test_an_id_has_255_bytes(void **state)
{
	struct arena *arena = arena_new();

	(void)state;
	assert_string_equal(shown(arena, message_from(arena, long_text(arena, "$", 'x', 255), long_text(arena, "@b:", 'x', 255), "hi")), "said: hi");
	assert_string_equal(shown(arena, message_from(arena, long_text(arena, "$", 'x', 256), "@b:c", "hi")), "other");
	assert_string_equal(shown(arena, message_from(arena, "$e", long_text(arena, "@b:", 'x', 256), "hi")), "none");
	arena_free(arena);
}

/* A command that was cut is another command. */
static void
test_what_is_too_long_is_cut_and_then_no_command(void **state)
{
	enum { LONG = 60000, MOST = 32 << 10 };
	struct arena *arena = arena_new();
	struct error error;
	struct event event;
	char *text = message_from(arena, "$e", "@b:c", long_text(arena, "!ci build web ", 'x', LONG));

	(void)state;
	assert_true(event_read(arena, json_read(arena, text, strlen(text), &error), &event));
	assert_int_equal(strlen(event.message.text), MOST);
	assert_true(event.message.aside);
	text = message_from(arena, "$e", "@b:c", long_text(arena, "!status\\n", 'x', LONG));
	assert_true(event_read(arena, json_read(arena, text, strlen(text), &error), &event));
	assert_false(event.message.aside);
	assert_memory_equal(event.message.text, "!status\nxxx", 11);
	text = message_from(arena, "$e", "@b:c", long_text(arena, "!ci build web ", 'x', MOST));
	assert_true(event_read(arena, json_read(arena, text, strlen(text), &error), &event));
	assert_false(event.message.aside);
	arena_free(arena);
}

static void
test_formatting_comes_with_the_words(void **state)
{
	static const struct row rows[] = {
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"**a** b\",\"format\":\"org.matrix.custom.html\",\"formatted_body\":\"<b>a</b> b\"}}", "b[a][ b]" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"a\",\"format\":\"text/markdown\",\"formatted_body\":\"<b>b</b>\"}}", "[a]" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"a\",\"format\":\"org.matrix.custom.html\",\"formatted_body\":7}}", "[a]" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"> <@e:c> b\\n\\na\",\"m.relates_to\":{\"m.in_reply_to\":{\"event_id\":\"$o\"}}}}", "[a]" },
		{ MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"* x\",\"m.new_content\":{\"body\":\"**x**\",\"format\":\"org.matrix.custom.html\",\"formatted_body\":\"<b>x</b>\"},"
			"\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$old\"}}}", "b[x]" },
	};
	struct error error;
	struct event event;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena *arena = arena_new();
		assert_true(event_read(arena, json_read(arena, rows[i].event, strlen(rows[i].event), &error), &event));
		assert_string_equal(styled_shown(arena, event.message.styled), rows[i].shown);
		arena_free(arena);
	}
}

/* -- Every part of every kind of event, of each wrong type ------------------------------------------------------------- */

static const char *const whole[] = {
	MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"> a\\n\\nb\",\"format\":\"org.matrix.custom.html\",\"formatted_body\":\"<b>b</b>\","
		"\"m.relates_to\":{\"rel_type\":\"m.thread\",\"event_id\":\"$t\",\"is_falling_back\":false,\"m.in_reply_to\":{\"event_id\":\"$o\"}}}}",
	MESSAGE "{\"msgtype\":\"m.text\",\"body\":\"* b\",\"m.new_content\":{\"msgtype\":\"m.text\",\"body\":\"b\",\"format\":\"org.matrix.custom.html\","
		"\"formatted_body\":\"b\"},\"m.relates_to\":{\"rel_type\":\"m.replace\",\"event_id\":\"$o\"}}}",
	MESSAGE "{\"msgtype\":\"m.image\",\"body\":\"a.png\",\"filename\":\"b.png\",\"url\":\"mxc://c/x\",\"info\":{\"mimetype\":\"image/png\",\"size\":7}}}",
	EVENT("m.reaction") "{\"m.relates_to\":{\"rel_type\":\"m.annotation\",\"event_id\":\"$o\",\"key\":\"x\"}}}",
	"{\"type\":\"m.room.redaction\",\"event_id\":\"$e\",\"sender\":\"@b:c\",\"redacts\":\"$o\",\"content\":{\"redacts\":\"$o\"}}",
	STATE("m.room.member", "@a:c") "{\"membership\":\"join\",\"displayname\":\"A\",\"reason\":\"r\",\"is_direct\":true}}",
	STATE("m.room.tombstone", "") "{\"replacement_room\":\"!n:c\"}}",
};
static const char *const wrong[] = { "null", "7", "-1", "1.5", "true", "\"\"", "\"\\u0001 \\n>\"", "[]", "[\"m.text\"]", "{}", "{\"event_id\":{\"event_id\":[]}}" };

/* What must be so of every event that was read. */
static void
check(const struct event *event)
{
	const struct message *message = &event->message;

	assert_non_null(event->sender);
	if (event->kind == EVENT_MEMBER)
		assert_true(event->member && event->membership && event->why);
	if (event->kind == EVENT_TOMBSTONE)
		assert_non_null(event->replaced_by);
	if (event->kind != EVENT_TALK)
		return;
	assert_true(event->id && message->text && text_utf8(message->text, strlen(message->text)));
	assert_true(message->kind == MESSAGE_SAID || message->on);
	assert_true(message->kind > MESSAGE_EDITED || message->styled);
}

static void
read_with(struct arena *arena, const char *text)
{
	struct error error;
	struct event event;
	struct json_object *json = json_read(arena, text, strlen(text), &error);

	if (json && event_read(arena, json, &event))
		check(&event);
}

/* With each value of that object in turn replaced by what is wrong, and what is in it too. */
static size_t
spoil(struct arena *arena, struct json_object *root, struct json_object *at)
{
	size_t count = 0;
	struct error error;

	json_object_object_foreach(at, key, value) {
		struct json_object *kept = json_object_get(value);
		for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++, count++) {
			struct json_object *other = json_read(arena, wrong[i], strlen(wrong[i]), &error);
			json_object_object_add(at, key, json_object_get(other));
			read_with(arena, json_object_to_json_string(root));
		}
		json_object_object_add(at, key, kept);
		if (json_object_is_type(kept, json_type_object))
			count += spoil(arena, root, kept);
	}
	return count;
}

static void
test_no_part_of_the_wrong_type_does_harm(void **state)
{
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		struct arena *arena = arena_new();
		struct error error;
		struct json_object *root = json_read(arena, whole[i], strlen(whole[i]), &error);
		assert_non_null(root);
		count += spoil(arena, root, root);
		arena_free(arena);
	}
	assert_true(count > 500);
}

static void
test_the_time_is_the_servers_and_may_be_anything(void **state)
{
	static const struct { const char *ts; int64_t at; } rows[] = {
		{ "1700000000000", 1700000000000 }, { "0", 0 }, { "-5", -5 }, { "9223372036854775807", INT64_MAX }, { "\"1700000000000\"", 0 }, { "1e3", 0 }, { "null", 0 },
	};
	struct error error;
	struct event event;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct arena *arena = arena_new();
		char *text = arena_printf(arena, "{\"type\":\"m.room.message\",\"event_id\":\"$e\",\"sender\":\"@b:c\",\"origin_server_ts\":%s,\"content\":{\"msgtype\":\"m.text\","
			"\"body\":\"x\"}}", rows[i].ts);
		assert_true(event_read(arena, json_read(arena, text, strlen(text), &error), &event));
		assert_int_equal(event.message.said, rows[i].at);
		arena_free(arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_somebody_typed_is_a_command),
		cmocka_unit_test(test_the_words_are_those_of_the_body),
		cmocka_unit_test(test_an_edit_is_no_command),
		cmocka_unit_test(test_the_quote_before_an_answer_is_not_part_of_it),
		cmocka_unit_test(test_a_thread_is_a_place_and_what_stands_in_for_it_no_answer),
		cmocka_unit_test(test_a_reaction_is_a_key_upon_a_message),
		cmocka_unit_test(test_a_redaction_names_what_is_gone_in_either_place),
		cmocka_unit_test(test_a_file_is_the_chats_and_its_name_no_command),
		cmocka_unit_test(test_how_a_room_is),
		cmocka_unit_test(test_what_is_no_event),
		cmocka_unit_test(test_an_id_has_255_bytes),
		cmocka_unit_test(test_what_is_too_long_is_cut_and_then_no_command),
		cmocka_unit_test(test_formatting_comes_with_the_words),
		cmocka_unit_test(test_no_part_of_the_wrong_type_does_harm),
		cmocka_unit_test(test_the_time_is_the_servers_and_may_be_anything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
