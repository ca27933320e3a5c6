/* Who sent a webhook: whatever is nearly right proves nothing, in each of the ways: the proof, and each part of what it is a proof of, spoiled (threats W1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/unit/sender_scene.h"

enum { MANY = 200000, ROOM = 400 };

/* What was not as it came: of a path the last segment alone is the secret, so it gets no other slash before it. */
struct bytes {
	char at[ROOM];
	size_t length;
};

static char
any_byte(void)
{
	char byte = (char)(rand() % 255 + 1);

	return byte == '/' ? 'x' : byte;
}

static size_t
any_place(const struct bytes *bytes)
{
	return bytes->length ? (size_t)rand() % bytes->length : 0;
}

/* -- Ways to spoil bytes --------------------------------------------------------------------------------------------------- */

static void
flip_a_bit(struct bytes *bytes)
{
	bytes->at[any_place(bytes)] ^= (char)(1 << rand() % 8);
}

static void
change_some(struct bytes *bytes)
{
	for (int times = 1 + rand() % 4; times; times--)
		bytes->at[any_place(bytes)] = any_byte();
}

static void
cut_the_end(struct bytes *bytes)
{
	bytes->length = any_place(bytes);
}

static void
cut_the_beginning(struct bytes *bytes)
{
	size_t gone = 1 + any_place(bytes);

	bytes->length -= gone;
	memmove(bytes->at, bytes->at + gone, bytes->length);
}

static void
insert(struct bytes *bytes, size_t at, const char *what)
{
	size_t length = strlen(what);

	memmove(bytes->at + at + length, bytes->at + at, bytes->length - at);
	memcpy(bytes->at + at, what, length);
	bytes->length += length;
}

static void
add_some(struct bytes *bytes)
{
	char more[5] = "";

	for (int length = 1 + rand() % 4; length;)
		more[--length] = any_byte();
	insert(bytes, (size_t)rand() % (bytes->length + 1), more);
}

/* As a proxy or a careless reader would: blanks around it, a line end, quotes, a list, padding. */
static void
dress(struct bytes *bytes)
{
	static const char *const dresses[][2] = { { " ", "" }, { "", " " }, { "\t", "" }, { "", "\r\n" }, { "\"", "\"" }, { "", "," }, { "", "=" }, { "0x", "" }, { "", "%00" },
		{ "", ";q=1" }, { "=", "" }, { "'", "'" } };
	size_t which = (size_t)rand() % (sizeof dresses / sizeof *dresses);

	insert(bytes, 0, dresses[which][0]);
	insert(bytes, bytes->length, dresses[which][1]);
}

static void
say_it_twice(struct bytes *bytes)
{
	memcpy(bytes->at + bytes->length, bytes->at, bytes->length);
	bytes->length *= 2;
}

static void
change_the_case(struct bytes *bytes)
{
	size_t only = rand() % 2 ? any_place(bytes) : bytes->length;

	for (size_t i = 0; i < bytes->length; i++)
		if (only == bytes->length || i == only)
			bytes->at[i] = (char)(isupper((unsigned char)bytes->at[i]) ? tolower((unsigned char)bytes->at[i]) : toupper((unsigned char)bytes->at[i]));
}

static void
swap_two(struct bytes *bytes)
{
	size_t one = any_place(bytes), other = any_place(bytes);
	char kept = bytes->at[one];

	bytes->at[one] = bytes->at[other];
	bytes->at[other] = kept;
}

static void
repeat_another(struct bytes *bytes)
{
	memset(bytes->at, "0f= \xff"[rand() % 5], bytes->length);
}

static void (*const spoil[])(struct bytes *) = { flip_a_bit, change_some, cut_the_end, cut_the_beginning, add_some, dress, say_it_twice, change_the_case, swap_two,
	repeat_another };

enum { SPOILS = sizeof spoil / sizeof *spoil };

/* -- What can be spoiled --------------------------------------------------------------------------------------------------- */

/* A scene whose texts are here, and can be changed. */
struct stage {
	struct scene scene;
	const struct sender_vector *vector;
	char texts[3][ROOM + 200];      /* one for each part that is spoiled */
};

/* Where a part stands, and how it comes into the scene; "" where this way has none. */
struct part {
	const char *name;
	const char *(*find)(const struct sender_vector *, size_t *length);
	void (*put)(struct stage *, const char *text, size_t length);
};

static enum sender_by
by(const struct sender_vector *vector)
{
	return vector->ways->by;
}

static const char *
scheme(const struct sender_vector *vector)
{
	return vector->ways->prefix ? vector->ways->prefix : by(vector) == SENDER_BASIC ? "Basic " : "";
}

static const char *
find_proof(const struct sender_vector *vector, size_t *length)
{
	const char *at = by(vector) == SENDER_PATH ? strrchr(vector->rest, '/') + 1 : by(vector) == SENDER_FIELD ? strstr(vector->body, "glpat-") :
		vector->value + strlen(scheme(vector));

	*length = by(vector) == SENDER_FIELD ? strcspn(at, "\"") : strlen(at);
	return at;
}

