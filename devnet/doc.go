// Package devnet runs a whole job network in one process, for trying it and for tests:
// service, store, beacon, treasury, a buyer and a provider with the simulator, which speak
// signed HTTP over loopback.
//
// It promises that what it prints is what happened: jobs are executed by the engine in its
// sandbox, proofs are verified and judged again by the service, money moves in the ledger,
// and the figures of the answer are read back from the store. Rounds advance when their work
// is done, so nothing waits for real time.
//
// It attests nothing: the provider's evidence is empty, its proofs carry the dev flag, and
// production policies refuse them.
package devnet
