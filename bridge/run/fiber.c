/* fiber: a function on its own small stack; the only stack switching in the program. */
#include "config.h"

#include "bridge/run/fiber.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "bridge/base/arena.h"

#ifdef HAVE_VALGRIND_H
#include <valgrind/valgrind.h>
#endif
#if defined __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

enum {
	STACK = 128 * 1024,
	GUARD = 64 * 1024,              /* larger than any frame, so that none steps over it */
	SPARE = 64,                     /* fibers that have ended and are kept for the next run */
	ALARM_STACK = 64 * 1024,        /* where the overflow handler runs */
};

struct fiber {
	struct fiber *next;             /* among those that are kept */
	struct fibers *pool;
	const char *name;
	void (*run)(void *);
	void *with;
	char *stack;                    /* of its mapping: guard page first */
	ucontext_t here, back;
	bool ended;
#if defined __SANITIZE_ADDRESS__
	void *fake, *fake_back;
	const void *back_stack;
	size_t back_size;
#endif
#ifdef HAVE_VALGRIND_H
	unsigned known;
#endif
};

struct fibers {
	struct fiber *spare;
	size_t spares;
	void *alarm_stack;
	struct sigaction before;
};

/* Which fiber runs: the overflow handler has no other way to know. */
static struct fiber *running;

/* A SIGSEGV in a guard page is an overflow: say whose, and end. Anything else is left to whoever handled it before. */
static void
overflowed(int signal, siginfo_t *info, void *context)
{
	static const char before[] = "sallyport: the stack of the task ", after[] = " overflowed\n";
	const char *address = info->si_addr;
	struct fiber *fiber = running;

	(void)context;
	if (fiber && address >= fiber->stack && address < fiber->stack + GUARD) {
		ssize_t written = write(STDERR_FILENO, before, sizeof before - 1);
		written += write(STDERR_FILENO, fiber->name, strlen(fiber->name));
		written += write(STDERR_FILENO, after, sizeof after - 1);
		_exit(written ? 70 : 70);
	}
	sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	raise(signal);
}

static void
watch_for_overflow(struct fibers *fibers)
{
	struct sigaction action = { .sa_sigaction = overflowed, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	stack_t alarm = { .ss_size = ALARM_STACK };

#if defined __SANITIZE_ADDRESS__
	(void)action;
	(void)alarm;
	(void)fibers;                   /* the sanitizer says more about it than we could */
#else
	fibers->alarm_stack = alarm.ss_sp = memory_take(ALARM_STACK);
	sigaltstack(&alarm, NULL);
	sigaction(SIGSEGV, &action, &fibers->before);
#endif
}

struct fibers *
fibers_open(void)
{
	struct fibers *fibers = memory_take(sizeof *fibers);

	watch_for_overflow(fibers);
	return fibers;
}

static char *
new_stack(void)
{
	char *stack = mmap(NULL, GUARD + STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);

	if (stack == MAP_FAILED)
		return NULL;
	if (mprotect(stack, GUARD, PROT_NONE) != 0) {
		munmap(stack, GUARD + STACK);
		return NULL;
	}
	return stack;
}

static void
fiber_free(struct fiber *fiber)
{
#if defined __SANITIZE_ADDRESS__
	__asan_unpoison_memory_region(fiber->stack + GUARD, STACK);
#endif
#ifdef HAVE_VALGRIND_H
	VALGRIND_STACK_DEREGISTER(fiber->known);
#endif
	munmap(fiber->stack, GUARD + STACK);
	free(fiber);
}

void
fibers_close(struct fibers *fibers)
{
	if (!fibers)
		return;
	while (fibers->spare) {
		struct fiber *fiber = fibers->spare;
		fibers->spare = fiber->next;
		fiber_free(fiber);
	}
	if (fibers->alarm_stack) {
		sigaction(SIGSEGV, &fibers->before, NULL);
		sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL);
		free(fibers->alarm_stack);
	}
	free(fibers);
}

/* Where a fiber begins; when it has run, the next run goes on from here. makecontext() passes only ints, so the pointer comes in two halves. */
static void
begin(unsigned high, unsigned low)
{
	struct fiber *fiber = (struct fiber *)((uintptr_t)high << 16 << 16 | low);

	for (;;) {
#if defined __SANITIZE_ADDRESS__
		__sanitizer_finish_switch_fiber(NULL, &fiber->back_stack, &fiber->back_size);
#endif
		fiber->run(fiber->with);
		fiber->ended = true;
#if defined __SANITIZE_ADDRESS__
		__sanitizer_start_switch_fiber(NULL, fiber->back_stack, fiber->back_size);
#endif
		swapcontext(&fiber->here, &fiber->back);
	}
}

/* getcontext() may return twice, so it has a function of its own, where nothing is kept. */
static void
set_out(struct fiber *fiber)
{
	getcontext(&fiber->here);
	fiber->here.uc_stack.ss_sp = fiber->stack + GUARD;
	fiber->here.uc_stack.ss_size = STACK;
	fiber->here.uc_link = NULL;
	makecontext(&fiber->here, (void (*)(void))begin, 2, (unsigned)((uintptr_t)fiber >> 16 >> 16), (unsigned)(uintptr_t)fiber);
	/* The sanitizer's own swapcontext would clear the shadow of a stack it is told of, and miss every overflow after the first wait. */
	fiber->here.uc_stack.ss_size = 0;
}

static struct fiber *
make_fiber(struct fibers *fibers)
{
	char *stack = new_stack();
	struct fiber *fiber;

	if (!stack)
		return NULL;
	fiber = memory_take(sizeof *fiber);
	fiber->pool = fibers;
	fiber->stack = stack;
#ifdef HAVE_VALGRIND_H
	fiber->known = VALGRIND_STACK_REGISTER(stack + GUARD, stack + GUARD + STACK);
#endif
	set_out(fiber);
	return fiber;
}

struct fiber *
fiber_new(struct fibers *fibers, const char *name, void (*run)(void *), void *with)
{
	struct fiber *fiber = fibers->spare;

	if (fiber) {
		fibers->spare = fiber->next;
		fibers->spares--;
	} else if (!(fiber = make_fiber(fibers))) {
		return NULL;
	}
	fiber->name = name;
	fiber->run = run;
	fiber->with = with;
	fiber->ended = false;
	return fiber;
}

static void
keep_or_free(struct fiber *fiber)
{
	struct fibers *fibers = fiber->pool;

	if (fibers->spares >= SPARE) {
		fiber_free(fiber);
		return;
	}
#if defined __SANITIZE_ADDRESS__
	__asan_unpoison_memory_region(fiber->stack + GUARD, STACK);
#endif
	fiber->next = fibers->spare;
	fibers->spare = fiber;
	fibers->spares++;
}

bool
fiber_enter(struct fiber *fiber)
{
	struct fiber *outer = running;

	running = fiber;
#if defined __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(&fiber->fake_back, fiber->stack + GUARD, STACK);
#endif
	swapcontext(&fiber->back, &fiber->here);
#if defined __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(fiber->fake_back, NULL, NULL);
#endif
	running = outer;
	if (!fiber->ended)
		return true;
	keep_or_free(fiber);
	return false;
}

void
fiber_leave(struct fiber *fiber)
{
#if defined __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(&fiber->fake, fiber->back_stack, fiber->back_size);
#endif
	swapcontext(&fiber->here, &fiber->back);
#if defined __SANITIZE_ADDRESS__
	__sanitizer_finish_switch_fiber(fiber->fake, &fiber->back_stack, &fiber->back_size);
#endif
}
