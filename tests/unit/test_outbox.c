/* Tests of what is to be said: rows of a real store, said by carriers of paper. In order, the urgent first, edited where there is something to edit,
 * and never twice though we are stopped; and what people say in one place of a room, told in its others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bridge/base/arena.h"
#include "bridge/base/clock.h"
#include "bridge/base/conf.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"
#include "bridge/base/text.h"
#include "bridge/rights/role.h"
#include "bridge/run/loop.h"
#include "bridge/run/store.h"
#include "bridge/run/task.h"
#include "bridge/talk/card.h"
#include "bridge/talk/message.h"
#include "bridge/talk/mirrored.h"
#include "bridge/talk/outbox.h"
#include "bridge/talk/outbox_rows.h"
#include "bridge/talk/relay.h"
#include "bridge/talk/room.h"
#include "bridge/talk/styled.h"
#include "bridge/talk/talk.h"
#include "bridge/work/hearing.h"

enum { PATIENCE = 20000, SAID = 200, LONG = 300, TASKS = 50 };

/* What the chat does with what it is given. */
enum answer { TAKES, FAILS_ONCE, REFUSES_ONCE, HANGS };

struct fixture {
	struct arena *arena;
	const char *folder;
	struct engine engine;
	struct talk talk;
	struct rooms rooms;
	struct room room, *room_list[1];
	struct conf *conf;
	enum answer answer;
	const char *away;               /* the link that is; NULL: none */
	bool narrow;                    /* hq takes only so much */
	char said[SAID][LONG], txn[SAID][64];
	size_t count, read;
	unsigned ids, irc_ids;          /* the chats': $1, $2 ... and i1, i2 ... */
	char dropped[LONG];
	bool done;
};

static struct place places[] = { { "corp", "#ops", NULL }, { "hq", "#ops:corp.example", NULL } };
static struct place *const irc = &places[0], *const matrix = &places[1];

/* -- The chats: corp is as poor as IRC, hq as rich as Matrix ------------------------------------------------------------- */

static const char *
shown(struct task *task, const struct delivery *delivery)
{
	static const char *const ops[] = { "say", "edit", "ring", "react", "talk", "take back" };
	static const char *const kinds[] = { "", "edited ", "taken back " };
	struct text out = text_in(task->arena, LONG - 1);

	text_printf(&out, "%s %s", delivery->place.link, ops[delivery->op]);
	if (delivery->card)
		text_printf(&out, " %s", card_lines(task->arena, delivery->card, 200, 2).each[0]);
	if (delivery->card && delivery->card->to && delivery->card->ring)
		text_add(&out, " rings");
	if (delivery->op == DELIVERY_REACT)
		text_printf(&out, " %s", delivery->key);
	if (delivery->talk) {
		for (const struct mirrored *one = delivery->talk; one; one = one->next)
			text_printf(&out, "%s %s<%s> %s", one == delivery->talk ? "" : " /", kinds[one->kind], one->who, one->words ? styled_words(task->arena, one->words) : "-");
		if (delivery->talk->to)
			text_printf(&out, " to=%s quote=%s", delivery->talk->to, delivery->talk->quote);
		for (size_t i = 0; i < delivery->talk->mention_count; i++)
			text_printf(&out, " mention=%s", delivery->talk->mentions[i].account);
	}
	if (delivery->on)
		text_printf(&out, " on=%s", delivery->on);
	if (delivery->place.thread)
		text_printf(&out, " thread=%s", delivery->place.thread);
	if (delivery->replies)
		text_printf(&out, " replies=%s", delivery->replies);
	if (delivery->again)
		text_add(&out, " again");
	return out.bytes;
}

static bool
deliver(struct task *task, const struct delivery *delivery, struct delivered *done, void *with)
{
	struct fixture *fixture = with;
	enum answer answer = fixture->answer;

	if (fixture->count == SAID)
		fail_msg("too much was said");
	snprintf(fixture->said[fixture->count], LONG, "%s%s", answer == FAILS_ONCE ? "(failed) " : answer == REFUSES_ONCE ? "(refused) " : "", shown(task, delivery));
	snprintf(fixture->txn[fixture->count++], sizeof fixture->txn[0], "%s", delivery->txn ? delivery->txn : "none");
	while (answer == HANGS && task_park(task))
		;
	if (answer != HANGS)
		fixture->answer = TAKES;
	if (answer == REFUSES_ONCE)
		done->never = true;
	if (answer != TAKES)
		return task_fail(task, "the chat does not like it");
	done->id = strcmp(delivery->place.link, "hq") ? task_text(task, "i%u", ++fixture->irc_ids) : task_text(task, "$%u", ++fixture->ids);
	return true;
}

static bool
ready(const char *link, void *with)
{
	const struct fixture *fixture = with;

	return !fixture->away || strcmp(fixture->away, link);
}

static bool
narrow(const char *link, void *with)
{
	const struct fixture *fixture = with;

	return fixture->narrow && !strcmp(link, "hq");
}

static unsigned
can(const char *link, void *with)
{
	(void)with;
	return strcmp(link, "hq") ? CAN_TALK : CAN_TALK | CAN_EDIT | CAN_THREAD | CAN_REACT | CAN_REDACT;
}

static void
dropped(const struct place *place, const char *why, void *with)
{
	struct fixture *fixture = with;

	snprintf(fixture->dropped, LONG, "%s/%s: %s", place->link, place->channel, why);
}

/* -- The gateway around it ------------------------------------------------------------------------------------------------ */

