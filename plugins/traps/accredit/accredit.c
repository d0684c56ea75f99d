// Trap library accredit@1: three traps of kind A to one of kind B.
#define MODULE_NAME "accredit"
#define MIX_A 3u
#define MIX_B 1u
#include "qtrap.h"
