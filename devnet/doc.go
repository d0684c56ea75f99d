// Package devnet runs a whole job network in one process, for trying it and for tests:
// service, store, beacon, treasury, a buyer and a provider with the simulator, which speak
// signed HTTP over loopback.
//
// It promises that what it prints is what happened: jobs are executed by the engine in its
// sandbox, proofs are verified and judged again by the service, money moves in the ledger,
// and the figures of the answer are read back from the store. Time is a logical clock that
// moves with the work, and rounds advance when their work is done, so nothing waits for real
// time; without a clock it runs in the machine's time.
//
// [Play] plays a dispute: a provider that cheats, or one that is accused without cause and
// appeals. The faults are real ones, made by a provider of its own over the same interface,
// and what became of the money is recomputed from the database after everything was closed.
//
// It attests nothing: the provider's evidence is empty, its proofs carry the dev flag, and
// production policies refuse them. In a dispute the device is the reference driver, an
// emulator in a process of its own, and the vendor that certifies its key is minted into the
// devnet's own trust.
package devnet
