/* carry: a command that was understood is decided upon, written down, carried out and answered. */
#ifndef SALLYPORT_WORK_CARRY_H
#define SALLYPORT_WORK_CARRY_H

struct request;

/* Runs on the request's task, to its end. */
void carry_out(struct request *);
/* One sentence to who asked, and nothing else happened: a word that does not fit, a refusal. Audited where `refused` names why. */
void carry_refuse(struct request *, const char *sentence, const char *refused);

#endif
