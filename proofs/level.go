package proofs

import "slices"

// Level is how far the evidence of a proof reaches. It has two parts: what the
// vendor and the device say about the device, and whether a TEE vouches for the
// runner. Neither replaces the other.
type Level string

// The levels.
const (
	LevelNone           Level = "none"
	LevelVendorAsserted Level = "vendor-asserted" // the vendor signed claims about a device without a key
	LevelVendorChained  Level = "vendor-chained"  // and certified the device's key
	LevelDeviceSigned   Level = "device-signed"   // and the device signed X and R
	LevelTEESigned      Level = "tee-signed"      // a TEE with an accepted measurement bound R; nothing about a device
	LevelAssertedTEE    Level = "vendor-asserted + TEE runner"
	LevelChainedTEE     Level = "vendor-chained + TEE runner"
	LevelDeviceTEE      Level = "device-signed + TEE runner"
)

// device and runner hold the levels without and with a TEE, by what they say about
// the device, weakest first.
var (
	deviceLevels = []Level{LevelNone, LevelVendorAsserted, LevelVendorChained, LevelDeviceSigned}
	runnerLevels = []Level{LevelTEESigned, LevelAssertedTEE, LevelChainedTEE, LevelDeviceTEE}
)

// parts splits a level; ok is false for an unknown one.
func (l Level) parts() (device int, tee, ok bool) {
	if i := slices.Index(deviceLevels, l); i >= 0 {
		return i, false, true
	}
	i := slices.Index(runnerLevels, l)
	return i, true, i >= 0
}

// Covers reports whether l says at least what want says. An unknown level covers
// nothing and is covered by none.
func (l Level) Covers(want Level) bool {
	d, tee, ok := l.parts()
	wd, wtee, wok := want.parts()
	return ok && wok && d >= wd && (tee || !wtee)
}

// Join is the level of two pieces of evidence together.
func (l Level) Join(o Level) Level {
	d, tee, ok := l.parts()
	od, otee, ook := o.parts()
	switch {
	case !ok || !ook:
		return LevelNone
	case tee || otee:
		return runnerLevels[max(d, od)]
	}
	return deviceLevels[max(d, od)]
}

// Levels lists all levels.
func Levels() []Level { return slices.Concat(deviceLevels, runnerLevels) }

func levelNames() (names []string) {
	for _, l := range Levels() {
		names = append(names, string(l))
	}
	return names
}
