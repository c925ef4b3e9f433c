/* Whether the kernel had to end processes because memory ran out. */
#pragma once

#include "../common/util.h"

/* Open the kernel's counters, while nobody else can have put something in their place. Returns a descriptor,
   or -1 if there are none. */
int memory_open(void);

/* How many processes were ended so far. */
uint64_t memory_victims(int counters);
