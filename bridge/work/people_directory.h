/* people_directory: people of a file or a program, read every few minutes; what was read last is kept, and counts for a while where it cannot be read. */
#ifndef SALLYPORT_WORK_PEOPLE_DIRECTORY_H
#define SALLYPORT_WORK_PEOPLE_DIRECTORY_H

#include <stdbool.h>

struct arena;
struct directory;
struct overlay;
struct tables;
struct talk;
struct task;

extern const struct tables directory_tables;

struct directory *directory_open(const struct talk *);
void directory_close(struct directory *);       /* NULL is fine */
/* Takes what an earlier life kept, and reads it anew, before anybody is heard. It waits, and tells itself what goes wrong. */
void directory_load(struct task *, struct directory *);
/* The configuration was read anew: so is the directory, soon, and is believed however few it names. */
void directory_renew(struct directory *);
bool directory_known(const struct directory *); /* who is in it and who is not is known: it was read, or there is none */
void directory_overlay(const struct directory *, struct arena *, struct overlay *);     /* its people, copied */

#endif