/* What is before it in the request, the new one, what is behind it. */
static char *
around(struct stage *stage, const char *whole, const char *text, size_t length)
{
	size_t old;
	const char *at = find_proof(stage->vector, &old);

	snprintf(stage->texts[0], sizeof stage->texts[0], "%.*s%.*s%s", (int)(at - whole), whole, (int)length, text, at + old);
	return stage->texts[0];
}

static void
put_proof(struct stage *stage, const char *text, size_t length)
{
	struct arrival *arrival = &stage->scene.arrival;

	if (by(stage->vector) == SENDER_PATH)
		arrival->rest = around(stage, stage->vector->rest, text, length);
	else if (by(stage->vector) == SENDER_FIELD) {
		arrival->body = around(stage, stage->vector->body, text, length);
		arrival->length = strlen(arrival->body);
	} else
		stage->scene.headers[1].value = around(stage, stage->vector->value, text, length);
}

static const char *
text_if(bool there, const char *text, size_t *length)
{
	*length = there ? strlen(text) : 0;
	return text;
}

static const char *
find_body(const struct sender_vector *vector, size_t *length)
{
	return text_if(by(vector) == SENDER_MAC, vector->body, length);
}

static void
put_body(struct stage *stage, const char *text, size_t length)
{
	stage->scene.arrival.body = memcpy(stage->texts[1], text, length);
	stage->scene.arrival.length = length;
}

static char *
text_of(struct stage *stage, const char *text, size_t length)
{
	snprintf(stage->texts[2], sizeof stage->texts[2], "%.*s", (int)length, text);
	return stage->texts[2];
}

static const char *
find_rest(const struct sender_vector *vector, size_t *length)
{
	return text_if(vector->ways->and_url, vector->rest, length);
}

static void
put_rest(struct stage *stage, const char *text, size_t length)
{
	stage->scene.arrival.rest = text_of(stage, text, length);
}

static const char *
find_url(const struct sender_vector *vector, size_t *length)
{
	return text_if(vector->ways->and_url, "https://gw.corp.example", length);
}

static void
put_url(struct stage *stage, const char *text, size_t length)
{
	stage->scene.sender.url = text_of(stage, text, length);
}

static const char *
find_instance(const struct sender_vector *vector, size_t *length)
{
	return text_if(vector->ways->and_url, "board", length);
}

static void
put_instance(struct stage *stage, const char *text, size_t length)
{
	stage->scene.sender.instance = text_of(stage, text, length);
}

static const char *
find_time(const struct sender_vector *vector, size_t *length)
{
	return text_if(vector->time, vector->time ? vector->time : "", length);
}

static void
put_time(struct stage *stage, const char *text, size_t length)
{
	stage->scene.headers[2].value = text_of(stage, text, length);
}

static const struct part parts[] = {
	{ "proof", find_proof, put_proof }, { "body", find_body, put_body }, { "rest of the path", find_rest, put_rest }, { "url", find_url, put_url },
	{ "instance", find_instance, put_instance }, { "time", find_time, put_time },
};

enum { PARTS = sizeof parts / sizeof *parts };

/* -- Stories ----------------------------------------------------------------------------------------------------------------- */

/* Whether it was another one. What comes out as it was is proven as it was. */
static bool
spoil_once(const struct sender_vector *vector, const struct part *part, size_t how)
{
	struct stage stage = { .vector = vector };
	struct bytes bytes = { .length = 0 };
	const char *was = part->find(vector, &bytes.length);
	size_t length = bytes.length;

	memcpy(bytes.at, was, length);
	spoil[how](&bytes);
	bytes.length = part->put == put_body ? bytes.length : strnlen(bytes.at, bytes.length);
	bool same = bytes.length == length && !memcmp(bytes.at, was, length);
	scene_play(&stage.scene, vector);
	part->put(&stage, bytes.at, bytes.length);
	if (scene_proven(&stage.scene) != same)
		fail_msg("%s, its %s as \"%.*s\": %sproven", vector->name, part->name, (int)bytes.length, bytes.at, same ? "not " : "");
	return !same;
}

/* Each way gets as many as each other, half of them at the proof. */
static void
test_a_hundred_thousand_spoiled_ones_prove_nothing(void **state)
{
	const char *many = getenv("SALLYPORT_MANY");
	size_t each = (many ? strtoul(many, NULL, 10) : MANY) / SENDER_VECTORS, length;

	(void)state;
	srand(6);
	for (size_t i = 0; i < SENDER_VECTORS; i++) {
		const struct part *theirs[PARTS];
		size_t count = 0, tried = 0;
		for (size_t p = 0; p < PARTS; p++) {
			parts[p].find(&sender_vectors[i], &length);
			if (length)
				theirs[count++] = &parts[p];
		}
		for (size_t n = 0; n < each; n++)
			tried += spoil_once(&sender_vectors[i], n % 2 ? theirs[n / 2 % count] : theirs[0], (size_t)rand() % SPOILS);
		assert_true(tried > each * 9 / 10);
	}
}

