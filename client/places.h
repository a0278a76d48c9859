/* places: where a jobd may be found when nobody says where. */
#ifndef JOBD_PLACES_H
#define JOBD_PLACES_H

#include "proto/address.h"

enum { PLACES_MAX = 3, PLACE_SIZE = 128 };

/*
 * The default addresses as text, in the order to try: the Unix socket where
 * jobd would put it in this environment, the system's, the TCP port. How many.
 */
int places_default(char places[PLACES_MAX][PLACE_SIZE]);

#endif