static bool
anything(void *with, const char *name)
{
	(void)with;
	(void)name;
	return true;
}

static bool
any_verb(void *with, const char *instance, const char *verb)
{
	(void)instance;
	return anything(with, verb);
}

static const char *
nothing_near(void *with, const char *instance, const char *verb)
{
	(void)with;
	(void)instance;
	(void)verb;
	return NULL;
}

static const char conf_text[] = "person \"carol\" { accounts = { \"corp/carol\", \"hq/@carol:corp.example\" } }\n";

static const struct rights *
open_rights(struct conf *conf)
{
	static const struct rights_world world = { .instance = anything, .verb = any_verb, .nearest = nothing_near, .room = anything, .link = anything };
	static const struct list none;
	struct person *person = arena_take(conf_arena(conf), sizeof *person);
	void **each = arena_take(conf_arena(conf), sizeof *each);
	struct sections persons = { 1, each }, roles = { 0 };

	conf_fill(conf, conf_next(conf_root(conf), NULL, "person"), &person_shape, person);
	each[0] = person;
	return rights_compile(conf, &persons, &roles, &none, &none, "root", &world);
}

static void
open_gateway(struct fixture *fixture)
{
	static const struct tables *const tables[] = { &outbox_tables, NULL };
	struct carriers carriers = { deliver, ready, can, dropped, fixture, narrow };
	enum store_open_error why;
	struct error error = { "" };

	fixture->engine.loop = loop_open(&error);
	fixture->engine.tasks = tasks_open(&fixture->engine, TASKS);
	fixture->engine.store = store_open(&fixture->engine, fixture->folder, tables, &why, &error);
	if (!fixture->engine.store)
		fail_msg("%s", error.text);
	fixture->talk = (struct talk){ .engine = &fixture->engine, .name = "sally", .prefix = "!", .rights = open_rights(fixture->conf), .rooms = &fixture->rooms,
		.outbox = outbox_open(&fixture->engine, &carriers) };
	outbox_begin(fixture->talk.outbox);
}

static void
close_gateway(struct fixture *fixture)
{
	outbox_stop(fixture->talk.outbox);
	while (tasks_count(fixture->engine.tasks)) {
		tasks_cancel_all(fixture->engine.tasks);
		loop_turn(fixture->engine.loop);
	}
	store_close(fixture->engine.store);
	outbox_close(fixture->talk.outbox);
	tasks_close(fixture->engine.tasks);
	loop_close(fixture->engine.loop);
}

static int
make(void **state)
{
	struct fixture *fixture = calloc(1, sizeof *fixture);
	char folder[] = "/tmp/sallyport-outbox-XXXXXX";

	log_open(LEVEL_ERROR + 1, LOG_TEXT);
	fixture->arena = arena_new();
	fixture->folder = arena_text(fixture->arena, mkdtemp(folder));
	fixture->conf = conf_read_text("test.conf", conf_text, strlen(conf_text));
	fixture->room = (struct room){ .name = "ops", .place = places, .place_count = 2, .relay = true };
	fixture->room_list[0] = &fixture->room;
	fixture->rooms = (struct rooms){ 1, fixture->room_list };
	*state = fixture;
	return 0;
}

static int
begin(void **state)
{
	make(state);
	open_gateway(*state);
	return 0;
}

static int
remove_one(const char *path, const struct stat *status, int what, struct FTW *ftw)
{
	(void)status;
	(void)what;
	(void)ftw;
	return remove(path);
}

static int
end(void **state)
{
	struct fixture *fixture = *state;

	close_gateway(fixture);
	nftw(fixture->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	conf_free(fixture->conf);
	arena_free(fixture->arena);
	free(fixture);
	return 0;
}

/* -- What is done and said ------------------------------------------------------------------------------------------------- */

static void
turn(struct fixture *fixture)
{
	loop_turn(fixture->engine.loop);
	poll(NULL, 0, 1);
}

#define UNTIL(fixture, condition) do { \
	for (int64_t stop_at = clock_mono() + PATIENCE; !(condition) && clock_mono() < stop_at;) \
		turn(fixture); \
	assert_true(condition); \
} while (0)

static void
committed(struct work *work, bool fine, const struct error *error, void *to)
{
	struct fixture *fixture = to;

	(void)work;
	if (!fine)
		fail_msg("%s", error->text);
	fixture->done = true;
	outbox_kick(fixture->talk.outbox);
}

/* Queued, and waited for: it is in its lane then. */
static void
commit(struct fixture *fixture, struct work *work)
{
	fixture->done = false;
	store_queue(fixture->engine.store, work, committed, fixture);
	UNTIL(fixture, fixture->done);
}

struct telling { struct saying *saying; const char *label; };

static bool
write_telling(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const struct telling *telling = with;

	(void)arena;
	return outbox_write(db, telling->saying, telling->label, error);
}

static void
tell_in(struct fixture *fixture, const struct room *room, const struct place *asked, const char *replies, const struct card *card, const char *label)
{
	struct work *work = work_new(write_telling, sizeof(struct telling));
	struct telling *telling = work_with(work);

	telling->saying = outbox_saying(fixture->talk.outbox, work_arena(work), room, asked, replies, card);
	telling->label = arena_text(work_arena(work), label);
	commit(fixture, work);
}

/* To one place alone. */
static void
tell(struct fixture *fixture, const struct place *place, const struct card *card)
{
	tell_in(fixture, NULL, place, NULL, card, NULL);
}

