package plan

import (
	"fmt"
	"testing"
	"time"
	"github.com/animicaorg/engine/circuit"
)

func TestCost(t *testing.T) {
	for _, nd := range [][2]int{{10, 120}, {14, 120}, {16, 120}, {18,120},{20, 120}, {22, 120}, {24, 40}} {
		c, err := circuit.Generate("animica.quantum.trapset.v1", nd[0], nd[1], [32]byte{})
		if err != nil {
			t.Fatal(err)
		}
		p, err := FromOps(nd[0], c.Ops)
		if err != nil {
			t.Fatal(err)
		}
		t0 := time.Now()
		pl := New(p)
		el := time.Since(t0)
		steps, subs, cost := 0, 0, 0
		laneS, blk := 0, map[int]int{}
		for _, ps := range pl.Passes {
			cost += costTile
			for _, s := range ps.Subs {
				subs++
				cost += costChunk
				for _, st := range s.Steps {
					steps++
					var m uint64
					for _, r := range st.Rots {
						m |= 1 << r.Q
					}
					if m&15 != 0 {
						laneS++
					}
					k := 0
					for _, r := range st.Rots {
						if r.Q >= 4 {
							k++
						}
					}
					blk[k]++
					cost += stepCost(m)
				}
			}
		}
		L := nd[1]/2 - 1
		fmt.Printf("n=%d d=%d passes %d subs %d steps %d lanes %d blk %v cost %d = %.2f/layer (ideal %d) plan %v\n", nd[0], nd[1], len(pl.Passes), subs, steps, laneS, blk, cost, float64(cost)/float64(L), nd[0]+4, el)
		if nd[0] == 20 {
			for _, ps := range pl.Passes[:4] {
				fmt.Println("pass", ps.Local)
				for _, s := range ps.Subs {
					fmt.Print("  ", s.Local, ":")
					for _, st := range s.Steps {
						fmt.Print(" ", len(st.Rots))
					}
					fmt.Println()
				}
			}
		}
	}
}
