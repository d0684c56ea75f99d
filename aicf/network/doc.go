// Package network is the job network's service: one method for each verb, over
// one store.
//
// It promises that an answered write is durable, that each write is one
// transaction with its events in the hash-chained log, that a call which is
// repeated has one effect, that money is moved only by balanced transfers, and
// that what decides (matching, verdicts, prices, penalties, settlement) is a
// function of stored state, the beacon and Call.NowMS: no clock and no random
// number of its own, except the lease nonces, which come from Config.Entropy.
// It does not speak HTTP, check request signatures or wait: transports do.
package network