static struct card *
card_of(struct fixture *fixture, const char *id, const char *state, const char *headline)
{
	struct card *card = card_new(fixture->arena, TONE_GOOD, "%s", headline);

	card_state(card, id, state);
	return card;
}

static void
run_sql(struct fixture *fixture, work_fn *run)
{
	commit(fixture, work_new(run, 1));
}

/* The next that was given to a chat. */
static void
expect(struct fixture *fixture, const char *line)
{
	for (int64_t stop_at = clock_mono() + PATIENCE; fixture->read == fixture->count && clock_mono() < stop_at;)
		turn(fixture);
	if (fixture->read == fixture->count)
		fail_msg("nothing was said; expected: %s", line);
	if (strcmp(fixture->said[fixture->read], line))
		fail_msg("expected: %s\n     said: %s", line, fixture->said[fixture->read]);
	fixture->read++;
}

/* All that waits has been worked off, and that was all. */
static void
expect_no_more(struct fixture *fixture)
{
	UNTIL(fixture, !outbox_busy(fixture->talk.outbox, irc) && !outbox_busy(fixture->talk.outbox, matrix));
	if (fixture->read != fixture->count)
		fail_msg("not expected: %s", fixture->said[fixture->read]);
}

static void
come_back(struct fixture *fixture, const char *link)
{
	UNTIL(fixture, outbox_waiting(fixture->talk.outbox, link).count > 0);
	for (int i = 0; i < 20; i++)
		turn(fixture);          /* whatever was written is in its lane */
	assert_int_equal(fixture->read, fixture->count);
	fixture->away = NULL;
	outbox_link_ready(fixture->talk.outbox, link);
}

static void
test_a_place_hears_all_in_order(void **state)
{
	struct fixture *fixture = *state;

	fixture->away = "corp";
	for (int i = 1; i <= 5; i++)
		tell(fixture, irc, card_new(fixture->arena, TONE_PLAIN, "word %d", i));
	come_back(fixture, "corp");
	for (int i = 1; i <= 5; i++)
		expect(fixture, arena_printf(fixture->arena, "corp say word %d", i));
	expect_no_more(fixture);
}

static void
test_a_place_that_is_away_keeps_no_other_waiting(void **state)
{
	struct fixture *fixture = *state;

	fixture->away = "hq";
	tell(fixture, matrix, card_new(fixture->arena, TONE_PLAIN, "one"));
	tell(fixture, irc, card_new(fixture->arena, TONE_PLAIN, "two"));
	expect(fixture, "corp say two");
	assert_int_equal(outbox_waiting(fixture->talk.outbox, "hq").count, 1);
	come_back(fixture, "hq");
	expect(fixture, "hq say one");
	expect_no_more(fixture);
}

static void
test_what_is_urgent_goes_first(void **state)
{
	struct fixture *fixture = *state;
	struct card *progress = card_of(fixture, "B1", "running", "step 2");

	progress->progress = true;
	fixture->away = "hq";
	tell(fixture, matrix, progress);
	tell(fixture, matrix, card_of(fixture, "B2", "queued", "web"));
	tell(fixture, matrix, card_of(fixture, "B3", "passed", "shop"));
	come_back(fixture, "hq");
	expect(fixture, "hq say B2 queued: web");
	expect(fixture, "hq say B3 passed: shop");
	expect(fixture, "hq say B1 running: step 2");
	expect_no_more(fixture);
}

static void
test_what_was_not_said_yet_is_said_as_it_is_now(void **state)
{
	struct fixture *fixture = *state;

	fixture->away = "hq";
	tell(fixture, matrix, card_of(fixture, "B1", "queued", "web"));
	tell(fixture, matrix, card_of(fixture, "B1", "running", "web"));
	tell(fixture, matrix, card_of(fixture, "B1", "passed", "web"));
	come_back(fixture, "hq");
	expect(fixture, "hq say B1 passed: web");
	expect_no_more(fixture);
}

static void
test_a_chat_that_does_not_edit_hears_each_state(void **state)
{
	struct fixture *fixture = *state;
	struct card *progress = card_of(fixture, "B1", "running", "step 2");

	progress->progress = true;
	tell(fixture, irc, card_of(fixture, "B1", "running", "web"));
	tell(fixture, irc, progress);
	tell(fixture, irc, card_of(fixture, "B1", "passed", "web"));
	expect(fixture, "corp say B1 running: web");
	expect(fixture, "corp say B1 passed: web");
	expect_no_more(fixture);
}

static void
test_what_was_said_is_edited(void **state)
{
	struct fixture *fixture = *state;

	tell(fixture, matrix, card_of(fixture, "B1", "running", "web"));
	expect(fixture, "hq say B1 running: web");
	UNTIL(fixture, !outbox_busy(fixture->talk.outbox, matrix));
	tell(fixture, matrix, card_of(fixture, "B1", "passed", "web"));
	expect(fixture, "hq edit B1 passed: web on=$1");
	UNTIL(fixture, !outbox_busy(fixture->talk.outbox, matrix));
	/* An edit has an id of its own; what is edited stays the first. */
	tell(fixture, matrix, card_of(fixture, "B1", "failed", "web"));
	expect(fixture, "hq edit B1 failed: web on=$1");
	tell(fixture, matrix, card_of(fixture, "B2", "running", "shop"));
	expect(fixture, "hq say B2 running: shop");
	expect_no_more(fixture);
}

