/* loop: the event loop (libevent): timers, descriptors, signals. */
#include "bridge/run/loop.h"

#include <event2/event.h>
#include <signal.h>
#include <stdlib.h>

#include "bridge/base/arena.h"
#include "bridge/base/error.h"
#include "bridge/base/log.h"

struct loop {
	struct event_base *base;
	size_t watches;                 /* that there are */
};

struct watch {
	struct loop *loop;
	struct event *event;
	watch_fn *call;
	void *with;
};

struct loop *
loop_open(struct error *error)
{
	struct loop *loop = memory_take(sizeof *loop);
	struct event_config *config = event_config_new();

	signal(SIGPIPE, SIG_IGN);
	/* Timers of a gateway need no more than a millisecond. */
	if (config)
		event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER);
	loop->base = config ? event_base_new_with_config(config) : NULL;
	if (config)
		event_config_free(config);
	if (loop->base)
		return loop;
	free(loop);
	error_set(error, "The event loop could not be made: the system gives no descriptor for it.");
	return NULL;
}

void
loop_close(struct loop *loop)
{
	if (!loop)
		return;
	/* One that is freed later would write into memory that is not ours any more: better told here, where it is found. */
	if (loop->watches) {
		log_error("%zu timers or watched descriptors outlive the loop: an error of this program. It ends here.", loop->watches);
		abort();
	}
	event_base_free(loop->base);
	free(loop);
}

void
loop_run(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void
loop_turn(struct loop *loop)
{
	event_base_loop(loop->base, EVLOOP_NONBLOCK);
}

void
loop_stop(struct loop *loop)
{
	event_base_loopbreak(loop->base);
}

struct event_base *
loop_base(struct loop *loop)
{
	return loop->base;
}

/* The last thing it does with the watch is to call: the call may free it. */
static void
happened(evutil_socket_t fd, short events, void *with)
{
	struct watch *watch = with;
	int which = (events & EV_READ ? LOOP_READ : 0) | (events & EV_WRITE ? LOOP_WRITE : 0);

	(void)fd;
	watch->call(watch->with, which);
}

static struct watch *
watch_new(struct loop *loop, evutil_socket_t fd, int events, watch_fn *call, void *with)
{
	struct watch *watch = memory_take(sizeof *watch);

	watch->loop = loop;
	watch->call = call;
	watch->with = with;
	loop->watches++;
	watch->event = event_new(loop->base, fd, (short)events, happened, watch);
	if (!watch->event)
		memory_resize(NULL, (size_t)-1);        /* out of memory: fatal there */
	return watch;
}

struct watch *
loop_timer(struct loop *loop, watch_fn *call, void *with)
{
	return watch_new(loop, -1, 0, call, with);
}

struct watch *
loop_later(struct loop *loop, watch_fn *call, void *with)
{
	return watch_new(loop, -1, 0, call, with);
}

struct watch *
loop_descriptor(struct loop *loop, int fd, int events, watch_fn *call, void *with)
{
	int which = (events & LOOP_READ ? EV_READ : 0) | (events & LOOP_WRITE ? EV_WRITE : 0);
	struct watch *watch = watch_new(loop, fd, which | EV_PERSIST, call, with);

	event_add(watch->event, NULL);
	return watch;
}

struct watch *
loop_signal(struct loop *loop, int signal, watch_fn *call, void *with)
{
	struct watch *watch = watch_new(loop, signal, EV_SIGNAL | EV_PERSIST, call, with);

	event_add(watch->event, NULL);
	return watch;
}

void
watch_after(struct watch *watch, int64_t ms)
{
	struct timeval delay = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };

	if (ms < 0)
		delay = (struct timeval){ 0, 0 };
	/* From now, not from when this turn of the loop began: what came before in it may have taken long. */
	event_base_update_cache_time(event_get_base(watch->event));
	evtimer_add(watch->event, &delay);
}

void
watch_now(struct watch *watch)
{
	event_active(watch->event, 0, 0);
}

void
watch_off(struct watch *watch)
{
	event_del(watch->event);
}

void
watch_free(struct watch *watch)
{
	if (!watch)
		return;
	watch->loop->watches--;
	event_free(watch->event);
	free(watch);
}
