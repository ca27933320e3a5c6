/* loop: the event loop (libevent): timers, descriptors, signals. One thread; callbacks must not wait. */
#ifndef SALLYPORT_RUN_LOOP_H
#define SALLYPORT_RUN_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct error;
struct event_base;
struct loop;
struct watch;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void watch_fn(void *with, int events);          /* events: which of LOOP_READ, LOOP_WRITE; 0 for timers and signals */

struct loop *loop_open(struct error *);                 /* ignores SIGPIPE; NULL and a sentence where the system refuses */
void loop_close(struct loop *);
void loop_run(struct loop *);                           /* until loop_stop() */
void loop_turn(struct loop *);                          /* once, without waiting: for tests */
void loop_stop(struct loop *);
struct event_base *loop_base(struct loop *);            /* for protocols/irc alone, which needs bufferevents */

/* A watch belongs to its maker: free it with watch_free(), also from inside its own callback. NULL is fine there. */
struct watch *loop_timer(struct loop *, watch_fn *, void *with);        /* not running yet */
void watch_after(struct watch *, int64_t ms);           /* once, from now; again: moves it. Monotonic. */
void watch_off(struct watch *);
struct watch *loop_descriptor(struct loop *, int fd, int events, watch_fn *, void *with);    /* stays on; level-triggered */
struct watch *loop_signal(struct loop *, int signal, watch_fn *, void *with);
struct watch *loop_later(struct loop *, watch_fn *, void *with);        /* watch_now() makes it run from the loop, once */
void watch_now(struct watch *);
void watch_free(struct watch *);

#endif
