package stats

import "testing"

// The usual job, 20x120 on 4096 slots with 410 traps.
const benchP = 528_469_926

func BenchmarkAccept410(b *testing.B) {
	for b.Loop() {
		AcceptThreshold(410, benchP, 400_000)
	}
}

func BenchmarkLeftTail410(b *testing.B) {
	for b.Loop() {
		LeftTail(200, 410, benchP)
	}
}

func BenchmarkMarkov410(b *testing.B) {
	for b.Loop() {
		Eps95Markov(27, 410)
	}
}

func BenchmarkHidden410(b *testing.B) {
	for b.Loop() {
		Eps95Hidden(4096, 410, 27, Ppb/2)
	}
}

func BenchmarkTMin(b *testing.B) {
	for b.Loop() {
		TMin(benchP, 0, 20, true)
	}
}

func BenchmarkPassRates(b *testing.B) {
	for b.Loop() {
		PassRates(1220, 570, 20, RefPolicy())
	}
}

func BenchmarkNewEProcess(b *testing.B) {
	for b.Loop() {
		NewEProcess(benchP, 715_200_000, 500_000, 64)
	}
}

func BenchmarkAcceptLargest(b *testing.B) {
	for b.Loop() {
		AcceptThreshold(MaxTrials, benchP, 400_000)
	}
}

func BenchmarkLeftTailLargest(b *testing.B) {
	for b.Loop() {
		LeftTail(0, MaxTrials, benchP)
	}
}
