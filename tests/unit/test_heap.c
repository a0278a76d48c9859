#include <errno.h>

#include "base/heap.h"
#include "tests/lib/chance.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

enum { NODES = 300 };

static struct heap h;
static struct heap_node nodes[NODES];

static void begin(void)
{
	heap_init(&h);
	memset(nodes, 0, sizeof(nodes));
}

/* Every node knows its place, no child is below its parent, and the least is on top. */
static void expect_sound(size_t n)
{
	const struct heap_node *least = NULL;
	size_t held = 0;

	for (int i = 0; i < NODES; i++) {
		if (!heap_holds(&nodes[i]))
			continue;
		held++;
		hold(nodes[i].place <= h.n);
		hold(h.v[nodes[i].place - 1] == &nodes[i]);
		if (least == NULL || nodes[i].key < least->key)
			least = &nodes[i];
	}
	hold(held == n && h.n == n);
	for (size_t i = 1; i < h.n; i++)
		hold(h.v[(i - 1) / 2]->key <= h.v[i]->key);
	hold(n == 0 ? heap_top(&h) == NULL : heap_top(&h)->key == least->key);
}

START_TEST(any_node_may_come_move_and_go)
{
	size_t n = 0;

	chance_seed((uint64_t)_i);
	begin();
	for (int step = 0; step < 4000; step++) {
		struct heap_node *node = &nodes[chance_below(NODES)];
		uint64_t key = chance_below(3) == 0 ? UINT64_MAX - chance_below(3) : chance_below(100);

		if (!heap_holds(node)) {
			ck_assert_int_eq(heap_add(&h, node, key), 0);
			n++;
		} else if (chance_below(2) == 0) {
			heap_move(&h, node, key);
			ck_assert_uint_eq(node->key, key);
		} else {
			heap_remove(&h, node);
			ck_assert(!heap_holds(node));
			n--;
		}
		expect_sound(n);
	}
	heap_free(&h);
}
END_TEST

START_TEST(drains_in_order)
{
	uint64_t last = 0;

	chance_seed(7);
	begin();
	for (int i = 0; i < NODES; i++)
		ck_assert_int_eq(heap_add(&h, &nodes[i], chance_below(1000)), 0);
	for (int i = 0; i < NODES; i++) {
		struct heap_node *top = heap_top(&h);

		ck_assert_uint_ge(top->key, last);
		last = top->key;
		heap_remove(&h, top);
	}
	ck_assert_ptr_null(heap_top(&h));
	heap_free(&h);
}
END_TEST

START_TEST(removing_what_is_not_there_is_harmless)
{
	begin();
	heap_remove(&h, &nodes[0]);
	ck_assert_int_eq(heap_add(&h, &nodes[1], 5), 0);
	heap_remove(&h, &nodes[0]);
	expect_sound(1);
	heap_remove(&h, &nodes[1]);
	heap_remove(&h, &nodes[1]);
	expect_sound(0);
	heap_free(&h);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
	size_t n = 0;
	int rc = 0;

	begin();
	for (;; n++) {
		failmem_from(1);
		rc = heap_add(&h, &nodes[n], NODES - n);
		failmem_off();
		if (rc != 0)
			break;
	}
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert(!heap_holds(&nodes[n]));
	expect_sound(n);
	for (; n < NODES; n++)
		ck_assert_int_eq(heap_add(&h, &nodes[n], NODES - n), 0);
	expect_sound(NODES);
	heap_free(&h);
}
END_TEST

START_TEST(reserved_room_cannot_fail)
{
	int rc;

	begin();
	failmem_from(1);
	rc = heap_reserve(&h, NODES);
	failmem_off();
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_int_eq(heap_reserve(&h, NODES), 0);
	failmem_from(1);
	rc = heap_reserve(&h, 1);
	for (int i = 0; i < NODES; i++)
		rc = rc != 0 ? rc : heap_add(&h, &nodes[i], (uint64_t)i * 7 % 31);
	ck_assert_int_eq(failmem_off(), 0);
	ck_assert_int_eq(rc, 0);
	expect_sound(NODES);
	heap_free(&h);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("heap");
	TCase *tc = tcase_create("heap");

	tcase_add_loop_test(tc, any_node_may_come_move_and_go, 0, 4);
	tcase_add_test(tc, drains_in_order);
	tcase_add_test(tc, removing_what_is_not_there_is_harmless);
	tcase_add_test(tc, without_memory_nothing_changes);
	tcase_add_test(tc, reserved_room_cannot_fail);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
