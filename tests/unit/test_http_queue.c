/* Whose turn it is: limits, turns, and leaving from anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bridge/run/http_queue.h"

static void
join(struct queue *queue, const char *origin, struct turn *turns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		queue_join(queue, queue_origin(queue, origin), &turns[i]);
}

static size_t
start_all(struct queue *queue)
{
	size_t started = 0;
	while (queue_next(queue))
		started++;
	return started;
}

static void
leave(struct queue *queue, struct turn *turns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		queue_leave(queue, &turns[i]);
}

static void
test_one_origin_gets_eight_lines(void **state)
{
	struct queue queue;
	struct turn turns[20] = {0};
	(void)state;
	queue_init(&queue);
	join(&queue, "http://a:80", turns, 20);
	assert_int_equal(start_all(&queue), 8);
	queue_leave(&queue, &turns[3]);
	assert_ptr_equal(queue_next(&queue), &turns[8]);        /* in the order in which they came */
	assert_null(queue_next(&queue));
	leave(&queue, turns, 3);
	leave(&queue, turns + 4, 16);
	queue_finish(&queue);
}

static void
test_origins_take_turns(void **state)
{
	struct queue queue;
	struct turn a[5] = {0}, b[2] = {0}, c[1] = {0};
	(void)state;
	queue_init(&queue);
	join(&queue, "http://a:80", a, 5);
	join(&queue, "http://b:80", b, 2);
	join(&queue, "http://c:80", c, 1);
	struct origin *first[3];
	for (size_t i = 0; i < 3; i++)
		first[i] = queue_next(&queue)->origin;
	assert_true(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
	assert_int_equal(start_all(&queue), 5);
	leave(&queue, a, 5);
	leave(&queue, b, 2);
	leave(&queue, c, 1);
	queue_finish(&queue);
}

static void
test_all_together_get_128_lines_and_chat_one_more(void **state)
{
	struct queue queue;
	static struct turn turns[20][10];
	struct turn chat = { .chat = true };
	char name[30];
	(void)state;
	queue_init(&queue);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "http://host%d:80", i);
		join(&queue, name, turns[i], 10);
	}
	assert_int_equal(start_all(&queue), 128);
	queue_join(&queue, queue_origin(&queue, "https://matrix:443"), &chat);
	assert_ptr_equal(queue_next(&queue), &chat);
	assert_null(queue_next(&queue));
	queue_leave(&queue, &chat);
	assert_null(queue_next(&queue));                        /* its line was none of the 128 */
	for (int i = 0; i < 20; i++)
		leave(&queue, turns[i], 10);
	assert_int_equal(queue.running, 0);
	queue_finish(&queue);
}

static void
test_leaving_from_the_middle(void **state)
{
	struct queue queue;
	struct turn turns[4] = {0};
	(void)state;
	queue_init(&queue);
	join(&queue, "http://a:80", turns, 4);
	queue_leave(&queue, &turns[1]);
	queue_leave(&queue, &turns[3]);
	assert_ptr_equal(queue_next(&queue), &turns[0]);
	assert_ptr_equal(queue_next(&queue), &turns[2]);
	assert_null(queue_next(&queue));
	queue_join(&queue, turns[0].origin, &turns[3]);
	assert_ptr_equal(queue_next(&queue), &turns[3]);
	queue_leave(&queue, &turns[0]);
	queue_leave(&queue, &turns[2]);
	queue_leave(&queue, &turns[3]);
	queue_finish(&queue);
}

static void
test_who_has_waited_too_long(void **state)
{
	struct queue queue;
	struct turn a = { .until = 100 }, b = { .until = 50 };
	(void)state;
	queue_init(&queue);
	assert_null(queue_late(&queue, 1000));
	join(&queue, "http://a:80", &a, 1);
	join(&queue, "http://b:80", &b, 1);
	assert_null(queue_late(&queue, 49));
	assert_ptr_equal(queue_late(&queue, 50), &b);
	queue_leave(&queue, &b);
	assert_null(queue_late(&queue, 99));
	assert_ptr_equal(queue_late(&queue, 100), &a);
	assert_ptr_equal(queue_next(&queue), &a);
	assert_null(queue_late(&queue, 1000));                  /* it waits no more */
	queue_leave(&queue, &a);
	queue_finish(&queue);
}

static void
test_origins_are_kept(void **state)
{
	struct queue queue;
	(void)state;
	queue_init(&queue);
	assert_null(queue_find(&queue, "http://a:80"));
	struct origin *a = queue_origin(&queue, "http://a:80");
	struct origin *b = queue_origin(&queue, "http://b:80");
	assert_ptr_not_equal(a, b);
	assert_ptr_equal(queue_origin(&queue, "http://a:80"), a);
	assert_ptr_equal(queue_find(&queue, "http://b:80"), b);
	assert_null(queue_find(&queue, "http://c:80"));
	queue_finish(&queue);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_origin_gets_eight_lines),
		cmocka_unit_test(test_origins_take_turns),
		cmocka_unit_test(test_all_together_get_128_lines_and_chat_one_more),
		cmocka_unit_test(test_leaving_from_the_middle),
		cmocka_unit_test(test_who_has_waited_too_long),
		cmocka_unit_test(test_origins_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
