/* spool: a folder as an inbox: a file that is moved into it is what a service sent, on a network that lets nothing else in.
 *
 * Who may write there is taken at their word, so the folder is ours or root's and nobody writes there whom its owner did not let. SPOOL/INSTANCE.ANYTHING
 * and SPOOL/INSTANCE/ANYTHING are for that instance; what begins with a dot is still being written. Each is moved to SPOOL/.taken, committed, and removed;
 * what cannot be taken goes to SPOOL/refused, with the reason beside it. */
#ifndef SALLYPORT_SPOOL_H
#define SALLYPORT_SPOOL_H

struct bridge;
struct spool;

struct spool *spool_open(struct bridge *);
void spool_begin(struct spool *);               /* looks every two seconds, where the configuration names a folder */
void spool_stop(struct spool *);
void spool_close(struct spool *);

#endif
