// Trap library clifford_parity@1: traps of kind B only.
#define MODULE_NAME "clifford_parity"
#define MIX_A 0u
#define MIX_B 1u
#include "qtrap.h"
