// Package exec runs a plan: it turns angles into tables, sweeps chunks of the
// state with a kernel, and samples.
//
// It promises that amplitudes, weights and outcomes depend on the program alone:
// every kernel, every number of threads and every reuse of memory gives the same
// bits. Between two passes all threads meet once.
//
// It does not admit widths to memory, it draws no random numbers, and it knows
// nothing of batches or slots.
package exec
