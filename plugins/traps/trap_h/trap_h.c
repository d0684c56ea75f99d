// Trap library trap_h@1: kind A with only H in its dressing.
#define MODULE_NAME "trap_h"
#define MIX_A 1u
#define MIX_B 0u
#define FAMILY 2ull
#define DRESS_S C_I
#define UNDRESS_S C_I
#include "qtrap.h"