static struct card *
ringing(struct fixture *fixture, const char *id, const char *state)
{
	struct card *card = card_of(fixture, id, state, "web");

	card->to = "alice";
	card->ring = true;
	return card;
}

static void
test_an_edit_rings_in_its_thread_and_a_first_message_by_itself(void **state)
{
	struct fixture *fixture = *state;

	tell(fixture, matrix, ringing(fixture, "B1", "running"));
	expect(fixture, "hq say alice: B1 running: web rings");
	expect_no_more(fixture);
	tell(fixture, matrix, ringing(fixture, "B1", "passed"));
	expect(fixture, "hq ring alice: B1 passed: web rings thread=$1");
	expect(fixture, "hq edit alice: B1 passed: web rings on=$1");
	expect_no_more(fixture);
	tell(fixture, irc, ringing(fixture, "B1", "passed"));
	expect(fixture, "corp say alice: B1 passed: web rings");
	expect_no_more(fixture);
}

/* The first message was being said when the chat failed; what is said of the end is an edit of that, so it rings behind it. */
static void
test_who_asked_hears_of_the_end_though_the_first_message_was_late(void **state)
{
	struct fixture *fixture = *state;

	fixture->answer = FAILS_ONCE;
	tell(fixture, matrix, card_of(fixture, "B1", "running", "web"));
	expect(fixture, "(failed) hq say B1 running: web");
	tell(fixture, matrix, ringing(fixture, "B1", "passed"));
	expect(fixture, "hq say B1 running: web again");
	expect(fixture, "hq edit alice: B1 passed: web rings on=$1");
	expect(fixture, "hq ring alice: B1 passed: web rings thread=$1");
	expect_no_more(fixture);
}

static void
test_the_end_leaves_a_sign_on_the_message_that_asked(void **state)
{
	struct fixture *fixture = *state;
	struct card *bad = card_of(fixture, "B2", "failed", "web"), *good = card_of(fixture, "B1", "passed", "web");

	tell_in(fixture, NULL, matrix, "$asked", card_of(fixture, "B1", "running", "web"), NULL);
	expect(fixture, "hq say B1 running: web replies=$asked");
	expect_no_more(fixture);
	good->closed = bad->closed = true;
	bad->tone = TONE_BAD;
	tell_in(fixture, NULL, matrix, "$asked", good, NULL);
	expect(fixture, "hq edit B1 passed: web on=$1 replies=$asked");
	expect(fixture, "hq react \u2705 on=$asked");
	expect_no_more(fixture);
	tell_in(fixture, NULL, matrix, "$other", bad, NULL);
	expect(fixture, "hq say B2 failed: web replies=$other");
	expect(fixture, "hq react \u274c on=$other");
	expect_no_more(fixture);
	/* Nobody asked; or the chat has no signs. */
	tell_in(fixture, NULL, matrix, NULL, good, NULL);
	expect(fixture, "hq edit B1 passed: web on=$1");
	tell_in(fixture, NULL, irc, "m1", good, NULL);
	expect(fixture, "corp say B1 passed: web replies=m1");
	expect_no_more(fixture);
}

static void
test_who_asked_is_addressed_where_they_asked_and_nowhere_else(void **state)
{
	struct fixture *fixture = *state;

	tell_in(fixture, &fixture->room, irc, "m1", ringing(fixture, "B1", "passed"), NULL);
	UNTIL(fixture, fixture->count == 2);
	bool irc_first = !strncmp(fixture->said[0], "corp", 4);
	assert_string_equal(fixture->said[irc_first ? 0 : 1], "corp say alice: B1 passed: web rings replies=m1");
	assert_string_equal(fixture->said[irc_first ? 1 : 0], "hq say B1 passed: web");
}

static void
test_what_the_chat_refuses_for_ever_is_dropped_and_reported(void **state)
{
	struct fixture *fixture = *state;

	fixture->answer = REFUSES_ONCE;
	tell(fixture, matrix, card_new(fixture->arena, TONE_PLAIN, "one"));
	tell(fixture, matrix, card_new(fixture->arena, TONE_PLAIN, "two"));
	expect(fixture, "(refused) hq say one");
	expect(fixture, "hq say two");
	expect_no_more(fixture);
	assert_string_equal(fixture->dropped, "hq/#ops:corp.example: the chat does not like it");
	close_gateway(fixture);
	open_gateway(fixture);
	expect_no_more(fixture);
}

static void
test_what_fails_is_tried_again_before_what_came_later(void **state)
{
	struct fixture *fixture = *state;

	fixture->answer = FAILS_ONCE;
	tell(fixture, irc, card_new(fixture->arena, TONE_PLAIN, "one"));
	tell(fixture, irc, card_new(fixture->arena, TONE_PLAIN, "two"));
	expect(fixture, "(failed) corp say one");
	expect(fixture, "corp say one again");
	expect(fixture, "corp say two");
	assert_string_equal(fixture->txn[0], fixture->txn[1]);
	assert_string_not_equal(fixture->txn[0], fixture->txn[2]);
	expect_no_more(fixture);
	assert_string_equal(fixture->dropped, "");
}

static bool
grow_old(struct db *db, void *with, struct arena *arena, struct error *error)
{
	(void)with;
	(void)arena;
	return db_run(db, error, "UPDATE outbox SET expires=1 WHERE state='queued' AND label='B1'", "");
}

