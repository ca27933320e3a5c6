/* conf_tree: puts back what a lost brace, or one too many, has put into the wrong section. */
#include "bridge/base/conf_tree.h"

#include <stdint.h>

unsigned
tree_depth(const struct section *section)
{
	unsigned depth = 0;

	for (; section->parent; section = section->parent)
		depth++;
	return depth;
}

/* How deep the section, and all that follow it, reach below where they stand. */
static unsigned
height_from(const struct section *section)
{
	unsigned most = 0;

	for (; section; section = section->next) {
		unsigned height = 1 + height_from(section->inner);
		most = height > most ? height : most;
	}
	return most;
}

/* What was read from `order` on goes over to another section. */
static void
move_from(struct section *from, size_t order, struct section *to)
{
	struct option **option = &from->options;
	struct section **inner = &from->inner;

	while (*option && (*option)->order < order)
		option = &(*option)->next;
	*to->options_end = *option;
	to->options_end = *option ? from->options_end : to->options_end;
	*option = NULL;
	from->options_end = option;

	while (*inner && (*inner)->order < order)
		inner = &(*inner)->next;
	for (struct section *moved = *inner; moved; moved = moved->next)
		moved->parent = to;
	*to->inner_end = *inner;
	to->inner_end = *inner ? from->inner_end : to->inner_end;
	*inner = NULL;
	from->inner_end = inner;
}

static bool
is_outside(struct where where, const struct section *of)
{
	return where.file == of->where.file && where.line > of->where.line && where.column <= of->where.column;
}

void
tree_give_back(struct section *open)
{
	size_t order = SIZE_MAX;

	for (const struct option *option = open->options; option && order == SIZE_MAX; option = option->next)
		if (is_outside(option->where, open))
			order = option->order;
	/* Where not even its own options are indented, nobody can tell. */
	if (open->options && open->options->order == order)
		order = SIZE_MAX;
	for (const struct section *inner = open->inner; inner && inner->order < order; inner = inner->next)
		if (is_outside(inner->where, open))
			order = inner->order;
	if (order != SIZE_MAX)
		move_from(open, order, open->parent);
	else
		open->torn = true;
}

void
tree_take_back(struct section *in, struct where stray)
{
	struct section *early = NULL, *inner;
	const struct option *option = in->options;

	for (inner = in->inner; inner; inner = inner->next)
		if (inner->where.file == stray.file && inner->where.column <= stray.column)
			early = inner;
	if (!early)
		return;
	while (option && option->order < early->ended)
		option = option->next;
	inner = early->next;
	if (tree_depth(early) + height_from(inner) > CONF_DEPTH_MOST)
		return;
	if (option && (!inner || option->order < inner->order)) {
		if (option->where.column > stray.column)
			move_from(in, option->order, early);
	} else if (inner && inner->where.column > stray.column) {
		move_from(in, inner->order, early);
	}
}
