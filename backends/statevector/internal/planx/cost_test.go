package plan

import (
	"fmt"
	"testing"
	"time"
	"github.com/animicaorg/engine/circuit"
)

func TestCost(t *testing.T) {
	for _, nd := range [][2]int{{14, 120}, {16, 120}, {18,120},{20, 120}, {21,120},{22, 120}, {24, 40},{26,40}} {
		c, err := circuit.Generate("animica.quantum.trapset.v1", nd[0], nd[1], [32]byte{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := FromOps(nd[0], c.Ops)
		if err != nil {
			t.Fatal(err)
		}
		laneMask = uint64(15)<<((nd[0]-4)/2)
		for _, cd := range []int{0,1,2,3,4} { for _, cc := range []int{3, 6,12,24} { for _, ct := range []int{6,12,24,48} {
		costDiag, costChunk, costTile = cd,cc,ct
		t0 := time.Now()
		pl := New(p)
		el := time.Since(t0)
		steps, subs, lanes := 0, 0, 0
		cost := 0.
		for _, ps := range pl.Passes {
			cost+=8
			if len(ps.Subs) > 1 { cost += 6 }
			for _, s := range ps.Subs {
				cost+=5
				subs++
				for _, st := range s.Steps {
					steps++
					var m uint64
					for _, r := range st.Rots {
						m |= 1 << r.Q
					}
					costDiag=3
					cost += float64(stepCost(m))
					if m&laneMask!=0 {lanes++}
				}
			}
		}
		L := nd[1]/2 - 1
		fmt.Printf("n=%d %.2f/layer diag %d chunk %d tile %d: passes %d subs %d steps %d lanes %d   plan %v\n", nd[0], cost/float64(L), cd, cc, ct, len(pl.Passes), subs, steps, lanes,  el)
		}}}
	}
}
