/* colour: what a sender says with a colour. */
#ifndef SALLYPORT_RECEIVERS_COLOUR_H
#define SALLYPORT_RECEIVERS_COLOUR_H

#include "bridge/talk/card.h"

/* A name (danger, attention, good ...) or figures (#a30200, with or without #). What says nothing is plain. */
enum tone colour_tone(const char *colour);

#endif