static void
test_progress_that_is_old_is_dropped_without_a_word(void **state)
{
	struct fixture *fixture = *state;
	struct card *progress = card_of(fixture, "B1", "running", "step 2");

	progress->progress = true;
	fixture->away = "hq";
	tell(fixture, matrix, progress);
	tell(fixture, matrix, card_of(fixture, "B2", "passed", "web"));
	run_sql(fixture, grow_old);
	come_back(fixture, "hq");
	expect(fixture, "hq say B2 passed: web");
	expect_no_more(fixture);
	assert_string_equal(fixture->dropped, "");
}

static void
test_what_an_earlier_life_was_saying_comes_again_as_the_same_message(void **state)
{
	struct fixture *fixture = *state;

	fixture->answer = HANGS;
	tell(fixture, matrix, card_new(fixture->arena, TONE_PLAIN, "one"));
	expect(fixture, "hq say one");
	tell(fixture, matrix, card_new(fixture->arena, TONE_PLAIN, "two"));
	close_gateway(fixture);
	fixture->answer = TAKES;
	assert_int_equal(fixture->count, 1);
	open_gateway(fixture);
	expect(fixture, "hq say one again");
	expect(fixture, "hq say two");
	expect_no_more(fixture);
	assert_string_equal(fixture->txn[0], fixture->txn[1]);
	close_gateway(fixture);
	open_gateway(fixture);
	expect_no_more(fixture);
}

/* -- A database of the first version ----------------------------------------------------------------------------------------- */

static bool
write_old_rows(struct db *db, void *with, struct arena *arena, struct error *error)
{
	const char *card = with;
	int64_t now = clock_wall(), later = now + 3600 * 1000;

	(void)arena;
	return db_run(db, error, "INSERT INTO outbox(id, place, edits, label, txn, replies, body, made, expires, tries, state, message) VALUES"
		"(7,'hq/#ops:corp.example',1,'B1','txn-sent',NULL,?,?,?,1,'sent','$old'),"
		"(8,'hq/#ops:corp.example',1,'B1','txn-trying','$asked',?,?,?,1,'trying',NULL),"
		"(9,'corp/#ops',0,NULL,'txn-queued','m1',?,?,?,0,'queued',NULL),"
		"(10,'corp/#ops',0,NULL,'txn-stale',NULL,?,?,?,0,'stale',NULL)", "tiitiitiitii", card, now, later, card, now, later, card, now, later, card, now, later)
	    && db_run(db, error, "INSERT INTO shown(label, place, message) VALUES('B1','hq/#ops:corp.example','$old')", "");
}

static void
test_rows_of_the_first_version_are_said_by_this_one(void **state)
{
	static const char *const first[] = {
		"CREATE TABLE outbox(id INTEGER PRIMARY KEY, place TEXT NOT NULL, edits INTEGER NOT NULL, label TEXT, txn TEXT NOT NULL UNIQUE,"
		"  replies TEXT, body TEXT NOT NULL, made INTEGER NOT NULL, expires INTEGER NOT NULL, tries INTEGER NOT NULL DEFAULT 0,"
		"  state TEXT NOT NULL DEFAULT 'queued' CHECK(state IN('queued','trying','sent','stale')), message TEXT) STRICT;"
		"CREATE INDEX outbox_next ON outbox(id) WHERE state IN('queued','trying');"
		"CREATE INDEX outbox_label ON outbox(label, place) WHERE state='queued';"
		"CREATE TABLE shown(label TEXT NOT NULL, place TEXT NOT NULL, message TEXT NOT NULL, PRIMARY KEY(label, place)) STRICT, WITHOUT ROWID;",
		NULL
	};
	static const struct tables old = { "outbox", first };
	static const struct tables *const tables[] = { &old, NULL };
	struct fixture *fixture = *state;
	enum store_open_error why;
	struct error error = { "" };
	const char *card = card_json(fixture->arena, card_of(fixture, "B1", "passed", "web"));

	if (!store_write(fixture->folder, tables, write_old_rows, (char *)(uintptr_t)card, fixture->arena, &why, &error))
		fail_msg("%s", error.text);
	open_gateway(fixture);
	UNTIL(fixture, fixture->count == 2);
	bool irc_first = !strncmp(fixture->said[0], "corp", 4);
	assert_string_equal(fixture->said[irc_first ? 0 : 1], "corp say B1 passed: web replies=m1");
	assert_string_equal(fixture->said[irc_first ? 1 : 0], "hq edit B1 passed: web on=$old replies=$asked again");
	assert_string_equal(fixture->txn[irc_first ? 0 : 1], "txn-queued");
	assert_string_equal(fixture->txn[irc_first ? 1 : 0], "txn-trying");
	fixture->read = 2;
	expect_no_more(fixture);
	/* And the message that was shown then is still the one that is edited. */
	tell(fixture, matrix, card_of(fixture, "B1", "failed", "web"));
	expect(fixture, "hq edit B1 failed: web on=$old");
	expect_no_more(fixture);
}

/* -- What people say, told elsewhere ------------------------------------------------------------------------------------------- */

static bool
write_relay(struct db *db, void *with, struct arena *arena, struct error *error)
{
	return relay_write(db, arena, *(struct relaying **)with, error);
}

static void
hear(struct fixture *fixture, const struct message *message)
{
	struct work *work = work_new(write_relay, sizeof(struct relaying *));

	assert_true(relay_wants(&fixture->talk, message));
	*(struct relaying **)work_with(work) = relay_make(&fixture->talk, work_arena(work), message, strcmp(message->place.link, "hq") ? "IRC" : "Matrix",
		hearing_ours(&fixture->talk, message));
	commit(fixture, work);
}

