// Package seed turns the few secret bytes of a job into everything that is
// drawn at random: the root of all trap draws, one independent stream per label
// and index, and the words a simulated shot is sampled with.
//
// It promises that every value is a function of its arguments alone, that any
// stream can be opened at any index without touching another one, and that the
// draws (Uniform, Choose, Shuffle) are unbiased. Thread count, chunking and
// machine can therefore not matter.
//
// It does not judge whether a seed is secret or fresh, it holds no entropy
// source of its own, and it wipes nothing from memory.
package seed