static void
test_every_bit_of_every_part_counts(void **state)
{
	struct stage stage;
	char bytes[ROOM];
	size_t length;

	(void)state;
	for (size_t i = 0; i < SENDER_VECTORS; i++)
		for (size_t p = 0; p < PARTS; p++) {
			const char *was = parts[p].find(&sender_vectors[i], &length);
			for (size_t bit = 0; bit < 8 * length; bit++) {
				stage.vector = &sender_vectors[i];
				memcpy(bytes, was, length);
				bytes[bit / 8] ^= (char)(1 << bit % 8);
				scene_play(&stage.scene, stage.vector);
				parts[p].put(&stage, bytes, length);
				if (scene_proven(&stage.scene))
					fail_msg("%s, its %s as \"%.*s\": proven", stage.vector->name, parts[p].name, (int)length, bytes);
			}
		}
}

static void
test_empty_and_cut_ones(void **state)
{
	struct stage stage;
	size_t length;

	(void)state;
	for (size_t i = 0; i < SENDER_VECTORS; i++)
		for (size_t p = 0; p < PARTS; p++) {
			const char *was = parts[p].find(&sender_vectors[i], &length);
			for (size_t left = 0; left < length; left++) {
				stage.vector = &sender_vectors[i];
				scene_play(&stage.scene, stage.vector);
				parts[p].put(&stage, was, left);
				assert_false(scene_proven(&stage.scene));
			}
		}
}

/* How a scheme is spelt proves nothing either way; another one, none, or one twice is no proof. */
static void
test_another_scheme_before_it(void **state)
{
	static const char *const others[] = { "", "sha256=", "SHA256=", "sha1=", "Sha1=", "sha512=", "sha256:", "sha256 ", " sha256=", "sha256==", "sha256=sha256=", "md5=", "hmac=", "v0=",
		"Bearer ", "bearer ", "BEARER  ", "Bearer", "Bearer\t", "Token ", "Basic ", "basic ", "Basic", "Digest ", "Bearer Bearer ", "Basic Basic ", "=", "," };
	struct scene scene;
	char value[ROOM];
	size_t length;

	(void)state;
	for (size_t i = 0; i < SENDER_VECTORS; i++)
		for (size_t n = 0; by(&sender_vectors[i]) != SENDER_PATH && by(&sender_vectors[i]) != SENDER_FIELD && n < sizeof others / sizeof *others; n++) {
			scene_play(&scene, &sender_vectors[i]);
			snprintf(value, sizeof value, "%s%s", others[n], find_proof(&sender_vectors[i], &length));
			scene.headers[1].value = value;
			if (scene_proven(&scene) != !strcasecmp(others[n], scheme(&sender_vectors[i])))
				fail_msg("%s: \"%s\"", sender_vectors[i].name, value);
		}
}

/* What stands twice may be read in two ways: which of them did a proxy before us look at? */
static void
proven_beside_another(const struct sender_vector *vector, size_t header, const char *value)
{
	struct scene scene;
	char shouted[100];

	for (int before = 0; before < 2; before++) {
		scene_play(&scene, vector);
		struct arrival_header own = scene.headers[header], other = { shouted, value ? value : own.value };
		for (size_t i = 0; i <= strlen(own.name); i++)
			shouted[i] = (char)toupper((unsigned char)own.name[i]);
		scene.headers[header] = before ? other : own;
		scene.headers[scene.arrival.header_count++] = before ? own : other;
		assert_false(scene_proven(&scene));
	}
}

static void
test_what_stands_twice_proves_nothing(void **state)
{
	static const char *const others[] = { NULL, "", "another" };

	(void)state;
	for (size_t i = 0; i < SENDER_VECTORS; i++)
		for (size_t n = 0; *sender_vectors[i].value && n < sizeof others / sizeof *others; n++) {
			proven_beside_another(&sender_vectors[i], 1, others[n]);
			if (sender_vectors[i].time)
				proven_beside_another(&sender_vectors[i], 2, others[n]);
		}
}

static void
test_in_another_header_or_none(void **state)
{
	struct scene scene;

	(void)state;
	for (size_t i = 0; i < SENDER_VECTORS; i++) {
		if (!*sender_vectors[i].value)
			continue;
		scene_play(&scene, &sender_vectors[i]);
		scene.headers[1].name = "X-Nothing";
		assert_false(scene_proven(&scene));
		scene.arrival.header_count = 1;
		assert_false(scene_proven(&scene));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_hundred_thousand_spoiled_ones_prove_nothing),
		cmocka_unit_test(test_every_bit_of_every_part_counts),
		cmocka_unit_test(test_empty_and_cut_ones),
		cmocka_unit_test(test_another_scheme_before_it),
		cmocka_unit_test(test_what_stands_twice_proves_nothing),
		cmocka_unit_test(test_in_another_header_or_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
