/*
 * stats.h: the exact statistics of a trap library, in freestanding C99.
 *
 * Every result is defined as an exact floor, minimum or maximum (the definitions
 * are those of the Go package stats, function by function), so that this file and
 * that package agree to the last digit whatever their inner arithmetic. Numbers
 * are enclosed in intervals of 128, 256, ... 4096 bits until a question is
 * decided. There are no floats, no libc, no writable globals, no recursion and no
 * 128-bit integers; the deepest call uses less than 8 KB of stack.
 *
 * Probabilities are in parts per billion (ppb); more than 1e9 counts as 1e9.
 * Evidence is in Q32, units of 2^-32 nat.
 */
#ifndef QTRAP_STATS_H
#define QTRAP_STATS_H

#include "interval.h"
#include "binomial.h"
#include "passrate.h"
#include "evidence.h"
#include "tmin.h"
#include "layout.h"

#endif