static struct message
said(const struct place *place, const char *who, const char *id, const char *text)
{
	return (struct message){ .kind = MESSAGE_SAID, .from = { .shown = who, .account = who }, .place = *place, .id = id, .text = text };
}

/* Edits (text) or takes back (NULL) the message `on`. */
static void
change(struct fixture *fixture, const struct place *place, const char *who, const char *id, const char *on, const char *text)
{
	struct message message = said(place, who, id, text ? text : "");

	message.kind = text ? MESSAGE_EDITED : MESSAGE_TAKEN_BACK;
	message.on = on;
	hear(fixture, &message);
}

static void
hear_said(struct fixture *fixture, const struct place *place, const char *who, const char *id, const char *on, const char *text)
{
	struct message message = said(place, who, id, text);

	message.on = on;
	hear(fixture, &message);
}

static void
test_what_is_said_in_one_place_is_told_in_the_other_once(void **state)
{
	struct fixture *fixture = *state;

	hear_said(fixture, irc, "bob", "m1", NULL, "is db1 up?");
	expect(fixture, "hq talk <bob> is db1 up?");
	hear_said(fixture, matrix, "amy", "$a", NULL, "yes");
	expect(fixture, "corp talk <amy> yes");
	/* The server tells it once more; or an earlier life heard it and was stopped before its cursor. */
	hear_said(fixture, irc, "bob", "m1", NULL, "is db1 up?");
	hear_said(fixture, matrix, "amy", "$a", NULL, "yes");
	expect_no_more(fixture);
	assert_int_equal(strlen(fixture->txn[0]), 32);
	close_gateway(fixture);
	open_gateway(fixture);
	hear_said(fixture, irc, "bob", "m1", NULL, "is db1 up?");
	expect_no_more(fixture);
}

static void
test_a_transaction_is_of_a_message_and_where_it_is_told(void **state)
{
	static const char *const rows[][3] = { { "corp/#ops", "m1", "hq/#ops" }, { "corp/#ops", "m2", "hq/#ops" }, { "corp/#web", "m1", "hq/#ops" },
		{ "corp/#ops", "m1", "hq/#web" }, { "hq/#ops", "m1", "corp/#ops" }, { "corp/#opsm1", "", "hq/#ops" } };
	char txn[6][OUTBOX_TXN], again[OUTBOX_TXN];

	(void)state;
	for (size_t i = 0; i < 6; i++) {
		outbox_txn(txn[i], rows[i][0], rows[i][1], rows[i][2]);
		outbox_txn(again, rows[i][0], rows[i][1], rows[i][2]);
		assert_string_equal(txn[i], again);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(txn[i], txn[j]);
	}
}

static void
test_an_edit_edits_where_the_chat_can_and_is_said_where_not(void **state)
{
	struct fixture *fixture = *state;

	hear_said(fixture, irc, "bob", "m1", NULL, "db1 is down");
	expect(fixture, "hq talk <bob> db1 is down");
	expect_no_more(fixture);
	change(fixture, irc, "bob", "m2", "m1", "db2 is down");
	expect(fixture, "hq talk <bob> db2 is down on=$1");
	hear_said(fixture, matrix, "amy", "$a", NULL, "no");
	expect(fixture, "corp talk <amy> no");
	change(fixture, matrix, "amy", "$b", "$a", "yes");
	expect(fixture, "corp talk edited <amy> yes");
	expect_no_more(fixture);
}

static void
test_an_edit_that_comes_before_the_words_were_told_changes_them(void **state)
{
	struct fixture *fixture = *state;

	fixture->away = "hq";
	hear_said(fixture, irc, "bob", "m1", NULL, "db1 is down");
	change(fixture, irc, "bob", "m2", "m1", "db2 is down");
	come_back(fixture, "hq");
	expect(fixture, "hq talk <bob> db2 is down");
	expect_no_more(fixture);
}

static void
test_nobody_edits_what_others_said_or_what_was_never_told(void **state)
{
	struct fixture *fixture = *state;

	hear_said(fixture, matrix, "amy", "$a", NULL, "no");
	expect(fixture, "corp talk <amy> no");
	change(fixture, matrix, "eve", "$b", "$a", "yes");
	change(fixture, matrix, "amy", "$c", "$unknown", "yes");
	change(fixture, matrix, "amy", "$d", "$unknown", NULL);
	/* The same id in another place is another message. */
	change(fixture, irc, "amy", "m2", "$a", "yes");
	expect_no_more(fixture);
}

static void
test_what_was_taken_back_is_gone_where_the_chat_can(void **state)
{
	struct fixture *fixture = *state;

	hear_said(fixture, irc, "bob", "m1", NULL, "the key is 1234");
	expect(fixture, "hq talk <bob> the key is 1234");
	expect_no_more(fixture);
	change(fixture, irc, "bob", "m2", "m1", NULL);
	expect(fixture, "hq take back on=$1");
	hear_said(fixture, matrix, "amy", "$a", NULL, "oops");
	expect(fixture, "corp talk <amy> oops");
	change(fixture, matrix, "moderator", "$b", "$a", NULL);
	expect(fixture, "corp talk taken back <moderator> -");
	expect_no_more(fixture);
}

