/* console: where the socket is on which the gateway talks to people of this machine.
 *
 * One JSON object a line, 64 KiB a line at most. To the gateway:
 *     {"say":"!build hello","id":"c1"}    said in the console's one channel, here; an id of 26 characters (a ULID) is taken only once
 *     {"ack":"TXN"}                       that line was shown: it is not said again
 *     {"ask":["status","--json"]}         a question that is no talk
 *     {"listen":true}                     tell me what is said: so does everything but ask, and sitting there for a second
 *     {"wait":true}                       idle, once nothing that this user asked for goes on or is unsaid
 * From the gateway:
 *     {"hello":{"version":"1.0.2","name":"sally","account":"console/ana","prefix":"!"}}
 *     {"heard":"c1"}                      it is kept: no restart loses it
 *     {"unheard":"c1","why":"..."}        it is not, and why
 *     {"line":"B1 running: hello (ana)","tone":"plain","ring":false,"txn":"..."}    txn, on the last line of a message that is to be acked
 *     {"answer":"text"} ... {"answer":"text","exit":0}       the last part of an answer has the exit code
 *     {"idle":true}
 *     {"bye":"why"}                       and the connection ends */
#ifndef SALLYPORT_PROTOCOLS_CONSOLE_H
#define SALLYPORT_PROTOCOLS_CONSOLE_H

struct arena;

enum { CONSOLE_LINE_MOST = 64 * 1024 };

/* `conf` is what the console's settings filled; `state` the gateway's folder. */
char *console_path(struct arena *, const void *conf, const char *state);

#endif