static void
test_what_was_taken_back_before_it_was_told_is_never_told(void **state)
{
	struct fixture *fixture = *state;

	fixture->away = "hq";
	hear_said(fixture, irc, "bob", "m1", NULL, "the key is 1234");
	hear_said(fixture, irc, "bob", "m2", NULL, "never mind");
	change(fixture, irc, "bob", "m3", "m1", NULL);
	come_back(fixture, "hq");
	expect(fixture, "hq talk <bob> never mind");
	expect_no_more(fixture);
}

static void
test_an_answer_names_whom_it_answers_and_hangs_under_it(void **state)
{
	struct fixture *fixture = *state;

	hear_said(fixture, irc, "bob", "m1", NULL, "is db1 up?");
	expect(fixture, "hq talk <bob> is db1 up?");
	expect_no_more(fixture);
	/* Of what we told there, under the words themselves; */
	hear_said(fixture, matrix, "amy", "$a", "$1", "yes");
	expect(fixture, "corp talk <amy> yes to=bob quote=is db1 up? replies=m1");
	/* of what was said in the same place, under what we told of it; */
	hear_said(fixture, irc, "eve", "m2", "m1", "no");
	expect(fixture, "hq talk <eve> no to=bob quote=is db1 up? replies=$1");
	expect_no_more(fixture);
	hear_said(fixture, irc, "eve", "m3", "i1", "sure?");
	expect(fixture, "hq talk <eve> sure? to=amy quote=yes replies=$a");
	/* and of what nobody knows it is no answer. */
	hear_said(fixture, irc, "eve", "m4", "unknown", "hm");
	expect(fixture, "hq talk <eve> hm");
	expect_no_more(fixture);
}

static void
test_whom_the_first_word_names_is_mentioned_by_their_account_there(void **state)
{
	struct fixture *fixture = *state;

	hear_said(fixture, irc, "bob", "m1", NULL, "carol: look");
	expect(fixture, "hq talk <bob> carol: look mention=hq/@carol:corp.example");
	hear_said(fixture, irc, "bob", "m2", NULL, "carol looks");
	expect(fixture, "hq talk <bob> carol looks");
	hear_said(fixture, irc, "bob", "m3", NULL, "stranger: look");
	expect(fixture, "hq talk <bob> stranger: look");
	hear_said(fixture, matrix, "amy", "$a", NULL, "carol, look");
	expect(fixture, "corp talk <amy> carol, look mention=corp/carol");
	expect_no_more(fixture);
}

static void
test_whom_the_chat_mentions_is_mentioned_by_their_account_there(void **state)
{
	struct fixture *fixture = *state;
	struct styled *styled = styled_new(fixture->arena, false);
	const struct span carol = { .account = "@carol:corp.example" }, stranger = { .account = "@carol:else.example" };
	struct message message = said(matrix, "amy", "$a", "Carol Jones Carol");

	styled_add(styled, &carol, "Carol Jones", 11);
	styled_add(styled, &stranger, "Carol", 5);
	message.styled = styled;
	hear(fixture, &message);
	expect(fixture, "corp talk <amy> Carol JonesCarol mention=corp/carol");
	expect_no_more(fixture);
}

static void
test_the_card_of_a_command_answers_the_line_that_was_told(void **state)
{
	struct fixture *fixture = *state;

	hear_said(fixture, irc, "alice", "m1", NULL, "!ci build web");
	expect(fixture, "hq talk <alice> !ci build web");
	expect_no_more(fixture);
	fixture->away = "corp";
	tell_in(fixture, &fixture->room, irc, "m1", card_of(fixture, "B1", "queued", "web"), NULL);
	expect(fixture, "hq say B1 queued: web replies=$1");
	come_back(fixture, "corp");
	expect(fixture, "corp say B1 queued: web replies=m1");
	expect_no_more(fixture);
}

static void
test_what_is_said_to_us_alone_stays_with_us(void **state)
{
	struct fixture *fixture = *state;
	struct message alone = said(irc, "bob", "m1", "help"), sign = said(matrix, "bob", "$a", "x"), elsewhere = said(irc, "bob", "m2", "hello");

	alone.direct = true;
	assert_false(relay_wants(&fixture->talk, &alone));
	sign.kind = MESSAGE_REACTED;
	assert_false(relay_wants(&fixture->talk, &sign));
	elsewhere.place.channel = "#web";
	assert_false(relay_wants(&fixture->talk, &elsewhere));
	elsewhere.place.channel = "#OPS";
	assert_true(relay_wants(&fixture->talk, &elsewhere));
	fixture->room.relay = false;
	assert_false(relay_wants(&fixture->talk, &elsewhere));
}

/* -- Where a chat takes only so much ---------------------------------------------------------------------------------------- */

/* What is said on IRC while hq is away, and then goes there in few messages. */
static void
hear_flood(struct fixture *fixture, unsigned first, unsigned last)
{
	fixture->narrow = true;
	fixture->away = "hq";
	for (unsigned i = first; i <= last; i++)
		hear_said(fixture, irc, i % 2 ? "bob" : "eve", arena_printf(fixture->arena, "m%u", i), NULL, arena_printf(fixture->arena, "line %u", i));
}

static void
test_lines_that_wait_go_along_with_the_first(void **state)
{
	struct fixture *fixture = *state;

	hear_flood(fixture, 1, 4);
	come_back(fixture, "hq");
	expect(fixture, "hq talk <bob> line 1 / <eve> line 2 / <bob> line 3 / <eve> line 4");
	expect_no_more(fixture);
	/* Each is still known by its own name: an answer finds the message, an edit takes nobody's words away. */
	fixture->narrow = false;
	hear_said(fixture, irc, "eve", "m5", "m3", "right");
	expect(fixture, "hq talk <eve> right to=bob quote=line 3 replies=$1");
	change(fixture, irc, "bob", "m6", "m3", "line three");
	expect(fixture, "hq talk <bob> line three replies=$1");
	expect_no_more(fixture);
}

static void
test_an_answer_or_a_command_is_said_by_itself(void **state)
{
	struct fixture *fixture = *state;

	hear_said(fixture, irc, "bob", "m0", NULL, "line 0");
	expect(fixture, "hq talk <bob> line 0");
	expect_no_more(fixture);
	fixture->narrow = true;
	fixture->away = "hq";
	hear_said(fixture, irc, "bob", "m1", NULL, "line 1");
	hear_said(fixture, irc, "eve", "m2", NULL, "line 2");
	hear_said(fixture, irc, "eve", "m3", "m0", "an answer");
	hear_said(fixture, irc, "bob", "m4", NULL, "line 4");
	hear_said(fixture, irc, "bob", "m5", NULL, "line 5");
	come_back(fixture, "hq");
	expect(fixture, "hq talk <bob> line 1 / <eve> line 2");
	expect(fixture, "hq talk <eve> an answer to=bob quote=line 0 replies=$1");
	expect(fixture, "hq talk <bob> line 4 / <bob> line 5");
	expect_no_more(fixture);
}

static void
test_what_went_along_goes_along_in_every_try(void **state)
{
	struct fixture *fixture = *state;

	hear_flood(fixture, 1, 2);
	fixture->answer = HANGS;
	come_back(fixture, "hq");
	UNTIL(fixture, fixture->count == 1);
	/* Stopped while it was said: the next life says the same message, with nothing of what came since. */
	close_gateway(fixture);
	fixture->answer = TAKES;
	open_gateway(fixture);
	hear_said(fixture, irc, "bob", "m3", NULL, "line 3");
	expect(fixture, "hq talk <bob> line 1 / <eve> line 2");
	expect(fixture, "hq talk <bob> line 1 / <eve> line 2 again");
	expect(fixture, "hq talk <bob> line 3");
	expect_no_more(fixture);
	assert_string_equal(fixture->txn[0], fixture->txn[1]);
}

static void
test_one_of_many_lines_is_taken_back_and_the_others_stay(void **state)
{
	struct fixture *fixture = *state;

	hear_flood(fixture, 1, 3);
	come_back(fixture, "hq");
	expect(fixture, "hq talk <bob> line 1 / <eve> line 2 / <bob> line 3");
	expect_no_more(fixture);
	change(fixture, irc, "bob", "m4", "m1", NULL);
	expect(fixture, "hq talk <eve> line 2 / <bob> line 3 on=$1");
	change(fixture, irc, "bob", "m5", "m3", NULL);
	expect(fixture, "hq talk <eve> line 2 on=$1");
	/* The last of them takes the message with it. */
	change(fixture, irc, "eve", "m6", "m2", NULL);
	expect(fixture, "hq take back on=$1");
	change(fixture, irc, "eve", "m7", "m2", NULL);
	expect_no_more(fixture);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_place_hears_all_in_order),
		TEST(test_a_place_that_is_away_keeps_no_other_waiting),
		TEST(test_what_is_urgent_goes_first),
		TEST(test_what_was_not_said_yet_is_said_as_it_is_now),
		TEST(test_a_chat_that_does_not_edit_hears_each_state),
		TEST(test_what_was_said_is_edited),
		TEST(test_an_edit_rings_in_its_thread_and_a_first_message_by_itself),
		TEST(test_who_asked_hears_of_the_end_though_the_first_message_was_late),
		TEST(test_the_end_leaves_a_sign_on_the_message_that_asked),
		TEST(test_who_asked_is_addressed_where_they_asked_and_nowhere_else),
		TEST(test_what_the_chat_refuses_for_ever_is_dropped_and_reported),
		TEST(test_what_fails_is_tried_again_before_what_came_later),
		TEST(test_progress_that_is_old_is_dropped_without_a_word),
		TEST(test_what_an_earlier_life_was_saying_comes_again_as_the_same_message),
		cmocka_unit_test_setup_teardown(test_rows_of_the_first_version_are_said_by_this_one, make, end),
		TEST(test_what_is_said_in_one_place_is_told_in_the_other_once),
		TEST(test_an_edit_edits_where_the_chat_can_and_is_said_where_not),
		TEST(test_an_edit_that_comes_before_the_words_were_told_changes_them),
		TEST(test_nobody_edits_what_others_said_or_what_was_never_told),
		TEST(test_what_was_taken_back_is_gone_where_the_chat_can),
		TEST(test_what_was_taken_back_before_it_was_told_is_never_told),
		TEST(test_an_answer_names_whom_it_answers_and_hangs_under_it),
		TEST(test_whom_the_first_word_names_is_mentioned_by_their_account_there),
		TEST(test_whom_the_chat_mentions_is_mentioned_by_their_account_there),
		TEST(test_the_card_of_a_command_answers_the_line_that_was_told),
		TEST(test_what_is_said_to_us_alone_stays_with_us),
		TEST(test_lines_that_wait_go_along_with_the_first),
		TEST(test_an_answer_or_a_command_is_said_by_itself),
		TEST(test_what_went_along_goes_along_in_every_try),
		TEST(test_one_of_many_lines_is_taken_back_and_the_others_stay),
		cmocka_unit_test(test_a_transaction_is_of_a_message_and_where_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
